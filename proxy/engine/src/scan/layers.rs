//! What the layers of images hold: each scanned once while it arrives, and put aside until the
//! other layers of its image are there.
//!
//! Facts wait in memory while there is room for that, else on disk only; they are all in memory
//! again when an image's layers are laid over each other, under one share. Called by pulls.

use std::collections::HashMap;
use std::sync::Arc;

use moka::future::Cache;
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::{Digest, Domain, Repository};
use sluicegate_scanner::LayerFacts;
use tokio::sync::Semaphore;

use crate::content::{BlobSource, Content, DocumentKind};
use crate::memory::{Memory, Share};
use crate::plugins::ActivePlugins;

use super::image::{MAX_IMAGE_BYTES, Together};
use super::kept::{Left, facts_key, is_current, review};
use super::port::{AskedLayer, EarlierFacts, LayerScan, LayerScanError, ScannedLayer};

/// Memory of facts that are shared between images that arrive together, in bytes.
const SHARED_BYTES: u64 = 8 * 1024 * 1024;
/// What a place in the table of shared facts weighs at least, in bytes.
const PLACE_BYTES: u32 = 256;
/// Stored facts that are read one at a time are longer, in bytes.
const LONG_BYTES: u64 = 256 * 1024;

/// Has layers scanned, and keeps what they hold.
pub(crate) struct Layers {
    shared: Cache<Claim, Found>,
    /// A place to read long facts in.
    reading: Semaphore,
    scan: Arc<dyn LayerScan>,
    content: Arc<dyn Content>,
    memory: Memory,
}

/// In which repository layers are looked at, and by whose word.
#[derive(Clone, Copy)]
pub(crate) struct ImageOf<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) domain: &'a Domain,
    /// By what they are read.
    pub(crate) plugins: &'a Arc<ActivePlugins>,
}

/// The facts of a layer that was scanned, wherever they are.
#[derive(Clone, Debug)]
pub(crate) struct Found(Place);

#[derive(Clone, Debug)]
enum Place {
    /// In memory.
    Here {
        facts: Arc<LayerFacts>,
        /// What they were given; given back with the last copy.
        _room: Option<Arc<Share>>,
    },
    /// In the content store; this many bytes once they are read.
    Stored(u64),
}

impl Found {
    /// Makes facts of what is not scanned: they take next to nothing.
    pub(crate) fn unscanned(facts: LayerFacts) -> Self {
        Self::here(facts, None)
    }

    fn here(facts: LayerFacts, room: Option<Share>) -> Self {
        Self(Place::Here {
            facts: Arc::new(facts),
            _room: room.map(Arc::new),
        })
    }

    fn stored(weight: u64) -> Self {
        Self(Place::Stored(weight))
    }

    /// Tells what the facts take in memory, in bytes.
    fn weight(&self) -> u64 {
        match &self.0 {
            Place::Here { facts, .. } => facts.weight(),
            Place::Stored(weight) => *weight,
        }
    }

    fn was_interrupted(&self) -> bool {
        matches!(&self.0, Place::Here { facts, .. } if facts.was_interrupted())
    }

    /// Tells what the table of shared facts counts, in bytes.
    fn shared_weight(&self) -> u32 {
        match &self.0 {
            Place::Here { facts, .. } => u32::try_from(facts.weight())
                .unwrap_or(u32::MAX)
                .max(PLACE_BYTES),
            Place::Stored(_) => PLACE_BYTES,
        }
    }
}

/// Somebody's word on a layer, by the plugins of a number.
type Claim = (Domain, Digest, u64);

impl ImageOf<'_> {
    fn claim(&self, layer: &Digest) -> Claim {
        (self.domain.clone(), layer.clone(), self.plugins.number())
    }
}

/// What is known of a layer before it is scanned.
enum Known {
    All(Found),
    Some(EarlierFacts),
    Nothing,
}

impl Layers {
    /// Starts with nothing known but what the content store has.
    pub(crate) fn new(scan: Arc<dyn LayerScan>, content: Arc<dyn Content>, memory: Memory) -> Self {
        let shared = Cache::builder()
            .max_capacity(SHARED_BYTES)
            .weigher(|_, found: &Found| found.shared_weight())
            .build();
        Self {
            shared,
            reading: Semaphore::new(1),
            scan,
            content,
            memory,
        }
    }

