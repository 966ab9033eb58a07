//! The one writer of a growing blob: hashes and writes off the async workers, proves, publishes.
//!
//! Called by `pull`'s download. A writer that is dropped without [`BlobWriter::commit`] fails its
//! blob and gives up its bytes, so that an abandoned download never looks finished.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sluicegate_model::{Digest, DigestHasher};
use tokio::task::JoinHandle;

use super::error::{BlobFailure, ContentError};
use super::growing::{GrowingBlob, Growth};
use super::off_worker;
use super::stored::{BlobBytes, StoredBlob};

/// Bytes gathered before a trip to the blocking pool.
///
/// A trip costs about 20 us, hashing and writing 256 KiB about 300 us; and 300 blobs arriving at
/// once (100 pulls of three layers) hold 75 MiB.
const FLUSH_BYTES: usize = 256 * 1024;
/// Bytes that are written before the adapter is told to make them durable, while more arrive: what is left for
/// the end is as little as this, and not the whole blob.
const SYNC_BYTES: u64 = 8 * 1024 * 1024;
/// Longest time for which bytes of a slow upstream are gathered; readers wait for them meanwhile.
const FLUSH_AFTER: Duration = Duration::from_millis(50);

/// Where an adapter puts the bytes of one blob that arrives, in their order. All of it may block.
pub trait Incoming: Send + Sync + Debug {
    /// Gives the bytes to those who read along; they keep them whatever becomes of the blob.
    fn bytes(&self) -> Arc<dyn BlobBytes>;

    /// Fails as full where no more can be taken.
    fn check_room(&self) -> Result<(), ContentError>;

    /// Writes the next bytes, which begin at an offset.
    fn write_at(&self, bytes: &[u8], at: u64) -> Result<(), ContentError>;

    /// Makes durable what has been written so far, while more arrives.
    fn sync_begun(&self) -> Result<(), ContentError>;

    /// Makes all of it durable and visible, now that it is proven to be `len` bytes of its digest.
    fn publish(&self, len: u64) -> Result<StoredBlob, ContentError>;

    /// Gives it up: its room is free when this returns. What is read of it from then on counts for
    /// nothing.
    fn discard(&self);
}

/// Writes one growing blob.
#[derive(Debug)]
pub struct BlobWriter {
    incoming: Arc<dyn Incoming>,
    blob: Arc<GrowingBlob>,
    /// None only while a flush has it, or after one that failed.
    hasher: Option<DigestHasher>,
    pending: Vec<Bytes>,
    pending_bytes: usize,
    flushed: u64,
    last_flush: Instant,
    ahead: SyncAhead,
    is_proven: bool,
    ended: bool,
}

/// What is being made durable while more arrives.
#[derive(Debug, Default)]
struct SyncAhead {
    /// Where the last one began.
    from: u64,
    running: Option<JoinHandle<Result<(), ContentError>>>,
}

impl BlobWriter {
    /// Starts a blob of this digest, and of so many bytes where that is announced.
    pub fn new(digest: &Digest, expected_len: Option<u64>, incoming: Arc<dyn Incoming>) -> Self {
        let blob = GrowingBlob::new(digest.clone(), expected_len, incoming.bytes());
        Self {
            incoming,
            blob: Arc::new(blob),
            hasher: Some(DigestHasher::new(digest.algorithm())),
            pending: Vec::new(),
            pending_bytes: 0,
            flushed: 0,
            last_flush: Instant::now(),
            ahead: SyncAhead::default(),
            is_proven: false,
            ended: false,
        }
    }

    /// Gives the blob for those who read along.
    pub fn blob(&self) -> Arc<GrowingBlob> {
        Arc::clone(&self.blob)
    }

    /// Counts the bytes appended so far.
    pub fn written(&self) -> u64 {
        self.flushed.saturating_add(self.pending_bytes as u64)
    }

    /// Adds the next bytes; readers see them at the latest with the next call after 50 ms.
    ///
    /// An error ends the blob; every later call fails.
    pub async fn append(&mut self, chunk: Bytes) -> Result<(), ContentError> {
        let taken = self.take_in(chunk).await;
        if let Err(error) = &taken {
            self.end(BlobFailure::from(error));
        }
        taken
    }

    /// Shows the readers every byte appended so far, for when the upstream is silent.
    pub async fn show(&mut self) -> Result<(), ContentError> {
        let shown = self.flush().await;
        if let Err(error) = &shown {
            self.end(BlobFailure::from(error));
        }
        shown
    }

    /// Proves length and digest; nobody is told yet. On an error the blob has failed.
    pub async fn prove(&mut self) -> Result<(), ContentError> {
        let proven = self.prove_all().await;
        if let Err(error) = &proven {
            self.end(BlobFailure::from(error));
        }
        proven
    }

