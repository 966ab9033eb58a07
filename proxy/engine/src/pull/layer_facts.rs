//! What the layers of images hold: each scanned once while it arrives, and put aside until the
//! other layers of its image are there.
//!
//! Facts wait in memory while there is room for that, else on disk only; they are all in memory
//! again when an image's layers are laid over each other, under one share. Called by `job`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::content::{BlobSource, Content, DocumentKind};
use moka::future::Cache;
use sluicegate_model::Digest;
use sluicegate_model::manifest::Descriptor;
use sluicegate_scanner::limits::Stop;
use sluicegate_scanner::{Allowance, Kept, LayerFacts, Limits, PluginSet, facts_fingerprint};
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

use super::download::Downloads;
use super::error::PullError;
use super::memory::{Memory, Share};
use super::scan_time::{Ended, MAX_WORK, WorkTime};

/// Memory of facts that are shared between images that arrive together, in bytes.
const SHARED_BYTES: u64 = 8 * 1024 * 1024;
/// What a place in the table of shared facts weighs at least, in bytes.
const PLACE_BYTES: u32 = 256;
/// Most memory of the facts of one image's layers, in bytes; layers past it count as not read.
const MAX_IMAGE_BYTES: u64 = 96 * 1024 * 1024;
/// Stored facts that are read one at a time are longer, in bytes.
const LONG_BYTES: u64 = 256 * 1024;
/// Most scans of each kind at a time, on however many cores: each takes some 16 MiB at worst
/// without asking for more.
const MAX_PLACES: usize = 4;

/// Scans layers, and keeps what they hold.
pub(super) struct LayerScans {
    shared: Cache<Digest, Found>,
    /// Places for scans of layers that are still arriving: a slow upstream may keep one.
    arriving: Semaphore,
    /// Places for scans of layers that are whole: nothing but work keeps one.
    whole: Semaphore,
    /// A place to read long facts in.
    reading: Semaphore,
    limits: Limits,
    content: Arc<dyn Content>,
    downloads: Downloads,
    memory: Memory,
}

/// The facts of a layer that was scanned, wherever they are.
#[derive(Clone)]
pub(super) enum Found {
    /// In memory, with the room that they were given.
    Here {
        /// What was found.
        facts: Arc<LayerFacts>,
        /// Given back with the last copy.
        _room: Option<Arc<Share>>,
    },
    /// In the content store; this many bytes once they are read.
    Stored(u64),
}

impl Found {
    /// Makes facts of what is not scanned: they take next to nothing.
    pub(super) fn unscanned(facts: LayerFacts) -> Self {
        Self::here(facts, None)
    }

    fn here(facts: LayerFacts, room: Option<Share>) -> Self {
        Self::Here {
            facts: Arc::new(facts),
            _room: room.map(Arc::new),
        }
    }

    /// Tells what the facts take in memory, in bytes.
    fn weight(&self) -> u64 {
        match self {
            Self::Here { facts, .. } => facts.weight(),
            Self::Stored(weight) => *weight,
        }
    }

    fn was_interrupted(&self) -> bool {
        matches!(self, Self::Here { facts, .. } if facts.was_interrupted())
    }
}

/// What an earlier scan of a layer left.
enum Left {
    /// What a scan would find now.
    Found(Found),
    /// What analyzers that changed since leave standing.
    Outdated(Outdated),
    Nothing,
}

/// Facts of which a scan takes over what still holds.
struct Outdated {
    facts: Arc<LayerFacts>,
    _room: Share,
}

/// What a scan leaves behind.
struct Scan {
    facts: LayerFacts,
    /// As they are stored; none where another scan may find more.
    stored: Option<Vec<u8>>,
    /// What the scan had beside what every scan has.
    share: Option<Share>,
}

/// How a scan that may have been too large ended.
enum Attempt {
    /// With what there is.
    Done(Box<Scan>),
    /// It wants more memory than every scan has, and gave up what it had.
    Outgrown,
}

impl LayerScans {
    /// Prepares to scan at most one layer of each kind for each core at a time.
    pub(super) fn new(
        limits: Limits,
        content: Arc<dyn Content>,
        downloads: Downloads,
        memory: Memory,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let shared = Cache::builder()
            .max_capacity(SHARED_BYTES)
            .weigher(|_, found: &Found| match found {
                Found::Here { facts, .. } => u32::try_from(facts.weight())
                    .unwrap_or(u32::MAX)
                    .max(PLACE_BYTES),
                Found::Stored(_) => PLACE_BYTES,
            })
            .build();
        Self {
            shared,
            arriving: Semaphore::new(cores.min(MAX_PLACES)),
            whole: Semaphore::new(cores.min(MAX_PLACES)),
            reading: Semaphore::new(1),
            limits,
            content,
            downloads,
            memory,
        }
    }

    /// Scans a layer, or joins the scan of it.
    pub(super) async fn of(
        &self,
        source: &BlobSource,
        layer: &Descriptor,
    ) -> Result<Found, PullError> {
        let found = self
            .shared
            .try_get_with(layer.digest.clone(), self.find(source, layer));
        let found = found.await.map_err(|error| (*error).clone())?;
        if found.was_interrupted() {
            self.shared.invalidate(&layer.digest).await;
        }
        Ok(found)
    }

