//! One job for each manifest digest: fetches all blobs at once, scans each layer while it
//! arrives, and ends with the image's inventory.
//!
//! The outcome says nothing about any repository: that is `pulls.rs`. A job runs to its end
//! whoever leaves.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use moka::future::Cache;
use serde::{Deserialize, Serialize};
use sluicegate_model::image_config::{ImageConfig, MAX_CONFIG_BYTES};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::manifest::{Descriptor, ImageManifest};
use sluicegate_model::{Digest, Repository, media_type};
use sluicegate_policy::Content;
use sluicegate_scanner::limits::Stop;
use sluicegate_scanner::{LayerFacts, LayerInput, Limits};
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

use super::artifact;
use super::download::Downloads;
use super::error::PullError;
use super::scan_time::{Ended, MAX_WORK, WorkTime};
use crate::cache::{BlobSource, ContentStore, DocumentKind, Interest, Pin};
use crate::clock::{Clock, is_to_come};
use crate::fingerprint::fingerprint;

/// Layers whose facts are shared between images that arrive together.
const FACTS_IN_MEMORY: u64 = 16;

/// Most paths of a layer whose facts are kept: writing more takes as much memory as scanning does.
const MAX_KEPT_PATHS: usize = 500_000;

/// What scanning an image gave, as it is kept for judging again later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scanned {
    /// Whether this is an image, or an artifact in the shape of one.
    pub content: Content,
    /// What is in it.
    pub inventory: Inventory,
    /// When its bytes were read.
    pub scanned_at: Timestamp,
    /// How long it took from the first request to the inventory, in milliseconds.
    pub scan_ms: u64,
}

/// Runs jobs.
#[derive(Clone)]
pub struct Jobs {
    shared: Arc<Shared>,
}

struct Shared {
    scans: Cache<Digest, Arc<Scanned>>,
    facts: Cache<Digest, Arc<LayerFacts>>,
    /// Who waits for which content.
    interests: Mutex<HashMap<Digest, Weak<Interest>>>,
    /// Places for scans of layers that are still arriving: a slow upstream may keep one.
    arriving: Semaphore,
    /// Places for scans of layers that are whole: nothing but work keeps one.
    whole: Semaphore,
    limits: Limits,
    content: ContentStore,
    downloads: Downloads,
    clock: Clock,
}

/// What a running job has fetched and still wants; shown in status and in the log.
#[derive(Default)]
pub struct Progress {
    blobs: Mutex<Vec<(u64, BlobSource)>>,
    pins: Mutex<Vec<Pin>>,
    /// Whether this pull ran the scan itself.
    led: AtomicBool,
    /// Whether some blob came from another repository's upstream.
    borrowed: AtomicBool,
    /// Who waits for this content, in whichever repository.
    interest: Arc<Interest>,
}

impl Progress {
    /// Starts with nothing fetched, for those who are interested in the content.
    pub fn of(interest: Arc<Interest>) -> Self {
        Self {
            interest,
            ..Self::default()
        }
    }

    /// Gives the interest in the content.
    pub fn interest(&self) -> &Arc<Interest> {
        &self.interest
    }

    /// Tells whether another repository's upstream had a say in the outcome: its failure is not
    /// ours.
    pub fn relied_on_others(&self) -> bool {
        !self.led.load(Ordering::Relaxed) || self.borrowed.load(Ordering::Relaxed)
    }

    /// Forgets the last attempt's blobs; what is pinned stays so.
    pub fn begin_again(&self) {
        self.led.store(false, Ordering::Relaxed);
        self.borrowed.store(false, Ordering::Relaxed);
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.clear();
    }

    /// Gives bytes done and bytes expected.
    pub fn bytes(&self) -> (u64, u64) {
        let blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        blobs
            .iter()
            .fold((0, 0), |(done, expected), (size, source)| {
                (done + source.available().min(*size), expected + size)
            })
    }

    fn watch(&self, size: u64, source: &BlobSource, pin: Pin) {
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.push((size, source.clone()));
        self.pins
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(pin);
    }
}

