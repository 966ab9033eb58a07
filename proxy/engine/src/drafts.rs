//! What policies would say of images that are known here: nothing is fetched, kept or told.

use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_model::{Digest, Scope};
use sluicegate_policy::{Explanation, Outcome, PolicySet};
use sluicegate_remedy::step::Remedy;

use crate::ledger::{Ledger, LedgerError};
use crate::pull::error::PullError;
use crate::pull::inventories::Held;
use crate::pull::judge::Judge;
use crate::pull::judging::{Judging, first_seen};
use crate::pull::remedy::remedy;
use crate::pull::verdict::{Image, explanation, outcomes};

/// Holds drafts against what is known.
#[derive(Clone)]
pub struct Drafts {
    judge: Judge,
    ledger: Arc<dyn Ledger>,
}

/// Why nothing can be said of an image.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// It is not kept what it holds: nobody pulled it here, or its inventory gave way to others.
    #[error(
        "it is not kept here what {digest} holds: it was never pulled through this service, or long ago"
    )]
    NotKept {
        /// The image.
        digest: Digest,
    },
    /// It could not be read.
    #[error(transparent)]
    Failed(#[from] PullError),
    /// It could not be looked up.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What a draft says beside what is in force, of the same findings.
#[derive(Clone, Debug)]
pub struct Drafted {
    /// What comes out under the draft.
    pub draft: Outcome,
    /// What comes out under what is in force.
    pub in_force: Outcome,
}

impl Drafts {
    /// Holds drafts against what a judge knows.
    pub(crate) fn new(judge: Judge, ledger: Arc<dyn Ledger>) -> Self {
        Self { judge, ledger }
    }

    /// Explains what comes out for an image under a draft, or under what is in force.
    ///
    /// *Errors*: the image is not known, or cannot be read.
    pub async fn explain(
        &self,
        draft: Option<Arc<PolicySet>>,
        scope: &Scope,
        digest: &Digest,
    ) -> Result<Explanation, DraftError> {
        let beside = draft.clone();
        let told = move |known: Known, judging: Judging, now| {
            let in_force = &judging.in_force;
            let set = draft.as_ref().unwrap_or(&in_force.policies);
            let by = (&**set, &in_force.advisories);
            explanation(&known.image, &known.held, by, &judging.known, now)
        };
        self.told((scope, digest), beside, told).await
    }

    /// Finds the upgrades after which an image would be allowed by what is in force.
    ///
    /// *Errors*: the image is not known, or cannot be read.
    pub async fn remedy(&self, scope: &Scope, digest: &Digest) -> Result<Remedy, DraftError> {
        let told = move |known: Known, judging: Judging, now| {
            let by = (&*judging.in_force.policies, &judging.in_force.advisories);
            remedy(&known.image, &known.held, by, &judging.known, now)
        };
        self.told((scope, digest), None, told).await
    }

    /// Decides on an image under a draft and under what is in force, each in a scope of its own: they
    /// may tell other askers apart.
    ///
    /// *Errors*: the image is not known, or cannot be read.
    pub async fn decide(
        &self,
        draft: Arc<PolicySet>,
        (drafts_scope, scope): (&Scope, &Scope),
        digest: &Digest,
    ) -> Result<Drafted, DraftError> {
        let drafts_scope = drafts_scope.clone();
        let beside = Some(Arc::clone(&draft));
        let told = move |known: Known, judging: Judging, now| {
            let in_force = &judging.in_force;
            let own = &known.image.scope;
            let sets = [(&*draft, &drafts_scope), (&*in_force.policies, own)];
            let by = (&sets[..], &in_force.advisories);
            outcomes(&known.image, &known.held, by, &judging.known, now)
        };
        let outcomes = self.told((scope, digest), beside, told).await?;
        let mut outcomes = outcomes.into_iter();
        let both = outcomes.next().zip(outcomes.next());
        let (draft, in_force) =
            both.ok_or_else(|| PullError::broken("judging a draft", "no outcome"))?;
        Ok(Drafted { draft, in_force })
    }

    /// Has something told of an image under a draft, beside whatever else is done here.
    async fn told<T: Send + 'static>(
        &self,
        (scope, digest): (&Scope, &Digest),
        draft: Option<Arc<PolicySet>>,
        tell: impl FnOnce(Known, Judging, Timestamp) -> T + Send + 'static,
    ) -> Result<T, DraftError> {
        let mut judging = self.judge.judging();
        judging.draft = draft;
        let known = self.known(&judging, scope, digest).await?;
        let now = judging.now;
        let told = tokio::task::spawn_blocking(move || tell(known, judging, now)).await;
        Ok(told.map_err(|panic| PullError::broken("judging a draft", panic))?)
    }

    async fn known(
        &self,
        judging: &Judging,
        scope: &Scope,
        digest: &Digest,
    ) -> Result<Known, DraftError> {
        let held = self.judge.scanned(&scope.sighting(digest)).await;
        let held = held.ok_or_else(|| DraftError::NotKept {
            digest: digest.clone(),
        })?;
        let held = self.judge.with_room(judging, scope, digest, held).await?;
        let earlier = self.ledger.known_verdict(scope, digest).await?;
        let image = Image {
            scope: scope.clone(),
            digest: digest.clone(),
            tags: Vec::new(),
            first_seen: Some(first_seen(earlier.head(), &held)),
            signatures: (earlier.head()).and_then(|it| it.signatures.clone()),
            graces: (earlier.head()).map_or_else(Vec::new, |it| it.graces.clone()),
        };
        Ok(Known { image, held })
    }
}

/// What is known of an image.
struct Known {
    image: Image,
    held: Held,
}
