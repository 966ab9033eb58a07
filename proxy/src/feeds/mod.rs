//! Which advisory index is current: loads it, swaps it, and says how old it is.
//!
//! A request sees one snapshot from beginning to end. A load that fails leaves the last good
//! snapshot in place and its reason in status.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use sluicegate_config::FeedSource;
use sluicegate_policy::FeedStanding;
use sluicegate_scanner::feeds::{FeedDirectory, FeedError, FeedIndex};
use tokio::sync::watch;

use crate::clock::Clock;

/// How long pulls wait for a first load that has no earlier copy.
const FIRST_LOAD_WAIT: Duration = Duration::from_mins(1);
/// How often directories are looked at for changes.
const POLL: Duration = Duration::from_secs(30);

/// A snapshot and how it stands.
pub struct FeedState {
    /// The advisories.
    pub index: Arc<FeedIndex>,
    /// Counts swaps.
    pub revision: u64,
    /// When the snapshot was last confirmed with its source.
    pub standing: FeedStanding,
    /// Why the newest load failed, where it did.
    pub problem: Option<String>,
}

/// The current snapshot.
pub struct Feeds {
    current: ArcSwap<FeedState>,
    loaded: watch::Sender<bool>,
    give_up_at: tokio::time::Instant,
}

impl Feeds {
    /// Starts loading in the background. Indexes are kept under `directory`.
    pub fn start(sources: Vec<FeedSource>, directory: PathBuf, clock: Clock) -> Arc<Self> {
        let empty = FeedState {
            index: Arc::new(FeedIndex::empty()),
            revision: 0,
            standing: FeedStanding { confirmed: None },
            problem: None,
        };
        let feeds = Arc::new(Self {
            current: ArcSwap::from_pointee(empty),
            loaded: watch::Sender::new(sources.is_empty()),
            give_up_at: tokio::time::Instant::now() + FIRST_LOAD_WAIT,
        });
        if !sources.is_empty() {
            tokio::spawn(Arc::clone(&feeds).keep_current(sources, directory, clock));
        }
        feeds
    }

    /// Gives the current snapshot.
    pub fn current(&self) -> Arc<FeedState> {
        self.current.load_full()
    }

    /// Tells whether the first load of every source has ended, well or badly.
    pub fn is_loaded(&self) -> bool {
        *self.loaded.borrow()
    }

    /// Waits for the first load, at most a minute from the start.
    pub async fn first_load(&self) {
        let mut loaded = self.loaded.subscribe();
        let wait = loaded.wait_for(|loaded| *loaded);
        let _ended_or_given_up = tokio::time::timeout_at(self.give_up_at, wait).await;
    }

    async fn keep_current(
        self: Arc<Self>,
        sources: Vec<FeedSource>,
        directory: PathBuf,
        clock: Clock,
    ) {
        let mut known = String::new();
        loop {
            let (sources, directory) = (sources.clone(), directory.clone());
            let before = known.clone();
            let now = clock.now();
            let load = move || load(&sources, &directory, &before, now);
            match tokio::task::spawn_blocking(load).await {
                Ok(Ok(Loaded::Unchanged)) => self.confirm(clock.now()),
                Ok(Ok(Loaded::New { index, fingerprint })) => {
                    known = fingerprint;
                    self.swap(*index, clock.now());
                }
                Ok(Err(error)) => self.fail(error.to_string()),
                Err(panic) => self.fail(panic.to_string()),
            }
            self.loaded.send_replace(true);
            tokio::time::sleep(POLL).await;
        }
    }

    fn swap(&self, index: FeedIndex, now: Timestamp) {
        let revision = self.current().revision + 1;
        tracing::info!(
            snapshot = index.snapshot(),
            ecosystems = index.ecosystems().len(),
            "feeds loaded"
        );
        self.current.store(Arc::new(FeedState {
            index: Arc::new(index),
            revision,
            standing: FeedStanding {
                confirmed: Some(now),
            },
            problem: None,
        }));
    }

    fn confirm(&self, now: Timestamp) {
        let current = self.current();
        self.current.store(Arc::new(FeedState {
            index: Arc::clone(&current.index),
            revision: current.revision,
            standing: FeedStanding {
                confirmed: Some(now),
            },
            problem: None,
        }));
    }

    fn fail(&self, problem: String) {
        tracing::error!(%problem, "feeds not loaded");
        let current = self.current();
        self.current.store(Arc::new(FeedState {
            index: Arc::clone(&current.index),
            revision: current.revision,
            standing: FeedStanding {
                confirmed: current.standing.confirmed,
            },
            problem: Some(problem),
        }));
    }
}

enum Loaded {
    Unchanged,
    New {
        index: Box<FeedIndex>,
        fingerprint: String,
    },
}

fn load(
    sources: &[FeedSource],
    directory: &Path,
    known: &str,
    now: Timestamp,
) -> Result<Loaded, FeedError> {
    let directories = directories(sources);
    let fingerprint = sluicegate_scanner::feeds::source_fingerprint(&directories)?;
    if fingerprint == known {
        return Ok(Loaded::Unchanged);
    }
    if let Some(index) = kept_index(directory, &fingerprint) {
        return Ok(Loaded::New {
            index: Box::new(index),
            fingerprint,
        });
    }
    let on_progress = |progress: sluicegate_scanner::feeds::BuildProgress| {
        tracing::debug!(?progress, "feeds being indexed");
    };
    let path = sluicegate_scanner::feeds::build_index(&directories, directory, now, &on_progress)?;
    let index = FeedIndex::open(&path)?;
    forget_old_indexes(directory, index.snapshot());
    Ok(Loaded::New {
        index: Box::new(index),
        fingerprint,
    })
}

fn directories(sources: &[FeedSource]) -> Vec<FeedDirectory> {
    sources
        .iter()
        .filter_map(|source| match source {
            FeedSource::Directory(path) => Some(FeedDirectory { path: path.clone() }),
            FeedSource::Url(_) => None,
        })
        .collect()
}

/// Removes indexes that are no longer current. One that is still being read stays until then:
/// an open file outlives its name.
fn forget_old_indexes(directory: &Path, current: &str) {
    let current = current.trim_start_matches("sha256:");
    for entry in std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
    {
        let path = entry.path();
        let is_index = path.extension().is_some_and(|kind| kind == "feeds");
        if is_index
            && path.file_stem().is_none_or(|name| name != current)
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::warn!(path = %path.display(), %error, "old feed index not removed");
        }
    }
}

/// Finds an index that was built from these very files.
fn kept_index(directory: &Path, fingerprint: &str) -> Option<FeedIndex> {
    let entries = std::fs::read_dir(directory).ok()?;
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| FeedIndex::open(&entry.path()).ok())
        .find(|index| index.source_fingerprint() == fingerprint)
}
