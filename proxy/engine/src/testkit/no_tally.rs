//! Counts that nobody shows.

use std::sync::Arc;

use sluicegate_model::verdict::{Decision, Verdict};

use crate::tally::{Found, Tally};

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTally;

impl Tally for NoTally {
    fn count_pull(&self, _decision: Decision, _verdict: Option<&Arc<Verdict>>) {}

    fn count_denied(&self) {}

    fn count_blob(&self, _found: Found) {}

    fn observe_scan(&self, _seconds: f64) {}

    fn count_rejudged(&self, _renewed: u64, _skipped: u64) {}
}