    /// Tells whose word counts for a repository's layers.
    pub(crate) fn domain(&self, repository: &Repository) -> Domain {
        self.scan.domain(repository)
    }

    /// Names the program that reads the bytes by whose word this is; none where it is this one.
    pub(crate) fn read_by(&self, domain: &Domain) -> Option<String> {
        self.scan.read_by(domain)
    }

    /// Has a layer scanned, or joins the scan of it.
    pub(crate) async fn of(
        &self,
        image: ImageOf<'_>,
        layer: &Descriptor,
        bytes: Option<&BlobSource>,
    ) -> Result<Found, LayerScanError> {
        let claim = image.claim(&layer.digest);
        let find = self.find(image, layer, bytes);
        let found = self.shared.try_get_with(claim.clone(), find);
        let found = found.await.map_err(|error| (*error).clone())?;
        if found.was_interrupted() {
            self.shared.invalidate(&claim).await;
        }
        Ok(found)
    }

    /// Gives what is known of a layer without reading it; none where it has to be read.
    pub(crate) async fn at_hand(
        &self,
        image: ImageOf<'_>,
        layer: &Descriptor,
    ) -> Result<Option<Found>, LayerScanError> {
        Ok(match self.known(image, &layer.digest).await? {
            Known::All(found) => Some(found),
            Known::Some(_) | Known::Nothing => None,
        })
    }

