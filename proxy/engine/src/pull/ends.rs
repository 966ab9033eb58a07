//! When verdicts end by themselves, so that somebody looks at them then.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use sluicegate_model::clock::is_to_come;

/// When verdicts end, as far as is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// The earliest instant at which one does.
    due: Option<Timestamp>,
    /// The latest instant at which one was made: where the clock is behind it, it jumped back.
    latest: Option<Timestamp>,
}

impl Ends {
    /// Tells whether one has ended since this was last forgotten.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let known = self.known();
        known.due.is_some_and(|due| due <= now)
            || known.latest.is_some_and(|latest| is_to_come(latest, now))
    }

    /// Forgets all of them.
    pub(super) fn forget(&self) {
        *self.known() = Known::default();
    }

    /// Remembers when one was made, and when it ends.
    pub(super) fn note(&self, decided_at: Timestamp, valid_until: Option<Timestamp>) {
        let mut known = self.known();
        known.due = known.due.into_iter().chain(valid_until).min();
        known.latest = known.latest.max(Some(decided_at));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
