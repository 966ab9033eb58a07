//! What is here of one ecosystem: its archive, its delta, and the list of the records in both.
//!
//! Blocking work on files, for threads of its own. The list is believed only while its seal fits the
//! files it was made from, and made again from them otherwise, so that a process that ends between
//! two steps misses nothing. Called by `ecosystem`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use sluicegate_scanner::feeds::{ARCHIVE, DELTA, read_stamps};

use super::broken::Broken;
use super::delta::Delta;
use super::fetch::Arrived;
use super::held::{HeldRecords, Pending};

/// The list of the records that are here.
pub(super) const HELD: &str = "held.csv";

/// Names the files that belong together, by the hashes of their contents, in hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seal {
    held: String,
    archive: String,
    /// Empty where there is no delta.
    delta: String,
}

/// How the files of an ecosystem stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Condition {
    /// The archive is there and so is a readable delta, or none.
    pub(super) is_sound: bool,
    /// The list belongs to them.
    pub(super) is_sealed: bool,
}

/// The records that are here, or are once what has arrived is in place.
#[derive(Clone, Debug)]
pub(super) struct Stock {
    pub(super) held: HeldRecords,
    pub(super) delta: Delta,
    /// Whether the delta is another than the one that is here.
    is_changed: bool,
}

/// New files, written and not yet in their places.
#[derive(Debug)]
pub(super) struct WrittenStock {
    pub(super) held: PathBuf,
    /// The new delta, if it has changed.
    pub(super) delta: Option<NewDelta>,
    pub(super) seal: Seal,
}

/// What becomes of the delta.
#[derive(Debug)]
pub(super) enum NewDelta {
    /// The archive has all that it had.
    Removed,
    Replaced(PathBuf),
}

impl Condition {
    /// Looks at the files in `folder`; `archive` and `seal` are what is remembered of them.
    pub(super) fn of(folder: &Path, archive: Option<&Arrived>, seal: Option<&Seal>) -> Self {
        let length = folder.join(ARCHIVE).metadata().map(|file| file.len()).ok();
        let archive = archive.filter(|archive| length == Some(archive.bytes));
        let delta = folder.join(DELTA);
        let is_sound = archive.is_some() && Delta::read(&delta).is_ok();
        let is_sealed = is_sound
            && seal.is_some_and(|seal| {
                archive.is_some_and(|archive| archive.sha256 == seal.archive)
                    && hash_of(&folder.join(HELD)).is_ok_and(|hash| hash == seal.held)
                    && hash_if_any(&delta).is_ok_and(|hash| hash == seal.delta)
            });
        Self {
            is_sound,
            is_sealed,
        }
    }
}

impl Stock {
    /// Reads what is here.
    ///
    /// *Errors*: the archive or the delta is damaged.
    pub(super) fn read(folder: &Path, condition: Condition) -> Result<Self, Broken> {
        let delta = Delta::read(&folder.join(DELTA))?;
        let listed = condition
            .is_sealed
            .then(|| HeldRecords::read(&folder.join(HELD)));
        let held = match listed.flatten() {
            Some(held) => held,
            None => held_in(&folder.join(ARCHIVE), &delta)?,
        };
        Ok(Self {
            held,
            delta,
            is_changed: false,
        })
    }

    /// Joins a new archive with what of the delta is newer. A record that the archive lacks stays
    /// unless the mirror's list, where there is one, lacks it too.
    ///
    /// *Errors*: the archive or the list is not readable.
    pub(super) fn renewed(
        folder: &Path,
        archive: &Path,
        list: Option<&Path>,
    ) -> Result<(Self, Pending), Broken> {
        // A damaged delta is given up here: the new archive and the list bring its records again.
        let before = Delta::read(&folder.join(DELTA)).ok();
        let mut held = held_in(archive, &Delta::default())?;
        let mut delta = before.clone().unwrap_or_default();
        delta.retain(|id, modified| held.time_of(id).is_none_or(|known| known < modified));
        let orphans: BTreeSet<String> = delta
            .stamps()
            .filter(|(id, _)| held.time_of(id).is_none())
            .map(|(id, _)| id.to_owned())
            .collect();
        for (id, modified) in delta.stamps() {
            held.note(id, modified);
        }
        let mut pending = Pending::default();
        if let Some(list) = list {
            pending = held.compare(list, &orphans)?;
            delta.retain(|id, _| !orphans.contains(id) || pending.listed.contains(id));
        }
        let is_changed = before.as_ref() != Some(&delta);
        let stock = Self {
            held,
            delta,
            is_changed,
        };
        Ok((stock, pending))
    }

    /// Adds records that have arrived, each with its time in the list.
    pub(super) fn grown(mut self, arrived: &BTreeMap<String, (Timestamp, Vec<u8>)>) -> Self {
        for (id, (listed, content)) in arrived {
            if let Some(modified) = self.delta.take(id, content.clone()) {
                self.held.note(id, modified.max(*listed));
                self.is_changed = true;
            }
        }
        self
    }

    /// Writes list and delta to `incoming`; `archive` is the hash of the archive they belong to.
    pub(super) fn write(&self, incoming: &Path, archive: &str) -> std::io::Result<WrittenStock> {
        let (held, delta) = (incoming.join(HELD), incoming.join(DELTA));
        self.held.write(&held)?;
        self.delta.write(&delta)?;
        let delta_hash = if self.delta.is_empty() {
            String::new()
        } else {
            hash_of(&delta)?
        };
        let seal = Seal {
            held: hash_of(&held)?,
            archive: archive.to_owned(),
            delta: delta_hash,
        };
        let delta = self.is_changed.then(|| {
            if self.delta.is_empty() {
                NewDelta::Removed
            } else {
                NewDelta::Replaced(delta)
            }
        });
        Ok(WrittenStock { held, delta, seal })
    }
}

fn held_in(archive: &Path, delta: &Delta) -> Result<HeldRecords, Broken> {
    let mut held = HeldRecords::default();
    // Entries that cannot be read are not here: the list names them, and they come one by one.
    read_stamps(archive, &mut |stamp, _| {
        held.note(&stamp.id, stamp.modified);
    })?;
    for (id, modified) in delta.stamps() {
        held.note(id, modified);
    }
    Ok(held)
}

fn hash_if_any(path: &Path) -> std::io::Result<String> {
    if path.exists() {
        return hash_of(path);
    }
    Ok(String::new())
}

fn hash_of(path: &Path) -> std::io::Result<String> {
    let (mut file, mut hasher) = (File::open(path)?, sha2::Sha256::new());
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = file.read(&mut piece)?;
        let Some(bytes) = piece.get(..length).filter(|bytes| !bytes.is_empty()) else {
            return Ok(hex::encode(hasher.finalize()));
        };
        hasher.update(bytes);
    }
}
