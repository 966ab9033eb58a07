//! The file of the linked scanners: the book as one line of JSON, and the code of the instance key
//! over it. It is written beside itself and put in its place, so that it is whole whenever it is
//! there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_linked::book::Book;
use sluicegate_linked::store::{BookStore, BookStoreError};

use crate::durable::Disk;
use crate::signed::Purpose;

/// The name of the file in the data directory.
pub const FILE_NAME: &str = "scanners.json";
/// What the file's code is for, as distinct from all else that the instance key signs.
const PURPOSE: Purpose = Purpose("linked scanners");
/// Most bytes of the file: more scanners than are kept.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Keeps the book of scanners in a file.
#[derive(Clone, Debug)]
pub struct ScannerFile(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    instance: InstanceKey,
    disk: Disk,
}

/// Says what is wrong with the file of the scanners.
#[derive(Debug, thiserror::Error)]
enum FileError {
    /// It is not what was written.
    #[error(
        "{path:?} is damaged, or was written under another instance key: restore both from one \
         backup, or remove it and link every scanner anew"
    )]
    Damaged { path: PathBuf },
    /// It is more than was ever written.
    #[error("{path:?} has {got} bytes, more than {MAX_BYTES}")]
    TooLarge { path: PathBuf, got: u64 },
    /// The disk answered with an error.
    #[error("{path:?}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

impl ScannerFile {
    /// Keeps the book in a data directory, signed by its instance key.
    pub fn new(directory: &Path, instance: InstanceKey) -> Self {
        Self::on(directory, instance, Disk::default())
    }

    /// Does the same with this way of syncing.
    pub fn on(directory: &Path, instance: InstanceKey, disk: Disk) -> Self {
        Self(Arc::new(Shared {
            path: directory.join(FILE_NAME),
            instance,
            disk,
        }))
    }

    /// Does something with the file beside whoever waits for other things.
    async fn in_background<T: Send + 'static>(
        &self,
        attempt: &'static str,
        work: impl FnOnce(&Shared) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, BookStoreError> {
        let shared = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        let failed = |source| BookStoreError { attempt, source };
        done.map_err(|error| failed(Box::new(error)))?
            .map_err(|error| failed(Box::new(error)))
    }
}

#[async_trait]
impl BookStore for ScannerFile {
    async fn load(&self) -> Result<Option<Book>, BookStoreError> {
        self.in_background("reading", Shared::load).await
    }

    async fn save(&self, book: &Book) -> Result<(), BookStoreError> {
        let book = book.clone();
        let save = move |file: &Shared| file.save(&book);
        self.in_background("writing", save).await
    }
}

impl Shared {
    fn load(&self) -> Result<Option<Book>, FileError> {
        let Some(text) = self.read()? else {
            return Ok(None);
        };
        let damaged = || FileError::Damaged {
            path: self.path.clone(),
        };
        let book = PURPOSE.open(&self.instance, &text).ok_or_else(damaged)?;
        Ok(Some(book))
    }

    fn read(&self) -> Result<Option<Vec<u8>>, FileError> {
        let path = || self.path.clone();
        match fs::metadata(&self.path) {
            Ok(found) if found.len() > MAX_BYTES => Err(FileError::TooLarge {
                path: path(),
                got: found.len(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => found
                .and_then(|_| fs::read(&self.path))
                .map(Some)
                .map_err(|source| FileError::Io {
                    path: path(),
                    source,
                }),
        }
    }

    /// Puts a whole file in the place of the last one; durable on return.
    fn save(&self, book: &Book) -> Result<(), FileError> {
        let sealed = PURPOSE.seal(&self.instance, book);
        let written = sealed.map_err(io::Error::from);
        written
            .and_then(|text| self.disk.replace(&self.path, text.as_bytes()))
            .map_err(|source| FileError::Io {
                path: self.path.clone(),
                source,
            })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use jiff::Timestamp;
    use sluicegate_engine::instance_key::KEY_BYTES;
    use sluicegate_linked::book::WantedScanner;

    use super::*;

    fn instance(seed: u8) -> InstanceKey {
        InstanceKey::of(&[seed; KEY_BYTES])
    }

    fn book() -> (Book, String) {
        let mut book = Book::default();
        let wanted = WantedScanner {
            name: Some("eu-west".to_owned()),
            repositories: Vec::new(),
            life: None,
        };
        let issued = book.link(wanted, &instance(1), Timestamp::UNIX_EPOCH);
        let key = issued.unwrap().linking_key;
        (book, key.expose().to_owned())
    }

    #[tokio::test]
    async fn a_book_is_kept_whole_or_not_at_all_and_never_a_secret() {
        let home = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        let file = ScannerFile::on(home.path(), instance(1), disk.clone());
        assert_eq!(file.load().await.unwrap(), None);
        let (book, key) = book();
        file.save(&book).await.unwrap();
        assert_eq!(file.load().await.unwrap(), Some(book.clone()));
        let path = home.path().join(FILE_NAME);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("eu-west") && !text.contains(&key));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        disk.let_fail(true);
        assert!(file.save(&Book::default()).await.is_err());
        assert_eq!(file.load().await.unwrap(), Some(book));
    }

    #[tokio::test]
    async fn only_what_was_written_under_this_instance_key_is_read() {
        let home = tempfile::tempdir().unwrap();
        let file = ScannerFile::new(home.path(), instance(1));
        file.save(&book().0).await.unwrap();
        let other = ScannerFile::new(home.path(), instance(2)).load().await;
        let said = std::error::Error::source(&other.unwrap_err())
            .unwrap()
            .to_string();
        assert!(said.contains("another instance key"), "{said}");
        let path = home.path().join(FILE_NAME);
        let text = fs::read(&path).unwrap();
        for length in [0, 1, text.len() / 2, text.len() - 1] {
            fs::write(&path, &text[..length]).unwrap();
            assert!(file.load().await.is_err(), "{length} bytes");
        }
    }
}
