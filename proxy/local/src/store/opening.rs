//! Opens an engine so that no damage on disk can keep the proxy from starting, nor pass for health.
//!
//! The ladder: as it is; without what the engine can rebuild, as sled its snapshots; new, with the
//! damaged database set aside for a person, and the rows that an engine can read of it. Records that
//! are gone mean "scan again". A full disk is no damage: there the room that was kept for this moment
//! is used.

use std::fmt;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluicegate_machine::private;

use super::embedded::Engine;
use super::home::Home;
use super::reserve;
use super::{Key, Op, StoreError, WHOLE_KEY};

/// Most damaged databases kept beside the live one.
const MAX_QUARANTINED: u32 = 1000;

/// What it took to open the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Nothing.
    AsItWas,
    /// Its snapshots were damaged and have been renamed; no record is lost.
    WithoutSnapshots,
    /// It was damaged; rows that could be read of it were taken over, and the rest is made again.
    Rescued {
        /// How many rows.
        rows: u64,
        /// Where the damaged database was set aside.
        quarantined: PathBuf,
    },
    /// It was damaged; it lies here now, and every image is scanned again.
    Empty {
        /// Where the damaged database was set aside.
        quarantined: PathBuf,
    },
}

impl Opened {
    /// Tells whether there may be less in it than there was.
    pub(super) fn has_losses(&self) -> bool {
        matches!(self, Self::Rescued { .. } | Self::Empty { .. })
    }
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsItWas => f.write_str("as it was"),
            Self::WithoutSnapshots => f.write_str("without its snapshots, which were damaged"),
            Self::Rescued { rows, quarantined } => {
                let quarantined = quarantined.display();
                write!(f, "with {rows} rows of the damaged one at {quarantined}")
            }
            Self::Empty { quarantined } => {
                let quarantined = quarantined.display();
                write!(f, "empty; the damaged one lies at {quarantined}")
            }
        }
    }
}

/// Opens or creates the database in its directory.
pub(super) fn open<E: Engine>(home: &Arc<Home>) -> Result<(E, Opened), StoreError> {
    let directory = &home.directory;
    match open_once(home) {
        Ok(engine) => {
            reserve::keep(directory);
            return Ok((engine, Opened::AsItWas));
        }
        Err(Trouble::InUse) => return Err(in_use(directory)),
        // On a full disk every failure is the disk's, whatever it looks like: nothing is set aside.
        Err(Trouble::Environment(why) | Trouble::Damage(why)) if reserve::is_needed(directory) => {
            let opened = reserve::release(directory).then(|| open_in_reserve(home));
            let full = || refused(directory, format!("the disk is full: {why}"));
            return opened.flatten().ok_or_else(full);
        }
        Err(Trouble::Environment(why)) => return Err(refused(directory, why)),
        Err(Trouble::Damage(why)) => {
            tracing::error!(directory = %directory.display(), why, "verdict store is damaged");
        }
    }
    reopen_damaged(home)
}

/// Opens it in the room that was given up. The attempt before may have left a snapshot of no bytes,
/// which sled takes for damage.
fn open_in_reserve<E: Engine>(home: &Arc<Home>) -> Option<(E, Opened)> {
    if let Ok(engine) = open_once(home) {
        return Some((engine, Opened::AsItWas));
    }
    let shed = E::shed(&home.directory).unwrap_or(false);
    let engine = shed.then(|| open_once(home).ok()).flatten()?;
    Some((engine, Opened::WithoutSnapshots))
}

fn reopen_damaged<E: Engine>(home: &Arc<Home>) -> Result<(E, Opened), StoreError> {
    let directory = &home.directory;
    let shed = E::shed(directory).map_err(|why| refused(directory, why.to_string()))?;
    if shed && let Ok(engine) = open_once(home) {
        reserve::keep(directory);
        return Ok((engine, Opened::WithoutSnapshots));
    }
    let quarantined = set_aside(directory).map_err(|why| refused(directory, why.to_string()))?;
    match open_once::<E>(home) {
        Ok(engine) => {
            reserve::keep(directory);
            let rows = rescue(&engine, home, &quarantined);
            // Rows that follow from others may be missing, and whoever made them has to know.
            let key = Key::from(WHOLE_KEY);
            let unmarked = engine.commit(&[Op::Delete { key }]);
            unmarked.map_err(|error| refused(directory, error.to_string()))?;
            let opened = match rows {
                0 => Opened::Empty { quarantined },
                rows => Opened::Rescued { rows, quarantined },
            };
            Ok((engine, opened))
        }
        Err(Trouble::InUse) => Err(in_use(directory)),
        Err(Trouble::Environment(why) | Trouble::Damage(why)) => Err(refused(directory, why)),
    }
}

/// Has an engine take over what it can of a damaged database, where there is room for both.
fn rescue<E: Engine>(engine: &E, home: &Arc<Home>, damaged: &Path) -> u64 {
    if !reserve::has_room_for_another(damaged) {
        return 0;
    }
    let rescued = catch_unwind(AssertUnwindSafe(|| engine.rescue(home, damaged)));
    match rescued {
        Ok(Ok(rows)) => rows,
        Ok(Err(error)) => {
            tracing::error!(%error, "rows of the damaged verdict store not taken over");
            0
        }
        Err(_panic) => 0,
    }
}

/// Why one attempt failed.
pub enum Trouble {
    /// Another process has the database.
    InUse,
    /// Nothing is wrong with the data, as far as is known: permissions, the disk.
    Environment(String),
    /// The data is damaged.
    Damage(String),
}

/// Tells a file that is too short or nonsense from a disk or a neighbour in the way.
impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput => Self::Damage(error.to_string()),
            _ => Self::Environment(error.to_string()),
        }
    }
}

fn open_once<E: Engine>(home: &Arc<Home>) -> Result<E, Trouble> {
    let environment = |error: io::Error| Trouble::Environment(error.to_string());
    private::create_dir_all(&home.directory).map_err(environment)?;
    let opened = catch_unwind(AssertUnwindSafe(|| E::open(home)));
    let engine = opened.unwrap_or_else(|_| Err(Trouble::Damage("the engine panicked".into())))?;
    home.sync_names().map_err(environment)?;
    Ok(engine)
}

fn set_aside(directory: &Path) -> io::Result<PathBuf> {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let free = (1..=MAX_QUARANTINED)
        .map(|number| directory.with_file_name(format!("{name}.quarantined-{number}")))
        .find(|path| !path.exists())
        .ok_or_else(|| io::Error::other("too many damaged databases lie beside it"))?;
    fs::rename(directory, &free)?;
    let (directory, quarantined) = (directory.display(), free.display());
    tracing::error!(%directory, %quarantined, "verdict store starts empty");
    Ok(free)
}

fn in_use(directory: &Path) -> StoreError {
    StoreError::InUse {
        path: directory.to_owned(),
    }
}

fn refused(directory: &Path, why: String) -> StoreError {
    StoreError::Open {
        path: directory.to_owned(),
        why,
    }
}
