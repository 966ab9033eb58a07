//! The test kit: one plugin over one layer, and all that came of it, for its author.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sluicegate_model::coverage::Gap;
use sluicegate_model::digest::Digest;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::weakness::FoundWeakness;
use sluicegate_scanner::analyzer::Wants;
use sluicegate_scanner::fed::{FedAnswer, FedError, FedId, FedKind, FedPlugin};
use sluicegate_scanner::{LayerInput, Limits, PluginSet, merge_by, scan_layer_again};

use crate::plugin::{Heard, WasmPlugin};

/// Most lines that are kept of what a plugin logs.
const MAX_LINES: usize = 1_000;

/// What came of trying a plugin.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// How many files, or inventories, it was asked about.
    pub asked: u64,
    /// What it took in all, in microseconds by its own measure.
    pub work: u64,
    /// The packages that it alone names, by URL and place.
    pub packages: Vec<(String, String)>,
    /// The weaknesses that it found.
    pub weaknesses: Vec<FoundWeakness>,
    /// What it could not read, and where it failed.
    pub gaps: Vec<Gap>,
    /// What it logged.
    pub log: Vec<String>,
}

/// Tries a plugin on a layer's bytes, as a scan would have it.
pub fn try_on(
    plugin: WasmPlugin,
    layer: impl Read + Send,
    limits: &Limits,
) -> Result<Trial, FedError> {
    let listening = Arc::new(Listening {
        plugin,
        asked: AtomicU64::new(0),
        work: AtomicU64::new(0),
        log: Mutex::default(),
    });
    let fed = Arc::clone(&listening) as Arc<dyn FedPlugin>;
    let plugins = PluginSet::with_fed(vec![fed])?;
    let facts = scan_layer_again(layer, limits, &plugins, None);
    let digest = facts
        .diff_id
        .clone()
        .map_or_else(|| Digest::of(b""), |id| id.0);
    let layer = LayerInput {
        digest: &digest,
        facts: &facts,
    };
    let inventory = merge_by(&plugins, None, &[layer]);
    let name = listening.id().name.to_owned();
    let own = format!("plugin {name}");
    let gaps = inventory.gaps.into_iter();
    let told = inventory.told.into_iter();
    let log = listening.log.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Trial {
        asked: listening.asked.load(Ordering::Relaxed),
        work: listening.work.load(Ordering::Relaxed),
        packages: told.map(|it| (it.purl, it.path)).collect(),
        weaknesses: inventory.weaknesses,
        gaps: gaps.filter(|gap| gap.detail.starts_with(&own)).collect(),
        log: log.clone(),
    })
}

/// A plugin whose words are kept.
struct Listening {
    plugin: WasmPlugin,
    asked: AtomicU64,
    work: AtomicU64,
    log: Mutex<Vec<String>>,
}

impl Listening {
    fn keep(&self, heard: Heard) -> FedAnswer {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.work.fetch_add(heard.answer.work, Ordering::Relaxed);
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_LINES.saturating_sub(log.len());
        log.extend(heard.log.into_iter().take(room));
        heard.answer
    }
}

impl FedPlugin for Listening {
    fn id(&self) -> FedId<'_> {
        self.plugin.id()
    }

    fn kind(&self) -> FedKind {
        self.plugin.kind()
    }

    fn claims(&self) -> Vec<Wants<'_>> {
        self.plugin.claims()
    }

    fn max_file_bytes(&self) -> u64 {
        self.plugin.max_file_bytes()
    }

    fn read(&self, path: &str, content: &[u8]) -> FedAnswer {
        self.keep(self.plugin.hear(path, content))
    }

    fn detect(&self, inventory: &Inventory) -> FedAnswer {
        self.keep(self.plugin.hear_of(inventory))
    }
}
