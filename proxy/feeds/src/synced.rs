//! What every part of a sync has in common: where new files wait, who may write, what is told.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_machine::private;

use super::fetch::{FetchError, file_error};

/// Where new files wait; no ecosystem can have this name.
pub(super) const INCOMING: &str = ".incoming";

/// Something on its way.
#[derive(Clone, Debug)]
pub struct SyncProgress {
    /// Its path in the mirror.
    pub path: String,
    /// What is counted.
    pub unit: Unit,
    /// How much has arrived.
    pub done: u64,
    /// How much there is in all, where that is known.
    pub expected: Option<u64>,
    /// Whether it needs nothing more, well or badly.
    pub ended: bool,
}

/// What of a download is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The bytes of one file.
    Bytes,
    /// Records that come one by one.
    Advisories,
}

/// Told of every piece of every file.
pub type OnProgress = Arc<dyn Fn(SyncProgress) + Send + Sync>;

/// What a sync did.
#[derive(Debug, Default)]
pub struct Synced {
    /// Paths of files that are new or have changed.
    pub changed: Vec<String>,
    /// Ecosystems and tables that are current and were not sent again.
    pub unchanged: usize,
    /// Advisories that came one by one.
    pub advisories: usize,
    /// What could not be had, a line each. The last good copies stay.
    pub problems: Vec<String>,
    /// When the advisories were last known to be the newest; this sync, if it went well.
    pub confirmed: Option<Timestamp>,
}

impl Synced {
    /// Counts in what a sync of other files did.
    pub fn add(&mut self, other: Self) {
        self.changed.extend(other.changed);
        self.unchanged += other.unchanged;
        self.problems.extend(other.problems);
    }
}

/// Keeps every other process from changing a directory's files until the file is let go.
pub(super) fn lock(directory: &Path) -> Result<File, FetchError> {
    let path = directory.join("sync.lock");
    private::lock(&path, "sync of this mirror").map_err(file_error("lock", &path))
}

/// Tells an error with all its causes, in one line.
pub fn told(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !line.ends_with(&next) {
            line = format!("{line}: {next}");
        }
        cause = error.source();
    }
    line
}
