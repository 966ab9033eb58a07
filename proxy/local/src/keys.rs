//! The files of the access keys: the book, and beside it when keys were used last, which nothing rests
//! on.

use std::path::Path;

use async_trait::async_trait;
use sluicegate_accounts::book::Book;
use sluicegate_accounts::kept::{BookStore, Kept, StoreError};
use sluicegate_accounts::store::{KeyStore, LastUses};
use sluicegate_engine::instance_key::InstanceKey;

use crate::durable::Disk;
use crate::signed_book::{Files, Named, SignedBook};

/// The name of the book's file in the data directory.
pub const FILE_NAME: &str = "keys.json";
/// The name of the file that tells when keys were used last.
const USES_NAME: &str = "keys.used.json";
const NAMED: Named = Named {
    file: FILE_NAME,
    what: "access keys",
    advice: "restore both from one backup",
};

/// Keeps access keys in files.
#[derive(Clone, Debug)]
pub struct KeyFile(SignedBook<Book>);

impl KeyFile {
    /// Keeps keys in a data directory, signed by its instance key.
    pub fn new(directory: &Path, instance: InstanceKey) -> Self {
        Self::on(directory, instance, Disk::default())
    }

    /// Does the same with this way of syncing.
    pub fn on(directory: &Path, instance: InstanceKey, disk: Disk) -> Self {
        Self(SignedBook::on(directory, NAMED, instance, disk))
    }
}

#[async_trait]
impl BookStore<Book> for KeyFile {
    async fn load(&self) -> Result<Option<Kept<Book>>, StoreError> {
        self.0.load().await
    }

    async fn save(&self, kept: &Kept<Book>) -> Result<(), StoreError> {
        self.0.save(kept).await
    }
}

#[async_trait]
impl KeyStore for KeyFile {
    async fn last_uses(&self) -> Result<LastUses, StoreError> {
        let read = |files: &Files| {
            let Some(text) = files.read(USES_NAME)? else {
                return Ok(LastUses::new());
            };
            serde_json::from_slice(&text).map_err(|_unreadable| files.damaged(USES_NAME))
        };
        self.0.in_background("reading the last uses of", read).await
    }

    async fn save_last_uses(&self, uses: &LastUses) -> Result<(), StoreError> {
        let uses = uses.clone();
        let save = move |files: &Files| files.write(USES_NAME, serde_json::to_vec(&uses));
        self.0.in_background("writing the last uses of", save).await
    }
}

#[cfg(test)]
mod tests;