    /// Gives what the facts of an image take in memory, in bytes: those of each layer once, and no
    /// more than are looked at.
    pub(crate) fn weight<'a>(found: impl Iterator<Item = (&'a Digest, &'a Found)>) -> u64 {
        let each: HashMap<&Digest, u64> = found
            .map(|(digest, found)| (digest, found.weight()))
            .collect();
        each.values().sum::<u64>().min(MAX_IMAGE_BYTES)
    }

    /// Brings all facts of an image into memory, under the caller's share; none where those of a
    /// layer are no longer kept.
    pub(crate) async fn bring<'a>(
        &self,
        image: ImageOf<'_>,
        found: impl Iterator<Item = (&'a Digest, &'a Found)>,
    ) -> Result<Option<Vec<Arc<LayerFacts>>>, LayerScanError> {
        let mut together = Together::default();
        for (layer, found) in found {
            if together.has_settled(layer, found.weight()) {
                continue;
            }
            let facts = match &found.0 {
                Place::Here { facts, .. } => Some(Arc::clone(facts)),
                Place::Stored(_) => self.read(image, layer).await?.map(Arc::new),
            };
            let Some(facts) = facts else {
                let claim = image.claim(layer);
                self.shared.invalidate(&claim).await;
                return Ok(None);
            };
            together.add(layer, facts);
        }
        Ok(Some(together.into_facts()))
    }

    /// Reads facts that were put aside; none where they went away, or others took their place.
    async fn read(
        &self,
        image: ImageOf<'_>,
        layer: &Digest,
    ) -> Result<Option<LayerFacts>, LayerScanError> {
        let key = facts_key(image.domain, layer);
        let Some(body) = self.content.document(DocumentKind::Facts, &key).await? else {
            return Ok(None);
        };
        let plugins = Arc::clone(image.plugins);
        let read = tokio::task::spawn_blocking(move || {
            let facts = is_current(&body, &plugins).then(|| LayerFacts::from_bytes(&body));
            facts?.ok()
        });
        read.await.map_err(LayerScanError::content)
    }

    async fn find(
        &self,
        image: ImageOf<'_>,
        layer: &Descriptor,
        bytes: Option<&BlobSource>,
    ) -> Result<Found, LayerScanError> {
        let ImageOf {
            repository,
            domain,
            plugins,
        } = image;
        let earlier = match self.known(image, &layer.digest).await? {
            Known::All(found) => return Ok(found),
            Known::Some(earlier) => Some(earlier),
            Known::Nothing => None,
        };
        let asked = AskedLayer {
            repository,
            domain,
            layer,
            plugins,
            bytes,
            earlier,
        };
        let scanned = match self.scan.scan(asked).await {
            Ok(scanned) if scanned.layer == layer.digest => scanned,
            Ok(other) => {
                tracing::error!(asked = %layer.digest, got = %other.layer, "a scanner answered for another layer");
                return Ok(Found::unscanned(LayerFacts::without_scanner()));
            }
            Err(LayerScanError::Away) => {
                tracing::warn!(%repository, layer = %layer.digest, "no scanner is there for a layer");
                return Ok(Found::unscanned(LayerFacts::without_scanner()));
            }
            Err(error) => return Err(error),
        };
        if let Some(bytes) = bytes {
            // Facts of bytes that turn out not to be the layer must not be kept.
            bytes.proven().await.map_err(LayerScanError::Bytes)?;
        }
        self.put_aside(domain, scanned).await
    }

    /// Finds what an earlier scan left; what is not damaged is known by its weight.
    async fn known(&self, image: ImageOf<'_>, layer: &Digest) -> Result<Known, LayerScanError> {
        let (kind, key) = (DocumentKind::Facts, facts_key(image.domain, layer));
        let bytes = self.content.document_bytes(kind, &key).await?;
        let is_long = bytes.is_some_and(|bytes| bytes > LONG_BYTES);
        let _one_at_a_time = if is_long {
            self.reading.acquire().await.ok()
        } else {
            None
        };
        let Some(body) = self.content.document(kind, &key).await? else {
            return Ok(Known::Nothing);
        };
        let Ok(weight) = LayerFacts::stored_weight(&body) else {
            return Ok(Known::Nothing);
        };
        let Some(room) = self.memory.room_to_wait(weight) else {
            // Without room to look into facts of other analyzers, they are made anew.
            return Ok(if is_current(&body, image.plugins) {
                Known::All(Found::stored(weight))
            } else {
                Known::Nothing
            });
        };
        let plugins = Arc::clone(image.plugins);
        let left = tokio::task::spawn_blocking(move || review(&body, &plugins)).await;
        Ok(match left.unwrap_or(Left::Nothing) {
            Left::Found { facts, anew } => {
                if let Some(anew) = anew {
                    self.write_soon(key, anew, None);
                }
                Known::All(Found::here(facts, Some(room)))
            }
            Left::Outdated(facts) => Known::Some(EarlierFacts {
                facts: Arc::new(facts),
                room,
            }),
            Left::Nothing => Known::Nothing,
        })
    }

    /// Lets facts wait in memory or on disk. Only what waits in memory is written without anybody
    /// waiting for it: whatever is lost then is made again.
    async fn put_aside(
        &self,
        domain: &Domain,
        scanned: ScannedLayer,
    ) -> Result<Found, LayerScanError> {
        let ScannedLayer {
            layer,
            facts,
            kept,
            share,
        } = scanned;
        let (weight, key) = (facts.weight(), facts_key(domain, &layer));
        let room = self.memory.room_to_wait(weight);
        let Some(kept) = kept else {
            // Nothing is lost that could be allowed: what stands for it is as fatal.
            let facts = if room.is_some() {
                facts
            } else {
                LayerFacts::stopped()
            };
            return Ok(Found::here(facts, room));
        };
        if room.is_none() {
            drop(facts);
            let written = self.content.put_document(DocumentKind::Facts, &key, kept);
            written.await?;
            drop(share);
            return Ok(Found::stored(weight));
        }
        self.write_soon(key, kept, share);
        Ok(Found::here(facts, room))
    }

    /// Stores facts without anybody waiting for it; their share is kept until then.
    fn write_soon(&self, key: String, kept: Vec<u8>, share: Option<Share>) {
        let (content, kind) = (self.content.clone(), DocumentKind::Facts);
        tokio::spawn(async move {
            if let Err(error) = content.put_document(kind, &key, kept).await {
                tracing::warn!(kind = kind.name(), key, %error, "document not kept");
            }
            drop(share);
        });
    }
}
