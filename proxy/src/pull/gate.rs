//! The gate: turns verdicts into [`Cleared`] values, and is the only place that can.
//!
//! Holding a `Cleared<T>` is the proof that the check ran; `http/respond.rs` sends nothing else.
//! No path through here ends in an allowance for lack of time, memory or an answer.

mod index;
mod led;
mod opened;
mod referrers;

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::{Map, Value};
use sluicegate_config::GateMode;
use sluicegate_local::cache::{Interest, Tail, TailHold, Waiting, Watched};
use sluicegate_model::image::Tag;
use sluicegate_model::image_config::MAX_CONFIG_BYTES;
use sluicegate_model::manifest::{Descriptor, Manifest, Platform};
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Repository};
use sluicegate_scanner::is_surely_image;

use super::download::Downloads;
use super::error::PullError;
use super::judge::Judge;
use super::manifests::{KnownManifest, Manifests};
use super::presence::{Presence, Proof};
use super::pulls::{Pull, Pulls};
use super::sources::Upstreams;
use super::stream_rules;
use crate::verdicts::Records;

pub use index::Nests;
pub use led::LedTo;
pub use referrers::ListedReferrers;

/// The config of artifacts that need none. Source: image-spec, "Guidance for an Empty Descriptor".
const EMPTY_CONFIG: &[u8] = b"{}";

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

/// A blob that may be sent, whole or without its tail.
#[derive(Debug)]
pub struct Grant {
    /// The blob.
    pub blob: Descriptor,
    tail: Option<TailHold>,
    proof: Proof,
    /// Who is interested in the verdict that the tail waits for.
    interest: Option<Arc<Interest>>,
}

impl Grant {
    /// Tells whether no byte from `start` on may leave before a verdict that is not there yet: an
    /// answer that begins there would be headers and silence.
    pub fn withholds_from(&self, start: u64) -> bool {
        let tail = self.tail.as_ref().filter(|tail| start >= tail.from);
        tail.is_some_and(|tail| *tail.state.borrow() != Tail::Released)
    }
}

/// What the gate says of a manifest.
#[derive(Debug)]
pub enum ManifestAnswer {
    /// It may leave.
    Serve(Cleared<ServedManifest>),
    /// It may not, for this verdict.
    Refuse(Arc<Verdict>),
}

/// What the gate says of a blob.
#[derive(Debug)]
pub enum BlobAnswer {
    /// It may leave.
    Serve(Box<Cleared<Grant>>),
    /// It may not, for this verdict.
    Refuse(Arc<Verdict>),
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

/// Everything the gate asks.
#[derive(Clone)]
pub struct Gate {
    /// Hold or stream.
    pub mode: GateMode,
    /// The platforms judged with every index.
    pub platforms: Arc<[Platform]>,
    /// Verdicts.
    pub judge: Judge,
    /// Pulls under way.
    pub pulls: Pulls,
    /// Manifests.
    pub manifests: Manifests,
    /// Blobs.
    pub downloads: Downloads,
    /// Membership.
    pub records: Records,
    /// Whether a repository's upstream has a blob.
    pub presence: Presence,
    /// Who is asked for lists.
    pub upstreams: Arc<Upstreams>,
    /// What nests of indexes have shown.
    pub nests: Nests,
    /// Which manifests indexes have led to.
    pub led: LedTo,
}

impl Gate {
    /// Judges a manifest. In hold mode this waits for the verdict, however long that takes: the
    /// caller bounds it. Dropping the future stops nothing that is under way.
    pub async fn manifest(
        &self,
        repository: &Repository,
        manifest: &Arc<KnownManifest>,
        tag: Option<&Tag>,
    ) -> Result<ManifestAnswer, PullError> {
        // As long as this is awaited, and no longer, somebody waits for what it starts.
        let client = Waiting::default();
        self.manifest_for(repository, manifest, tag, client.seen_from_afar())
            .await
    }

    /// Does the same for a client that may leave while this goes on, or for none at all.
    pub async fn manifest_for(
        &self,
        repository: &Repository,
        manifest: &Arc<KnownManifest>,
        tag: Option<&Tag>,
        client: Watched,
    ) -> Result<ManifestAnswer, PullError> {
        let nesting = index::Nesting::of(&self.nests, repository, manifest, client);
        self.manifest_at(repository, manifest, tag, nesting).await
    }

