//! The imported snapshot: one directory for each, and one small file that names the current one.
//!
//! A bundle is unpacked and checked beside what is in use; replacing the small file is the switch,
//! and it also remembers which version must not be undercut. A process that ends in between leaves
//! the old snapshot in use. Called by `feeds import`, `Feeds` and `once`.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use sluicegate_machine::private;

use super::BundleError;
use super::keys::Trust;
use super::pack::file_error;
use super::unpack::Bundle;
use crate::broken::Broken;
use crate::record::sync_directory;

/// The file that names the current snapshot.
const CURRENT: &str = "current.json";
/// Where a bundle is unpacked.
const UNFINISHED: &str = "unfinished";
/// How the directory of a snapshot begins.
const PREFIX: &str = "snapshot-";
/// Largest such file, in bytes; it has about 250.
const MAX_CURRENT_BYTES: u64 = 64 * 1024;
/// How far clocks may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Where imported snapshots lie.
#[derive(Clone, Debug)]
pub struct Imported {
    directory: PathBuf,
}

/// The snapshot that is in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The bundle's version.
    pub version: u64,
    /// When its advisories were last known to be the newest.
    pub created: Timestamp,
    /// When it expires.
    pub expires: Timestamp,
    /// SHA-256 of its manifest, in hex.
    pub digest: String,
    /// The trusted keys that signed it; none of what was imported by an earlier release.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed_by: Vec<String>,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    /// The bundle is in use now.
    New(Snapshot),
    /// It was in use already.
    Same(Snapshot),
}

impl Snapshot {
    /// Tells whether it is past its time.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now.duration_since(self.expires) > SKEW
    }

    fn directory(&self) -> String {
        let digest: String = self.digest.chars().take(16).collect();
        format!("{PREFIX}{}-{digest}", self.version)
    }
}

impl Imported {
    /// Names the place under a data directory's `feeds`; touches nothing.
    pub fn under(feeds: &Path) -> Self {
        Self {
            directory: feeds.join("imported"),
        }
    }

    /// Reads which snapshot is in use and where it lies; none where none was ever imported.
    ///
    /// *Errors*: [`BundleError::Damaged`].
    pub fn current(&self) -> Result<Option<(Snapshot, PathBuf)>, BundleError> {
        let path = self.directory.join(CURRENT);
        let damaged = |why| BundleError::Damaged {
            path: path.clone(),
            why,
        };
        let mut text = Vec::new();
        match File::open(&path) {
            Ok(file) => file.take(MAX_CURRENT_BYTES).read_to_end(&mut text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => Err(error),
        }
        .map_err(|error| damaged(Broken::Read(error)))?;
        let snapshot: Snapshot =
            serde_json::from_slice(&text).map_err(|error| damaged(Broken::Json(error)))?;
        let place = self.directory.join(snapshot.directory());
        if !place.is_dir() {
            return Err(damaged(Broken::Missing(place)));
        }
        Ok(Some((snapshot, place)))
    }

    /// Checks a bundle and makes it the snapshot that is in use.
    ///
    /// *Errors*: anything that speaks against it; what was in use stays in use.
    pub fn import(
        &self,
        bundle: &Path,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<ImportOutcome, BundleError> {
        let directory = &self.directory;
        private::create_dir_all(directory).map_err(file_error("create", directory))?;
        let lock_path = directory.join("import.lock");
        let _lock = private::lock(&lock_path, "import").map_err(file_error("lock", &lock_path))?;
        let bundle = Bundle::open(bundle, trust)?;
        let offered = Snapshot {
            version: bundle.manifest.version,
            created: bundle.manifest.created,
            expires: bundle.manifest.expires,
            digest: hex::encode(sha2::Sha256::digest(&bundle.text)),
            signed_by: bundle.signed_by.clone(),
        };
        let current = self.current()?.map(|(current, _)| current);
        if let Some(current) = &current {
            if current.digest == offered.digest {
                return Ok(ImportOutcome::Same(offered));
            }
            check_version(&offered, current)?;
        }
        check_times(&offered, now)?;
        let unfinished = directory.join(UNFINISHED);
        remove(&unfinished)?;
        bundle.unpack(&unfinished).inspect_err(|_| {
            // The error that stopped the import says more than one about its leftovers would.
            let _ = std::fs::remove_dir_all(&unfinished);
        })?;
        let place = directory.join(offered.directory());
        remove(&place)?;
        std::fs::rename(&unfinished, &place).map_err(file_error("rename to", &place))?;
        sync_directory(directory).map_err(file_error("sync", directory))?;
        self.switch_to(&offered)?;
        self.remove_others(&offered, current.as_ref());
        Ok(ImportOutcome::New(offered))
    }

    fn switch_to(&self, snapshot: &Snapshot) -> Result<(), BundleError> {
        let (path, beside) = (
            self.directory.join(CURRENT),
            self.directory.join("current.json.new"),
        );
        let failed = file_error("write", &path);
        serde_json::to_vec_pretty(snapshot)
            .map_err(std::io::Error::from)
            .and_then(|text| {
                let mut file = private::create(&beside)?;
                file.write_all(&text)?;
                file.sync_all()?;
                std::fs::rename(&beside, &path)?;
                sync_directory(&self.directory)
            })
            .map_err(failed)
    }

    /// Removes snapshots but the current one and the one before, which may still be being read.
    fn remove_others(&self, current: &Snapshot, before: Option<&Snapshot>) {
        let kept = [Some(current.directory()), before.map(Snapshot::directory)];
        let entries = std::fs::read_dir(&self.directory).into_iter().flatten();
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name().into_string().unwrap_or_default();
            let is_kept = kept.iter().flatten().any(|kept| *kept == name);
            if name.starts_with(PREFIX)
                && !is_kept
                && let Err(error) = std::fs::remove_dir_all(entry.path())
            {
                tracing::warn!(%error, name, "old feed snapshot not removed");
            }
        }
    }
}

fn check_version(offered: &Snapshot, current: &Snapshot) -> Result<(), BundleError> {
    match offered.version.cmp(&current.version) {
        std::cmp::Ordering::Greater => Ok(()),
        std::cmp::Ordering::Equal => Err(BundleError::Conflict(offered.version)),
        std::cmp::Ordering::Less => Err(BundleError::Rollback {
            offered: offered.version,
            current: current.version,
        }),
    }
}

fn check_times(offered: &Snapshot, now: Timestamp) -> Result<(), BundleError> {
    if offered.is_expired(now) {
        return Err(BundleError::Expired(offered.expires));
    }
    if offered.created.duration_since(now) > SKEW {
        return Err(BundleError::NotYet(offered.created));
    }
    Ok(())
}

fn remove(directory: &Path) -> Result<(), BundleError> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(file_error("remove", directory)(error))
        }
        _ => Ok(()),
    }
}
