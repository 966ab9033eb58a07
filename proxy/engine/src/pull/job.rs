//! One job for each manifest digest: fetches all blobs as fast as the upstream likes it, scans each
//! layer while it arrives, and ends with the image's inventory.
//!
//! The outcome says nothing about any repository: that is `pulls.rs`. A job runs to its end
//! whoever leaves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use crate::content::{self, BlobSource, DocumentKind, Interest};
use crate::fingerprint::fingerprint;
use crate::memory::{Memory, Share};
use crate::scan::layers::{Found, Layers};
use crate::scan::{LayerScan, LayerScanError, Scanned, config_limit, merge, unscanned};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared as SharedFuture, try_join_all};
use moka::future::Cache;
use sluicegate_model::clock::{Clock, is_to_come};
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::manifest::{Descriptor, ImageManifest};
use sluicegate_model::{Digest, Repository};
use sluicegate_scanner::LayerFacts;

use super::download::Downloads;
use super::error::{InventoryGone, PullError};
use super::progress::Progress;

/// Bytes in memory for each byte of facts, while layers are laid over each other.
const MERGE_IN_MEMORY: u64 = 3;
/// What laying layers over each other takes beside that, in bytes.
const MERGE_BYTES: u64 = 2 * 1024 * 1024;
/// Bytes in memory for each byte of a stored inventory while it is read, text included.
const READING_IN_MEMORY: u64 = 3;
/// What reading an inventory takes beside that, in bytes.
const READING_BYTES: u64 = 512 * 1024;
/// Largest inventory that waits for memory without being given any, in bytes of its text.
const MAX_WAITING_BYTES: usize = 1024 * 1024;
/// How often facts that were lost while an image's layers came together are made again.
const MERGE_ATTEMPTS: usize = 3;

/// What was scanned, with the memory that it may be judged in.
#[derive(Clone, Debug)]
pub struct Held {
    /// What was found.
    pub scanned: Arc<Scanned>,
    share: Arc<Share>,
    kept: Kept,
}

impl std::ops::Deref for Held {
    type Target = Scanned;

    fn deref(&self) -> &Scanned {
        &self.scanned
    }
}

/// Whether an inventory can be read from the content store.
#[derive(Clone)]
enum Kept {
    /// It was read from there.
    Long,
    /// Once this ends.
    Soon(SharedFuture<BoxFuture<'static, ()>>),
    /// Never: another scan may find more. It is small.
    Never,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Long => "Long",
            Self::Soon(_) => "Soon",
            Self::Never => "Never",
        })
    }
}

/// What those who joined a scan are given: they read the inventory themselves.
#[derive(Clone)]
struct Joined {
    kept: Kept,
    /// An inventory that is not kept.
    unkept: Option<Arc<Scanned>>,
}

/// What was scanned, while nobody holds memory for it.
pub struct Resting(Joined);

/// Where the one who led a scan finds what it gave.
type Led = Arc<Mutex<Option<Held>>>;

/// Runs jobs.
#[derive(Clone)]
pub struct Jobs {
    shared: Arc<Shared>,
}

struct Shared {
    /// Only for joining: the finished inventory is read from the content store.
    scans: Cache<Digest, Joined>,
    layers: Layers,
    /// Who waits for which content.
    interests: Mutex<HashMap<Digest, Weak<Interest>>>,
    content: Arc<dyn content::Content>,
    downloads: Downloads,
    memory: Memory,
    clock: Clock,
}

