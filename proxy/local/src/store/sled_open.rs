//! Opens sled so that no damage on disk can keep the proxy from starting, nor pass for health.
//!
//! The ladder: as it is; without sled's snapshots, which it can rebuild; empty, with the damaged
//! database set aside for a person. Records that are gone mean "scan again". A full disk is no damage:
//! there the room that was kept for this moment is used.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use sluicegate_machine::private;

use super::StoreError;
use super::sled_reserve as reserve;
use crate::durable::Disk;

/// How often sled flushes on its own; a backstop only, every answered write has been flushed.
const BACKSTOP_FLUSH_MS: u64 = 1000;
/// Most damaged databases kept beside the live one.
const MAX_QUARANTINED: u32 = 1000;

/// What it took to open the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Nothing.
    AsItWas,
    /// Its snapshots were damaged and have been renamed; no record is lost.
    WithoutSnapshots,
    /// It was damaged; it lies here now, and every image is scanned again.
    Empty {
        /// Where the damaged database was set aside.
        quarantined: PathBuf,
    },
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsItWas => f.write_str("as it was"),
            Self::WithoutSnapshots => f.write_str("without its snapshots, which were damaged"),
            Self::Empty { quarantined } => {
                write!(
                    f,
                    "empty; the damaged one lies at {}",
                    quarantined.display()
                )
            }
        }
    }
}

/// An open database and the file that has to be synced.
#[derive(Debug)]
pub(super) struct Database {
    sled: sled::Db,
    file: File,
}

impl Database {
    pub(super) fn sled(&self) -> &sled::Db {
        &self.sled
    }

    /// Makes what sled has flushed durable: `flush` alone survives a crash of the process, but not
    /// of the machine.
    pub(super) fn sync(&self, disk: &Disk) -> io::Result<()> {
        disk.sync_all(&self.file)
    }
}

/// Opens or creates the database in `directory`.
pub(super) fn open(
    directory: &Path,
    cache_bytes: u64,
    disk: &Disk,
) -> Result<(Database, Opened), StoreError> {
    if is_in_use(directory) {
        let path = directory.to_owned();
        return Err(StoreError::InUse { path });
    }
    let attempt = || {
        let database = open_once(directory, cache_bytes, disk)?;
        reserve::keep(directory);
        Ok(database)
    };
    match attempt() {
        Ok(database) => return Ok((database, Opened::AsItWas)),
        // On a full disk every failure is the disk's, whatever it looks like: nothing is set aside.
        Err(Trouble::Environment(why) | Trouble::Damage(why)) if reserve::is_needed(directory) => {
            if reserve::release(directory)
                && let Ok(database) = open_once(directory, cache_bytes, disk)
            {
                return Ok((database, Opened::AsItWas));
            }
            return Err(refused(directory, format!("the disk is full: {why}")));
        }
        Err(Trouble::Environment(why)) => return Err(refused(directory, why)),
        Err(Trouble::Damage(why)) => {
            tracing::error!(directory = %directory.display(), why, "verdict store is damaged");
        }
    }
    let renamed = rename_snapshots(directory).map_err(|why| refused(directory, why.to_string()))?;
    if renamed && let Ok(database) = attempt() {
        return Ok((database, Opened::WithoutSnapshots));
    }
    let quarantined = set_aside(directory).map_err(|why| refused(directory, why.to_string()))?;
    match attempt() {
        Ok(database) => Ok((database, Opened::Empty { quarantined })),
        Err(Trouble::Environment(why) | Trouble::Damage(why)) => Err(refused(directory, why)),
    }
}

/// Tells whether another process has the database: sled keeps a lock on its file, and says so in words
/// only.
fn is_in_use(directory: &Path) -> bool {
    let file = File::open(directory.join("db"));
    file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Why one attempt failed.
enum Trouble {
    /// Nothing is wrong with the data, as far as is known: another process, permissions, the disk.
    Environment(String),
    /// The data is damaged.
    Damage(String),
}

fn open_once(directory: &Path, cache_bytes: u64, disk: &Disk) -> Result<Database, Trouble> {
    let environment = |error: io::Error| Trouble::Environment(error.to_string());
    private::create_dir_all(directory).map_err(environment)?;
    let config = sled::Config::new()
        .path(directory)
        .mode(sled::Mode::HighThroughput)
        .flush_every_ms(Some(BACKSTOP_FLUSH_MS))
        .cache_capacity(cache_bytes);
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let sled = config.open()?;
        // Walks every node, so that damage shows now and not under a pull.
        let rows = sled
            .iter()
            .try_fold(0_u64, |rows, row| row.map(|_| rows.saturating_add(1)))?;
        tracing::debug!(rows, "verdict store opened");
        Ok(sled)
    }));
    let sled = match opened {
        Ok(Ok(sled)) => sled,
        Ok(Err(sled::Error::Io(error))) if !is_damage(&error) => return Err(environment(error)),
        Ok(Err(error)) => return Err(Trouble::Damage(error.to_string())),
        Err(_) => return Err(Trouble::Damage("the engine panicked".into())),
    };
    // sled keeps its own handle to itself.
    let file = File::open(directory.join("db")).map_err(environment)?;
    for durable in [directory, directory.parent().unwrap_or(directory)] {
        disk.sync_directory(durable).map_err(environment)?;
    }
    Ok(Database { sled, file })
}

/// Tells a file that is too short or nonsense from a disk or a neighbour in the way.
fn is_damage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
    )
}

fn rename_snapshots(directory: &Path) -> io::Result<bool> {
    let mut renamed = false;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("snap.") {
            fs::rename(&path, directory.join(format!("damaged-{name}")))?;
            renamed = true;
        }
    }
    Ok(renamed)
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

fn refused(directory: &Path, why: String) -> StoreError {
    StoreError::Open {
        path: directory.to_owned(),
        why,
    }
}