    /// Gives what the facts of an image take in memory, in bytes: those of each layer once, and no
    /// more than are looked at.
    pub(super) fn weight<'a>(found: impl Iterator<Item = (&'a Digest, &'a Found)>) -> u64 {
        let each: HashMap<&Digest, u64> = found
            .map(|(digest, found)| (digest, found.weight()))
            .collect();
        each.values().sum::<u64>().min(MAX_IMAGE_BYTES)
    }

    /// Brings all facts of an image into memory, under the caller's share; none where those of a
    /// layer are no longer kept.
    pub(super) async fn bring<'a>(
        &self,
        found: impl Iterator<Item = (&'a Digest, &'a Found)>,
    ) -> Result<Option<Vec<Arc<LayerFacts>>>, PullError> {
        let mut brought: HashMap<&Digest, Arc<LayerFacts>> = HashMap::new();
        let mut facts = Vec::new();
        let mut left = MAX_IMAGE_BYTES;
        for (digest, found) in found {
            if let Some(known) = brought.get(digest) {
                facts.push(Arc::clone(known));
                continue;
            }
            let of_layer = match (left.checked_sub(found.weight()), found) {
                (None, _) => Some(Arc::new(LayerFacts::beyond_budget())),
                (Some(_), Found::Here { facts, .. }) => Some(Arc::clone(facts)),
                (Some(_), Found::Stored(_)) => self.read(digest).await?.map(Arc::new),
            };
            let Some(of_layer) = of_layer else {
                self.shared.invalidate(digest).await;
                return Ok(None);
            };
            left = left.saturating_sub(of_layer.weight());
            brought.insert(digest, Arc::clone(&of_layer));
            facts.push(of_layer);
        }
        Ok(Some(facts))
    }

    async fn read(&self, layer: &Digest) -> Result<Option<LayerFacts>, PullError> {
        let key = facts_key(layer);
        let Some(body) = self.content.document(DocumentKind::Facts, &key).await? else {
            return Ok(None);
        };
        let read = tokio::task::spawn_blocking(move || LayerFacts::from_bytes(&body).ok());
        read.await
            .map_err(|panic| PullError::broken("reading what a layer holds", panic))
    }

    async fn find(&self, source: &BlobSource, layer: &Descriptor) -> Result<Found, PullError> {
        let earlier = match self.find_stored(&layer.digest).await? {
            Left::Found(found) => return Ok(found),
            Left::Outdated(earlier) => Some(earlier),
            Left::Nothing => None,
        };
        let scan = self.scan(source, &layer.digest, earlier).await?;
        // Facts of bytes that turn out not to be the layer must not be kept.
        self.downloads.proven(&layer.digest, source).await?;
        self.put_aside(&layer.digest, scan).await
    }

    /// Scans a layer among others or, where it turns out to want much memory, once more: when it is
    /// whole, so that no share waits for an upstream, and without keeping a place from others.
    async fn scan(
        &self,
        source: &BlobSource,
        digest: &Digest,
        earlier: Option<Outdated>,
    ) -> Result<Scan, PullError> {
        let place = self.place(source, digest).await?;
        let known = earlier.as_ref().map(|earlier| Arc::clone(&earlier.facts));
        let attempt = self.attempt(source, digest, None, known).await?;
        drop((place, earlier));
        if let Attempt::Done(scan) = attempt {
            return Ok(*scan);
        }
        self.downloads.proven(digest, source).await?;
        let share = self.memory.largest_share().await;
        match self.attempt(source, digest, Some(share), None).await? {
            Attempt::Done(scan) => Ok(*scan),
            Attempt::Outgrown => Err(PullError::broken("a scan", "it outgrew all memory")),
        }
    }

    /// Finds what an earlier scan left; what is not damaged is known by its weight.
    async fn find_stored(&self, layer: &Digest) -> Result<Left, PullError> {
        let key = facts_key(layer);
        let kind = DocumentKind::Facts;
        let bytes = self.content.document_bytes(kind, &key).await?;
        let is_long = bytes.is_some_and(|bytes| bytes > LONG_BYTES);
        let _one_at_a_time = if is_long {
            self.reading.acquire().await.ok()
        } else {
            None
        };
        let Some(body) = self.content.document(kind, &key).await? else {
            return Ok(Left::Nothing);
        };
        let Ok(weight) = LayerFacts::stored_weight(&body) else {
            return Ok(Left::Nothing);
        };
        let Some(room) = self.memory.room_to_wait(weight) else {
            // Without room to look into facts of other analyzers, they are made anew.
            let is_current = PluginSet::built_in().has_made(&body);
            let found = is_current.then_some(Left::Found(Found::Stored(weight)));
            return Ok(found.unwrap_or(Left::Nothing));
        };
        let read = tokio::task::spawn_blocking(move || {
            let kept = PluginSet::built_in().review(LayerFacts::from_bytes(&body).ok()?);
            let anew = match &kept {
                Kept::Adopted(facts) => Some(facts.to_bytes()),
                Kept::Current(_) | Kept::Outdated(_) => None,
            };
            Some((kept, anew))
        });
        let Some((kept, anew)) = read.await.ok().flatten() else {
            return Ok(Left::Nothing);
        };
        if let Some(anew) = anew {
            self.write_soon(key, anew, None);
        }
        Ok(match kept {
            Kept::Current(facts) | Kept::Adopted(facts) => {
                Left::Found(Found::here(*facts, Some(room)))
            }
            Kept::Outdated(facts) => Left::Outdated(Outdated {
                facts: Arc::from(facts),
                _room: room,
            }),
        })
    }

    /// Lets facts wait in memory or on disk. Only what waits in memory is written without anybody
    /// waiting for it: whatever is lost then is made again.
    async fn put_aside(&self, layer: &Digest, scan: Scan) -> Result<Found, PullError> {
        let Scan {
            facts,
            stored,
            share,
        } = scan;
        let (weight, key) = (facts.weight(), facts_key(layer));
        let room = self.memory.room_to_wait(weight);
        let Some(stored) = stored else {
            // Nothing is lost that could be allowed: what stands for it is as fatal.
            let facts = if room.is_some() {
                facts
            } else {
                LayerFacts::stopped()
            };
            return Ok(Found::here(facts, room));
        };
        let kind = DocumentKind::Facts;
        if room.is_none() {
            drop(facts);
            self.content.put_document(kind, &key, stored).await?;
            drop(share);
            return Ok(Found::Stored(weight));
        }
        self.write_soon(key, stored, share);
        Ok(Found::here(facts, room))
    }

    /// Stores facts without anybody waiting for it; their share is kept until then.
    fn write_soon(&self, key: String, stored: Vec<u8>, share: Option<Share>) {
        let (content, kind) = (self.content.clone(), DocumentKind::Facts);
        tokio::spawn(async move {
            if let Err(error) = content.put_document(kind, &key, stored).await {
                tracing::warn!(kind = kind.name(), key, %error, "document not kept");
            }
            drop(share);
        });
    }

    /// Waits for a place to scan in: while the layer arrives if there is one, else once it is
    /// whole, so that layers that arrive slowly starve nobody.
    async fn place(
        &self,
        source: &BlobSource,
        digest: &Digest,
    ) -> Result<SemaphorePermit<'_>, PullError> {
        let closed = |closed: AcquireError| PullError::broken("waiting to scan", closed);
        // A layer that waits for its turn upstream keeps no place from one that arrives.
        if let BlobSource::Growing(growing) = source {
            growing.begun().await;
        }
        tokio::select! {
            biased;
            place = self.arriving.acquire() => place.map_err(closed),
            whole = self.downloads.proven(digest, source) => {
                whole?;
                self.whole.acquire().await.map_err(closed)
            }
        }
    }

    /// Scans a layer, under a share or within what every scan has.
    async fn attempt(
        &self,
        source: &BlobSource,
        digest: &Digest,
        share: Option<Share>,
        earlier: Option<Arc<LayerFacts>>,
    ) -> Result<Attempt, PullError> {
        let reader = source.sync_reader().map_err(PullError::storage)?;
        let (stop, outgrown) = (Stop::default(), Arc::new(AtomicBool::new(false)));
        let allowance = if share.is_some() {
            Allowance::default()
        } else {
            let (stop, outgrown) = (stop.clone(), Arc::clone(&outgrown));
            Allowance::new(move || {
                outgrown.store(true, Ordering::Relaxed);
                stop.request();
            })
        };
        let limits = Limits {
            stop: stop.clone(),
            allowance,
            ..self.limits.clone()
        };
        let time = WorkTime::start();
        let reader = time.reader(reader);
        let scan = move || {
            let (plugins, earlier) = (PluginSet::built_in(), earlier.as_deref());
            let facts = sluicegate_scanner::scan_layer_again(reader, &limits, plugins, earlier);
            let stored = (!facts.was_interrupted()).then(|| facts.to_bytes());
            // Until here: a scan that is left to itself keeps what it was given.
            (facts, stored, share)
        };
        let scan = tokio::task::spawn_blocking(scan);
        let (facts, stored, share) = match time.limit(MAX_WORK, &stop, scan).await {
            Ended::Done(_) if outgrown.load(Ordering::Relaxed) => return Ok(Attempt::Outgrown),
            Ended::Done(Ok(done)) => done,
            Ended::Done(Err(panic)) => {
                let why = format!("the scan of this layer failed: {panic}");
                let facts = LayerFacts::unreadable(why);
                let stored = facts.to_bytes();
                (facts, Some(stored), None)
            }
            Ended::LeftToItself => {
                tracing::error!(%digest, "a scan does not stop; it is left to itself");
                (LayerFacts::stopped(), None, None)
            }
        };
        Ok(Attempt::Done(Box::new(Scan {
            facts,
            stored,
            share,
        })))
    }
}

/// Names the facts of a layer. Which analyzers made them they say themselves.
pub(crate) fn facts_key(layer: &Digest) -> String {
    format!("{}-{}", layer.hex(), facts_fingerprint())
}
