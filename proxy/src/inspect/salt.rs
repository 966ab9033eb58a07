//! The salt under which secrets are hashed that are found in images inspected here: one for all runs over
//! a data directory, so that one secret has one hash.

use std::fs;
use std::path::Path;

use sluicegate_machine::private;

/// Its file, in the data directory.
const FILE_NAME: &str = "inspect/secrets.salt";

/// Reads it, or makes it. Where it can not be kept, it is this run's alone.
pub fn open(data: &Path) -> [u8; 32] {
    let path = data.join(FILE_NAME);
    let kept = fs::read(&path).ok();
    if let Some(kept) = kept.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
        return kept;
    }
    let salt: [u8; 32] = rand::random();
    let _may_be_read_only = path
        .parent()
        .is_some_and(|directory| private::create_dir_all(directory).is_ok())
        .then(|| private::replace(&path, &salt));
    salt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_salt_is_made_once_for_each_directory() {
        let data = tempfile::tempdir().unwrap();
        let first = open(data.path());
        assert_eq!(open(data.path()), first);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(open(other.path()), first);
        let nowhere = Path::new("/proc/none");
        assert_ne!(open(nowhere), open(nowhere));
    }
}
