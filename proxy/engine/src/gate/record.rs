//! What is written of an answer before it leaves: its line in the log of pulls, under which tag the
//! image was asked for, and that a manifest has left.

use std::sync::Arc;

use crate::audit::{Denial, Pull, PullMethod};
use crate::blocked::Refused;
use crate::content::Watched;
use crate::ledger::Release;
use sluicegate_model::manifest::Manifest;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Tag};

use super::Gate;
use super::manifest::{Found, JudgedManifest};
use crate::pull::asked::Asked;
use crate::pull::error::PullError;
use crate::pull::waived::is_waived;

impl Gate {
    /// Writes what was decided on a request for a manifest. Durable when it returns.
    pub(super) async fn record(
        &self,
        asked: &Asked,
        found: &Found,
        verdict: Option<&Arc<Verdict>>,
    ) -> Result<(), PullError> {
        self.note_tag(found, verdict).await?;
        let pull = pull_of(asked, found, verdict);
        self.parts.tally.count_pull(pull.decision(), verdict);
        self.log(pull).await
    }

    /// Adds the tag under which an image was asked for to its verdict; what decides on an index is not on
    /// itself.
    pub(super) async fn note_tag(
        &self,
        found: &Found,
        verdict: Option<&Arc<Verdict>>,
    ) -> Result<(), PullError> {
        if let (Some(verdict), Some(tag)) = (verdict, &found.tag)
            && verdict.digest == found.manifest.digest
        {
            self.parts.judge.note_tag(verdict, tag).await?;
        }
        Ok(())
    }

    /// Writes that a blob was refused: where the manifest left before the verdict, this is how the
    /// pull ends.
    pub(super) async fn record_refused_blob(
        &self,
        asked: &Asked,
        verdict: &Arc<Verdict>,
    ) -> Result<(), PullError> {
        let mut pull = pull(asked, &verdict.digest, Some(verdict));
        pull.method = PullMethod::Blob;
        self.log(pull).await?;
        self.note_blocked(asked, None, verdict);
        Ok(())
    }

    /// Has a refusal that is in the log told as an event as well.
    pub(super) fn note_blocked(&self, asked: &Asked, tag: Option<&Tag>, verdict: &Verdict) {
        self.parts.blocked.note(Refused {
            who: &asked.who,
            repository: &asked.repository,
            tag,
            digest: Some(&verdict.digest),
            policy: &verdict.policy,
            reasons: &verdict.reasons,
        });
    }

    /// Makes sure that lines can be written before something leaves that has none of its own.
    pub(super) async fn prove_log(&self) -> Result<(), PullError> {
        Ok(self.parts.log.prove().await?)
    }

    /// Writes that a registry was asked for which is not configured. Nothing leaves, so that a log
    /// that cannot be written changes nothing in the answer.
    pub async fn note_denied(&self, denial: Denial) {
        self.parts.tally.count_denied();
        if let Err(error) = self
            .parts
            .log
            .record_denial(denial, self.parts.clock.now())
            .await
        {
            tracing::error!(%error, "denied request not logged");
        }
    }

    /// Records that a manifest leaves, and on GET the platform it is for. Durable when it returns;
    /// without a verdict that is done once there is one that allows it.
    pub(super) async fn release(
        &self,
        asked: &Asked,
        found: &Found,
        verdict: Option<&Arc<Verdict>>,
    ) -> Result<(), PullError> {
        let digest = &found.manifest.digest;
        if let Some(verdict) = verdict {
            return self.note_release(asked, digest, verdict).await;
        }
        self.release_later(asked, found);
        Ok(())
    }