impl Jobs {
    /// Prepares jobs that scan at most one layer for each core at a time.
    pub fn new(content: ContentStore, downloads: Downloads, clock: Clock) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let facts = Cache::builder().max_capacity(FACTS_IN_MEMORY).build();
        let shared = Shared {
            // Only for joining: the finished inventory is read from the content store.
            scans: Cache::builder().max_capacity(64).build(),
            facts,
            interests: Mutex::default(),
            arriving: Semaphore::new(cores),
            whole: Semaphore::new(cores),
            limits: Limits {
                spool_dir: Some(content.spool_dir()),
                ..Limits::default()
            },
            content,
            downloads,
            clock,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Gives what an earlier job found, if analyzers are still the same and nothing is damaged.
    pub async fn remembered(&self, digest: &Digest) -> Option<Arc<Scanned>> {
        let key = document_key(digest);
        let body = self
            .shared
            .content
            .document(DocumentKind::Inventory, &key)
            .await
            .ok()??;
        let mut scanned: Scanned = serde_json::from_slice(&body).ok()?;
        let now = self.shared.clock.now();
        if is_to_come(scanned.scanned_at, now) {
            // The bytes were read while the clock stood wrong, and are the same since: what was
            // found in them holds, and all that is known of the time is that it has passed.
            scanned.scanned_at = now;
        }
        Some(Arc::new(scanned))
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
    ) -> Result<Arc<Scanned>, PullError> {
        let shared = Arc::clone(&self.shared);
        let work = shared.run(
            repository.clone(),
            digest.clone(),
            manifest.clone(),
            Arc::clone(progress),
        );
        let scanned = self
            .shared
            .scans
            .try_get_with(digest.clone(), work)
            .await
            .map_err(|e| (*e).clone());
        self.shared.scans.invalidate(digest).await;
        scanned
    }
}

impl Shared {
    async fn run(
        self: Arc<Self>,
        repository: Repository,
        digest: Digest,
        manifest: ImageManifest,
        progress: Arc<Progress>,
    ) -> Result<Arc<Scanned>, PullError> {
        progress.led.store(true, Ordering::Relaxed);
        let started = Instant::now();
        let config = self.config(&repository, &manifest.config, &progress);
        let layers = manifest
            .layers
            .iter()
            .map(|layer| self.facts_of(&repository, layer, &progress));
        let (config, facts) = futures_util::future::try_join(config, try_join_all(layers)).await?;
        let content = artifact::classify(&manifest, &facts);
        let is_interrupted = facts.iter().any(|facts| facts.was_interrupted());
        let scanned_at = self.clock.now();
        let scanned = tokio::task::spawn_blocking(move || {
            let inventory = inventory(&manifest, config.as_ref(), &facts);
            let scan_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            Scanned {
                content,
                inventory,
                scanned_at,
                scan_ms,
            }
        })
        .await
        .map_err(|panic| PullError::Storage(format!("merging layers failed: {panic}")))?;
        // Another time there may be more in it.
        if !is_interrupted {
            let body = serde_json::to_vec(&scanned)
                .map_err(|error| PullError::Storage(error.to_string()))?;
            self.keep(DocumentKind::Inventory, document_key(&digest), body);
        }
        Ok(Arc::new(scanned))
    }

    async fn config(
        &self,
        repository: &Repository,
        config: &Descriptor,
        progress: &Progress,
    ) -> Result<Option<ImageConfig>, PullError> {
        if config.size > MAX_CONFIG_BYTES as u64 {
            return Ok(None);
        }
        let source = self.fetch(repository, config, progress).await?;
        self.downloads.stored(&config.digest, &source).await?;
        let text = self.content.read(&config.digest, MAX_CONFIG_BYTES).await?;
        Ok(text.and_then(|text| ImageConfig::parse(&text).ok()))
    }

    async fn facts_of(
        &self,
        repository: &Repository,
        layer: &Descriptor,
        progress: &Progress,
    ) -> Result<Arc<LayerFacts>, PullError> {
        if media_type::is_foreign_layer(&layer.media_type) || !layer.urls.is_empty() {
            return Ok(Arc::new(LayerFacts::foreign()));
        }
        if media_type::is_encrypted_layer(&layer.media_type) {
            return Ok(Arc::new(LayerFacts::encrypted()));
        }
        // Fetched even where the facts are known: the client asks for it next.
        let source = self.fetch(repository, layer, progress).await?;
        let facts = self
            .facts
            .try_get_with(layer.digest.clone(), self.facts(&source, layer));
        let facts = facts.await.map_err(|error| (*error).clone())?;
        if facts.was_interrupted() {
            self.facts.invalidate(&layer.digest).await;
        }
        self.downloads.proven(&layer.digest, &source).await?;
        Ok(facts)
    }

