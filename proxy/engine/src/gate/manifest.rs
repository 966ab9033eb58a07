//! Manifests: found, judged, written down, and only then cleared.

use std::sync::Arc;

use crate::content::{Waiting, Watched};
use crate::identity::Who;
use futures_util::future::{BoxFuture, FutureExt as _};
use sluicegate_model::gate::GateMode;
use sluicegate_model::image::{Reference, Tag};
use sluicegate_model::manifest::Manifest;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Repository, Scope};
use sluicegate_policy::NameRefusal;

use super::index::Nesting;
use super::{Cleared, Gate, Judged, Refusal, ServedManifest};
use crate::pull::asked::Asked;
use crate::pull::error::PullError;
use crate::pull::manifests::KnownManifest;
use crate::pull::patience::OutOfPatience;

/// What the gate answers to a request for a manifest.
pub enum ManifestAnswer {
    /// It leaves; what is not sure about it is told beside.
    Serve(Cleared<ServedManifest>, Option<String>),
    /// Nothing leaves but what it is and how long.
    Announce(Cleared<ServedManifest>),
    /// It leaves so slowly that its last byte comes once the future has ended.
    Drip(Cleared<ServedManifest>, BoxFuture<'static, ()>),
    /// It does not leave.
    Refuse(Refusal),
    /// What it is called is refused, and nothing was fetched.
    RefuseName(NameRefusal),
    /// There is no verdict yet.
    NotYet(OutOfPatience),
}

/// What verdicts say of a manifest; of an index the strictest one on its children is named, where
/// there is one.
pub(super) type JudgedManifest = Judged<Option<Arc<Verdict>>>;

impl JudgedManifest {
    fn by(verdict: Arc<Verdict>) -> Self {
        match verdict.decision {
            Decision::Allow | Decision::Annotate => Self::Passes(Some(verdict)),
            Decision::Refuse => Self::Refused(verdict),
        }
    }

    pub(super) fn into_verdict(self) -> Option<Arc<Verdict>> {
        match self {
            Self::Passes(verdict) => verdict,
            Self::Refused(verdict) => Some(verdict),
        }
    }
}

/// What a request turned out to be about.
pub(super) struct Found {
    /// Where and for whom it is judged.
    pub(super) scope: Scope,
    pub(super) manifest: Arc<KnownManifest>,
    pub(super) tag: Option<Tag>,
    /// What is not sure about it, or noted for its name, in words.
    pub(super) doubt: Option<String>,
    /// What the tag names, where this is served for it.
    pub(super) in_place_of: Option<Digest>,
}

/// What there is for a request.
enum Sought {
    Found(Box<Found>),
    Answered(ManifestAnswer),
}

impl Gate {
    /// Answers a request for a manifest: what was decided is in the log, and that it left is
    /// recorded, before this returns. Dropping the future stops no pull that is under way.
    pub async fn serve_manifest(
        &self,
        asked: &Asked,
        reference: &Reference,
    ) -> Result<ManifestAnswer, PullError> {
        let asked_tag = self.tag_of(asked, reference);
        let asked_tag = asked_tag.as_ref();
        let scope = self.scope(asked, asked_tag);
        if let Some(refusal) = self.refused_by_name(asked, &scope, reference).await? {
            return Ok(ManifestAnswer::RefuseName(refusal));
        }
        let mut found = match Box::pin(self.seek(asked, scope, reference)).await? {
            Sought::Found(found) => *found,
            Sought::Answered(answer) => return Ok(answer),
        };
        self.note_led(asked, &found);
        self.note_tag_of(asked, &found);
        found.doubt = found
            .doubt
            .or_else(|| self.note_on_name(&found.scope, reference));
        let judged = self.judged_as_asked(asked, asked_tag, &mut found);
        match asked.patience.wait(judged).await {
            Ok(judged) => match judged? {
                Judged::Passes(verdict) => self.let_out(asked, found, verdict).await,
                Judged::Refused(verdict) => match self.fallback(asked, &found, &verdict).await? {
                    Some((found, verdict)) => {
                        self.note_tag_of(asked, &found);
                        self.let_out(asked, found, Some(verdict)).await
                    }
                    None => self.refuse(asked, &found, verdict).await,
                },
            },
            Err(OutOfPatience::ForGood) => self.serve_unjudged(asked, &found).await,
            Err(ended) => {
                self.note_still_asked(asked, &found.manifest.digest, asked_tag);
                Ok(ManifestAnswer::NotYet(ended))
            }
        }
    }

