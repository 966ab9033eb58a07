//! The port through which a book is kept.

use std::error::Error;
use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;

/// A book as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept<B> {
    /// The book.
    pub book: B,
    /// The digest of the last one that the log knows of: between the two lies at most one change
    /// that nobody was told of.
    pub previous: Option<Digest>,
}

/// Says why a book cannot be kept or given. Nobody is let in for it. What failed is its source.
#[derive(Debug, thiserror::Error)]
#[error("{attempt} {what} failed")]
pub struct StoreError {
    /// What was attempted.
    pub attempt: &'static str,
    /// With what.
    pub what: &'static str,
    /// What went wrong.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// Where a book is kept.
#[async_trait]
pub trait BookStore<B>: Send + Sync + Debug {
    /// Gives the book; none where none was ever kept. One that is damaged is an error.
    async fn load(&self) -> Result<Option<Kept<B>>, StoreError>;

    /// Keeps a book in place of the last one: whole or not at all, durable on return.
    async fn save(&self, kept: &Kept<B>) -> Result<(), StoreError>;
}
