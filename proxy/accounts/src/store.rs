//! The port through which the book of keys is kept.

use std::collections::BTreeMap;
use std::error::Error;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;

use super::book::Book;
use super::key::AccessKey;

/// A book as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptBook {
    /// The book.
    pub book: Book,
    /// The digest of the last one that the log knows of: between the two lies at most one change
    /// that nobody was told of.
    pub previous: Option<Digest>,
}

/// When each key was used last.
pub type LastUses = BTreeMap<AccessKey, Timestamp>;

/// Says why keys cannot be kept or given. Nobody is let in for it. What failed is its source.
#[derive(Debug, thiserror::Error)]
#[error("{attempt} the access keys failed")]
pub struct KeyStoreError {
    /// What was attempted.
    pub attempt: &'static str,
    /// What went wrong.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// Where keys are kept.
#[async_trait]
pub trait KeyStore: Send + Sync + std::fmt::Debug {
    /// Gives the book; none where none was ever kept. One that is damaged is an error.
    async fn load(&self) -> Result<Option<KeptBook>, KeyStoreError>;

    /// Keeps a book in place of the last one: whole or not at all, durable on return.
    async fn save(&self, kept: &KeptBook) -> Result<(), KeyStoreError>;

    /// Gives when keys were used last, as far as that is known.
    async fn last_uses(&self) -> Result<LastUses, KeyStoreError>;

    /// Keeps when keys were used last; a crash may lose it.
    async fn save_last_uses(&self, uses: &LastUses) -> Result<(), KeyStoreError>;
}
