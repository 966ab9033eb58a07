//! One look at what a service asks for: fetched from the scanner's own registry, proven, scanned.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use sluicegate_engine::plugins::ActivePlugins;
use sluicegate_engine::reports::{MAX_REPORT_BYTES, Report};
use sluicegate_linked::results::MAX_SENT_BYTES;
use sluicegate_linked::task::{ImageTask, LayerTask, Task};
use sluicegate_model::{Reference, Tag};

use super::reach::{NotAllowed, Reach};
use crate::inspect::source::{Source as _, SourceError};
use crate::inspect::{FactsCache, Scanner};

/// Looks at layers; what was found once is kept.
#[derive(Clone)]
pub(super) struct Looks {
    reach: Reach,
    scanner: Arc<Scanner>,
}

/// What was found out, as it is sent.
#[derive(Debug)]
pub(super) enum Found {
    /// The facts of a layer.
    Facts(Bytes),
    /// What an image holds.
    Report(Bytes),
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
    /// It is more than a service takes.
    #[error("what was found takes {0} bytes, more than a service takes")]
    TooMuch(usize),
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
            plugins: ActivePlugins::built_in(),
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

    /// Looks with these plugins from now on.
    fn by(&self, plugins: Arc<ActivePlugins>) -> Self {
        let scanner = &self.scanner;
        let scanner = Scanner {
            cache: scanner.cache.clone(),
            plugins,
            clock: scanner.clock.clone(),
            platform: scanner.platform.clone(),
            on_layer: Arc::clone(&scanner.on_layer),
            on_note: Arc::clone(&scanner.on_note),
        };
        Self {
            reach: self.reach.clone(),
            scanner: Arc::new(scanner),
        }
    }

    /// Finds out what was asked for by these plugins, as it is sent.
    pub(super) async fn at(
        &self,
        task: &Task,
        plugins: Arc<ActivePlugins>,
    ) -> Result<Found, LookError> {
        let (looks, task) = (self.by(plugins), task.clone());
        let found = tokio::task::spawn_blocking(move || match task {
            Task::Layer(layer) => looks.layer(&layer).map(Found::Facts),
            Task::Image(image) => {
                let tags = image.reference.parse().ok().into_iter();
                looks.told_of(&image, tags.collect()).map(Found::Report)
            }
        });
        found.await.unwrap_or(Err(LookError::Scan))
    }

    /// Finds out what an image holds by these plugins, as it is sent. Blocks.
    pub(super) fn report(
        &self,
        asked: &ImageTask,
        tags: Vec<Tag>,
        plugins: Arc<ActivePlugins>,
    ) -> Result<Bytes, LookError> {
        self.by(plugins).told_of(asked, tags)
    }

    /// Blocks.
    fn told_of(&self, asked: &ImageTask, tags: Vec<Tag>) -> Result<Bytes, LookError> {
        let reference: Reference = asked.reference.parse().map_err(|_| LookError::Scan)?;
        let image = self.reach.registry(&asked.repository)?.image(&reference)?;
        let scanned = self.scanner.scan(&image)?;
        let digest = image.image().digest.clone();
        let by = self.scanner.plugins.scanner();
        let report = Report::of(asked.repository.to_string(), digest, tags, (scanned, by));
        let text = serde_json::to_vec(&report).map_err(|_| LookError::Scan)?;
        taken(text, MAX_REPORT_BYTES)
    }

    /// Blocks.
    fn layer(&self, layer: &LayerTask) -> Result<Bytes, LookError> {
        let registry = self.reach.registry(&layer.repository)?;
        let descriptor = layer.descriptor();
        let source = registry.layer(&descriptor);
        let facts = self.scanner.layer(&source, &descriptor)?;
        taken(facts.to_bytes(), MAX_SENT_BYTES)
    }
}

/// Keeps what would not be taken from being sent.
fn taken(found: Vec<u8>, most: usize) -> Result<Bytes, LookError> {
    if found.len() > most {
        return Err(LookError::TooMuch(found.len()));
    }
    Ok(found.into())
}