impl Jobs {
    /// Prepares jobs whose layers are scanned by `scan`, within the memory that everybody who scans or
    /// judges shares.
    pub fn new(
        content: Arc<dyn content::Content>,
        scan: Arc<dyn LayerScan>,
        memory: Memory,
        downloads: Downloads,
        clock: Clock,
    ) -> Self {
        let layers = Layers::new(scan, content.clone(), memory.clone());
        let shared = Shared {
            scans: Cache::builder().max_capacity(64).build(),
            layers,
            interests: Mutex::default(),
            content,
            downloads,
            memory,
            clock,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Gives the memory that everybody who scans or judges shares.
    pub(super) fn memory(&self) -> Memory {
        self.shared.memory.clone()
    }

    /// Gives what an earlier job found, if analyzers are still the same and nothing is damaged.
    /// Waits for the memory to read it into; whoever calls holds none.
    pub async fn remembered(&self, digest: &Digest) -> Option<Held> {
        let (kind, key) = (DocumentKind::Inventory, document_key(digest));
        let bytes = self
            .shared
            .content
            .document_bytes(kind, &key)
            .await
            .ok()??;
        let wanted = bytes.saturating_mul(READING_IN_MEMORY) + READING_BYTES;
        let share = self.shared.memory.share(wanted).await;
        self.read(digest, share).await
    }

    async fn read(&self, digest: &Digest, share: Share) -> Option<Held> {
        let (kind, key) = (DocumentKind::Inventory, document_key(digest));
        let body = self.shared.content.document(kind, &key).await.ok()??;
        let read = move || serde_json::from_slice::<Scanned>(&body).ok();
        let mut scanned = tokio::task::spawn_blocking(read).await.ok()??;
        let now = self.shared.clock.now();
        if is_to_come(scanned.scanned_at, now) {
            // The bytes were read while the clock stood wrong, and are the same since: what was
            // found in them holds, and all that is known of the time is that it has passed.
            scanned.scanned_at = now;
        }
        Some(Held {
            scanned: Arc::new(scanned),
            share: Arc::new(share),
            kept: Kept::Long,
        })
    }

    /// Sees to it that what was scanned is held with at least `bytes` of memory. Where those are not
    /// free at once, the memory held is given back before more is waited for.
    pub async fn with_room(
        &self,
        digest: &Digest,
        held: Held,
        bytes: u64,
    ) -> Result<Held, PullError> {
        if held.share.covers(bytes) {
            return Ok(held);
        }
        if let Some(share) = self.shared.memory.share_at_once(bytes) {
            let share = Arc::new(share);
            return Ok(Held { share, ..held });
        }
        self.take_up(digest, Self::put_down(held), bytes).await
    }

    /// Gives the memory back while something else is waited for.
    pub fn put_down(held: Held) -> Resting {
        let unkept = matches!(held.kept, Kept::Never).then(|| Arc::clone(&held.scanned));
        Resting(Joined {
            kept: held.kept,
            unkept,
        })
    }

    /// Takes up what was put down, with at least `bytes` of memory.
    pub async fn take_up(
        &self,
        digest: &Digest,
        resting: Resting,
        bytes: u64,
    ) -> Result<Held, PullError> {
        let Resting(Joined { kept, unkept }) = resting;
        if let Kept::Soon(written) = kept {
            written.await;
        }
        let (kind, key) = (DocumentKind::Inventory, document_key(digest));
        let stored = self.shared.content.document_bytes(kind, &key).await?;
        let reading = stored.unwrap_or(0).saturating_mul(READING_IN_MEMORY) + READING_BYTES;
        let share = self.shared.memory.share(bytes.max(reading)).await;
        if let Some(scanned) = unkept {
            return Ok(Held {
                scanned,
                share: Arc::new(share),
                kept: Kept::Never,
            });
        }
        let held = self.read(digest, share).await;
        held.ok_or_else(|| PullError::storage(InventoryGone(digest.clone())))
    }

    /// Gives the one interest in this content, which all pulls of it share as they share the job.
    pub fn interest(&self, digest: &Digest) -> Arc<Interest> {
        let interests = self.shared.interests.lock();
        let mut interests = interests.unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = interests.get(digest).and_then(Weak::upgrade) {
            return known;
        }
        interests.retain(|_, known| known.strong_count() > 0);
        let interest = Arc::default();
        interests.insert(digest.clone(), Arc::downgrade(&interest));
        interest
    }

    /// Scans the image, or joins the job that does.
    pub async fn scan(
        &self,
        repository: &Repository,
        digest: &Digest,
        manifest: &ImageManifest,
        progress: &Arc<Progress>,
    ) -> Result<Held, PullError> {
        let (shared, led) = (Arc::clone(&self.shared), Led::default());
        let work = shared.run(
            repository.clone(),
            digest.clone(),
            manifest.clone(),
            Arc::clone(progress),
            Arc::clone(&led),
        );
        let joined = self.shared.scans.try_get_with(digest.clone(), work).await;
        self.shared.scans.invalidate(digest).await;
        let joined = joined.map_err(|error| (*error).clone())?;
        let own = led.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(held) = own {
            return Ok(held);
        }
        self.take_up(digest, Resting(joined), 0).await
    }
}

/// An image whose content is fetched: from where, which, and how far it is.
#[derive(Clone, Copy)]
struct Fetching<'a> {
    repository: &'a Repository,
    image: &'a Digest,
    progress: &'a Progress,
}

impl Shared {
    async fn run(
        self: Arc<Self>,
        repository: Repository,
        digest: Digest,
        manifest: ImageManifest,
        progress: Arc<Progress>,
        led: Led,
    ) -> Result<Joined, PullError> {
        progress.lead();
        let started = Instant::now();
        let fetching = Fetching {
            repository: &repository,
            image: &digest,
            progress: &progress,
        };
        let (config, facts, share) = self.gather(fetching, &manifest).await?;
        let is_interrupted = facts.iter().any(|facts| facts.was_interrupted());
        let scanned_at = self.clock.now();
        let merged = tokio::task::spawn_blocking(move || {
            let scanned = merge(&manifest, config.as_ref(), facts, started, scanned_at);
            let body = serde_json::to_vec(&scanned);
            (scanned, body)
        });
        let (mut scanned, body) = merged
            .await
            .map_err(|panic| PullError::broken("merging layers", panic))?;
        let body = body.map_err(|error| PullError::broken("writing an inventory", error))?;
        let share = Arc::new(share);
        // Another time there may be more in it.
        if is_interrupted {
            if body.len() > MAX_WAITING_BYTES {
                // It waits for memory without having any. That it was cut short stands.
                scanned.inventory.components.clear();
                scanned.inventory.declared.clear();
            }
            let scanned = Arc::new(scanned);
            let kept = Kept::Never;
            let unkept = Some(Arc::clone(&scanned));
            *led.lock().unwrap_or_else(PoisonError::into_inner) = Some(Held {
                scanned,
                share,
                kept: kept.clone(),
            });
            return Ok(Joined { kept, unkept });
        }
        let kept = Kept::Soon(self.keep(document_key(&digest), body, &share));
        *led.lock().unwrap_or_else(PoisonError::into_inner) = Some(Held {
            scanned: Arc::new(scanned),
            share,
            kept: kept.clone(),
        });
        Ok(Joined { kept, unkept: None })
    }

