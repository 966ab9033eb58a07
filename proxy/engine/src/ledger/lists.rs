//! Lists of verdicts: as summaries, or with all that was found.

use async_trait::async_trait;
use sluicegate_model::Digest;
use sluicegate_model::verdict::Verdict;

use super::error::LedgerError;
use super::filter::{Page, VerdictFilter};
use super::summary::Summary;

/// Most bytes of the whole verdicts of one page, as text; one is listed whatever it has.
pub const MAX_PAGE_BYTES: u64 = 4 * 1024 * 1024;

/// Lists of verdicts.
#[async_trait]
pub trait Lists: Send + Sync {
    /// Lists verdicts in short, in the order that is asked for, at most `limit`; `after` is the page before's `next`.
    async fn list_summaries(
        &self,
        filter: &VerdictFilter,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Summary>, LedgerError>;

    /// Lists whole verdicts, in the order that is asked for, at most `limit`; `after` is the page before's `next`. A
    /// page ends early after [`MAX_PAGE_BYTES`].
    async fn list_verdicts(
        &self,
        filter: &VerdictFilter,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Verdict>, LedgerError>;

    /// Gives the summaries of the verdicts on a manifest, one for each scope.
    async fn summaries_of(&self, digest: &Digest) -> Result<Vec<Summary>, LedgerError>;
}
