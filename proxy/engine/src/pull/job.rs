//! One job for each manifest digest: fetches all blobs as fast as the upstream likes it, scans each
//! layer while it arrives, and ends with the image's inventory.
//!
//! The outcome says nothing about any repository: that is `pulls.rs`. A job runs to its end
//! whoever leaves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use crate::content::{self, BlobSource, Interest, Waiting};
use crate::memory::{Memory, Share};
use crate::plugins::ActivePlugins;
use crate::scan::layers::{Found, ImageOf, Layers};
use crate::scan::{LayerScan, LayerScanError, Scanned, config_limit, merge, unscanned};
use futures_util::future::try_join_all;
use moka::future::Cache;
use sluicegate_model::clock::Clock;
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::manifest::{Descriptor, ImageManifest};
use sluicegate_model::{Digest, Domain, Repository, Sighting};
use sluicegate_scanner::LayerFacts;

use super::download::Downloads;
use super::error::PullError;
use super::inventories::{Held, Inventories, Resting};
use super::progress::Progress;

/// Bytes in memory for each byte of facts, while layers are laid over each other.
const MERGE_IN_MEMORY: u64 = 3;
/// What laying layers over each other takes beside that, in bytes.
const MERGE_BYTES: u64 = 2 * 1024 * 1024;
/// How often facts that were lost while an image's layers came together are made again.
const MERGE_ATTEMPTS: usize = 3;

/// Where the one who led a scan finds what it gave.
type Led = Arc<Mutex<Option<Held>>>;

/// Runs jobs.
#[derive(Clone)]
pub struct Jobs {
    shared: Arc<Shared>,
}

struct Shared {
    /// Only for joining: the finished inventory is read from the content store.
    scans: Cache<(Sighting, u64), Resting>,
    layers: Layers,
    /// Who waits for which content.
    interests: Mutex<HashMap<Digest, Weak<Interest>>>,
    content: Arc<dyn content::Content>,
    downloads: Downloads,
    memory: Memory,
    inventories: Inventories,
    clock: Clock,
}

impl Jobs {
    /// Prepares jobs whose layers are scanned by `scan`, within the memory of the inventories.
    pub fn new(
        content: Arc<dyn content::Content>,
        scan: Arc<dyn LayerScan>,
        inventories: Inventories,
        downloads: Downloads,
        clock: Clock,
    ) -> Self {
        let memory = inventories.memory().clone();
        let layers = Layers::new(scan, content.clone(), memory.clone());
        let shared = Shared {
            scans: Cache::builder().max_capacity(64).build(),
            layers,
            interests: Mutex::default(),
            content,
            downloads,
            memory,
            inventories,
            clock,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Tells whose word counts for what a repository's images hold.
    pub fn domain(&self, repository: &Repository) -> Domain {
        self.shared.layers.domain(repository)
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
        image: &Sighting,
        manifest: &ImageManifest,
        progress: &Arc<Progress>,
    ) -> Result<Held, PullError> {
        let (shared, led) = (Arc::clone(&self.shared), Led::default());
        // Whatever comes in force meanwhile, the scan ends as it began.
        let plugins = shared.inventories.plugins().now();
        let place = (image.clone(), plugins.number());
        let job = Job {
            plugins,
            repository: repository.clone(),
            image: image.clone(),
            manifest: manifest.clone(),
            is_asked: true,
        };
        let work = shared.run(job, Arc::clone(progress), Arc::clone(&led));
        let joined = self.shared.scans.try_get_with(place.clone(), work).await;
        self.shared.scans.invalidate(&place).await;
        let joined = joined.map_err(|error| (*error).clone())?;
        let own = led.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(held) = own {
            return Ok(held);
        }
        self.shared.inventories.take_up(image, joined, 0).await
    }
}

impl Jobs {
    /// Scans an image that nobody asks for: layers are fetched only where what is kept of them does not
    /// do.
    pub(super) async fn read_again(
        &self,
        repository: &Repository,
        image: &Sighting,
        manifest: &ImageManifest,
    ) -> Result<Held, PullError> {
        let plugins = self.shared.inventories.plugins().now();
        let (waiting, progress) = (Waiting::default(), Progress::default());
        progress.interest().join(waiting.seen_from_afar());
        let job = Job {
            plugins,
            repository: repository.clone(),
            image: image.clone(),
            manifest: manifest.clone(),
            is_asked: false,
        };
        let shared = Arc::clone(&self.shared);
        shared.scan(job, &progress).await
    }
}

/// What is to be scanned.
struct Job {
    plugins: Arc<ActivePlugins>,
    repository: Repository,
    image: Sighting,
    manifest: ImageManifest,
    /// Whether somebody asks for the image, who wants its content next.
    is_asked: bool,
}

/// An image whose content is fetched: from where, which, and how far it is.
#[derive(Clone, Copy)]
struct Fetching<'a> {
    repository: &'a Repository,
    image: &'a Sighting,
    plugins: &'a Arc<ActivePlugins>,
    progress: &'a Progress,
    is_asked: bool,
}

impl<'a> Fetching<'a> {
    fn image_of(&self) -> ImageOf<'a> {
        ImageOf {
            repository: self.repository,
            domain: &self.image.domain,
            plugins: self.plugins,
        }
    }
}

