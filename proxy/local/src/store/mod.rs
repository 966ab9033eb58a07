//! The one interface to the engines: keys in order, values, atomic batches, durable when answered.
//!
//! Small on purpose, so that another engine is one file. The contract suite runs against each.

mod embedded;
mod envelope;
mod home;
mod kind;
mod memory;
mod opening;
mod redb_engine;
mod reserve;
mod sled_engine;

#[cfg(test)]
mod contract;

use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use sluicegate_engine::ledger::LedgerError;

pub use kind::{EngineKind, UnknownEngine};
pub use memory::MemoryStore;
pub use opening::Opened;
use redb_engine::Redb;
use sled_engine::Sled;

/// Keeps records in a sled database.
pub type SledStore = embedded::EmbeddedStore<Sled>;

/// The key of a row that is there while nothing was lost since it was put; no record's kind has this
/// letter.
pub const WHOLE_KEY: &[u8] = b"!whole";

/// A key; engines keep them in the order of their bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub Box<[u8]>);

impl Key {
    /// Gives the key's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Key {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

/// One change.
#[derive(Clone, Debug)]
pub enum Op {
    /// Sets a key's value.
    Put {
        /// The key.
        key: Key,
        /// The value; at most 8 KiB, or the engine rewrites far too much for each change.
        body: Bytes,
    },
    /// Removes a key; one that is not there is no error.
    Delete {
        /// The key.
        key: Key,
    },
}

/// Says why the store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk has no room left.
    #[error("writing verdicts to {path:?}: the disk is full")]
    Full {
        /// The store's directory.
        path: PathBuf,
    },
    /// The store could not be opened.
    #[error("opening the verdict store {path:?} failed: {why}")]
    Open {
        /// The store's directory.
        path: PathBuf,
        /// What the engine said.
        why: String,
    },
    /// Another process has it open.
    #[error("the verdict store {path:?} is in use by another process")]
    InUse {
        /// The store's directory.
        path: PathBuf,
    },
    /// The engine failed, and says nothing about the data.
    #[error("{attempt} the verdict store failed: {why}")]
    Engine {
        /// What was attempted.
        attempt: &'static str,
        /// What the engine said.
        why: String,
    },
    /// The content store, which holds large verdicts, failed.
    #[error("keeping a verdict's findings failed")]
    Document(#[from] sluicegate_engine::content::ContentError),
    /// A record is larger than the engines bear.
    #[error("a record of {len} bytes is too large for the verdict store, wanted at most {max}")]
    TooLarge {
        /// The record's size, in bytes.
        len: usize,
        /// The bound, in bytes.
        max: usize,
    },
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        match error {
            full @ StoreError::Full { .. } => Self::Full(Box::new(full)),
            other => Self::Failed(Box::new(other)),
        }
    }
}

/// An engine.
#[async_trait]
pub trait VerdictStore: Send + Sync + std::fmt::Debug {
    /// Gives a value; a damaged one is none.
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError>;

    /// Gives the values of some keys, in their order; a damaged one is none.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let mut bodies = Vec::with_capacity(keys.len());
        for key in keys {
            bodies.push(self.get(key).await?);
        }
        Ok(bodies)
    }

    /// Makes all changes or none, in order; they are durable when it returns.
    async fn apply(&self, ops: Vec<Op>) -> Result<(), StoreError>;

    /// Gives at most `limit` rows whose keys start with `prefix` and come after `after`, in order.
    ///
    /// Fewer than `limit` means that there are no more. Damaged rows are left out.
    async fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Bytes)>, StoreError>;

    /// Counts what was found to be lost since it was opened: damaged rows, and databases of which not
    /// all could be read.
    fn losses(&self) -> u64;

    /// Proves that the store still writes durably, by doing so.
    async fn health(&self) -> Result<(), StoreError>;
}
