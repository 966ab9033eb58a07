//! This machine as a scanner of layers: a few at a time, and those that want much memory one after
//! the other.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use sluicegate_model::{Digest, Domain, Repository};
use sluicegate_scanner::limits::Stop;
use sluicegate_scanner::{Allowance, LayerFacts, Limits};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::content::BlobSource;
use crate::memory::{Memory, Share};
use crate::plugins::ActivePlugins;

use super::layer::scan_in_pool;
use super::port::{AskedLayer, LayerScan, LayerScanError, ScannedLayer};
use super::work_time::WORK;

/// Most scans of each kind at a time, on however many cores: each takes some 16 MiB at worst
/// without asking for more.
const MAX_PLACES: usize = 4;

/// By what a layer is read, and what an earlier scan found in it.
type By = (Arc<ActivePlugins>, Option<Arc<LayerFacts>>);

/// Scans layers while they arrive.
#[derive(Debug)]
pub struct ScanHere {
    /// Places for scans of layers that are still arriving: a slow upstream may keep one.
    arriving: Semaphore,
    /// Places for scans of layers that are whole: nothing but work keeps one.
    whole: Semaphore,
    limits: Limits,
    memory: Memory,
}

impl ScanHere {
    /// Prepares to scan at most one layer of each kind for each core at a time, each within `limits`.
    pub fn new(limits: Limits, memory: Memory) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            arriving: Semaphore::new(cores.min(MAX_PLACES)),
            whole: Semaphore::new(cores.min(MAX_PLACES)),
            limits,
            memory,
        }
    }

    /// Waits for a place to scan in: while the layer arrives if there is one, else once it is
    /// whole, so that layers that arrive slowly starve nobody.
    async fn place(
        &self,
        source: &BlobSource,
    ) -> Result<Option<SemaphorePermit<'_>>, LayerScanError> {
        // A layer that waits for its turn upstream keeps no place from one that arrives.
        if let BlobSource::Growing(growing) = source {
            growing.begun().await;
        }
        // The semaphores are never closed.
        tokio::select! {
            biased;
            place = self.arriving.acquire() => Ok(place.ok()),
            whole = source.proven() => {
                whole.map_err(LayerScanError::Bytes)?;
                Ok(self.whole.acquire().await.ok())
            }
        }
    }

    /// Scans a layer within what every scan has; none if it wants more, and gave up what it had.
    async fn attempt(
        &self,
        layer: &Digest,
        source: &BlobSource,
        by: By,
    ) -> Result<Option<ScannedLayer>, LayerScanError> {
        let (stop, outgrown) = (Stop::default(), Arc::new(AtomicBool::new(false)));
        let asked = (stop.clone(), Arc::clone(&outgrown));
        let allowance = Allowance::new(move || {
            asked.1.store(true, Ordering::Relaxed);
            asked.0.request();
        });
        let limits = Limits {
            stop,
            allowance,
            ..self.limits.clone()
        };
        let scanned = scan(layer, source, limits, by, None).await?;
        let is_outgrown = scanned.is_some() && outgrown.load(Ordering::Relaxed);
        Ok((!is_outgrown).then(|| scanned.unwrap_or_else(|| left_to_itself(layer))))
    }
}

#[async_trait]
impl LayerScan for ScanHere {
    fn read_by(&self, _domain: &Domain) -> Option<String> {
        None
    }

    fn domain(&self, _repository: &Repository) -> Domain {
        Domain::Here
    }

    /// Scans a layer among others or, where it turns out to want much memory, once more: when it is
    /// whole, so that no share waits for an upstream, and without keeping a place from others.
    async fn scan(&self, asked: AskedLayer<'_>) -> Result<ScannedLayer, LayerScanError> {
        let source = asked.bytes.ok_or(LayerScanError::Away)?;
        let (layer, earlier) = (&asked.layer.digest, asked.earlier);
        let place = self.place(source).await?;
        let known = earlier.as_ref().map(|earlier| Arc::clone(&earlier.facts));
        let plugins = || Arc::clone(asked.plugins);
        let first = self.attempt(layer, source, (plugins(), known)).await?;
        drop((place, earlier));
        if let Some(scanned) = first {
            return Ok(scanned);
        }
        source.proven().await.map_err(LayerScanError::Bytes)?;
        let share = self.memory.largest_share().await;
        let limits = Limits {
            stop: Stop::default(),
            ..self.limits.clone()
        };
        let second = scan(layer, source, limits, (plugins(), None), Some(share)).await?;
        Ok(second.unwrap_or_else(|| left_to_itself(layer)))
    }
}

/// Scans a layer; none where the scan does not stop when it is asked to.
async fn scan(
    layer: &Digest,
    source: &BlobSource,
    limits: Limits,
    by: By,
    share: Option<Share>,
) -> Result<Option<ScannedLayer>, LayerScanError> {
    let reader = source.sync_reader().map_err(LayerScanError::content)?;
    let layer = layer.clone();
    // One that is left to itself keeps its share.
    let ended = move |facts| ScannedLayer::of(layer, facts).holding(share);
    Ok(scan_in_pool(reader, limits, by, WORK, ended).await)
}

fn left_to_itself(layer: &Digest) -> ScannedLayer {
    tracing::error!(%layer, "a scan does not stop; it is left to itself");
    ScannedLayer::of(layer.clone(), LayerFacts::stopped())
}
