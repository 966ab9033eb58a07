//! One look for what signs a manifest: by the tags that cosign writes, and by what refers to it.
//!
//! All of it is another's: what is listed, how much, and what it says. Each list and each document is
//! bounded, and what is beyond is told as not known. What is there and signs nothing does not count.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use moka::sync::Cache;
use sluicegate_model::backoff::Backoff;
use sluicegate_model::manifest::{Descriptor, Manifest};
use sluicegate_model::signature::Signed;
use sluicegate_model::{Digest, DigestHasher, Reference, Repository, media_type};
use sluicegate_signatures::{
    BUNDLE_TYPES, MAX_DOCUMENT_BYTES, SIGNATURE_ANNOTATION, Subject, Wanted,
};
use tokio::sync::Semaphore;

use crate::origin::{Askers, Failure, Origin, OriginError};
use crate::pull::manifests::KnownManifest;

use super::heard::Said;

/// Most documents of one kind that are looked at for one manifest.
const MAX_DOCUMENTS: usize = 64;
/// Most bytes of documents of one kind fetched for one manifest.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// How long is looked in one place: beyond that nothing more is known from there.
const MAX_LOOK: Duration = Duration::from_mins(1);
/// How often a document is asked for that breaks off, or that is asked for too often.
const ATTEMPTS: usize = 3;

/// Bytes of documents that weigh as much as all else that is remembered of a manifest.
pub(super) const WEIGHED_BYTES: usize = 512;

/// An attestation under a tag.
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

/// What one look showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) found: BTreeSet<Signed>,
    /// What keys say of weaknesses.
    pub(super) said: BTreeSet<Arc<Said>>,
    /// Why there may be more, where that is so.
    pub(super) unknown: Option<Unknown>,
}

/// Why something is not known.
#[derive(Clone, Debug)]
pub(super) struct Unknown {
    pub(super) why: String,
    /// Whether it says nothing of what was known before: an upstream fails, and will not for ever.
    pub(super) may_pass: bool,
}

impl Seen {
    /// Counts what it takes in memory, in units that hold what is usual.
    pub(super) fn weight(&self) -> u32 {
        let bytes: usize = self.said.iter().map(|it| it.bytes()).sum();
        u32::try_from(1 + bytes / WEIGHED_BYTES).unwrap_or(u32::MAX)
    }

    /// Says that nothing is known.
    pub(super) fn unknown(why: String, may_pass: bool) -> Self {
        let unknown = Some(Unknown { why, may_pass });
        Self {
            unknown,
            ..Self::default()
        }
    }

    /// Says that an upstream did not give something.
    pub(super) fn failed(what: &str, error: &OriginError) -> Self {
        let is_a_no = matches!(
            error.failure,
            Failure::Absent | Failure::Unauthorized | Failure::Denied
        );
        Self::unknown(format!("{what}: {error}"), !is_a_no)
    }

    /// Adds what else was seen. What does not pass by itself is the first to be told.
    fn add(&mut self, other: Self) {
        self.found.extend(other.found);
        self.said.extend(other.said);
        let known = self.unknown.take().into_iter().chain(other.unknown);
        self.unknown = known.min_by_key(|it| it.may_pass);
    }
}

/// A look for what signs one manifest.
pub(super) struct Looking {
    pub(super) upstream: Arc<dyn Origin>,
    pub(super) repository: Repository,
    pub(super) manifest: Arc<KnownManifest>,
    pub(super) names: Arc<[Repository]>,
    pub(super) wanted: Arc<Wanted>,
    /// Places for documents.
    pub(super) places: Arc<Semaphore>,
    /// What artifacts have shown before, by their digests.
    pub(super) verified: Cache<Verified, Seen>,
    /// Whether somebody has looked before.
    pub(super) is_repeated: bool,
}

/// An artifact in its repository: the manifest that it is about, itself, what was looked for, and where
/// it is, which says what of it is looked at.
pub(super) type Verified = (Repository, Digest, Digest, Digest, Place);

/// Where an artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// Under the tag of signatures.
    Sig,
    /// Under the tag of attestations.
    Att,
    /// Among what refers to the manifest.
    Referrers,
}

/// What may still be fetched of one kind.
struct Budget {
    documents: usize,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            documents: MAX_DOCUMENTS,
            bytes: MAX_BYTES,
        }
    }
}

impl Budget {
    /// Takes room for a document; what is to be told where there is none.
    fn take(&mut self, digest: &Digest, size: usize) -> Result<(), Seen> {
        let documents = self.documents.checked_sub(1).ok_or_else(too_many)?;
        let bytes = self.bytes.checked_sub(size);
        let bytes = bytes
            .filter(|_| size <= MAX_DOCUMENT_BYTES)
            .ok_or_else(|| {
                let why = format!("{digest} is too large to be looked at");
                Seen::unknown(why, false)
            })?;
        *self = Self { documents, bytes };
        Ok(())
    }
}

