//! The file of a book: one line of JSON, and the code of the instance key over it. It is written beside
//! itself and put in its place, so that it is whole whenever it is there.

use std::fmt::Debug;
use std::fs;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use sluicegate_accounts::kept::{BookStore, Kept, StoreError};
use sluicegate_accounts::vouched::Book;
use sluicegate_engine::instance_key::InstanceKey;

use crate::durable::Disk;
use crate::signed::Purpose;

/// Most bytes of the file: more than is kept of anybody.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// What a file is called, and what it is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    /// Its name in the data directory.
    pub(crate) file: &'static str,
    /// What it holds, in words; its code is for this, as distinct from all else that the instance key
    /// signs.
    pub(crate) what: &'static str,
    /// What can be done where it is damaged.
    pub(crate) advice: &'static str,
}

/// Keeps a book in a file.
#[derive(Debug)]
pub struct SignedBook<B> {
    files: Arc<Files>,
    of: PhantomData<fn() -> B>,
}

impl<B> Clone for SignedBook<B> {
    fn clone(&self) -> Self {
        Self {
            files: Arc::clone(&self.files),
            of: PhantomData,
        }
    }
}

/// The files of a directory that keep one book.
#[derive(Debug)]
pub(crate) struct Files {
    directory: PathBuf,
    named: Named,
    instance: InstanceKey,
    disk: Disk,
}

/// Says what is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// It is not what was written.
    #[error("{path:?} is damaged, or was written under another instance key: {advice}")]
    Damaged { path: PathBuf, advice: &'static str },
    /// It is more than was ever written.
    #[error("{path:?} has {got} bytes, more than {MAX_BYTES}")]
    TooLarge { path: PathBuf, got: u64 },
    /// The disk answered with an error.
    #[error("{path:?}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

impl<B> SignedBook<B> {
    /// Keeps the book in a data directory, signed by its instance key.
    pub(crate) fn on(directory: &Path, named: Named, instance: InstanceKey, disk: Disk) -> Self {
        let files = Files {
            directory: directory.to_owned(),
            named,
            instance,
            disk,
        };
        Self {
            files: Arc::new(files),
            of: PhantomData,
        }
    }

    /// Does something with files of the directory beside whoever waits for other things.
    pub(crate) async fn in_background<T: Send + 'static>(
        &self,
        attempt: &'static str,
        work: impl FnOnce(&Files) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let files = Arc::clone(&self.files);
        let what = files.named.what;
        let done = tokio::task::spawn_blocking(move || work(&files)).await;
        let failed = |source| StoreError {
            attempt,
            what,
            source,
        };
        done.map_err(|error| failed(Box::new(error)))?
            .map_err(|error| failed(Box::new(error)))
    }
}

#[async_trait]
impl<B: Book + DeserializeOwned> BookStore<B> for SignedBook<B> {
    async fn load(&self) -> Result<Option<Kept<B>>, StoreError> {
        self.in_background("reading the", Files::load).await
    }

    async fn save(&self, kept: &Kept<B>) -> Result<(), StoreError> {
        let kept = kept.clone();
        let save = move |files: &Files| files.save(&kept);
        self.in_background("writing the", save).await
    }
}

impl Files {
    fn purpose(&self) -> Purpose {
        Purpose(self.named.what)
    }

    fn load<B: Book + DeserializeOwned>(&self) -> Result<Option<Kept<B>>, FileError> {
        let name = self.named.file;
        let Some(text) = self.read(name)? else {
            return Ok(None);
        };
        let kept: Option<Kept<B>> = self.purpose().open(&self.instance, &text);
        let kept = kept.filter(|kept| kept.book.is_sound());
        kept.map(Some).ok_or_else(|| self.damaged(name))
    }

    fn save<B: Book>(&self, kept: &Kept<B>) -> Result<(), FileError> {
        let text = self.purpose().seal(&self.instance, kept);
        self.write(self.named.file, text.map(String::into_bytes))
    }

    /// Says that a file is not what was written.
    pub(crate) fn damaged(&self, name: &str) -> FileError {
        FileError::Damaged {
            path: self.directory.join(name),
            advice: self.named.advice,
        }
    }

    /// Reads a whole file; none where there is none.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FileError> {
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
    pub(crate) fn write(
        &self,
        name: &str,
        content: serde_json::Result<Vec<u8>>,
    ) -> Result<(), FileError> {
        let path = self.directory.join(name);
        let written = content.map_err(io::Error::from);
        written
            .and_then(|content| self.disk.replace(&path, &content))
            .map_err(|source| FileError::Io { path, source })
    }
}