    /// Finds what is asked for, or answers where that is something of ours.
    async fn seek(
        &self,
        asked: &Asked,
        scope: Scope,
        reference: &Reference,
    ) -> Result<Sought, PullError> {
        if let Reference::Digest(digest) = reference
            && !self
                .parts
                .manifests
                .is_here(&scope.repository, digest)
                .await?
            && let Some(own) = self.serve_own_manifest(asked, digest).await?
        {
            return Ok(Sought::Answered(own));
        }
        let found = match asked.patience.wait(self.find(scope, reference)).await {
            Ok(found) => found,
            Err(ended) => return Ok(Sought::Answered(ManifestAnswer::NotYet(ended))),
        };
        if let (Err(PullError::UnknownManifest), Reference::Tag(tag)) = (&found, reference)
            && let Some(own) = self.serve_own_tag(asked, tag).await?
        {
            return Ok(Sought::Answered(own));
        }
        found.map(|found| Sought::Found(Box::new(found)))
    }

    /// Judges what was found for whoever asked, and anew where another policy came in force meanwhile
    /// that tells them from those for whom it was judged.
    async fn judged_as_asked(
        &self,
        asked: &Asked,
        tag: Option<&Tag>,
        found: &mut Found,
    ) -> Result<JudgedManifest, PullError> {
        loop {
            let judged = self.judged(&found.scope, &found.manifest, found.tag.as_ref());
            let judged = judged.await?;
            let scope = self.scope(asked, tag);
            if scope == found.scope {
                return Ok(judged);
            }
            found.scope = scope;
        }
    }

    /// Judges an image ahead of its first pull, for whoever asks for that: nothing is logged, nothing
    /// leaves. Gives the strictest verdict; none where an index lists nothing that could be refused.
    pub async fn judge_ahead(
        &self,
        repository: &Repository,
        who: &Who,
        reference: &Reference,
    ) -> Result<(Digest, Option<Arc<Verdict>>), PullError> {
        let asked_tag = match reference {
            Reference::Tag(tag) => Some(tag),
            Reference::Digest(_) => None,
        };
        let scope = self.parts.judge.scope(repository, who, asked_tag);
        let found = self.find(scope, reference).await?;
        let (manifest, tag) = (&found.manifest, found.tag.as_ref());
        // Whoever asked looks again later; nobody waits at a connection.
        let nobody = Watched::default();
        let holding = self.holding();
        let judged = holding.judged_for(&found.scope, manifest, tag, nobody);
        let verdict = judged.await?.into_verdict();
        self.note_tag(&found, verdict.as_ref()).await?;
        Ok((manifest.digest.clone(), verdict))
    }

    async fn find(&self, scope: Scope, reference: &Reference) -> Result<Found, PullError> {
        let repository = &scope.repository;
        let manifests = &self.parts.manifests;
        let (manifest, tag, stale_since) = match reference {
            Reference::Digest(digest) => (manifests.known(repository, digest).await?, None, None),
            Reference::Tag(tag) => {
                let resolved = self.parts.resolver.resolve(repository, tag).await?;
                let manifest = manifests.tagged(repository, &resolved.digest, tag).await?;
                (manifest, Some(tag.clone()), resolved.stale_since)
            }
        };
        let doubt = stale_since.map(|since| {
            format!(
                "sluicegate: {} cannot be reached; tag last confirmed {since}",
                repository.upstream()
            )
        });
        Ok(Found {
            scope,
            manifest,
            tag,
            doubt,
            in_place_of: None,
        })
    }

    /// Judges a manifest for whoever awaits this, and no longer than that. In hold mode it waits for
    /// the verdict, however long that takes: the caller bounds it.
    pub(super) async fn judged(
        &self,
        scope: &Scope,
        manifest: &Arc<KnownManifest>,
        tag: Option<&Tag>,
    ) -> Result<JudgedManifest, PullError> {
        if let Manifest::Image(_) = manifest.parsed
            && let Some(verdict) = self.parts.judge.warm(scope, &manifest.digest)
        {
            return Ok(Judged::by(verdict));
        }
        // As long as this is awaited, and no longer, somebody waits for what it starts.
        let client = Waiting::default();
        self.judged_for(scope, manifest, tag, client.seen_from_afar())
            .await
    }