    fn manifest_at<'a>(
        &'a self,
        repository: &'a Repository,
        manifest: &'a Arc<KnownManifest>,
        tag: Option<&'a Tag>,
        nesting: index::Nesting,
    ) -> BoxFuture<'a, Result<ManifestAnswer, PullError>> {
        match &manifest.parsed {
            Manifest::Image(image) => async move {
                let current = self.judge.current_under(repository, &manifest.digest, tag);
                if let Some(verdict) = current.await? {
                    return Ok(answer(manifest, verdict));
                }
                let pull = self.pulls.join(repository, manifest, image, tag);
                pull.join(nesting.client());
                match self.mode {
                    GateMode::Hold => Ok(answer(manifest, pull.outcome().await?)),
                    GateMode::Stream => Ok(serve(manifest, None)),
                }
            }
            .boxed(),
            Manifest::Index(index) => {
                self.led.note(repository, &manifest.digest, index);
                async move { self.index(repository, manifest, index, nesting).await }.boxed()
            }
        }
    }

    /// Judges a blob by the manifests of this repository that list it. In hold mode this waits
    /// for the verdict; the caller bounds it.
    pub async fn blob(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<BlobAnswer, PullError> {
        let listing = self.records.manifests_listing(repository, digest).await?;
        let mut found = Found::default();
        for manifest in listing {
            match self.judge.current(repository, &manifest).await? {
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
        self.unjudged_blob(repository, digest, found).await
    }

    /// Does the same, and waits for the verdict in either mode.
    pub async fn judged_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<BlobAnswer, PullError> {
        self.holding().blob(repository, digest).await
    }

    /// Gives the platform of a refused image where an index of the repository led to it.
    pub fn platform_led_to<'a>(
        &self,
        repository: &Repository,
        verdict: &'a Verdict,
    ) -> Option<&'a str> {
        let is_led_to = self.led.contains(repository, &verdict.digest);
        let platform = Some(verdict.platform.as_str());
        platform.filter(|platform| is_led_to && !platform.is_empty())
    }

    /// Waits for the manifests that list a blob and have no verdict yet.
    async fn unjudged_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        mut found: Found,
    ) -> Result<BlobAnswer, PullError> {
        let mut failed = None;
        let client = Waiting::default();
        for manifest in std::mem::take(&mut found.waiting) {
            let known = self.manifests.known(repository, &manifest).await?;
            let Manifest::Image(image) = &known.parsed else {
                continue;
            };
            let pull = self.pulls.join(repository, &known, image, None);
            pull.join(client.seen_from_afar());
            // What turns out to be an artifact must not have given away a refused image's layer.
            let clears = found.refused.is_none() || is_surely_image(image);
            if self.mode == GateMode::Stream
                && clears
                && let Some(grant) = self.stream_grant(&pull, digest).await?
            {
                return Ok(BlobAnswer::Serve(Box::new(Cleared(grant))));
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
            (Some(verdict), ..) => Ok(BlobAnswer::Refuse(verdict)),
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
    ) -> Result<BlobAnswer, PullError> {
        let known = self.manifests.known(repository, manifest).await?;
        let Manifest::Image(image) = &known.parsed else {
            return Err(PullError::UnknownBlob);
        };
        let blob = image.blobs().find(|blob| blob.digest == *digest);
        let blob = blob.ok_or(PullError::UnknownBlob)?.clone();
        let proof = self.presence.prove(repository, &blob).await?;
        Ok(BlobAnswer::Serve(Box::new(Cleared(Grant {
            blob,
            tail: None,
            proof,
            interest: None,
        }))))
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
        let proof = self.presence.prove(&pull.repository, blob).await?;
        let is_layer = self.is_layer_of_any(&pull.repository, digest).await?
            || !self.is_document(&pull.repository, blob).await?;
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
            .downloads
            .read(repository, blob, MAX_CONFIG_BYTES)
            .await?;
        let object = |text: &[u8]| serde_json::from_slice::<Map<String, Value>>(text).is_ok();
        Ok(text.is_some_and(|text| object(&text)))
    }

    /// Lists the layers of a pull that an allowed manifest of the repository lists already.
    async fn cleared_layers(&self, pull: &Pull) -> Result<Vec<Digest>, PullError> {
        let mut cleared = Vec::new();
        for layer in pull.image().into_iter().flat_map(|image| &image.layers) {
            for manifest in self
                .records
                .manifests_listing(&pull.repository, &layer.digest)
                .await?
            {
                let verdict = self.judge.current(&pull.repository, &manifest).await?;
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
        for manifest in self.records.manifests_listing(repository, digest).await? {
            let known = self.manifests.known(repository, &manifest).await?;
            if let Manifest::Image(image) = &known.parsed
                && image.layers.iter().any(|layer| layer.digest == *digest)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives a manifest that is completed byte by byte after the last hop. The manifest of an
    /// image is no secret: what protects the client is that no config or layer leaves before the
    /// verdict.
    pub fn drip(&self, manifest: &Arc<KnownManifest>) -> Cleared<ServedManifest> {
        Cleared(ServedManifest {
            manifest: Arc::clone(manifest),
            verdict: None,
        })
    }
}

/// Tells whether the verdict is on an artifact, which clears no blob that a refused image lists.
/// The empty config is everybody's.
fn only_artifact(verdict: &Verdict, blob: &Digest) -> bool {
    verdict.artifact.is_some() && *blob != Digest::of(EMPTY_CONFIG)
}

fn answer(manifest: &Arc<KnownManifest>, verdict: Arc<Verdict>) -> ManifestAnswer {
    match verdict.decision {
        Decision::Allow | Decision::Annotate => serve(manifest, Some(verdict)),
        Decision::Refuse => ManifestAnswer::Refuse(verdict),
    }
}

fn serve(manifest: &Arc<KnownManifest>, verdict: Option<Arc<Verdict>>) -> ManifestAnswer {
    let manifest = Arc::clone(manifest);
    ManifestAnswer::Serve(Cleared(ServedManifest { manifest, verdict }))
}
