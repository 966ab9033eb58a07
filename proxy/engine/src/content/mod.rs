//! The port to content: blobs by digest, which grow while they arrive, and derived documents by key.
//!
//! Nothing is visible under its digest before the digest is proven, and the last bytes of a blob
//! that is still arriving reach no client before that. Adapters keep bytes; which of them may leave,
//! and when, is decided here. Nothing here decides who may have what: that is the gate's.

mod body;
mod document;
mod error;
mod growing;
mod interest;
mod source;
mod stored;
mod writer;

use std::any::Any;
use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use sluicegate_model::Digest;

use crate::blocking;

pub use body::{BlobBody, Tail, TailHold, stream};
pub use document::{DocumentKind, PackedDocument};
pub use error::{BlobFailure, ContentError};
pub use growing::{GrowingBlob, Growth};
pub use interest::{Interest, Standing, Waiting, Watched};
pub use source::{BlobSource, SyncTailReader};
pub use stored::{BlobBytes, StoredBlob, StoredBytes};
pub use writer::{BlobWriter, Incoming};

/// Content by digest, and what is derived from it by key.
///
/// It keeps no verdict and no membership, so that eviction loses nothing that cannot be had again.
/// *Errors*: where there is no room, [`ContentError::Full`]; where it cannot be kept for good,
/// [`ContentError::NotDurable`], and then nothing of it is kept.
#[async_trait]
pub trait Content: Send + Sync + Debug {
    /// Looks a digest up and makes it the most recently used one.
    fn lookup(&self, digest: &Digest) -> Option<StoredBlob>;

    /// Starts a growing blob; no room for `expected_len` bytes is [`ContentError::Full`].
    fn begin(&self, digest: &Digest, expected_len: Option<u64>)
    -> Result<BlobWriter, ContentError>;

    /// Stores small content whole, proven and durable.
    async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<StoredBlob, ContentError>;

    /// Reads content of at most `max` bytes and hashes it again: what is not what it was is evicted,
    /// and missing. What is longer is [`ContentError::TooLarge`].
    async fn read(&self, digest: &Digest, max: usize) -> Result<Option<Bytes>, ContentError>;

    /// Protects a digest from eviction, present or yet to come, until the guard is dropped.
    fn pin(&self, digest: &Digest) -> Pin;

    /// Deletes content; readers that have it open keep it until they are done.
    fn remove(&self, digest: &Digest);

    /// Counts the bytes that the stored blobs take, whole blocks where they lie on a disk.
    fn used_bytes(&self) -> u64;

    /// Gives the bound on the stored blobs, in bytes; the least recently used go beyond it.
    fn capacity_bytes(&self) -> u64;

    /// Compresses a document and stores it as [`Self::put_documents`] does.
    async fn put_document(
        &self,
        kind: DocumentKind,
        key: &str,
        body: Vec<u8>,
    ) -> Result<(), ContentError>;

    /// Stores documents, replacing those of the same kind and key; all of them whole, or none. What
    /// cannot be derived again is durable when this returns.
    async fn put_documents(&self, documents: Vec<PackedDocument>) -> Result<(), ContentError>;

    /// Gives a document; a missing or damaged one is none, and a damaged one is deleted.
    async fn document(
        &self,
        kind: DocumentKind,
        key: &str,
    ) -> Result<Option<Vec<u8>>, ContentError>;

    /// Tells how many bytes a document has, read from its first bytes only; none where it is missing
    /// or damaged.
    async fn document_bytes(
        &self,
        kind: DocumentKind,
        key: &str,
    ) -> Result<Option<u64>, ContentError>;

    /// Deletes a document, if it is there.
    async fn remove_document(&self, kind: DocumentKind, key: &str) -> Result<(), ContentError>;
}

/// Keeps one digest from being evicted while it is held.
#[derive(Debug)]
pub struct Pin {
    _guard: Box<dyn Any + Send + Sync>,
}

impl Pin {
    /// Holds what takes the protection back when it is dropped.
    pub fn new(guard: impl Any + Send + Sync) -> Self {
        Self {
            _guard: Box::new(guard),
        }
    }
}

/// Runs an adapter's blocking work in the blocking pool.
pub async fn off_worker<T: Send + 'static>(
    attempt: &'static str,
    work: impl FnOnce() -> Result<T, ContentError> + Send + 'static,
) -> Result<T, ContentError> {
    let done = blocking::run(work).await;
    done.map_err(|_| ContentError::Interrupted { attempt })?
}

#[cfg(test)]
mod tests;