    async fn fetch(
        &self,
        repository: &Repository,
        blob: &Descriptor,
        progress: &Progress,
    ) -> Result<BlobSource, PullError> {
        let pin = self.content.pin(&blob.digest);
        let interest = &progress.interest;
        let source = self
            .downloads
            .ensure_for(interest, repository, blob)
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
            progress.borrowed.store(true, Ordering::Relaxed);
        }
        Ok(source)
    }

    async fn facts(
        &self,
        source: &BlobSource,
        layer: &Descriptor,
    ) -> Result<Arc<LayerFacts>, PullError> {
        let key = document_key(&layer.digest);
        if let Some(body) = self.content.document(DocumentKind::Facts, &key).await?
            && let Ok(facts) = LayerFacts::from_bytes(&body)
        {
            return Ok(Arc::new(facts));
        }
        let facts = self.scan_layer(source, &layer.digest).await?;
        // Facts of bytes that turn out not to be the layer must not be kept.
        self.downloads.proven(&layer.digest, source).await?;
        if !facts.was_interrupted() && facts.plain_paths.len() <= MAX_KEPT_PATHS {
            self.keep(DocumentKind::Facts, key, facts.to_bytes());
        }
        Ok(Arc::new(facts))
    }

    /// Writes a document without holding up the verdict: whatever is lost is made again.
    fn keep(&self, kind: DocumentKind, key: String, body: Vec<u8>) {
        let content = self.content.clone();
        tokio::spawn(async move {
            if let Err(error) = content.put_document(kind, &key, body).await {
                tracing::warn!(?kind, key, %error, "document not kept");
            }
        });
    }

    /// Waits for a place to scan in: while the layer arrives if there is one, else once it is
    /// whole, so that layers that arrive slowly starve nobody.
    async fn scan_place(
        &self,
        source: &BlobSource,
        digest: &Digest,
    ) -> Result<SemaphorePermit<'_>, PullError> {
        let closed = |closed: AcquireError| PullError::Storage(closed.to_string());
        tokio::select! {
            biased;
            place = self.arriving.acquire() => place.map_err(closed),
            whole = self.downloads.proven(digest, source) => {
                whole?;
                self.whole.acquire().await.map_err(closed)
            }
        }
    }

    async fn scan_layer(
        &self,
        source: &BlobSource,
        digest: &Digest,
    ) -> Result<LayerFacts, PullError> {
        let _place = self.scan_place(source, digest).await?;
        let reader = source
            .sync_reader()
            .map_err(|error| PullError::Storage(error.to_string()))?;
        let stop = Stop::default();
        let limits = Limits {
            stop: stop.clone(),
            ..self.limits.clone()
        };
        let time = WorkTime::start();
        let reader = time.reader(reader);
        let scan = move || sluicegate_scanner::scan_layer(reader, &limits);
        let scan = tokio::task::spawn_blocking(scan);
        Ok(match time.limit(MAX_WORK, &stop, scan).await {
            Ended::Done(Ok(facts)) => facts,
            Ended::Done(Err(panic)) => {
                LayerFacts::unreadable(format!("the scan of this layer failed: {panic}"))
            }
            Ended::LeftToItself => {
                tracing::error!(%digest, "a scan does not stop; it is left to itself");
                LayerFacts::stopped()
            }
        })
    }
}

/// Joins the facts of an image's layers to what it holds.
pub(crate) fn inventory(
    manifest: &ImageManifest,
    config: Option<&ImageConfig>,
    facts: &[Arc<LayerFacts>],
) -> Inventory {
    let layers: Vec<LayerInput<'_>> = manifest
        .layers
        .iter()
        .zip(facts)
        .map(|(layer, facts)| LayerInput {
            digest: &layer.digest,
            facts,
        })
        .collect();
    sluicegate_scanner::merge(config, &layers)
}

/// Names a document of this content under the analyzers that are active now.
fn document_key(digest: &Digest) -> String {
    format!("{}-{}", digest.hex(), fingerprint())
}
