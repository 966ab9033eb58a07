//! The port through which keys are kept.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::book::Book;
use super::kept::{BookStore, StoreError};
use super::key::AccessKey;

/// When each key was used last.
pub type LastUses = BTreeMap<AccessKey, Timestamp>;

/// Where keys are kept.
#[async_trait]
pub trait KeyStore: BookStore<Book> {
    /// Gives when keys were used last, as far as that is known.
    async fn last_uses(&self) -> Result<LastUses, StoreError>;

    /// Keeps when keys were used last; a crash may lose it.
    async fn save_last_uses(&self, uses: &LastUses) -> Result<(), StoreError>;
}