    /// Fetches and scans all layers, and brings what they hold into memory.
    async fn gather(
        &self,
        fetching: Fetching<'_>,
        manifest: &ImageManifest,
    ) -> Result<(Option<ImageConfig>, Vec<Arc<LayerFacts>>, Share), PullError> {
        for _ in 0..MERGE_ATTEMPTS {
            let config = self.config(fetching, &manifest.config);
            let layers = manifest
                .layers
                .iter()
                .map(|layer| self.facts_of(fetching, layer));
            let both = futures_util::future::try_join(config, try_join_all(layers));
            let (config, found) = both.await?;
            let digests = || manifest.layers.iter().map(|layer| &layer.digest);
            let weight = Layers::weight(digests().zip(&found));
            let wanted = weight.saturating_mul(MERGE_IN_MEMORY) + MERGE_BYTES;
            let share = self.memory.share(wanted).await;
            if let Some(facts) = self.layers.bring(digests().zip(&found)).await? {
                return Ok((config, facts, share));
            }
        }
        let why = "what was found in the layers was evicted before they could be merged";
        Err(PullError::Full(why.to_owned()))
    }

    async fn config(
        &self,
        fetching: Fetching<'_>,
        config: &Descriptor,
    ) -> Result<Option<ImageConfig>, PullError> {
        let Some(limit) = config_limit(config) else {
            return Ok(None);
        };
        let source = self.fetch(fetching, config).await?;
        self.downloads.stored(&config.digest, &source).await?;
        let text = self.content.read(&config.digest, limit).await?;
        Ok(text.and_then(|text| ImageConfig::parse(&text).ok()))
    }

    async fn facts_of(
        &self,
        fetching: Fetching<'_>,
        layer: &Descriptor,
    ) -> Result<Found, PullError> {
        if let Some(facts) = unscanned(layer) {
            return Ok(Found::unscanned(facts));
        }
        let repository = fetching.repository;
        if !self.layers.need_bytes(repository) {
            return Ok(self.layers.of(repository, layer, None).await?);
        }
        // Fetched even where the facts are known: the client asks for it next.
        let source = self.fetch(fetching, layer).await?;
        let found = self.layers.of(repository, layer, Some(&source)).await;
        if let Err(LayerScanError::Bytes(failure)) = &found {
            return Err(self.downloads.explain(&layer.digest, failure));
        }
        self.downloads.proven(&layer.digest, &source).await?;
        Ok(found?)
    }

    async fn fetch(
        &self,
        fetching: Fetching<'_>,
        blob: &Descriptor,
    ) -> Result<BlobSource, PullError> {
        let Fetching {
            repository,
            image,
            progress,
        } = fetching;
        let pin = self.content.pin(&blob.digest);
        let interest = progress.interest();
        let source = self
            .downloads
            .ensure_for(image, interest, repository, blob)
            .await?;
        if let Some(length) = source.total_len()
            && length != blob.size
        {
            let reason = format!(
                "{} has {length} bytes, its manifest says {}",
                blob.digest, blob.size
            );
            return Err(PullError::Damaged(reason));
        }
        progress.watch(blob.size, &source, pin);
        let is_growing = matches!(source, BlobSource::Growing(_));
        if is_growing && !self.downloads.arrives_from(repository, &blob.digest) {
            progress.borrow_blob();
        }
        Ok(source)
    }

    /// Writes an inventory without holding up the verdict: whatever is lost is made again. Its text
    /// is in memory until then, and so is the share.
    fn keep(
        &self,
        key: String,
        body: Vec<u8>,
        share: &Arc<Share>,
    ) -> SharedFuture<BoxFuture<'static, ()>> {
        let (content, share) = (self.content.clone(), Arc::clone(share));
        let written = tokio::spawn(async move {
            let kind = DocumentKind::Inventory;
            if let Err(error) = content.put_document(kind, &key, body).await {
                tracing::warn!(kind = kind.name(), key, %error, "document not kept");
            }
            drop(share);
        });
        // A writer that failed has said so; whoever reads finds nothing.
        written.map(|_| ()).boxed().shared()
    }
}

/// Names a document of this content under the analyzers that are active now.
fn document_key(digest: &Digest) -> String {
    format!("{}-{}", digest.hex(), fingerprint())
}
