//! Referrers at the gate: those of a manifest that it serves, and of them those that it serves.
//!
//! Each is judged as if it were pulled, here in both modes before the list leaves. A list releases
//! none of them: each is gated when it is asked for.

use std::sync::Arc;

use futures_util::StreamExt as _;
use sluicegate_config::GateMode;
use sluicegate_model::manifest::Manifest;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Repository};
use sluicegate_upstream::{Referrer, Referrers};

use super::{Cleared, Gate, ManifestAnswer};
use crate::pull::error::PullError;

/// Referrers that are judged at a time; a client that leaves stops the rest.
const AT_A_TIME: usize = 4;
/// Most bytes of a referrer that a list fetches to judge it: signatures have some KiB, SBOMs some
/// MiB. A larger one is listed once it has been pulled by itself.
const MAX_FETCHED_BYTES: u64 = 64 * 1024 * 1024;

/// Referrers that may be listed.
#[derive(Clone, Debug, Default)]
pub struct ListedReferrers {
    /// Those that the gate would serve.
    pub referrers: Vec<Referrer>,
    /// How many were left out because they are not judged.
    pub unjudged: usize,
    /// Whether the upstream has more than are looked at.
    pub are_cut: bool,
}

/// What the gate would do with one referrer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Serve it, or have nothing to serve.
    Listed,
    /// Refuse it.
    Refused,
    /// It cannot tell.
    Unjudged,
}

impl Gate {
    /// Gives the verdict that refuses a manifest of this repository, in either mode after waiting
    /// for it: the referrers of what is refused are not listed. A manifest that the upstream does
    /// not have may have referrers all the same.
    pub async fn refusal_of(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<Option<Arc<Verdict>>, PullError> {
        let known = match self.manifests.known(repository, manifest).await {
            Err(PullError::UnknownManifest) => return Ok(None),
            known => known?,
        };
        match self.holding().manifest(repository, &known, None).await? {
            ManifestAnswer::Refuse(verdict) => Ok(Some(verdict)),
            ManifestAnswer::Serve(_) => Ok(None),
        }
    }

    /// Keeps the referrers that the gate would serve, and waits for those that are not judged yet.
    /// The caller bounds the wait; what is under way by then goes on.
    pub async fn referrers(
        &self,
        repository: &Repository,
        found: Referrers,
    ) -> Cleared<ListedReferrers> {
        let gate = self.holding();
        let gate = &gate;
        let fates = found.found.into_iter().map(|referrer| async move {
            let fate = gate.fate(repository, &referrer).await;
            (referrer, fate)
        });
        let fates = futures_util::stream::iter(fates).buffered(AT_A_TIME);
        listed(fates.collect().await, found.are_cut)
    }

    /// Keeps the referrers whose verdicts are known, without waiting for any.
    pub async fn judged_referrers(
        &self,
        repository: &Repository,
        found: Referrers,
    ) -> Result<Cleared<ListedReferrers>, PullError> {
        let mut fates = Vec::new();
        for referrer in found.found {
            let is_member = self.records.is_member(repository, &referrer.digest).await?;
            let fate = if is_member {
                fate_by(self.judge.current(repository, &referrer.digest).await?)
            } else {
                Fate::Unjudged
            };
            fates.push((referrer, fate));
        }
        Ok(listed(fates, found.are_cut))
    }

    /// Tells what the gate would do with a referrer; whatever fails leaves it unjudged.
    async fn fate(&self, repository: &Repository, referrer: &Referrer) -> Fate {
        let judged = self.judge_referrer(repository, &referrer.digest).await;
        judged.unwrap_or_else(|error| {
            tracing::info!(%repository, digest = %referrer.digest, %error, "referrer not judged");
            Fate::Unjudged
        })
    }

    async fn judge_referrer(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Fate, PullError> {
        let known = match self.manifests.listed(repository, digest).await {
            Ok(known) => known,
            // The upstream lists what it does not have: there is nothing that could leave.
            Err(PullError::UnknownManifest) => return Ok(Fate::Listed),
            Err(PullError::Manifest(_)) => return Ok(Fate::Refused),
            Err(error) => return Err(error),
        };
        if let Manifest::Image(image) = &known.parsed
            && image
                .blobs()
                .map(|blob| blob.size)
                .fold(0, u64::saturating_add)
                > MAX_FETCHED_BYTES
        {
            return Ok(fate_by(self.judge.current(repository, digest).await?));
        }
        Ok(match self.manifest(repository, &known, None).await? {
            ManifestAnswer::Serve(_) => Fate::Listed,
            ManifestAnswer::Refuse(_) => Fate::Refused,
        })
    }

    /// Gives a gate that waits for verdicts whatever clients of the registry do.
    pub(super) fn holding(&self) -> Self {
        Self {
            mode: GateMode::Hold,
            ..self.clone()
        }
    }
}

fn fate_by(verdict: Option<Arc<Verdict>>) -> Fate {
    match verdict.map(|verdict| verdict.decision) {
        Some(Decision::Allow | Decision::Annotate) => Fate::Listed,
        Some(Decision::Refuse) => Fate::Refused,
        None => Fate::Unjudged,
    }
}

fn listed(fates: Vec<(Referrer, Fate)>, are_cut: bool) -> Cleared<ListedReferrers> {
    let mut list = ListedReferrers {
        are_cut,
        ..ListedReferrers::default()
    };
    for (referrer, fate) in fates {
        match fate {
            Fate::Listed => list.referrers.push(referrer),
            Fate::Refused => {}
            Fate::Unjudged => list.unjudged += 1,
        }
    }
    Cleared(list)
}
