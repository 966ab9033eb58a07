//! How far a job has come, for one of the pulls that share it: what it fetched and what it rests on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::content::{BlobSource, Interest, Pin};

/// What a running job has fetched and still wants; shown in status and in the log.
#[derive(Default)]
pub struct Progress {
    blobs: Mutex<Vec<(u64, BlobSource)>>,
    pins: Mutex<Vec<Pin>>,
    /// Whether this pull ran the scan itself.
    led: AtomicBool,
    /// Whether some blob came from another repository's upstream.
    borrowed: AtomicBool,
    /// Who waits for this content, in whichever repository.
    interest: Arc<Interest>,
}

impl Progress {
    /// Starts with nothing fetched, for those who are interested in the content.
    pub fn of(interest: Arc<Interest>) -> Self {
        Self {
            interest,
            ..Self::default()
        }
    }

    /// Gives the interest in the content.
    pub fn interest(&self) -> &Arc<Interest> {
        &self.interest
    }

    /// Tells whether another repository's upstream had a say in the outcome: its failure is not
    /// ours.
    pub fn relied_on_others(&self) -> bool {
        !self.led.load(Ordering::Relaxed) || self.borrowed.load(Ordering::Relaxed)
    }

    /// Forgets the last attempt's blobs; what is pinned stays so.
    pub fn begin_again(&self) {
        self.led.store(false, Ordering::Relaxed);
        self.borrowed.store(false, Ordering::Relaxed);
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.clear();
    }

    /// Gives bytes done and bytes expected.
    pub fn bytes(&self) -> (u64, u64) {
        let blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        blobs
            .iter()
            .fold((0, 0), |(done, expected), (size, source)| {
                (done + source.available().min(*size), expected + size)
            })
    }

    pub(super) fn watch(&self, size: u64, source: &BlobSource, pin: Pin) {
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.push((size, source.clone()));
        self.pins
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(pin);
    }

    /// Notes that this pull runs the scan itself.
    pub(super) fn lead(&self) {
        self.led.store(true, Ordering::Relaxed);
    }

    /// Notes that a blob comes from another repository's upstream.
    pub(super) fn borrow_blob(&self) {
        self.borrowed.store(true, Ordering::Relaxed);
    }
}
