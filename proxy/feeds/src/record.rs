//! What is remembered about a mirror between syncs and starts, in one small file beside its data.
//!
//! A record that is lost or damaged costs one unconditional download, never an advisory: what is
//! held is read from the disk itself. Called by `mirror`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_machine::private;

use super::fetch::{Arrived, FetchError, Validators, file_error};
use super::stock::Seal;

/// The record's name in the mirror's directory.
const FILE: &str = "mirror.json";
/// Largest record read, in bytes; 200 ecosystems take about 150 KiB.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What is remembered.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct MirrorRecord {
    /// Where the files come from.
    pub(super) url: String,
    /// When every file here was last known to be the newest.
    pub(super) confirmed: Option<Timestamp>,
    /// The ecosystems that the mirror has.
    pub(super) listed: BTreeSet<String>,
    /// By path inside the mirror.
    pub(super) files: BTreeMap<String, Arrived>,
    /// When files that need not be here were last asked for, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) looked: BTreeMap<String, Timestamp>,
    /// By name.
    #[serde(default)]
    pub(super) ecosystems: BTreeMap<String, KnownEcosystem>,
}

/// What is remembered of an ecosystem.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct KnownEcosystem {
    /// When its archive was last known to be the newest.
    pub(super) whole: Option<Timestamp>,
    /// Which list belongs to its files.
    pub(super) seal: Option<Seal>,
    /// What the mirror said about its list, where everything in it was here.
    pub(super) list: Option<Validators>,
}

impl MirrorRecord {
    /// Reads the record of a directory; an empty one where there is none to be read.
    pub(super) fn read(directory: &Path) -> Self {
        let mut text = Vec::new();
        let read = File::open(directory.join(FILE))
            .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text));
        if read.is_err() {
            return Self::default();
        }
        serde_json::from_slice(&text).unwrap_or_else(|error| {
            tracing::warn!(%error, directory = %directory.display(), "mirror record not readable");
            Self::default()
        })
    }

    /// Replaces the record of a directory. Durable when it returns.
    pub(super) fn write(&self, directory: &Path) -> Result<(), FetchError> {
        let path = directory.join(FILE);
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| file_error("write", &path)(error.into()))?;
        private::replace(&path, &text).map_err(file_error("write", &path))
    }
}

/// Makes renames in a directory durable.
pub(super) fn sync_directory(directory: &Path) -> std::io::Result<()> {
    File::open(directory)?.sync_all()
}
