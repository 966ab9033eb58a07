//! Books that are kept in memory, by a store that can be told to fail.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::book::Book;
use crate::kept::{BookStore, Kept, StoreError};
use crate::store::{KeyStore, LastUses};
use crate::vouched;

/// Keeps a book; whoever has a copy of this has the same one.
#[derive(Clone, Debug)]
pub struct MemoryBookStore<B> {
    kept: Arc<Mutex<Option<Kept<B>>>>,
    uses: Arc<Mutex<LastUses>>,
    fails: Arc<AtomicBool>,
}

impl<B> Default for MemoryBookStore<B> {
    fn default() -> Self {
        Self {
            kept: Arc::default(),
            uses: Arc::default(),
            fails: Arc::default(),
        }
    }
}

impl<B> MemoryBookStore<B> {
    /// Says whether anything can be kept from now on.
    pub fn let_fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Puts another book in the place of the one that is kept, as whoever has the disk can.
    pub fn put(&self, kept: Option<Kept<B>>) {
        *lock(&self.kept) = kept;
    }

    fn check(&self, attempt: &'static str) -> Result<(), StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            let source = "the test lets nothing be kept".into();
            let what = "a book in memory";
            return Err(StoreError {
                attempt,
                what,
                source,
            });
        }
        Ok(())
    }
}

#[async_trait]
impl<B: vouched::Book> BookStore<B> for MemoryBookStore<B> {
    async fn load(&self) -> Result<Option<Kept<B>>, StoreError> {
        Ok(lock(&self.kept).clone())
    }

    async fn save(&self, kept: &Kept<B>) -> Result<(), StoreError> {
        self.check("writing")?;
        *lock(&self.kept) = Some(kept.clone());
        Ok(())
    }
}

#[async_trait]
impl KeyStore for MemoryBookStore<Book> {
    async fn last_uses(&self) -> Result<LastUses, StoreError> {
        Ok(lock(&self.uses).clone())
    }

    async fn save_last_uses(&self, uses: &LastUses) -> Result<(), StoreError> {
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
        let store = MemoryBookStore::default();
        key_store_suite::prove(&|| store.clone(), &|fails| store.let_fail(fails)).await;
    }
}
