//! Who waits for content that is on its way, and how much of it has come.
//!
//! A download runs to its end whoever leaves, but for one: nobody waits for it and hardly anything
//! comes. `pull` decides that; here is only kept what it asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Somebody who waits, for as long as this is held: a request, a body that is being sent.
///
/// Work that goes on by itself never holds one, so that a client that left is seen to have left.
#[derive(Clone, Debug, Default)]
pub struct Waiting(Arc<()>);

impl Waiting {
    /// Gives what tells whether this one still waits, without waiting itself.
    pub fn seen_from_afar(&self) -> Watched {
        Watched(Arc::downgrade(&self.0))
    }
}

/// A view of somebody who waits, for work that is done on their behalf.
#[derive(Clone, Debug, Default)]
pub struct Watched(Weak<()>);

/// The interest in one thing that is on its way.
#[derive(Debug, Default)]
pub struct Interest {
    waiting: Mutex<Vec<Watched>>,
    arrivals: AtomicU64,
    received: AtomicU64,
}

/// An interest as it is at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether somebody waits.
    pub is_wanted: bool,
    /// How often somebody has begun to wait, whoever has left since.
    pub arrivals: u64,
    /// Bytes that have come.
    pub received: u64,
}

impl Interest {
    /// Takes note of somebody who waits.
    pub fn join(&self, watched: Watched) {
        if watched.0.strong_count() == 0 {
            return;
        }
        self.arrivals.fetch_add(1, Ordering::Relaxed);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|watched| watched.0.strong_count() > 0);
        waiting.push(watched);
    }

    /// Counts bytes that have come.
    pub fn add(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Tells how it stands.
    pub fn standing(&self) -> Standing {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        Standing {
            is_wanted: waiting.iter().any(|watched| watched.0.strong_count() > 0),
            arrivals: self.arrivals.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
        }
    }
}