    /// Proves length and digest, then makes the blob durable and visible under its digest.
    ///
    /// The scanner need not wait until it is durable; clients get the last bytes then. On any
    /// error the blob has failed and its bytes are gone.
    pub async fn commit(mut self) -> Result<StoredBlob, ContentError> {
        match self.prove_and_publish().await {
            Ok(stored) => {
                self.ended = true;
                self.blob.finish(stored.clone());
                Ok(stored)
            }
            Err(error) => {
                self.end(BlobFailure::from(&error));
                Err(error)
            }
        }
    }

    /// Gives up for a reason that the readers are told.
    pub fn fail(mut self, reason: BlobFailure) {
        self.end(reason);
    }

    async fn take_in(&mut self, chunk: Bytes) -> Result<(), ContentError> {
        let got = self.written().saturating_add(chunk.len() as u64);
        if let Some(wanted) = self.blob.expected_len().filter(|wanted| got > *wanted) {
            return Err(self.length_mismatch(wanted, got));
        }
        self.pending_bytes = self.pending_bytes.saturating_add(chunk.len());
        self.pending.push(chunk);
        if self.pending_bytes >= FLUSH_BYTES || self.last_flush.elapsed() >= FLUSH_AFTER {
            self.flush().await?;
        }
        Ok(())
    }

    async fn prove_all(&mut self) -> Result<(), ContentError> {
        if self.is_proven {
            return Ok(());
        }
        self.flush().await?;
        let len = self.flushed;
        if let Some(wanted) = self.blob.expected_len().filter(|wanted| len != *wanted) {
            return Err(self.length_mismatch(wanted, len));
        }
        let interrupted = ContentError::Interrupted {
            attempt: "hashing a blob",
        };
        let got = self.hasher.take().ok_or(interrupted)?.finish();
        if got != *self.blob.digest() {
            return Err(ContentError::DigestMismatch {
                wanted: self.blob.digest().clone(),
                got,
            });
        }
        self.is_proven = true;
        Ok(())
    }

    async fn prove_and_publish(&mut self) -> Result<StoredBlob, ContentError> {
        self.prove_all().await?;
        let len = self.flushed;
        self.blob.announce(Growth::Proven { len });
        self.synced_ahead().await?;
        let incoming = Arc::clone(&self.incoming);
        off_worker("publishing a blob", move || incoming.publish(len)).await
    }

    async fn flush(&mut self) -> Result<(), ContentError> {
        self.last_flush = Instant::now();
        if self.pending.is_empty() {
            return Ok(());
        }
        let interrupted = || ContentError::Interrupted {
            attempt: "writing a blob",
        };
        let piece = Piece {
            incoming: Arc::clone(&self.incoming),
            chunks: std::mem::take(&mut self.pending),
            at: self.flushed,
            hasher: self.hasher.take().ok_or_else(interrupted)?,
        };
        self.pending_bytes = 0;
        let written = tokio::task::spawn_blocking(move || piece.write()).await;
        let (hasher, end) = written.map_err(|_| interrupted())??;
        self.hasher = Some(hasher);
        self.flushed = end;
        self.blob.announce(Growth::Filling { written: end });
        self.sync_ahead().await
    }

    /// Lets what has been written be made durable, one piece at a time, without waiting for it.
    async fn sync_ahead(&mut self) -> Result<(), ContentError> {
        if self.flushed.saturating_sub(self.ahead.from) < SYNC_BYTES {
            return Ok(());
        }
        if self
            .ahead
            .running
            .as_ref()
            .is_some_and(|sync| !sync.is_finished())
        {
            return Ok(());
        }
        self.synced_ahead().await?;
        self.ahead.from = self.flushed;
        let incoming = Arc::clone(&self.incoming);
        let sync = move || incoming.sync_begun();
        self.ahead.running = Some(tokio::task::spawn_blocking(sync));
        Ok(())
    }

    /// Waits for what is being made durable. Where that failed the blob has: no later sync tells of it.
    async fn synced_ahead(&mut self) -> Result<(), ContentError> {
        match self.ahead.running.take() {
            None => Ok(()),
            Some(sync) => sync.await.map_err(|_| ContentError::Interrupted {
                attempt: "syncing a blob",
            })?,
        }
    }

    fn length_mismatch(&self, wanted: u64, got: u64) -> ContentError {
        ContentError::LengthMismatch {
            digest: self.blob.digest().clone(),
            wanted,
            got,
        }
    }

    fn end(&mut self, failure: BlobFailure) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        // Before the failure is told, so that who hears of it finds the room free.
        self.incoming.discard();
        self.blob.fail(failure);
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        self.end(BlobFailure::Abandoned);
    }
}

/// What one trip to the blocking pool hashes and writes.
struct Piece {
    incoming: Arc<dyn Incoming>,
    chunks: Vec<Bytes>,
    at: u64,
    hasher: DigestHasher,
}

impl Piece {
    fn write(mut self) -> Result<(DigestHasher, u64), ContentError> {
        self.incoming.check_room()?;
        for chunk in &self.chunks {
            self.hasher.update(chunk);
            self.incoming.write_at(chunk, self.at)?;
            self.at = self.at.saturating_add(chunk.len() as u64);
        }
        Ok((self.hasher, self.at))
    }
}
