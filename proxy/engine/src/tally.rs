//! What is counted of pulls, for whoever shows it.

use std::sync::Arc;

use sluicegate_model::verdict::{Decision, Verdict};

/// Whether what was asked for was here already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was.
    Hit,
    /// It has to be fetched.
    Miss,
}

/// Counters.
pub trait Tally: Send + Sync {
    /// Counts a request for a manifest that was decided, by what decided.
    fn count_pull(&self, decision: Decision, verdict: Option<&Arc<Verdict>>);

    /// Counts a request for a registry that is not configured.
    fn count_denied(&self);

    /// Counts a blob that is given out.
    fn count_blob(&self, found: Found);

    /// Takes note of how long it was from the first request for an image to what was found in it.
    fn observe_scan(&self, seconds: f64);

    /// Counts old verdicts that were made anew, and those that could not be.
    fn count_rejudged(&self, renewed: u64, skipped: u64);
}
