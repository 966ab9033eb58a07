//! On whose behalf a blob is asked for.

use std::sync::{Arc, Mutex, PoisonError};

use sluicegate_model::Digest;

/// Those on whose behalf something is asked for, by the digest of what they need it for. More may
/// join while it waits for its turn.
#[derive(Clone, Debug, Default)]
pub struct Askers(Arc<Mutex<Arc<[Digest]>>>);

impl Askers {
    /// Starts with one.
    pub fn of(asker: &Digest) -> Self {
        let askers = Self::default();
        askers.add(asker);
        askers
    }

    /// Adds another.
    pub fn add(&self, asker: &Digest) {
        let mut askers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !askers.contains(asker) {
            *askers = askers.iter().chain([asker]).cloned().collect();
        }
    }

    /// Gives those who have joined by now, each once.
    pub fn all(&self) -> Arc<[Digest]> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
