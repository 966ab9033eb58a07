//! Which engines keep verdicts on this machine, where each has its files, and how much memory.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::embedded::{EmbeddedStore, Engine};
use super::home::DATABASE;
use super::{Opened, Redb, Sled, StoreError, VerdictStore};
use crate::durable::Disk;

/// Memory for sled's cache, in bytes; it uses about seven times that.
const SLED_CACHE_BYTES: u64 = 2 * 1024 * 1024;
/// Memory for redb's cache, in bytes; it keeps to that.
const REDB_CACHE_BYTES: u64 = 8 * 1024 * 1024;
/// Most verdicts that sled is for: at a million rows it takes twelve times redb's memory.
const SLED_VERDICTS: u64 = 200_000;

/// An engine that keeps its files under the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// The default.
    Sled,
    /// The one for more than 200,000 images.
    Redb,
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sled => "sled",
            Self::Redb => "redb",
        })
    }
}

/// There is no engine of this name.
#[derive(Debug, thiserror::Error)]
#[error("wanted sled or redb, got {0:?}")]
pub struct UnknownEngine(String);

impl FromStr for EngineKind {
    type Err = UnknownEngine;

    fn from_str(text: &str) -> Result<Self, UnknownEngine> {
        let named = |kind: &Self| kind.to_string() == text;
        let found = Self::ALL.into_iter().find(named);
        found.ok_or_else(|| UnknownEngine(text.to_owned()))
    }
}

impl EngineKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Sled, Self::Redb];

    /// Gives the directory of this engine alone.
    pub fn directory(self, data: &Path) -> PathBuf {
        data.join(match self {
            Self::Sled => "verdicts",
            Self::Redb => "verdicts.redb",
        })
    }

    /// Tells whether this engine has ever kept anything under `data`.
    pub fn is_in(self, data: &Path) -> bool {
        self.directory(data).join(DATABASE).is_file()
    }

    /// Gives the most verdicts that this engine is for; none where there is no such bound.
    pub const fn most_verdicts(self) -> Option<u64> {
        match self {
            Self::Sled => Some(SLED_VERDICTS),
            Self::Redb => None,
        }
    }

    /// Opens the store under `data`, or makes it.
    ///
    /// Blocks on the disk. A damaged database is mended or set aside, which [`Opened`] tells.
    ///
    /// *Errors*: [`StoreError::InUse`] where it is open already, else [`StoreError::Open`].
    pub fn open(self, data: &Path) -> Result<(Arc<dyn VerdictStore>, Opened), StoreError> {
        self.open_on(data, Disk::default())
    }

    /// Does the same with this way of syncing.
    pub fn open_on(
        self,
        data: &Path,
        disk: Disk,
    ) -> Result<(Arc<dyn VerdictStore>, Opened), StoreError> {
        let directory = self.directory(data);
        match self {
            Self::Sled => erased::<Sled>(&directory, SLED_CACHE_BYTES, disk),
            Self::Redb => erased::<Redb>(&directory, REDB_CACHE_BYTES, disk),
        }
    }
}

fn erased<E: Engine>(
    directory: &Path,
    cache_bytes: u64,
    disk: Disk,
) -> Result<(Arc<dyn VerdictStore>, Opened), StoreError> {
    let (store, opened) = EmbeddedStore::<E>::open_on(directory, cache_bytes, disk)?;
    Ok((Arc::new(store), opened))
}
