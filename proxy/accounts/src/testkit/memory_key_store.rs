//! Keys that are kept in memory, by a store that can be told to fail.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::store::{KeptBook, KeyStore, KeyStoreError, LastUses};

/// Keeps a book; whoever has a copy of this has the same one.
#[derive(Clone, Debug, Default)]
pub struct MemoryKeyStore {
    kept: Arc<Mutex<Option<KeptBook>>>,
    uses: Arc<Mutex<LastUses>>,
    fails: Arc<AtomicBool>,
}

impl MemoryKeyStore {
    /// Says whether anything can be kept from now on.
    pub fn let_fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Puts another book in the place of the one that is kept, as whoever has the disk can.
    pub fn put(&self, kept: Option<KeptBook>) {
        *lock(&self.kept) = kept;
    }

    fn check(&self, attempt: &'static str) -> Result<(), KeyStoreError> {
        if self.fails.load(Ordering::SeqCst) {
            let source = "the test lets nothing be kept".into();
            return Err(KeyStoreError { attempt, source });
        }
        Ok(())
    }
}

#[async_trait]
impl KeyStore for MemoryKeyStore {
    async fn load(&self) -> Result<Option<KeptBook>, KeyStoreError> {
        Ok(lock(&self.kept).clone())
    }

    async fn save(&self, kept: &KeptBook) -> Result<(), KeyStoreError> {
        self.check("writing")?;
        *lock(&self.kept) = Some(kept.clone());
        Ok(())
    }

    async fn last_uses(&self) -> Result<LastUses, KeyStoreError> {
        Ok(lock(&self.uses).clone())
    }

    async fn save_last_uses(&self, uses: &LastUses) -> Result<(), KeyStoreError> {
        self.check("writing the last uses of")?;
        (*lock(&self.uses)).clone_from(uses);
        Ok(())
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::key_store_suite;

    #[tokio::test]
    async fn keeps_every_promise() {
        let store = MemoryKeyStore::default();
        key_store_suite::prove(&|| store.clone(), &|fails| store.let_fail(fails)).await;
    }
}
