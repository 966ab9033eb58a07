//! The file of the key that signs what this instance says of images.
//!
//! PKCS#8 as PEM in a file of the data directory, made at the first start. A damaged file stops the
//! start: a new key in its place would be one that nobody believes.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sluicegate_engine::attest::{AttestationKey, KeyError};
use sluicegate_machine::private;

/// The name of the file in the data directory.
const FILE_NAME: &str = "attestation.key";
/// Most bytes read of it: more is no key.
const MAX_BYTES: u64 = 64 * 1024;

/// Says why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum AttestationKeyError {
    /// The file is no key.
    #[error("the attestation key {path:?} cannot be used: {source}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// The file cannot be read or made.
    #[error("the attestation key {path:?} cannot be {attempt}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was attempted.
        attempt: &'static str,
        /// What went wrong.
        source: io::Error,
    },
}

/// Reads the key of a data directory, or makes it; where a file is named, reads that and makes nothing.
/// The directory is locked by the caller.
pub(crate) fn open(
    data: &Path,
    named: Option<&Path>,
) -> Result<AttestationKey, AttestationKeyError> {
    let path = named.map_or_else(|| data.join(FILE_NAME), Path::to_owned);
    let failed = |attempt| {
        let path = path.clone();
        move |source| AttestationKeyError::Io {
            path,
            attempt,
            source,
        }
    };
    let wrong = |source| AttestationKeyError::Wrong {
        path: path.clone(),
        source,
    };
    match read(&path) {
        Ok(text) => AttestationKey::of_pem(&text).map_err(wrong),
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {
            let (key, text) = AttestationKey::make().map_err(wrong)?;
            private::replace(&path, text.as_bytes()).map_err(failed("made"))?;
            Ok(key)
        }
        Err(error) => Err(failed("read")(error)),
    }
}

/// Reads a file as text; what is none is no key either.
fn read(path: &Path) -> io::Result<String> {
    let mut content = Vec::new();
    File::open(path)?
        .take(MAX_BYTES)
        .read_to_end(&mut content)?;
    Ok(String::from_utf8(content).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let data = tempfile::tempdir().unwrap();
        let public = || open(data.path(), None).unwrap().public_pem();
        let first = public();
        assert_eq!(public(), first);
        let file = data.path().join(FILE_NAME);
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(open(other.path(), None).unwrap().public_pem(), first);
    }

    #[test]
    fn a_key_that_is_named_is_read_and_never_made() {
        let data = tempfile::tempdir().unwrap();
        let named = data.path().join("named");
        let missing = open(data.path(), Some(&named)).unwrap_err().to_string();
        assert!(missing.contains("named") && !named.exists(), "{missing}");
        let (key, text) = AttestationKey::make().unwrap();
        fs::write(&named, text).unwrap();
        let read = open(data.path(), Some(&named)).unwrap();
        assert_eq!(read.public_pem(), key.public_pem());
        assert!(!data.path().join(FILE_NAME).exists());
    }

    #[test]
    fn a_file_that_is_no_key_stops_the_start_with_words() {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join(FILE_NAME);
        for (content, words) in [
            (&b""[..], "wanted PKCS#8"),
            (&[0xff; 32], "wanted PKCS#8"),
            (b"-----BEGIN EC PRIVATE KEY-----\n", "openssl pkcs8 -topk8"),
        ] {
            fs::write(&file, content).unwrap();
            let error = open(data.path(), None).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            assert!(error.contains(FILE_NAME), "{error}");
            assert_eq!(fs::read(&file).unwrap(), content, "it is left as it is");
        }
    }
}