    /// Does the same for a client that may leave while this goes on, or for none at all.
    pub(super) async fn judged_for(
        &self,
        scope: &Scope,
        manifest: &Arc<KnownManifest>,
        tag: Option<&Tag>,
        client: Watched,
    ) -> Result<JudgedManifest, PullError> {
        let nesting = Nesting::of(&self.nests, &scope.repository, manifest, client);
        self.judged_at(scope, manifest, tag, nesting).await
    }

    pub(super) fn judged_at<'a>(
        &'a self,
        scope: &'a Scope,
        manifest: &'a Arc<KnownManifest>,
        tag: Option<&'a Tag>,
        nesting: Nesting,
    ) -> BoxFuture<'a, Result<JudgedManifest, PullError>> {
        match &manifest.parsed {
            Manifest::Image(image) => async move {
                let current = self.parts.judge.current_under(scope, &manifest.digest, tag);
                if let Some(verdict) = current.await? {
                    return Ok(Judged::by(verdict));
                }
                let pull = self.parts.running.join(scope, manifest, image, tag);
                pull.join(nesting.client());
                match self.parts.mode {
                    GateMode::Hold => Ok(Judged::by(pull.outcome().await?)),
                    GateMode::Stream => Ok(Judged::Passes(None)),
                }
            }
            .boxed(),
            Manifest::Index(index) => {
                self.led.note(&scope.repository, &manifest.digest, index);
                let nesting = nesting.under(&manifest.digest);
                self.parts.judge.note_index(scope, nesting.above(), index);
                async move { self.index(scope, index, nesting).await }.boxed()
            }
        }
    }

    async fn let_out(
        &self,
        asked: &Asked,
        found: Found,
        verdict: Option<Arc<Verdict>>,
    ) -> Result<ManifestAnswer, PullError> {
        self.record(asked, &found, verdict.as_ref()).await?;
        self.release(asked, &found, verdict.as_ref()).await?;
        let served = ServedManifest {
            manifest: found.manifest,
            verdict,
        };
        Ok(ManifestAnswer::Serve(Cleared(served), found.doubt))
    }

    async fn refuse(
        &self,
        asked: &Asked,
        found: &Found,
        verdict: Arc<Verdict>,
    ) -> Result<ManifestAnswer, PullError> {
        self.record(asked, found, Some(&verdict)).await?;
        let is_told_later = asked.head && asked.hides_reasons;
        if is_told_later && !self.has_left(asked, found).await? {
            return Ok(ManifestAnswer::Announce(found.without_verdict()));
        }
        self.note_blocked(asked, found.tag.as_ref(), &verdict);
        Ok(ManifestAnswer::Refuse(self.refusal(asked, verdict)))
    }

    /// Nobody comes back for the verdict: a HEAD learns what was never secret, a GET is completed
    /// once there is one. The manifest of an image is no secret: what protects the client is that no
    /// config or layer leaves before the verdict.
    async fn serve_unjudged(
        &self,
        asked: &Asked,
        found: &Found,
    ) -> Result<ManifestAnswer, PullError> {
        let cleared = found.without_verdict();
        if asked.head {
            // A node that has the content needs no more than this to count the image as pulled.
            if self.has_left(asked, found).await? {
                return Ok(ManifestAnswer::NotYet(OutOfPatience::ForGood));
            }
            self.record(asked, found, None).await?;
            self.release(asked, found, None).await?;
            return Ok(ManifestAnswer::Announce(cleared));
        }
        // A task of its own: the pull is logged even if the client leaves.
        let client = Waiting::default();
        let watched = client.seen_from_afar();
        let logged = tokio::spawn(self.log_when_judged(asked, found, watched));
        let judged = async move {
            if let Err(error) = logged.await {
                tracing::error!(%error, "dripped pull not logged");
            }
            // Until here, and no longer than the body is sent.
            drop(client);
        };
        Ok(ManifestAnswer::Drip(cleared, judged.boxed()))
    }

    async fn has_left(&self, asked: &Asked, found: &Found) -> Result<bool, PullError> {
        let digest = &found.manifest.digest;
        Ok(self
            .parts
            .ledger
            .is_released(&asked.repository, digest)
            .await?)
    }
}

impl Found {
    fn without_verdict(&self) -> Cleared<ServedManifest> {
        Cleared(ServedManifest {
            manifest: Arc::clone(&self.manifest),
            verdict: None,
        })
    }
}
