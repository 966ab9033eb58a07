//! The engine that forgets: for tests, and the reference in the contract suite.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Key, Op, StoreError, VerdictStore};

/// Keeps records in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    rows: Mutex<BTreeMap<Key, Bytes>>,
    losses: AtomicU64,
}

impl MemoryStore {
    /// Starts empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says from now on that so many parts were lost.
    pub fn set_losses(&self, losses: u64) {
        self.losses.store(losses, Ordering::Relaxed);
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<Key, Bytes>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl VerdictStore for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        Ok(self.rows().get(key).cloned())
    }

    async fn apply(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        let mut rows = self.rows();
        for op in ops {
            match op {
                Op::Put { key, body } => rows.insert(key, body),
                Op::Delete { key } => rows.remove(&key),
            };
        }
        Ok(())
    }

    async fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Bytes)>, StoreError> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after.clone()),
            _ => Bound::Included(prefix.clone()),
        };
        let rows = self.rows();
        let page = rows
            .range((start, Bound::Unbounded))
            .take_while(|(key, _)| key.as_bytes().starts_with(prefix.as_bytes()))
            .take(limit)
            .map(|(key, body)| (key.clone(), body.clone()));
        Ok(page.collect())
    }

    fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }

    async fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
