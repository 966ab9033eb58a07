//! Blobs: those that a manifest of the repository lists which is judged and allowed for whoever asks,
//! and in stream mode of others all but their tails.

use std::ops::Range;
use std::sync::Arc;

use crate::content::{BlobBody, BlobSource, Interest, Tail, TailHold, Waiting};
use serde_json::{Map, Value};
use sluicegate_model::gate::GateMode;
use sluicegate_model::image_config::MAX_CONFIG_BYTES;
use sluicegate_model::manifest::{Descriptor, Manifest};
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Repository, Scope};
use sluicegate_scanner::is_surely_image;

use super::{Cleared, Gate, Judged, Refusal};
use crate::pull::asked::Asked;
use crate::pull::error::PullError;
use crate::pull::patience::OutOfPatience;
use crate::pull::presence::Proof;
use crate::pull::pulls::Pull;
use crate::pull::stream_rules;
use crate::tally;

/// The config of artifacts that need none. Source: image-spec, "Guidance for an Empty Descriptor".
const EMPTY_CONFIG: &[u8] = b"{}";

/// What the gate answers to a request for a blob.
pub enum BlobAnswer {
    /// It may leave, and where bytes are wanted they do.
    Serve(Descriptor, Option<Box<Cleared<BlobBody>>>),
    /// It does not leave.
    Refuse(Refusal),
    /// There is no verdict yet.
    NotYet(OutOfPatience),
}

/// What verdicts say of a blob.
type JudgedBlob = Judged<Box<Grant>>;

/// A blob that may leave, whole or without its tail.
pub(super) struct Grant {
    pub(super) blob: Descriptor,
    pub(super) tail: Option<TailHold>,
    pub(super) proof: Proof,
    /// Who is interested in the verdict that the tail waits for.
    pub(super) interest: Option<Arc<Interest>>,
}

impl Grant {
    /// Tells whether no byte from `start` on may leave before a verdict that is not there yet: an
    /// answer that begins there would be headers and silence.
    fn withholds_from(&self, start: u64) -> bool {
        let tail = self.tail.as_ref().filter(|tail| start >= tail.from);
        tail.is_some_and(|tail| *tail.state.borrow() != Tail::Released)
    }
}

/// What the manifests that list a blob say of it.
#[derive(Default)]
struct Found {
    refused: Option<Arc<Verdict>>,
    /// An allowed artifact.
    artifact: Option<Digest>,
    /// Manifests without a verdict.
    waiting: Vec<Digest>,
}

impl Gate {
    /// Answers a request for a blob. `wanted` says which bytes of so many are asked for; none where
    /// only headers are.
    pub async fn serve_blob(
        &self,
        asked: &Asked,
        digest: &Digest,
        wanted: impl Fn(u64) -> Option<Range<u64>> + Sync,
    ) -> Result<BlobAnswer, PullError> {
        let judged = Box::pin(self.judged_blob(asked, digest, &wanted));
        let grant = match asked.patience.wait(judged).await {
            Ok(judged) => match judged {
                Ok(Judged::Passes(grant)) => *grant,
                Err(PullError::UnknownBlob) => {
                    let own = Box::pin(self.serve_own_blob(asked, digest, &wanted)).await?;
                    return own.ok_or(PullError::UnknownBlob);
                }
                Err(error) => return Err(error),
                Ok(Judged::Refused(verdict)) => {
                    // What is attached to one image another, which is refused, may list.
                    let own = Box::pin(self.serve_own_blob(asked, digest, &wanted)).await?;
                    if let Some(own) = own {
                        return Ok(own);
                    }
                    self.record_refused_blob(asked, &verdict).await?;
                    return Ok(BlobAnswer::Refuse(self.refusal(asked, verdict)));
                }
            },
            Err(ended) => return Ok(BlobAnswer::NotYet(ended)),
        };
        // A blob has no line of its own, but where none can be written nothing leaves.
        self.prove_log().await?;
        let blob = grant.blob.clone();
        let Some(range) = wanted(blob.size) else {
            return Ok(BlobAnswer::Serve(blob, None));
        };
        let begun = Box::pin(self.begun(&asked.repository, &grant));
        let begun = match asked.patience.wait(begun).await {
            Ok(source) => Some(source?),
            // Headers are all that can be said.
            Err(OutOfPatience::ForGood) => None,
            Err(ended) => return Ok(BlobAnswer::NotYet(ended)),
        };
        self.parts.tally.count_blob(match &begun {
            Some(BlobSource::Stored(_)) => tally::Found::Hit,
            _ => tally::Found::Miss,
        });
        let body = self.open(&asked.repository, grant, begun, range).await?;
        Ok(BlobAnswer::Serve(blob, Some(Box::new(Cleared(body)))))
    }

