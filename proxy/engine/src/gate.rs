//! The gate: turns verdicts into [`Cleared`] values, and is the only place that can.
//!
//! Holding a `Cleared<T>` is the proof that the check ran and that what had to be written down is;
//! `http/body.rs` sends nothing else. No path through here ends in an allowance for lack of time,
//! memory or an answer.

mod blob;
mod fallback;
mod index;
mod led;
mod manifest;
mod named;
mod opened;
mod own;
mod record;
mod referrers;
mod standing;
mod tagged;

use std::sync::Arc;

use crate::attest::Attester;
use crate::audit::Audit;
use crate::blocked::Blocked;
use crate::ledger::Ledger;
use crate::origin::Origins;
use sluicegate_model::clock::Clock;
use sluicegate_model::gate::GateMode;
use sluicegate_model::manifest::Platform;
use sluicegate_model::registry::TagPage;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Repository, Scope, Tag};

use crate::pull::asked::Asked;
use crate::pull::download::Downloads;
use crate::pull::error::PullError;
use crate::pull::judge::Judge;
use crate::pull::manifests::{KnownManifest, Manifests};
use crate::pull::presence::Presence;
use crate::pull::pulls::Pulls;
use crate::pull::releases::Releases;
use crate::pull::resolve::Resolver;
use crate::tally::Tally;

pub use blob::BlobAnswer;
pub use manifest::ManifestAnswer;
pub use referrers::{ListedReferrers, ReferrersAnswer};

use index::Nests;
use led::LedTo;
use named::ByName;
use tagged::PulledByTag;

/// Content that may leave. Only this module constructs it.
#[derive(Debug)]
pub struct Cleared<T>(T);

impl<T> Cleared<T> {
    /// Gives the content away, to be sent.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Shows the content.
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// A manifest that may be sent, with the verdict where it is known by now.
#[derive(Debug)]
pub struct ServedManifest {
    /// The manifest.
    pub manifest: Arc<KnownManifest>,
    /// The verdict; of an index, the strictest of its children's.
    pub verdict: Option<Arc<Verdict>>,
}

/// Why something does not leave.
#[derive(Debug)]
pub struct Refusal {
    /// The verdict.
    pub verdict: Arc<Verdict>,
    /// The image's platform where an index of the repository led to it.
    pub platform: Option<String>,
}

/// What verdicts say of something.
enum Judged<T> {
    /// It may leave.
    Passes(T),
    /// It may not.
    Refused(Arc<Verdict>),
}

/// What the gate asks and tells.
#[derive(Clone)]
pub struct GateParts {
    /// Hold or stream.
    pub mode: GateMode,
    /// The platforms judged with every index.
    pub platforms: Arc<[Platform]>,
    /// Tags to digests.
    pub resolver: Resolver,
    /// Manifests.
    pub manifests: Manifests,
    /// Verdicts.
    pub judge: Judge,
    /// Pulls under way.
    pub running: Pulls,
    /// Blobs.
    pub downloads: Downloads,
    /// Whether a repository's upstream has a blob.
    pub presence: Presence,
    /// What is attached to images here.
    pub attester: Attester,
    /// Membership.
    pub ledger: Arc<dyn Ledger>,
    /// Who is asked for lists.
    pub upstreams: Arc<dyn Origins>,
    /// The log of pulls.
    pub log: Arc<dyn Audit>,
    /// Events of what is refused.
    pub blocked: Blocked,
    /// The time of day.
    pub clock: Clock,
    /// Counters.
    pub tally: Arc<dyn Tally>,
}

/// Decides what leaves.
#[derive(Clone)]
pub struct Gate {
    parts: GateParts,
    releases: Releases,
    /// What nests of indexes have shown.
    nests: Nests,
    /// Which manifests indexes have led to.
    led: LedTo,
    /// What names that were allowed have led to.
    by_name: ByName,
    /// Which tags have led to what is asked for by digest.
    by_tag: PulledByTag,
}

impl Gate {
    /// Joins what it asks and tells.
    pub fn new(parts: GateParts) -> Self {
        Self {
            releases: Releases::new(Arc::clone(&parts.ledger)),
            parts,
            nests: Nests::default(),
            led: LedTo::default(),
            by_name: ByName::default(),
            by_tag: PulledByTag::default(),
        }
    }

    /// Lists tags of a repository, a page as its upstream gives it. Names release nothing.
    pub async fn tags(&self, repository: &Repository, query: &str) -> Result<TagPage, PullError> {
        let upstream = self.parts.upstreams.of(repository)?;
        Ok(upstream.tags(repository, query).await?)
    }

    /// Lists all tags of a repository.
    pub async fn all_tags(&self, repository: &Repository) -> Result<Vec<Tag>, PullError> {
        let upstream = self.parts.upstreams.of(repository)?;
        Ok(upstream.all_tags(repository).await?)
    }

    /// Names the manifests of a repository that list a blob.
    pub async fn manifests_listing(
        &self,
        repository: &Repository,
        blob: &Digest,
    ) -> Result<Vec<Digest>, PullError> {
        let listing = self.parts.ledger.manifests_listing(repository, blob).await;
        listing.map_err(PullError::storage)
    }

    /// Tells whether an image of the repository has been pulled here.
    pub async fn has_been_pulled(&self, repository: &Repository) -> bool {
        let platforms = self.parts.ledger.platforms(repository).await;
        platforms.is_ok_and(|platforms| !platforms.is_empty())
    }

    /// Gives a gate that waits for verdicts whatever clients of the registry do.
    fn holding(&self) -> Self {
        let mut holding = self.clone();
        holding.parts.mode = GateMode::Hold;
        holding
    }

    /// Tells where and for whom is judged what is asked for: once for each request, so that all of it
    /// is judged alike. By a tag where that is known.
    fn scope(&self, asked: &Asked, tag: Option<&Tag>) -> Scope {
        self.parts.judge.scope(&asked.repository, &asked.who, tag)
    }

    fn refusal(&self, asked: &Asked, verdict: Arc<Verdict>) -> Refusal {
        let is_led_to = self.led.contains(&asked.repository, &verdict.digest);
        let platform = Some(&verdict.platform).filter(|it| is_led_to && !it.is_empty());
        Refusal {
            platform: platform.cloned(),
            verdict,
        }
    }
}

#[cfg(test)]
mod tests;