    /// Waits for the verdict on a manifest that left, or is leaving, without one; then logs the pull
    /// with it and marks the release.
    pub(super) fn log_when_judged(
        &self,
        asked: &Asked,
        found: &Found,
        client: Watched,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (gate, asked) = (self.clone(), asked.clone());
        let (manifest, tag) = (Arc::clone(&found.manifest), found.tag.clone());
        let scope = found.scope.clone();
        let mut pull = pull_of(&asked, found, None);
        async move {
            let judged = gate.judged_for(&scope, &manifest, tag.as_ref(), client);
            let verdict = judged.await.ok().and_then(JudgedManifest::into_verdict);
            if let Some(verdict) = verdict {
                pull.rests_on = Some(Arc::clone(&verdict));
                gate.note_release_where_allowed(&asked, &manifest.digest, &verdict)
                    .await;
            }
            if let Err(error) = gate.log(pull).await {
                tracing::error!(%error, "pull not logged");
            }
        }
    }

    /// What the release rests on is told in the log; a refusal is told there when it is made.
    fn release_later(&self, asked: &Asked, found: &Found) {
        let (gate, asked) = (self.clone(), asked.clone());
        let (scope, digest) = (found.scope.clone(), found.manifest.digest.clone());
        let mut pull = pull_of(&asked, found, None);
        tokio::spawn(async move {
            let repository = &asked.repository;
            let verdict = match gate.parts.running.running(&scope, &digest) {
                Some(pull) => pull.outcome().await.ok(),
                None => gate.parts.judge.warm(&scope, &digest),
            };
            let Some(verdict) = verdict.filter(|verdict| verdict.decision != Decision::Refuse)
            else {
                return;
            };
            gate.note_release_where_allowed(&asked, &digest, &verdict)
                .await;
            pull.rests_on = Some(verdict);
            if let Err(error) = gate
                .parts
                .log
                .record_verdict(pull, gate.parts.clock.now())
                .await
            {
                tracing::error!(%repository, %digest, %error, "verdict of a pull not logged");
            }
        });
    }

    async fn note_release_where_allowed(&self, asked: &Asked, digest: &Digest, verdict: &Verdict) {
        if verdict.decision != Decision::Refuse
            && let Err(error) = self.note_release(asked, digest, verdict).await
        {
            let repository = &asked.repository;
            tracing::error!(%repository, %digest, %error, "release not recorded");
        }
    }

    async fn note_release(
        &self,
        asked: &Asked,
        digest: &Digest,
        verdict: &Verdict,
    ) -> Result<(), PullError> {
        let repository = &asked.repository;
        // Who has it by a grace of somebody's has no time to wait for afterwards.
        let release = if asked.head || is_waived(verdict) {
            Release::Announced
        } else {
            Release::Given
        };
        self.releases.manifest(repository, digest, release).await?;
        if !asked.head {
            let platform = &verdict.platform;
            self.releases.platform(repository, platform).await?;
        }
        Ok(())
    }

    async fn log(&self, pull: Pull) -> Result<(), PullError> {
        Ok(self.parts.log.record(pull, self.parts.clock.now()).await?)
    }
}

/// Describes a request for a manifest.
fn pull_of(asked: &Asked, found: &Found, verdict: Option<&Arc<Verdict>>) -> Pull {
    let mut pull = pull(asked, &found.manifest.digest, verdict);
    pull.tag.clone_from(&found.tag);
    pull.in_place_of.clone_from(&found.in_place_of);
    if let Manifest::Index(index) = &found.manifest.parsed {
        let children = index.manifests.iter().map(|child| child.digest.clone());
        pull.leads_to = children.collect();
    }
    pull
}

/// Describes a request. Without a verdict the manifest leaves before it: the layers are what is
/// gated.
fn pull(asked: &Asked, digest: &Digest, verdict: Option<&Arc<Verdict>>) -> Pull {
    Pull {
        who: asked.who.clone(),
        repository: asked.repository.clone(),
        tag: None,
        digest: digest.clone(),
        in_place_of: None,
        leads_to: Vec::new(),
        method: if asked.head {
            PullMethod::Head
        } else {
            PullMethod::Get
        },
        rests_on: verdict.cloned(),
    }
}
