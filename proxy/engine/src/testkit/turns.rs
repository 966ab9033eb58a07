//! Who goes on when: adapters in memory that were given turns take one before they do anything.
//!
//! Between a turn and the answer an adapter waits for nothing, so that whoever gives turns sees
//! every change by itself and decides in which order they come.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use sluicegate_model::Digest;

/// Decides when calls go on.
#[async_trait]
pub trait Turns: Send + Sync + Debug {
    /// Waits until a call may do what it is to do.
    async fn take(&self, call: &str);

    /// Waits until a blob may go on to arrive, and gives how many bytes may come at once.
    async fn piece(&self, blob: &str) -> usize;

    /// Takes note that the store waits for a blob.
    fn begun(&self, digest: &Digest);

    /// Takes note that the store has it, or has given it up.
    fn ended(&self, digest: &Digest);
}

/// The turns of an adapter; without any, everything goes on at once.
#[derive(Clone, Debug, Default)]
pub(super) struct InTurn(Option<Arc<dyn Turns>>);

impl InTurn {
    pub(super) fn of(turns: Arc<dyn Turns>) -> Self {
        Self(Some(turns))
    }

    pub(super) async fn take(&self, call: &str) {
        if let Some(turns) = &self.0 {
            turns.take(call).await;
        }
    }

    /// Gives how many bytes may come, of `most`.
    pub(super) async fn piece(&self, blob: &str, most: usize) -> usize {
        match &self.0 {
            Some(turns) => turns.piece(blob).await.clamp(1, most),
            None => most,
        }
    }

    pub(super) fn begun(&self, digest: &Digest) {
        if let Some(turns) = &self.0 {
            turns.begun(digest);
        }
    }

    pub(super) fn ended(&self, digest: &Digest) {
        if let Some(turns) = &self.0 {
            turns.ended(digest);
        }
    }
}
