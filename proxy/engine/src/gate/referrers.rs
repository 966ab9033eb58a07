//! Referrers at the gate: those of a manifest that it serves, and of them those that it serves; beside
//! them what is attached here.
//!
//! Each is judged as if it were pulled, here in both modes before the list leaves. A list releases
//! none of them: each is gated when it is asked for.

use std::sync::Arc;

use futures_util::StreamExt as _;
use sluicegate_model::manifest::{Descriptor, Manifest};
use sluicegate_model::registry::Referrers;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Reference, Repository, Scope};
use sluicegate_policy::NameRefusal;

use super::{Cleared, Gate, Judged, Refusal};
use crate::pull::asked::Asked;
use crate::pull::error::PullError;
use crate::pull::patience::OutOfPatience;

/// Referrers that are judged at a time; a client that leaves stops the rest.
const AT_A_TIME: usize = 4;
/// Most bytes of a referrer that a list fetches to judge it: signatures have some KiB, SBOMs some
/// MiB. A larger one is listed once it has been pulled by itself.
const MAX_FETCHED_BYTES: u64 = 64 * 1024 * 1024;

/// Referrers that may be listed.
#[derive(Clone, Debug, Default)]
pub struct ListedReferrers {
    /// Those that the gate would serve.
    pub referrers: Vec<Descriptor>,
    /// How many were left out because they are not judged.
    pub unjudged: usize,
    /// Whether the upstream has more than are looked at.
    pub are_cut: bool,
}

/// What the gate answers to a request for the referrers of a manifest.
pub enum ReferrersAnswer {
    /// Those that it would serve.
    List(Cleared<ListedReferrers>),
    /// The manifest itself does not leave.
    Refuse(Refusal),
    /// What it is called is refused, and nothing was asked for.
    RefuseName(NameRefusal),
    /// There is no verdict on it yet.
    NotYet(OutOfPatience),
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
    /// Answers a request for the referrers of a manifest, or those of one `artifactType`.
    pub async fn serve_referrers(
        &self,
        asked: &Asked,
        manifest: &Digest,
        wanted: Option<&str>,
    ) -> Result<ReferrersAnswer, PullError> {
        let reference = Reference::Digest(manifest.clone());
        let tag = self.tag_of(asked, &reference);
        let (repository, scope) = (&asked.repository, self.scope(asked, tag.as_ref()));
        if let Some(refusal) = self.refusal_by_name(&scope, &reference) {
            return Ok(ReferrersAnswer::RefuseName(refusal));
        }
        let refusal = Box::pin(self.refusal_of(&scope, manifest));
        match asked.patience.wait(refusal).await {
            Ok(refused) => {
                if let Some(verdict) = refused? {
                    let refusal = self.refusal(asked, verdict);
                    return Ok(ReferrersAnswer::Refuse(refusal));
                }
            }
            Err(ended) => return Ok(ReferrersAnswer::NotYet(ended)),
        }
        let find = self.find_referrers(repository, manifest, wanted);
        let found = match asked.patience.wait(find).await {
            Ok(found) => found?,
            Err(ended) => return Ok(ReferrersAnswer::NotYet(ended)),
        };
        let judged = Box::pin(self.referrers(&scope, found.clone()));
        let mut listed = match asked.patience.wait(judged).await {
            Ok(listed) => listed,
            // Nobody comes back: what is judged by now is listed, and no more.
            Err(OutOfPatience::ForGood) => self.judged_referrers(&scope, found).await?,
            Err(ended) => return Ok(ReferrersAnswer::NotYet(ended)),
        };
        let own = Box::pin(self.own_referrers(&scope, manifest, wanted));
        match asked.patience.wait(own).await {
            Ok(Ok(own)) => listed.0.referrers.extend(own),
            // Those of the upstream are no worse for it.
            Ok(Err(error)) => {
                tracing::warn!(%repository, %manifest, %error, "nothing attached to an image");
            }
            // Nobody comes back: whoever asks again gets them.
            Err(OutOfPatience::ForGood) => {}
            Err(ended) => return Ok(ReferrersAnswer::NotYet(ended)),
        }
        Ok(ReferrersAnswer::List(listed))
    }

