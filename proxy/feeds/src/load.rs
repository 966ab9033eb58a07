//! From feed directories to an open index: found again or built, and old ones removed.
//!
//! Blocking work for a thread of its own. Fetches nothing and swaps nothing. Called by `Feeds`.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sluicegate_scanner::feeds::{BuildProgress, FeedDirectory, FeedError, FeedIndex};
use sluicegate_upstream::UpstreamError;
use url::Url;

use super::bundle::BundleError;
use super::knowledge::Places;
use super::losses;
use super::synced::told;

/// Free bytes below which no new index comes into force, as the content store takes no content.
const MAX_HEADROOM_BYTES: u64 = 64 * 1024 * 1024;
/// The same as a share of a small disk.
const HEADROOM_SHARE: u64 = 20;

/// Says why there is nothing to judge by.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The files cannot be read, or the index not be made.
    #[error(transparent)]
    Index(#[from] FeedError),
    /// This program failed.
    #[error("loading feeds failed: {0}")]
    Failed(#[from] tokio::task::JoinError),
    /// A bundle is to be used and cannot be.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A URL cannot be asked with these settings.
    #[error(transparent)]
    Settings(#[from] UpstreamError),
    /// Nothing of a mirror is here, and nothing could be had.
    #[error("no advisories from {url}: {problem}")]
    Nothing {
        /// The mirror.
        url: Url,
        /// What kept it from being fetched, one line.
        problem: String,
    },
    /// A service that never loaded anything has stopped.
    #[error("no feed was ever loaded under {path}", path = .0.display())]
    Never(PathBuf),
}

/// What a look at the directories gave.
pub(super) enum LoadedIndex {
    /// They are as they were.
    Unchanged,
    /// They are not, and a file that the current index was made from can no longer be read: the
    /// current index is the better one.
    Worse {
        /// What would be lost.
        lost: String,
        /// The index of an earlier process, where there is no current one yet.
        earlier: Option<Box<FeedIndex>>,
    },
    /// They are not as they were.
    New {
        index: Box<FeedIndex>,
        /// How they are now.
        fingerprint: String,
        /// Why a knowledge file beside them is not in force, where one is not.
        problem: Option<String>,
    },
}

/// Loads the index of `sources` unless they still are as `known` says. Indexes lie in `directory`.
pub(super) fn load(
    sources: &[PathBuf],
    directory: &Path,
    known: &str,
    current: &FeedIndex,
    now: Timestamp,
) -> Result<LoadedIndex, FeedError> {
    let directories: Vec<FeedDirectory> = sources.iter().map(FeedDirectory::at).collect();
    let fingerprint = sluicegate_scanner::feeds::source_fingerprint(&directories)?;
    let places = Places::of(sources, directory);
    let both = format!("{fingerprint}\n{}", places.fingerprint());
    if both == known {
        return Ok(LoadedIndex::Unchanged);
    }
    let on_progress = |progress: BuildProgress| {
        tracing::debug!(?progress, "feeds being indexed");
    };
    let (path, index) = if let Some(kept) = kept_index(directory, &fingerprint) {
        kept
    } else {
        let built = room_to_judge(current, directory).and_then(|()| {
            sluicegate_scanner::feeds::build_index(&directories, directory, now, &on_progress)
        });
        match built.and_then(|path| FeedIndex::open(&path).map(|index| (path, index))) {
            Ok(built) => built,
            Err(error) => return instead(error, current, directory, &places),
        }
    };
    let earlier = current
        .ecosystems()
        .is_empty()
        .then(|| better_than(&index, &path, directory))
        .flatten();
    if let Some(lost) = losses::lost(&index, earlier.as_ref().unwrap_or(current)) {
        let earlier = earlier.map(|earlier| beside(earlier, &places));
        return Ok(LoadedIndex::Worse { lost, earlier });
    }
    remove_others(directory, &path);
    let found = places.load(Some(current));
    Ok(LoadedIndex::New {
        index: Box::new(found.beside(index)),
        fingerprint: both,
        problem: found.problem,
    })
}

/// Puts the knowledge files beside an index of an earlier process.
fn beside(index: FeedIndex, places: &Places) -> Box<FeedIndex> {
    Box::new(places.load(None).beside(index))
}

/// Refuses to build where an index is known and the disk is all but full: by a new one every image
/// is judged anew, and no verdict could be kept, so that none would be served.
fn room_to_judge(current: &FeedIndex, directory: &Path) -> Result<(), FeedError> {
    let is_first = current.ecosystems().is_empty() && newest_index(directory).is_none();
    let Ok(disk) = rustix::fs::statvfs(directory) else {
        return Ok(());
    };
    let total = disk.f_blocks.saturating_mul(disk.f_frsize);
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if is_first || free >= MAX_HEADROOM_BYTES.min(total / HEADROOM_SHARE) {
        return Ok(());
    }
    Err(FeedError::Io {
        action: "keep verdicts by a new index beside",
        path: directory.to_owned(),
        source: std::io::ErrorKind::StorageFull.into(),
    })
}

/// Falls back on the index of an earlier process where there is none yet: a full disk has no room
/// for a new one, and what was known before is better than nothing.
fn instead(
    error: FeedError,
    current: &FeedIndex,
    directory: &Path,
    places: &Places,
) -> Result<LoadedIndex, FeedError> {
    if !current.ecosystems().is_empty() {
        return Err(error);
    }
    match newest_index(directory) {
        Some(earlier) => Ok(LoadedIndex::Worse {
            lost: told(&error),
            earlier: Some(beside(earlier, places)),
        }),
        None => Err(error),
    }
}

/// Finds an index that was built from these very files.
pub(super) fn kept_index(directory: &Path, fingerprint: &str) -> Option<(PathBuf, FeedIndex)> {
    indexes(directory)
        .into_iter()
        .filter_map(|path| FeedIndex::open(&path).ok().map(|index| (path, index)))
        .find(|(_, index)| index.source_fingerprint() == fingerprint)
}

/// Opens the newest index that is readable.
pub(super) fn newest_index(directory: &Path) -> Option<FeedIndex> {
    let mut newest_first = newest_first(directory).into_iter();
    newest_first.find_map(|path| FeedIndex::open(&path).ok())
}

/// Opens the newest index of an earlier process that knows what the one at `path` has lost.
fn better_than(index: &FeedIndex, path: &Path, directory: &Path) -> Option<FeedIndex> {
    let mut others = newest_first(directory);
    others.retain(|other| other != path);
    others.iter().find_map(|other| {
        let other = FeedIndex::open(other).ok()?;
        losses::lost(index, &other).is_some().then_some(other)
    })
}

/// Removes superseded indexes: a mirror brings a new one every hour. One that is still open stays
/// readable until it is let go.
fn remove_others(directory: &Path, current: &Path) {
    for path in indexes(directory) {
        if path != current
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::warn!(%error, path = %path.display(), "old feed index not removed");
        }
    }
}

fn newest_first(directory: &Path) -> Vec<PathBuf> {
    let mut paths = indexes(directory);
    paths.sort_by_key(|path| {
        let file = std::fs::metadata(path);
        std::cmp::Reverse(file.and_then(|file| file.modified()).ok())
    });
    paths
}

/// Lists the indexes of a directory.
pub(super) fn indexes(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "feeds"))
        .collect()
}