    /// Judges a blob for whoever asks, and anew where another policy came in force meanwhile that
    /// tells them from those for whom it was judged.
    async fn judged_blob(
        &self,
        asked: &Asked,
        digest: &Digest,
        wanted: &(impl Fn(u64) -> Option<Range<u64>> + Sync),
    ) -> Result<JudgedBlob, PullError> {
        loop {
            let told_by = self.told_by(asked);
            let judged = self.judged_before_bytes(asked, digest, wanted).await?;
            if told_by == self.told_by(asked) {
                return Ok(judged);
            }
        }
    }

    /// Gives by what whoever asks is told from others; tags are by what policies say of them.
    fn told_by(&self, asked: &Asked) -> (Scope, Option<Digest>) {
        let policies = self.parts.judge.policies();
        let by_tags = policies.names_tags().then(|| policies.digest());
        (self.scope(asked, None), by_tags)
    }

    /// Tells where and for whom a manifest is judged of which a blob is asked for; `untagged` where it
    /// is not known by which tag.
    fn scope_of(&self, asked: &Asked, untagged: &Scope, manifest: &Digest) -> Scope {
        match self.tag_of_blobs(asked, manifest) {
            Some(tag) => self.scope(asked, Some(&tag)),
            None => untagged.clone(),
        }
    }

    /// Judges a blob, and waits for the verdict where no byte that is wanted may leave before it:
    /// headers and then silence would end in a cut without a reason.
    async fn judged_before_bytes(
        &self,
        asked: &Asked,
        digest: &Digest,
        wanted: &(impl Fn(u64) -> Option<Range<u64>> + Sync),
    ) -> Result<JudgedBlob, PullError> {
        let judged = self.judged_by_listing(asked, digest).await?;
        if let Judged::Passes(grant) = &judged
            && let Some(range) = wanted(grant.blob.size)
            && grant.withholds_from(range.start)
        {
            let holding = self.holding();
            return Box::pin(holding.judged_by_listing(asked, digest)).await;
        }
        Ok(judged)
    }

    /// Judges a blob by the manifests of the repository that list it.
    async fn judged_by_listing(
        &self,
        asked: &Asked,
        digest: &Digest,
    ) -> Result<JudgedBlob, PullError> {
        let repository = &asked.repository;
        let listing = self
            .parts
            .ledger
            .manifests_listing(repository, digest)
            .await?;
        let (mut found, untagged) = (Found::default(), self.scope(asked, None));
        for manifest in listing {
            let scope = self.scope_of(asked, &untagged, &manifest);
            match self.parts.judge.current(&scope, &manifest).await? {
                Some(verdict) if verdict.decision == Decision::Refuse => {
                    found.refused = Some(verdict);
                }
                Some(verdict) if only_artifact(&verdict, digest) => {
                    found.artifact = Some(manifest);
                }
                Some(_) => return self.grant(repository, &manifest, digest).await,
                None => found.waiting.push(manifest),
            }
        }
        self.unjudged_blob(asked, digest, found).await
    }

    /// Waits for the manifests that list a blob and have no verdict yet.
    async fn unjudged_blob(
        &self,
        asked: &Asked,
        digest: &Digest,
        mut found: Found,
    ) -> Result<JudgedBlob, PullError> {
        let repository = &asked.repository;
        let mut failed = None;
        let (client, untagged) = (Waiting::default(), self.scope(asked, None));
        for manifest in std::mem::take(&mut found.waiting) {
            let known = self.parts.manifests.known(repository, &manifest).await?;
            let Manifest::Image(image) = &known.parsed else {
                continue;
            };
            let scope = self.scope_of(asked, &untagged, &manifest);
            let pull = self.parts.running.join(&scope, &known, image, None);
            pull.join(client.seen_from_afar());
            // What turns out to be an artifact must not have given away a refused image's layer.
            let clears = found.refused.is_none() || is_surely_image(image);
            if self.parts.mode == GateMode::Stream
                && clears
                && let Some(grant) = self.stream_grant(&pull, digest).await?
            {
                return Ok(Judged::Passes(Box::new(grant)));
            }
            match pull.outcome().await {
                Ok(verdict) if verdict.decision == Decision::Refuse => {
                    found.refused = Some(verdict);
                }
                Ok(verdict) if only_artifact(&verdict, digest) => {
                    found.artifact = Some(manifest);
                }
                Ok(_) => return self.grant(repository, &manifest, digest).await,
                Err(error) => failed = Some(error),
            }
        }
        match (found.refused, failed, found.artifact) {
            (Some(verdict), ..) => Ok(Judged::Refused(verdict)),
            (None, Some(error), _) => Err(error),
            (None, None, Some(artifact)) => self.grant(repository, &artifact, digest).await,
            (None, None, None) => Err(PullError::UnknownBlob),
        }
    }

