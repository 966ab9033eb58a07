//! The file of the instance's key.
//!
//! 32 random bytes in a file of the data directory, made at the first start. A damaged file stops
//! the start: a new key in its place would be a change that nobody noticed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sluicegate_engine::instance_key::{InstanceKey, KEY_BYTES};
use sluicegate_machine::private;

/// The name of the file in the data directory.
const FILE_NAME: &str = "instance.key";

/// Says why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum InstanceKeyError {
    /// The file is not what was written.
    #[error(
        "the instance key {path:?} has {got} bytes, wanted {KEY_BYTES}: restore it from a backup, \
         or delete it to have a new one made"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its length, in bytes.
        got: u64,
    },
    /// The file cannot be read or made.
    #[error("the instance key {path:?} cannot be {attempt}: {source}")]
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
pub(crate) fn open(data: &Path, named: Option<&Path>) -> Result<InstanceKey, InstanceKeyError> {
    let path = named.map_or_else(|| data.join(FILE_NAME), Path::to_owned);
    let failed = |attempt| {
        let path = path.clone();
        move |source| InstanceKeyError::Io {
            path,
            attempt,
            source,
        }
    };
    match fs::metadata(&path) {
        Ok(found) if found.len() == KEY_BYTES as u64 => fs::read(&path)
            .map_err(failed("read"))
            .map(|key| InstanceKey::of(&key)),
        Ok(found) => Err(InstanceKeyError::Damaged {
            got: found.len(),
            path: path.clone(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {
            let key: [u8; KEY_BYTES] = rand::random();
            private::replace(&path, &key).map_err(failed("made"))?;
            Ok(InstanceKey::of(&key))
        }
        Err(error) => Err(failed("read")(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let data = tempfile::tempdir().unwrap();
        let number = || open(data.path(), None).unwrap().number("p", &["a"]);
        let first = number();
        assert_eq!(number(), first);
        let mode = fs::metadata(data.path().join(FILE_NAME))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(open(other.path(), None).unwrap().number("p", &["a"]), first);
    }

    #[test]
    fn a_key_that_is_named_is_read_and_never_made() {
        let data = tempfile::tempdir().unwrap();
        let named = data.path().join("named");
        let missing = open(data.path(), Some(&named)).unwrap_err().to_string();
        assert!(missing.contains("named") && !named.exists(), "{missing}");
        fs::write(&named, [7; KEY_BYTES]).unwrap();
        let number = open(data.path(), Some(&named)).unwrap().number("p", &[]);
        assert_eq!(number, InstanceKey::of(&[7; KEY_BYTES]).number("p", &[]));
        assert!(!data.path().join(FILE_NAME).exists());
    }

    #[test]
    fn a_damaged_key_stops_the_start() {
        let data = tempfile::tempdir().unwrap();
        for len in [0, 31, 33] {
            fs::write(data.path().join(FILE_NAME), vec![7; len]).unwrap();
            let error = open(data.path(), None).unwrap_err().to_string();
            assert!(
                error.contains(&format!("has {len} bytes, wanted 32")),
                "{error}"
            );
            assert!(error.contains("delete it"), "{error}");
        }
    }
}
