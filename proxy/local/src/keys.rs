//! The file of the access keys: the book as one line of JSON, and the code of the instance key over
//! it. It is written beside itself and put in its place, so that it is whole whenever it is there.
//!
//! When keys were used last lies in a file of its own, which nothing rests on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use sluicegate_accounts::store::{KeptBook, KeyStore, KeyStoreError, LastUses};
use sluicegate_engine::instance_key::InstanceKey;

use crate::durable::Disk;
use crate::signed::Purpose;

/// The name of the file in the data directory.
pub const FILE_NAME: &str = "keys.json";
/// The name of the file that tells when keys were used last.
const USES_NAME: &str = "keys.used.json";
/// What the file's code is for, as distinct from all else that the instance key signs.
const PURPOSE: Purpose = Purpose("access keys");
/// Most bytes of either file: more keys than are kept.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Keeps access keys in files.
#[derive(Clone, Debug)]
pub struct KeyFile(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    instance: InstanceKey,
    disk: Disk,
}

/// Says what is wrong with the file of the keys.
#[derive(Debug, thiserror::Error)]
enum FileError {
    /// It is not what was written.
    #[error(
        "{path:?} is damaged, or was written under another instance key: restore both from one backup"
    )]
    Damaged { path: PathBuf },
    /// It is more than was ever written.
    #[error("{path:?} has {got} bytes, more than {MAX_BYTES}")]
    TooLarge { path: PathBuf, got: u64 },
    /// The disk answered with an error.
    #[error("{path:?}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

impl KeyFile {
    /// Keeps keys in a data directory, signed by its instance key.
    pub fn new(directory: &Path, instance: InstanceKey) -> Self {
        Self::on(directory, instance, Disk::default())
    }

    /// Does the same with this way of syncing.
    pub fn on(directory: &Path, instance: InstanceKey, disk: Disk) -> Self {
        Self(Arc::new(Shared {
            directory: directory.to_owned(),
            instance,
            disk,
        }))
    }

    /// Does something with the files beside whoever waits for other things.
    async fn in_background<T: Send + 'static>(
        &self,
        attempt: &'static str,
        work: impl FnOnce(&Shared) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, KeyStoreError> {
        let shared = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        let failed = |source| KeyStoreError { attempt, source };
        done.map_err(|error| failed(Box::new(error)))?
            .map_err(|error| failed(Box::new(error)))
    }
}

#[async_trait]
impl KeyStore for KeyFile {
    async fn load(&self) -> Result<Option<KeptBook>, KeyStoreError> {
        self.in_background("reading", Shared::load).await
    }

    async fn save(&self, kept: &KeptBook) -> Result<(), KeyStoreError> {
        let kept = kept.clone();
        let save = move |files: &Shared| files.save(&kept);
        self.in_background("writing", save).await
    }

    async fn last_uses(&self) -> Result<LastUses, KeyStoreError> {
        self.in_background("reading the last uses of", Shared::last_uses)
            .await
    }

    async fn save_last_uses(&self, uses: &LastUses) -> Result<(), KeyStoreError> {
        let uses = uses.clone();
        let save = move |files: &Shared| files.write(USES_NAME, serde_json::to_vec(&uses));
        self.in_background("writing the last uses of", save).await
    }
}

impl Shared {
    fn load(&self) -> Result<Option<KeptBook>, FileError> {
        let damaged = || FileError::Damaged {
            path: self.directory.join(FILE_NAME),
        };
        let Some(text) = self.read(FILE_NAME)? else {
            return Ok(None);
        };
        let kept: KeptBook = PURPOSE.open(&self.instance, &text).ok_or_else(damaged)?;
        if !kept.book.is_sound() {
            return Err(damaged());
        }
        Ok(Some(kept))
    }

    fn save(&self, kept: &KeptBook) -> Result<(), FileError> {
        let text = PURPOSE.seal(&self.instance, kept);
        self.write(FILE_NAME, text.map(String::into_bytes))
    }

    fn last_uses(&self) -> Result<LastUses, FileError> {
        let Some(text) = self.read(USES_NAME)? else {
            return Ok(LastUses::new());
        };
        let path = self.directory.join(USES_NAME);
        serde_json::from_slice(&text).map_err(|_unreadable| FileError::Damaged { path })
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        let path = self.directory.join(name);
        match fs::metadata(&path) {
            Ok(found) if found.len() > MAX_BYTES => {
                let got = found.len();
                Err(FileError::TooLarge { path, got })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => found
                .and_then(|_| fs::read(&path))
                .map(Some)
                .map_err(|source| FileError::Io { path, source }),
        }
    }

    /// Puts a whole file in the place of the last one; durable on return.
    fn write(&self, name: &str, content: serde_json::Result<Vec<u8>>) -> Result<(), FileError> {
        let path = self.directory.join(name);
        let written = content.map_err(io::Error::from);
        written
            .and_then(|content| self.disk.replace(&path, &content))
            .map_err(|source| FileError::Io { path, source })
    }
}

#[cfg(test)]
mod tests;
