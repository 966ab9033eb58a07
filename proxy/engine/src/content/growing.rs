//! A blob that is still arriving: one writer, any number of readers of its tail.
//!
//! Readers share the writer's bytes, so neither publication nor eviction disturbs them. Bytes
//! here are not proven until [`Growth::Proven`] and may still be lost until [`Growth::Complete`];
//! `body` withholds the last ones from clients until then. The scanner may read them all, for it
//! only judges.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use sluicegate_model::Digest;
use tokio::sync::watch;

use super::error::BlobFailure;
use super::interest::Interest;
use super::stored::{BlobBytes, StoredBlob};

/// How far a growing blob is.
#[derive(Clone, Debug)]
pub enum Growth {
    /// Bytes arrive.
    Filling {
        /// Bytes that readers can have, tail included.
        written: u64,
    },
    /// Every byte is there and the digest is proven, but it is not durable: enough to be
    /// scanned, not to be given out whole.
    Proven {
        /// The length, in bytes.
        len: u64,
    },
    /// It is proven and durable.
    Complete {
        /// The length, in bytes.
        len: u64,
    },
    /// It will never be complete.
    Failed(Arc<BlobFailure>),
}

/// A blob that is still arriving, or has just arrived.
#[derive(Debug)]
pub struct GrowingBlob {
    digest: Digest,
    expected_len: Option<u64>,
    bytes: Arc<dyn BlobBytes>,
    growth: watch::Sender<Growth>,
    outcome: watch::Sender<Option<Result<StoredBlob, Arc<BlobFailure>>>>,
    /// Whether whoever sends it has said where it ends; none before the first answer.
    end: watch::Sender<Option<bool>>,
    /// The clients that read along.
    readers: Arc<Interest>,
    /// Wakes blocking readers; what they wait for is in `growth`.
    turn: Mutex<()>,
    grown: Condvar,
}

impl GrowingBlob {
    pub(super) fn new(
        digest: Digest,
        expected_len: Option<u64>,
        bytes: Arc<dyn BlobBytes>,
    ) -> Self {
        Self {
            digest,
            expected_len,
            bytes,
            growth: watch::Sender::new(Growth::Filling { written: 0 }),
            outcome: watch::Sender::new(None),
            end: watch::Sender::new(None),
            readers: Arc::default(),
            turn: Mutex::new(()),
            grown: Condvar::new(),
        }
    }

    /// Gives the digest the bytes must have.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Gives the announced length, in bytes; the real one once complete.
    pub fn expected_len(&self) -> Option<u64> {
        match *self.growth.borrow() {
            Growth::Proven { len } | Growth::Complete { len } => Some(len),
            Growth::Filling { .. } | Growth::Failed(_) => self.expected_len,
        }
    }

    /// Tells how far it is now.
    pub fn growth(&self) -> Growth {
        self.growth.borrow().clone()
    }

    /// Gives a view of the growth that can be waited on.
    pub fn watch(&self) -> watch::Receiver<Growth> {
        self.growth.subscribe()
    }

    /// Takes note of whether whoever sends it says where it ends. The first word stands.
    pub fn tell_end(&self, is_said: bool) {
        self.end.send_if_modified(|end| {
            let is_first = end.is_none();
            end.get_or_insert(is_said);
            is_first
        });
    }

    /// Waits for the first answer, and tells whether it said where the blob ends; what never came
    /// has no end.
    pub async fn end_is_told(&self) -> bool {
        let mut end = self.end.subscribe();
        let told = end.wait_for(Option::is_some).await;
        told.is_ok_and(|end| *end == Some(true))
    }

    /// Tells whether it is known by now where the blob ends.
    pub fn end_is_known(&self) -> bool {
        *self.end.borrow() == Some(true)
            || matches!(
                *self.growth.borrow(),
                Growth::Proven { .. } | Growth::Complete { .. }
            )
    }

    /// Waits until something of it is here, or it has ended.
    pub async fn begun(&self) {
        let mut growth = self.growth.subscribe();
        let has_begun = |growth: &Growth| !matches!(growth, Growth::Filling { written: 0 });
        // The sender is our own.
        let _here = growth.wait_for(has_begun).await;
    }

    /// Gives the interest of those who read along.
    pub fn readers(&self) -> &Arc<Interest> {
        &self.readers
    }

    /// Waits until the blob is durable in the store, or will never be.
    pub async fn finished(&self) -> Result<StoredBlob, Arc<BlobFailure>> {
        let mut outcome = self.outcome.subscribe();
        let abandoned = || Arc::new(BlobFailure::Abandoned);
        let ended = outcome
            .wait_for(Option::is_some)
            .await
            .map_err(|_| abandoned())?;
        ended.clone().unwrap_or_else(|| Err(abandoned()))
    }

    /// Gives the length that was announced before the first byte; it never changes.
    pub(super) fn announced_len(&self) -> Option<u64> {
        self.expected_len
    }

    pub(super) fn bytes(&self) -> &Arc<dyn BlobBytes> {
        &self.bytes
    }

    pub(super) fn announce(&self, growth: Growth) {
        match &growth {
            Growth::Filling { .. } => {}
            Growth::Proven { .. } | Growth::Complete { .. } => self.tell_end(true),
            Growth::Failed(_) => self.tell_end(false),
        }
        self.growth.send_replace(growth);
        // Taken and dropped so that a reader between its look and its wait is not missed.
        drop(self.turn.lock().unwrap_or_else(PoisonError::into_inner));
        self.grown.notify_all();
    }

    pub(super) fn finish(&self, stored: StoredBlob) {
        self.announce(Growth::Complete { len: stored.len() });
        self.outcome.send_replace(Some(Ok(stored)));
    }

    /// Ends it in failure, also where it is proven: what could not be made durable may be read back
    /// as something else.
    pub(super) fn fail(&self, failure: BlobFailure) {
        let failure = Arc::new(failure);
        if !matches!(*self.growth.borrow(), Growth::Complete { .. }) {
            self.announce(Growth::Failed(Arc::clone(&failure)));
        }
        self.outcome.send_replace(Some(Err(failure)));
    }

    /// Blocks until there is something past `at`: gives the readable end, or none at the true end.
    pub(super) fn wait_past(&self, at: u64) -> io::Result<Option<u64>> {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &*self.growth.borrow() {
                Growth::Filling { written } if *written > at => return Ok(Some(*written)),
                Growth::Filling { .. } => {}
                Growth::Proven { len } | Growth::Complete { len } => {
                    return Ok((*len > at).then_some(*len));
                }
                Growth::Failed(failure) => return Err(io::Error::other(Arc::clone(failure))),
            }
            turn = self
                .grown
                .wait(turn)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