impl Shared {
    async fn run(
        self: Arc<Self>,
        job: Job,
        progress: Arc<Progress>,
        led: Led,
    ) -> Result<Resting, PullError> {
        progress.lead();
        let held = self.scan(job, &progress).await?;
        let resting = Inventories::put_down(held.clone());
        *led.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Ok(resting)
    }

    /// Scans an image to its inventory.
    async fn scan(self: Arc<Self>, job: Job, progress: &Progress) -> Result<Held, PullError> {
        let started = Instant::now();
        let Job {
            plugins,
            repository,
            image,
            manifest,
            is_asked,
        } = job;
        let fetching = Fetching {
            repository: &repository,
            image: &image,
            plugins: &plugins,
            progress,
            is_asked,
        };
        let (config, facts, share) = self.gather(fetching, &manifest).await?;
        let is_interrupted = facts.iter().any(|facts| facts.was_interrupted());
        let scanned_at = self.clock.now();
        let read_by = self.layers.read_by(&image.domain);
        let by = Arc::clone(&plugins);
        let merged = tokio::task::spawn_blocking(move || {
            let facts = (facts, &*by);
            let scanned = merge(&manifest, config.as_ref(), facts, started, scanned_at);
            let scanned = Scanned { read_by, ..scanned };
            let body = serde_json::to_vec(&scanned);
            (scanned, body)
        });
        let (scanned, body) = merged
            .await
            .map_err(|panic| PullError::broken("merging layers", panic))?;
        let body = body.map_err(|error| PullError::broken("writing an inventory", error))?;
        // Another time there may be more in it.
        Ok(if is_interrupted {
            Inventories::hold_unkept(scanned, body.len(), share, plugins)
        } else {
            self.inventories
                .keep(&image, scanned, body, (share, plugins))
        })
    }

    /// Fetches and scans all layers, and brings what they hold into memory.
    async fn gather(
        &self,
        fetching: Fetching<'_>,
        manifest: &ImageManifest,
    ) -> Result<(Option<ImageConfig>, Vec<Arc<LayerFacts>>, Share), PullError> {
        let image = fetching.image_of();
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
            if let Some(facts) = self.layers.bring(image, digests().zip(&found)).await? {
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
        let image = fetching.image_of();
        if !image.domain.is_here() {
            return Ok(self.layers.of(image, layer, None).await?);
        }
        if !fetching.is_asked
            && let Some(found) = self.layers.at_hand(image, layer).await?
        {
            return Ok(found);
        }
        // Fetched even where the facts are known: the client asks for it next.
        let source = self.fetch(fetching, layer).await?;
        let found = self.layers.of(image, layer, Some(&source)).await;
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
            ..
        } = fetching;
        let pin = self.content.pin(&blob.digest);
        let interest = progress.interest();
        let source = self
            .downloads
            .ensure_for(&image.digest, interest, repository, blob)
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
}