/// What a document is.
enum Form {
    /// Simple signing, with its signature.
    Simple(String),
    Envelope,
    Bundle,
}

impl Place {
    /// Tells what a layer of an artifact is that is here; none where it is not looked at.
    fn form_of(self, layer: &Descriptor) -> Option<Form> {
        match self {
            Self::Sig => {
                let signature = layer.annotations.get(SIGNATURE_ANNOTATION);
                signature.map(|signature| Form::Simple(signature.clone()))
            }
            Self::Att => (layer.media_type == ENVELOPE).then_some(Form::Envelope),
            Self::Referrers => {
                let is_bundle = BUNDLE_TYPES.contains(&&*layer.media_type);
                is_bundle.then_some(Form::Bundle)
            }
        }
    }
}

impl Looking {
    /// Looks everywhere.
    pub(super) async fn look(&self) -> Seen {
        let places = futures_util::future::join3(
            Self::in_time(self.under_sig()),
            Self::in_time(self.under_att()),
            Self::in_time(self.referring()),
        );
        let (mut seen, attested, referring) = places.await;
        seen.add(attested);
        seen.add(referring);
        seen
    }

    async fn in_time(looking: impl Future<Output = Seen>) -> Seen {
        let seen = tokio::time::timeout(MAX_LOOK, looking).await;
        seen.unwrap_or_else(|_| {
            let why = format!("no answer within {} s", MAX_LOOK.as_secs());
            Seen::unknown(why, true)
        })
    }

    async fn under_sig(&self) -> Seen {
        if !self.wanted.asks_for_signatures() {
            return Seen::default();
        }
        self.under_tag("sig", Place::Sig).await
    }

    async fn under_att(&self) -> Seen {
        if !self.wanted.asks_for_attestations() {
            return Seen::default();
        }
        self.under_tag("att", Place::Att).await
    }

    /// Looks at the layers of the manifest that a tag names which is made of the digest. Where it still
    /// names what was looked at before, nothing of that is fetched again.
    async fn under_tag(&self, suffix: &str, place: Place) -> Seen {
        let digest = &self.manifest.digest;
        let tag = format!("{}-{}.{suffix}", digest.algorithm().as_str(), digest.hex());
        // A tag holds 128 characters: where a digest is longer nothing is under it.
        let Ok(reference) = tag.parse().map(Reference::Tag) else {
            return Seen::default();
        };
        if self.is_repeated
            && let Ok(Some(head)) = self.upstream.head(&self.repository, &reference).await
            && let Some(found) = self.verified.get(&self.name(&head.digest, place))
        {
            return found;
        }
        let mut budget = Budget::default();
        self.artifact(&reference, place, &mut budget).await
    }

    /// Looks at the bundles that refer to the manifest, those that were not looked at before.
    async fn referring(&self) -> Seen {
        let listed = self
            .upstream
            .referrers(&self.repository, &self.manifest.digest, None);
        let listed = match listed.await {
            Ok(listed) => listed,
            Err(error) => return Seen::failed("the list of referrers", &error),
        };
        let mut seen = Seen::default();
        if listed.are_cut {
            seen.add(too_many());
        }
        let mut bundles: Vec<Descriptor> = listed.found;
        bundles.retain(may_be_bundle);
        if bundles.len() > MAX_DOCUMENTS {
            bundles.truncate(MAX_DOCUMENTS);
            seen.add(too_many());
        }
        let place = Place::Referrers;
        let mut budget = Budget::default();
        for bundle in bundles {
            if let Some(found) = self.verified.get(&self.name(&bundle.digest, place)) {
                seen.add(found);
                continue;
            }
            let reference = Reference::Digest(bundle.digest);
            seen.add(self.artifact(&reference, place, &mut budget).await);
        }
        seen
    }