    async fn find_referrers(
        &self,
        repository: &Repository,
        manifest: &Digest,
        wanted: Option<&str>,
    ) -> Result<Referrers, PullError> {
        let upstream = self.parts.upstreams.of(repository)?;
        let found = upstream.referrers(repository, manifest, wanted);
        Ok(found.await?)
    }

    /// Gives the verdict that refuses a manifest of this repository, in either mode after waiting
    /// for it: the referrers of what is refused are not listed. A manifest that the upstream does
    /// not have may have referrers all the same.
    pub(super) async fn refusal_of(
        &self,
        scope: &Scope,
        manifest: &Digest,
    ) -> Result<Option<Arc<Verdict>>, PullError> {
        let known = self.parts.manifests.known(&scope.repository, manifest);
        let known = match known.await {
            Err(PullError::UnknownManifest) => return Ok(None),
            known => known?,
        };
        match self.holding().judged(scope, &known, None).await? {
            Judged::Refused(verdict) => Ok(Some(verdict)),
            Judged::Passes(_) => Ok(None),
        }
    }

    /// Keeps the referrers that the gate would serve, and waits for those that are not judged yet.
    /// The caller bounds the wait; what is under way by then goes on.
    async fn referrers(&self, scope: &Scope, found: Referrers) -> Cleared<ListedReferrers> {
        let gate = self.holding();
        let gate = &gate;
        let fates = found.found.into_iter().map(|referrer| async move {
            let fate = gate.fate(scope, &referrer).await;
            (referrer, fate)
        });
        let fates = futures_util::stream::iter(fates).buffered(AT_A_TIME);
        listed(fates.collect().await, found.are_cut)
    }

    /// Keeps the referrers whose verdicts are known, without waiting for any.
    async fn judged_referrers(
        &self,
        scope: &Scope,
        found: Referrers,
    ) -> Result<Cleared<ListedReferrers>, PullError> {
        let mut fates = Vec::new();
        for referrer in found.found {
            let is_member = self
                .parts
                .ledger
                .is_member(&scope.repository, &referrer.digest)
                .await?;
            let fate = if is_member {
                fate_by(self.parts.judge.current(scope, &referrer.digest).await?)
            } else {
                Fate::Unjudged
            };
            fates.push((referrer, fate));
        }
        Ok(listed(fates, found.are_cut))
    }

    /// Tells what the gate would do with a referrer; whatever fails leaves it unjudged.
    async fn fate(&self, scope: &Scope, referrer: &Descriptor) -> Fate {
        let judged = self.judge_referrer(scope, &referrer.digest).await;
        judged.unwrap_or_else(|error| {
            tracing::info!(repository = %scope, digest = %referrer.digest, %error, "referrer not judged");
            Fate::Unjudged
        })
    }

    async fn judge_referrer(&self, scope: &Scope, digest: &Digest) -> Result<Fate, PullError> {
        let known = self.parts.manifests.listed(&scope.repository, digest);
        let known = match known.await {
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
            return Ok(fate_by(self.parts.judge.current(scope, digest).await?));
        }
        Ok(match self.judged(scope, &known, None).await? {
            Judged::Passes(_) => Fate::Listed,
            Judged::Refused(_) => Fate::Refused,
        })
    }
}

fn fate_by(verdict: Option<Arc<Verdict>>) -> Fate {
    match verdict.map(|verdict| verdict.decision) {
        Some(Decision::Allow | Decision::Annotate) => Fate::Listed,
        Some(Decision::Refuse) => Fate::Refused,
        None => Fate::Unjudged,
    }
}

fn listed(fates: Vec<(Descriptor, Fate)>, are_cut: bool) -> Cleared<ListedReferrers> {
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
