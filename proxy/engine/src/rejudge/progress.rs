//! How far a pass is, for status.

use std::sync::{Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;

/// How far the running pass is, or how the last one ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProgressView {
    /// Whether a pass is under way.
    pub running: bool,
    /// Verdicts looked at.
    pub done: u64,
    /// Verdicts that there are to look at.
    pub total: u64,
    /// Verdicts that were made anew.
    pub renewed: u64,
    /// Verdicts that are old and stay so until the next pull, for their inventory is gone, or nobody has
    /// looked for the signatures that policies ask for by now.
    pub skipped: u64,
    /// Why it was cut, where it was.
    pub problem: Option<String>,
}

/// The same, while it grows.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<ProgressView>);

impl Progress {
    pub(super) fn begin(&self, total: u64) {
        *self.lock() = ProgressView {
            running: true,
            total,
            ..ProgressView::default()
        };
    }

    /// Counts the verdicts on some images, of which each was counted as one until now.
    pub(super) fn found(&self, verdicts: usize, images: usize) {
        let mut view = self.lock();
        let others = view.total.saturating_sub(images as u64);
        view.total = others.saturating_add(verdicts as u64);
    }

    pub(super) fn add(&self, done: u64, renewed: u64, skipped: u64) {
        let mut view = self.lock();
        view.done = view.done.saturating_add(done);
        view.renewed = view.renewed.saturating_add(renewed);
        view.skipped = view.skipped.saturating_add(skipped);
    }

    pub(super) fn end(&self, problem: Option<String>) -> ProgressView {
        let mut view = self.lock();
        view.running = false;
        view.problem = problem;
        view.clone()
    }

    pub(super) fn view(&self) -> ProgressView {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, ProgressView> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