    /// Fetches an artifact and verifies its documents, and remembers what all of them showed: another
    /// time its digest says the same. What is not there signs nothing.
    async fn artifact(&self, reference: &Reference, place: Place, budget: &mut Budget) -> Seen {
        let fetched = self
            .upstream
            .manifest_soon(&self.repository, reference)
            .await;
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(error) if error.failure == Failure::Absent => return Seen::default(),
            Err(error) => return Seen::failed(&reference.to_string(), &error),
        };
        let layers = match Manifest::parse(&fetched.bytes, &fetched.media_type) {
            Ok(Manifest::Image(image)) => image.layers,
            Ok(Manifest::Index(_)) => Vec::new(),
            Err(error) => return Seen::unknown(format!("{reference}: {error}"), false),
        };
        let mut seen = Seen::default();
        for layer in layers {
            if let Some(form) = place.form_of(&layer) {
                seen.add(self.document(&layer, form, budget).await);
            }
        }
        if seen.unknown.is_none() {
            let name = self.name(&fetched.digest, place);
            self.verified.insert(name, seen.clone());
        }
        seen
    }

    /// Names what an artifact shows of the manifest.
    fn name(&self, artifact: &Digest, place: Place) -> Verified {
        let (manifest, wanted) = (self.manifest.digest.clone(), self.wanted.id().clone());
        let repository = self.repository.clone();
        (repository, manifest, artifact.clone(), wanted, place)
    }

    /// Fetches a document and verifies it, where there is room for it.
    async fn document(&self, document: &Descriptor, form: Form, budget: &mut Budget) -> Seen {
        let size = usize::try_from(document.size).unwrap_or(usize::MAX);
        if let Err(too_much) = budget.take(&document.digest, size) {
            return too_much;
        }
        // The places are never closed.
        let _place = self.places.acquire().await;
        match self.fetched(&document.digest, size).await {
            Ok(bytes) => self.verify(bytes, form).await,
            Err(missed) => missed,
        }
    }

    /// Fetches a document. One that is listed and not there may be there soon: it is not known.
    async fn fetched(&self, digest: &Digest, size: usize) -> Result<Vec<u8>, Seen> {
        let mut backoff = Backoff::default();
        let mut attempt = 1;
        loop {
            let error = match self.attempt(digest, size).await {
                Ok(bytes) if is_it(&bytes, digest) => return Ok(bytes),
                Ok(_) => {
                    let why = format!("{digest}: the registry sends something else");
                    return Err(Seen::unknown(why, true));
                }
                Err(error) => error,
            };
            let wait = error.wait(&mut backoff);
            let is_worth_it = error.is_retryable() || wait.is_some();
            if !is_worth_it || attempt == ATTEMPTS {
                return Err(Seen::failed(digest.as_str(), &error));
            }
            tokio::time::sleep(wait.unwrap_or_default()).await;
            attempt += 1;
        }
    }

    /// Reads a document as far as it may go: one byte more shows that it is another.
    async fn attempt(&self, digest: &Digest, size: usize) -> Result<Vec<u8>, OriginError> {
        let askers = Askers::of(&self.manifest.digest);
        let blob = self.upstream.blob(&askers, &self.repository, digest, 0);
        let mut pieces = blob.await?.pieces;
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece?);
            if bytes.len() > size {
                break;
            }
        }
        Ok(bytes)
    }

    async fn verify(&self, bytes: Vec<u8>, form: Form) -> Seen {
        let (manifest, names) = (Arc::clone(&self.manifest), Arc::clone(&self.names));
        let wanted = Arc::clone(&self.wanted);
        let verify = move || {
            let subject = Subject {
                digest: &manifest.digest,
                bytes: &manifest.bytes,
                names: &names,
            };
            shown(&bytes, form, subject, &wanted)
        };
        match tokio::task::spawn_blocking(verify).await {
            Ok(seen) => seen,
            Err(panic) => {
                tracing::error!(%panic, "a signature could not be verified");
                Seen::unknown(
                    "this program failed at verifying a signature".to_owned(),
                    false,
                )
            }
        }
    }
}

/// Tells what a document shows of a manifest.
fn shown(bytes: &[u8], form: Form, subject: Subject<'_>, wanted: &Wanted) -> Seen {
    use sluicegate_signatures as read;
    let hears = !wanted.vex_keys().is_empty();
    let (found, vex) = match form {
        Form::Simple(signature) => (
            read::in_simple_signing(bytes, &signature, subject, wanted),
            Vec::new(),
        ),
        Form::Envelope => (
            read::in_envelope(bytes, subject, wanted),
            of_those(hears, || read::vex_in_envelope(bytes, subject, wanted)),
        ),
        Form::Bundle => (
            read::in_bundle(bytes, subject, wanted),
            of_those(hears, || read::vex_in_bundle(bytes, subject, wanted)),
        ),
    };
    let said = vex.into_iter().map(|vex| Said::of(vex, subject.digest));
    Seen {
        found,
        said: said.map(Arc::new).collect(),
        unknown: None,
    }
}

fn of_those<T>(are_wanted: bool, read: impl FnOnce() -> Vec<T>) -> Vec<T> {
    if are_wanted { read() } else { Vec::new() }
}

fn is_it(bytes: &[u8], digest: &Digest) -> bool {
    let mut hasher = DigestHasher::new(digest.algorithm());
    hasher.update(bytes);
    hasher.finish() == *digest
}

/// Tells whether a listed referrer can be a bundle: some registries tell its config's type for its
/// own, or none.
fn may_be_bundle(listed: &Descriptor) -> bool {
    let kind = listed.artifact_type.as_deref();
    media_type::is_image_manifest(&listed.media_type)
        && kind.is_none_or(|kind| kind == media_type::OCI_EMPTY || BUNDLE_TYPES.contains(&kind))
}

fn too_many() -> Seen {
    let why = format!("more than {MAX_DOCUMENTS} signatures, or too many referrers");
    Seen::unknown(why, false)
}
