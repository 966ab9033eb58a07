//! A few of a scanner's layers, scanned again by this machine: what is found otherwise suspends the
//! scanner.
//!
//! Which layers is decided by a code that only this instance can compute, so that no scanner knows
//! when it is looked at. A layer that this machine cannot have proves nothing either way.

use std::sync::Arc;

use futures_util::StreamExt as _;
use sluicegate_engine::content::{BlobFailure, BlobSource, BlobWriter, Content};
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_engine::origin::{Askers, Origins};
use sluicegate_engine::plugins::ActivePlugins;
use sluicegate_engine::scan::{AskedLayer, LayerScan};
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::{Domain, Repository};
use sluicegate_scanner::LayerFacts;
use tokio::sync::Semaphore;

use crate::linked::Linked;
use crate::roll::Member;

/// One of how many layers is scanned again.
pub const ONE_IN: u64 = 100;
/// What the code is for, as distinct from all else that the instance key signs.
const PURPOSE: &str = "layers of scanners scanned again";
/// Most layers that wait to be scanned again; more are not.
const MOST_WAITING: usize = 16;

/// Scans layers again.
#[derive(Clone)]
pub struct Recheck(Arc<Shared>);

struct Shared {
    parts: RecheckParts,
    waiting: Semaphore,
    /// One at a time: nobody waits for it.
    place: Semaphore,
}

/// What layers are scanned again with.
pub struct RecheckParts {
    /// Decides which.
    pub instance: InstanceKey,
    /// One of how many.
    pub one_in: u64,
    /// This machine as a scanner.
    pub here: Arc<dyn LayerScan>,
    /// What is here already, and where the rest is put.
    pub content: Arc<dyn Content>,
    /// Where it is fetched from.
    pub origins: Arc<dyn Origins>,
    /// The scanners.
    pub linked: Linked,
}

impl std::fmt::Debug for Recheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recheck").finish_non_exhaustive()
    }
}

impl Recheck {
    /// Prepares to scan again.
    pub fn new(parts: RecheckParts) -> Self {
        Self(Arc::new(Shared {
            parts,
            waiting: Semaphore::new(MOST_WAITING),
            place: Semaphore::new(1),
        }))
    }

    /// Has a layer scanned again without anybody waiting for it, where it is one of those.
    pub fn consider(
        &self,
        scanner: &Member,
        repository: &Repository,
        layer: &Descriptor,
        (found, plugins): (&LayerFacts, &Arc<ActivePlugins>),
    ) {
        let parts = &self.0.parts;
        let of = [scanner.enrolment.as_str(), layer.digest.as_str()];
        let number = parts.instance.number(PURPOSE, &of);
        let is_chosen = number.is_multiple_of(parts.one_in.max(1));
        if !is_chosen || found.was_interrupted() {
            return;
        }
        let (recheck, scanner) = (self.clone(), scanner.clone());
        let (repository, layer) = (repository.clone(), layer.clone());
        let (found, plugins) = (found.to_bytes(), Arc::clone(plugins));
        tokio::spawn(async move {
            let Ok(_waiting) = recheck.0.waiting.try_acquire() else {
                return;
            };
            // The semaphore is never closed.
            let _place = recheck.0.place.acquire().await;
            let made = (found.as_slice(), &plugins);
            recheck.again(&scanner, &repository, &layer, made).await;
        });
    }

    async fn again(
        &self,
        scanner: &Member,
        repository: &Repository,
        layer: &Descriptor,
        (found, plugins): (&[u8], &Arc<ActivePlugins>),
    ) {
        let (name, digest) = (&scanner.name, &layer.digest);
        let Some(here) = self.scan(repository, layer, plugins).await else {
            tracing::info!(scanner = %name, %repository, layer = %digest, "a scanner's layer cannot be had here, and is not scanned again");
            return;
        };
        if here.was_interrupted() {
            return;
        }
        if here.to_bytes() == found {
            tracing::info!(scanner = %name, %repository, layer = %digest, "a scanner's layer was scanned again: the same was found");
            return;
        }
        let why = format!("this machine finds something else in {digest} of {repository}");
        self.0.parts.linked.suspend(&scanner.enrolment, &why).await;
    }

    async fn scan(
        &self,
        repository: &Repository,
        layer: &Descriptor,
        plugins: &Arc<ActivePlugins>,
    ) -> Option<LayerFacts> {
        let parts = &self.0.parts;
        let _kept = parts.content.pin(&layer.digest);
        let source = match parts.content.lookup(&layer.digest) {
            Some(stored) => BlobSource::Stored(stored),
            None => self.fetch(repository, layer)?,
        };
        let asked = AskedLayer {
            repository,
            domain: &Domain::Here,
            layer,
            plugins,
            bytes: Some(&source),
            earlier: None,
        };
        let scanned = parts.here.scan(asked).await.ok()?;
        source.proven().await.ok()?;
        Some(scanned.facts().clone())
    }

    /// Starts to fetch a layer.
    fn fetch(&self, repository: &Repository, layer: &Descriptor) -> Option<BlobSource> {
        let writer = self.0.parts.content.begin(&layer.digest, Some(layer.size));
        let writer = writer.ok()?;
        let source = BlobSource::Growing(writer.blob());
        let (recheck, repository) = (self.clone(), repository.clone());
        let layer = layer.clone();
        tokio::spawn(async move {
            // What fails is told by the blob.
            let _told = recheck.fill(writer, &repository, &layer).await;
        });
        Some(source)
    }

    async fn fill(
        &self,
        mut writer: BlobWriter,
        repository: &Repository,
        layer: &Descriptor,
    ) -> Option<()> {
        let origin = self.0.parts.origins.of(repository).ok()?;
        let askers = Askers::of(&layer.digest);
        let blob = origin.blob(&askers, repository, &layer.digest, 0).await;
        let mut pieces = blob.ok()?.pieces;
        while let Some(piece) = pieces.next().await {
            let Ok(piece) = piece else {
                writer.fail(BlobFailure::Abandoned);
                return None;
            };
            writer.append(piece).await.ok()?;
        }
        writer.commit().await.ok()?;
        Some(())
    }
}