    async fn grant(
        &self,
        repository: &Repository,
        manifest: &Digest,
        digest: &Digest,
    ) -> Result<JudgedBlob, PullError> {
        let known = self.parts.manifests.known(repository, manifest).await?;
        let Manifest::Image(image) = &known.parsed else {
            return Err(PullError::UnknownBlob);
        };
        let blob = image.blobs().find(|blob| blob.digest == *digest);
        let blob = blob.ok_or(PullError::UnknownBlob)?.clone();
        let proof = self.parts.presence.prove(repository, &blob).await?;
        Ok(Judged::Passes(Box::new(Grant {
            blob,
            tail: None,
            proof,
            interest: None,
        })))
    }

    /// Decides what stream mode gives of a blob before the verdict: none means "wait".
    async fn stream_grant(
        &self,
        pull: &Arc<Pull>,
        digest: &Digest,
    ) -> Result<Option<Grant>, PullError> {
        let Some(image) = pull.image() else {
            return Ok(None);
        };
        let Some(blob) = image.blobs().find(|blob| blob.digest == *digest) else {
            return Ok(None);
        };
        if pull.held_layer.get().is_none() {
            let cleared = self.cleared_layers(pull).await?;
            let _first_answer_stands = pull
                .held_layer
                .set(stream_rules::held_layer(image, &cleared));
        }
        let held = pull.held_layer.get().cloned().flatten();
        if held.as_ref() == Some(digest) {
            return Ok(None);
        }
        let repository = &pull.scope.repository;
        let proof = self.parts.presence.prove(repository, blob).await?;
        let is_layer = self.is_layer_of_any(repository, digest).await?
            || !self.is_document(repository, blob).await?;
        let withheld_from = stream_rules::withheld_from(blob, is_layer);
        // What is withheld is measured from the end: where the upstream does not say where that
        // is, the layer waits for the verdict whole.
        if let (Some(_), Proof::Arriving(growing)) = (withheld_from, &proof)
            && !growing.end_is_told().await
        {
            return Ok(None);
        }
        let tail = withheld_from.map(|from| TailHold {
            from,
            state: pull.tail(),
        });
        Ok(Some(Grant {
            blob: blob.clone(),
            tail,
            proof,
            interest: Some(Arc::clone(pull.progress.interest())),
        }))
    }

    /// Tells whether the blob is what a config is, a JSON object: a layer that a manifest only
    /// calls its config is not, and keeps its tail.
    async fn is_document(
        &self,
        repository: &Repository,
        blob: &Descriptor,
    ) -> Result<bool, PullError> {
        if blob.size > MAX_CONFIG_BYTES as u64 {
            return Ok(false);
        }
        let text = self
            .parts
            .downloads
            .read(repository, blob, MAX_CONFIG_BYTES)
            .await?;
        let object = |text: &[u8]| serde_json::from_slice::<Map<String, Value>>(text).is_ok();
        Ok(text.is_some_and(|text| object(&text)))
    }

    /// Lists the layers of a pull that a manifest which is allowed in its scope lists already.
    async fn cleared_layers(&self, pull: &Pull) -> Result<Vec<Digest>, PullError> {
        let mut cleared = Vec::new();
        for layer in pull.image().into_iter().flat_map(|image| &image.layers) {
            for manifest in self
                .parts
                .ledger
                .manifests_listing(&pull.scope.repository, &layer.digest)
                .await?
            {
                let verdict = self.parts.judge.current(&pull.scope, &manifest).await?;
                if verdict.is_some_and(|verdict| {
                    verdict.decision != Decision::Refuse && !only_artifact(&verdict, &layer.digest)
                }) {
                    cleared.push(layer.digest.clone());
                    break;
                }
            }
        }
        Ok(cleared)
    }

    /// Tells whether some manifest lists the blob as a layer, whatever another calls it.
    async fn is_layer_of_any(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, PullError> {
        for manifest in self
            .parts
            .ledger
            .manifests_listing(repository, digest)
            .await?
        {
            let known = self.parts.manifests.known(repository, &manifest).await?;
            if let Manifest::Image(image) = &known.parsed
                && image.layers.iter().any(|layer| layer.digest == *digest)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Tells whether the verdict is on an artifact, which clears no blob that a refused image lists.
/// The empty config is everybody's.
fn only_artifact(verdict: &Verdict, blob: &Digest) -> bool {
    verdict.artifact.is_some() && *blob != Digest::of(EMPTY_CONFIG)
}
