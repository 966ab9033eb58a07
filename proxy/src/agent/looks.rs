//! One look at what a service asks for: fetched from the scanner's own registry, proven, scanned.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use sluicegate_linked::task::{LayerTask, Task};

use super::reach::{NotAllowed, Reach};
use crate::inspect::source::SourceError;
use crate::inspect::{FactsCache, Scanner};

/// Looks at layers; what was found once is kept.
#[derive(Clone)]
pub(super) struct Looks {
    reach: Reach,
    scanner: Arc<Scanner>,
}

/// Says why nothing was found out.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    /// It is not to be fetched.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// It cannot be fetched, or is not what it should be.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The scan failed on its own.
    #[error("the scan ended badly")]
    Scan,
}

impl Looks {
    /// Keeps what was found in this directory.
    pub(super) fn new(reach: Reach, kept: PathBuf) -> Self {
        let clock = sluicegate_machine::clock::system();
        let scanner = Scanner {
            cache: FactsCache::new(kept, clock.clone()),
            clock,
            platform: None,
            on_layer: Arc::new(|_| {}),
            on_note: Arc::new(|note| tracing::warn!(%note, "a scan")),
        };
        Self {
            reach,
            scanner: Arc::new(scanner),
        }
    }

    /// Finds out what was asked for, as it is sent.
    pub(super) async fn at(&self, task: &Task) -> Result<Bytes, LookError> {
        let Task::Layer(layer) = task.clone();
        let looks = self.clone();
        let found = tokio::task::spawn_blocking(move || looks.layer(&layer));
        found.await.unwrap_or(Err(LookError::Scan))
    }

    /// Blocks.
    fn layer(&self, layer: &LayerTask) -> Result<Bytes, LookError> {
        let registry = self.reach.registry(&layer.repository)?;
        let descriptor = layer.descriptor();
        let source = registry.layer(&descriptor);
        let facts = self.scanner.layer(&source, &descriptor)?;
        Ok(facts.to_bytes().into())
    }
}
