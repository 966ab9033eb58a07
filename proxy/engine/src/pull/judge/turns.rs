//! Which requests judge at this moment: how many, for whoever judges unasked makes way for them; and of
//! each image one at a time, for the others find what it decided.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sluicegate_model::{Digest, Scope};
use tokio::sync::OwnedMutexGuard;

/// One request that judges, while it does.
pub(super) struct Asked(Arc<AtomicUsize>);

impl Asked {
    pub(super) fn one(asked: &Arc<AtomicUsize>) -> Self {
        asked.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(asked))
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An image, and whose verdict on it.
type Key = (Scope, Digest);
type OneAtATime = Arc<tokio::sync::Mutex<()>>;

/// The images that are judged, and who waits for each.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<Key, OneAtATime>>>);

/// Keeps others from judging an image.
pub(super) struct Turn {
    turns: Turns,
    key: Key,
    lock: Option<OneAtATime>,
    held: Option<OwnedMutexGuard<()>>,
    /// Whether somebody else judged the image meanwhile.
    pub(super) has_waited: bool,
}

impl Turns {
    /// Waits until nobody else judges an image, in the order in which all came.
    pub(super) async fn take(&self, scope: &Scope, digest: &Digest) -> Turn {
        let key = (scope.clone(), digest.clone());
        let one = Arc::clone(self.all().entry(key.clone()).or_default());
        // Made before it waits, so that whoever goes away meanwhile is forgotten.
        let mut turn = Turn {
            turns: self.clone(),
            key,
            lock: Some(Arc::clone(&one)),
            held: Arc::clone(&one).try_lock_owned().ok(),
            has_waited: false,
        };
        if turn.held.is_none() {
            turn.held = Some(one.lock_owned().await);
            turn.has_waited = true;
        }
        turn
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Key, OneAtATime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.held.take());
        let mut all = self.turns.all();
        // Under the lock, so that of several who go at once the last one sees that it is.
        drop(self.lock.take());
        if all
            .get(&self.key)
            .is_some_and(|it| Arc::strong_count(it) == 1)
        {
            all.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn an_image_is_judged_by_one_at_a_time_and_nobody_is_remembered() {
        let turns = Turns::default();
        let scope = Scope::for_all("up.test/app".parse().unwrap());
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        let first = turns.take(&scope, &one).await;
        let beside = timeout(SOON, turns.take(&scope, &other)).await;
        assert!(beside.is_ok(), "another image need not wait");
        assert!(timeout(SOON, turns.take(&scope, &one)).await.is_err());
        assert!(!first.has_waited);
        let second = turns.take(&scope, &one);
        let (second, ()) = tokio::join!(second, async { drop(first) });
        assert!(second.has_waited);
        assert_eq!(turns.all().len(), 2);
        drop((second, beside));
        assert!(turns.all().is_empty(), "whoever went away is forgotten too");
    }
}
