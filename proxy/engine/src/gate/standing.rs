//! Whether what is said here of an image or index may be given to whoever asks: only while the gate
//! itself would serve it, and for no reason but its verdict.
//!
//! Of an index more is asked than the gate asks: an index passes with one image that does, and its
//! attestation says that nothing of it that was judged was refused.

use std::sync::Arc;

use sluicegate_model::manifest::{Index, Manifest};
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Scope};

use super::{Gate, Judged};
use crate::attest::Unjudged;
use crate::pull::error::PullError;
use crate::pull::manifests::KnownManifest;
use crate::pull::waived::is_waived;

/// What verdicts say of an image or index for this purpose.
pub(super) enum Standing {
    /// The image is allowed.
    Image(Arc<KnownManifest>),
    /// All of the index that is judged is allowed, and something is.
    Index(Arc<KnownManifest>, Listed),
    /// It is refused, or one of the index's images is.
    Refused(Arc<Verdict>),
    /// Nothing is to be said of it: it is not known, somebody let it through without a verdict, or
    /// it is an index of indexes.
    Unsaid,
}

/// What an index lists, by whether it is judged.
#[derive(Default)]
pub(super) struct Listed {
    pub(super) judged: Vec<Digest>,
    pub(super) unjudged: Vec<Unjudged>,
}

/// What verdicts say of something that an index lists.
enum Child {
    Judged,
    Unjudged,
    Refused(Arc<Verdict>),
    Unsaid,
}

impl Gate {
    /// Tells what may be said of an image or index; waits for its verdicts in both modes.
    pub(super) async fn standing(
        &self,
        scope: &Scope,
        subject: &Digest,
    ) -> Result<Standing, PullError> {
        let known = self.parts.manifests.known(&scope.repository, subject);
        let known = match known.await {
            Err(PullError::UnknownManifest) => return Ok(Standing::Unsaid),
            known => known?,
        };
        let verdict = match self.holding().judged(scope, &known, None).await? {
            Judged::Refused(verdict) => return Ok(Standing::Refused(verdict)),
            Judged::Passes(verdict) => verdict,
        };
        if let Manifest::Index(index) = &known.parsed {
            return self.standing_of_index(scope, &known, index).await;
        }
        Ok(match verdict {
            Some(verdict) if !is_waived(&verdict) => Standing::Image(known),
            _ => Standing::Unsaid,
        })
    }

    async fn standing_of_index(
        &self,
        scope: &Scope,
        known: &Arc<KnownManifest>,
        index: &Index,
    ) -> Result<Standing, PullError> {
        let wanted = self.wanted_children(&scope.repository, index).await?;
        let mut listed = Listed::default();
        for child in index.manifests.iter().filter(|it| it.may_be_manifest()) {
            let digest = &child.digest;
            let is_unjudged = || listed.unjudged.iter().any(|(it, _)| it == digest);
            if listed.judged.contains(digest) || is_unjudged() {
                continue;
            }
            let is_wanted = wanted.contains(digest);
            match self.standing_of_child(scope, digest, is_wanted).await? {
                Child::Judged => listed.judged.push(digest.clone()),
                Child::Unjudged => {
                    let platform = child.platform.as_ref().map(ToString::to_string);
                    listed.unjudged.push((digest.clone(), platform));
                }
                Child::Refused(verdict) => return Ok(Standing::Refused(verdict)),
                Child::Unsaid => return Ok(Standing::Unsaid),
            }
        }
        if listed.judged.is_empty() {
            return Ok(Standing::Unsaid);
        }
        Ok(Standing::Index(Arc::clone(known), listed))
    }

    /// Judges what the gate judges with an index, and whatever else of it was asked for before.
    async fn standing_of_child(
        &self,
        scope: &Scope,
        digest: &Digest,
        is_wanted: bool,
    ) -> Result<Child, PullError> {
        let (ledger, repository) = (&self.parts.ledger, &scope.repository);
        let was_asked_for = ledger.verdict_bytes(scope, digest).await?.is_some()
            || ledger.is_released(repository, digest).await?;
        if !is_wanted && !was_asked_for {
            return Ok(Child::Unjudged);
        }
        let known = match self.parts.manifests.listed(repository, digest).await {
            Ok(known) => known,
            // A mirror that holds some platforms only. What was here once may be on some node.
            Err(PullError::UnknownManifest) if was_asked_for => return Ok(Child::Unsaid),
            Err(PullError::UnknownManifest) => return Ok(Child::Unjudged),
            Err(error) => return Err(error),
        };
        if let Manifest::Index(_) = &known.parsed {
            return Ok(Child::Unsaid);
        }
        Ok(match self.holding().judged(scope, &known, None).await? {
            Judged::Refused(verdict) => Child::Refused(verdict),
            Judged::Passes(Some(verdict)) if !is_waived(&verdict) => Child::Judged,
            Judged::Passes(_) => Child::Unsaid,
        })
    }
}
