//! What a scanner keeps of who it is: its credential, in a file that nobody else can read.
//!
//! The credential is made and kept before it is enrolled, so that a scanner that ends in the middle
//! asks for the same once more. Another linking key means another enrolment.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sluicegate_linked::credential::{Credential, NoCredential};
use sluicegate_machine::private;
use sluicegate_model::Digest;
use sluicegate_model::secret::Secret;

/// The name of the file.
const FILE_NAME: &str = "credential.json";
/// Most bytes of it read.
const MAX_BYTES: u64 = 64 * 1024;

/// Who this scanner is to its service.
pub(super) struct Enrolment {
    path: PathBuf,
    kept: Kept,
    credential: Credential,
}

/// The credential as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// `SGN....SECRET`.
    credential: String,
    /// Which linking key it is enrolled by: its digest.
    linked_by: Option<Digest>,
    /// Whether the service has said that it knows it.
    enrolled: bool,
}

/// Says what is wrong with the file of the credential.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// It is not what was written.
    #[error("{0:?} is damaged: remove it, and link this scanner anew")]
    Damaged(PathBuf),
    /// The disk answered with an error.
    #[error("{path:?}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it was.
        source: io::Error,
    },
}

impl Enrolment {
    /// Takes up the credential that is kept, or makes one where a linking key is given that it was
    /// not made for; none where there is neither.
    pub(super) fn open(
        data: &Path,
        linking_key: Option<&Secret>,
    ) -> Result<Option<Self>, KeptError> {
        let path = data.join(FILE_NAME);
        let named = linking_key.map(|key| Digest::of(key.expose().as_bytes()));
        let known = known(&path)?;
        let known = known.filter(|(kept, _)| named.is_none() || kept.linked_by == named);
        if let Some((kept, credential)) = known {
            let is_of_use = kept.enrolled || named.is_some();
            let it = Self {
                path,
                kept,
                credential,
            };
            return Ok(is_of_use.then_some(it));
        }
        if named.is_none() {
            return Ok(None);
        }
        let credential = Credential::random();
        let kept = Kept {
            credential: credential.to_secret().expose().to_owned(),
            linked_by: named,
            enrolled: false,
        };
        let made = Self {
            path,
            kept,
            credential,
        };
        made.keep()?;
        Ok(Some(made))
    }

    /// Tells whether the service has said that it knows it.
    pub(super) fn is_enrolled(&self) -> bool {
        self.kept.enrolled
    }

    /// Gives what the scanner presents.
    pub(super) fn credential(&self) -> Secret {
        self.credential.to_secret()
    }

    /// Notes that the service knows it.
    pub(super) fn keep_enrolled(&mut self) -> Result<(), KeptError> {
        self.kept.enrolled = true;
        self.keep()
    }

    fn keep(&self) -> Result<(), KeptError> {
        let written = serde_json::to_vec(&self.kept).map_err(io::Error::from);
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let kept = written.and_then(|text| {
            private::create_dir_all(directory)?;
            private::replace(&self.path, &text)
        });
        kept.map_err(|source| KeptError::Io {
            path: self.path.clone(),
            source,
        })
    }
}

fn known(path: &Path) -> Result<Option<(Kept, Credential)>, KeptError> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text));
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            let path = path.to_owned();
            return Err(KeptError::Io { path, source });
        }
    }
    // What is wrong with it may quote it.
    let damaged = || KeptError::Damaged(path.to_owned());
    let kept: Kept = serde_json::from_slice(&text).map_err(|_quotes| damaged())?;
    let credential = Credential::parse(&kept.credential);
    let credential = credential.map_err(|NoCredential| damaged())?;
    Ok(Some((kept, credential)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_credential_is_made_before_it_is_enrolled_and_stays_until_another_key_comes() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("scanner");
        let open = |key: Option<&Secret>| Enrolment::open(&data, key).unwrap();
        assert!(open(None).is_none());
        let (one, other) = (Secret::new("SGL-one"), Secret::new("SGL-other"));
        let mut first = open(Some(&one)).unwrap();
        let path = data.join(FILE_NAME);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // It ended before it heard that it is enrolled.
        let again = open(Some(&one)).unwrap();
        assert!(again.credential() == first.credential() && !again.is_enrolled());
        assert!(open(None).is_none(), "nothing to enrol it with");
        first.keep_enrolled().unwrap();
        for key in [None, Some(&one)] {
            let again = open(key).unwrap();
            assert!(again.credential() == first.credential() && again.is_enrolled());
        }
        let anew = open(Some(&other)).unwrap();
        assert!(anew.credential() != first.credential() && !anew.is_enrolled());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("SGL-other"), "{text}");
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        let Err(damaged) = Enrolment::open(&data, None) else {
            panic!("it is damaged")
        };
        assert!(damaged.to_string().contains("damaged"), "{damaged}");
    }
}
