//! The database of rpm, in every form that rpm has kept it.
//!
//! The backend is told by content, wherever the file lies; where rpm would look, a file of no known
//! backend is a gap. What a write-ahead log beside the database holds is applied to it; where the two
//! are not in one layer, that is a gap too.
//!
//! Source: rpm, "Database backends"; the backends name their own.

mod berkeley;
mod error;
mod header;
mod manifest;
mod ndb;
mod package;
mod records;
mod sqlite;

use std::fmt::Display;

use sluicegate_model::coverage::{Gap, GapKind};

use crate::analyzer::{
    AnalyzeError, Analyzer, AnalyzerId, Database, Pair, SpooledFile, WantedFile, Wants,
};
use crate::facts::Observations;
use crate::limits::{GIB, MIB};
use crate::read_at::{self, FileOf, ReadAt};
use crate::sqlite::{Log, MAGIC as SQLITE_MAGIC};

use error::RpmError;
use records::RpmRecords;

/// The manifest of distroless images of Azure Linux.
pub(crate) const MANIFEST: &str = "var/lib/rpmmanifest/container-manifest-2";

/// Largest manifest, in bytes; one line for each package takes less.
const MAX_MANIFEST_BYTES: u64 = 32 * MIB;

/// The name of the SQLite database.
const SQLITE_NAME: &str = "rpmdb.sqlite";

/// The name of the log beside it.
const LOG_NAME: &str = "rpmdb.sqlite-wal";

/// The name of the journal beside them, which undoes an interrupted change.
const JOURNAL_NAME: &str = "rpmdb.sqlite-journal";

/// Where rpm keeps its database: three backends in three directories, and the manifest that a
/// distroless image has in their place.
const DATABASES: [&str; 10] = [
    "var/lib/rpm/Packages",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages",
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/share/rpm/Packages",
    "usr/share/rpm/Packages.db",
    "usr/share/rpm/rpmdb.sqlite",
    MANIFEST,
];

pub(super) struct Rpm;

impl Analyzer for Rpm {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "os/rpm",
            revision: 4,
        }
    }

    fn databases(&self) -> Vec<Database<'_>> {
        DATABASES.map(Database::File).to_vec()
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![
            Wants::Named("container-manifest-2"),
            Wants::Named(LOG_NAME),
            Wants::Named(JOURNAL_NAME),
            Wants::Content {
                starts: SQLITE_MAGIC,
                holds: b"",
            },
            Wants::Content {
                starts: ndb::MAGIC,
                holds: b"",
            },
            // A hash table without a log of transactions, in either byte order.
            Wants::Content {
                starts: b"\0\0\0\0",
                holds: b"\x61\x15\x06\0",
            },
            Wants::Content {
                starts: b"\0\0\0\0",
                holds: b"\0\x06\x15\x61",
            },
        ]
    }

    /// A database of 300 packages takes about 25 MiB in SQLite, most of it indexes.
    fn max_file_bytes(&self) -> u64 {
        32 * MIB
    }

    /// The database of a large desktop takes 500 MiB.
    fn max_spooled_bytes(&self) -> u64 {
        GIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        read(file.path, &file.content, found)
    }

    fn analyze_spooled(
        &self,
        file: SpooledFile<'_>,
        found: &mut Observations,
    ) -> Result<(), AnalyzeError> {
        read(file.path, &spooled(&file), found)
    }

    fn pair(&self) -> Option<Pair<'_>> {
        Some(Pair {
            file: SQLITE_NAME,
            beside: LOG_NAME,
        })
    }

    fn analyze_pair(
        &self,
        file: SpooledFile<'_>,
        beside: SpooledFile<'_>,
        found: &mut Observations,
    ) -> Result<(), AnalyzeError> {
        match Log::read(&spooled(&beside)) {
            Ok(log) => database(file.path, &spooled(&file), log.as_ref(), found),
            Err(why) => {
                found.gaps.push(unapplied(&why).at(beside.path));
                database(file.path, &spooled(&file), None, found)
            }
        }
    }
}

fn spooled<'a>(file: &SpooledFile<'a>) -> FileOf<'a> {
    FileOf {
        file: file.content,
        size_bytes: file.size_bytes,
    }
}

fn unapplied(why: &dyn Display) -> Gap {
    let detail = format!("changes of the rpm database are not applied: {why}");
    Gap::fatal(GapKind::FileUnreadable, detail)
}

/// Reads a file of any kind that is claimed.
fn read(path: &str, source: &dyn ReadAt, found: &mut Observations) -> Result<(), AnalyzeError> {
    match path.rsplit('/').next().unwrap_or_default() {
        LOG_NAME => {
            let why = match Log::read(source) {
                Ok(None) => return Ok(()),
                Ok(Some(_)) => "they lie in a log whose database is not beside it".into(),
                Err(why) => why,
            };
            found.gaps.push(unapplied(&why).at(path));
            Ok(())
        }
        JOURNAL_NAME => {
            let mut first = [0];
            if source.read_at(0, &mut first).is_ok() && first != [0] {
                found
                    .gaps
                    .push(unapplied(&"a journal says that one was interrupted").at(path));
            }
            Ok(())
        }
        _ => database(path, source, None, found),
    }
}

/// Reads a database, or nothing where the file turns out to be another program's.
fn database(
    path: &str,
    source: &dyn ReadAt,
    log: Option<&Log<'_>>,
    found: &mut Observations,
) -> Result<(), AnalyzeError> {
    let is_own = DATABASES.contains(&path);
    let log_bytes = log.map_or(0, |log| log.source.len());
    let mut records = RpmRecords::of_database(source.len().saturating_add(log_bytes));
    let outcome = backend(path, source, log, &mut records);
    if records.is_empty() && !is_own {
        return Ok(());
    }
    records.observe(path, found);
    outcome.map_err(AnalyzeError::of)
}

fn backend(
    path: &str,
    source: &dyn ReadAt,
    log: Option<&Log<'_>>,
    records: &mut RpmRecords,
) -> Result<(), RpmError> {
    let mut head = [0; 16];
    let is_short = source.read_at(0, &mut head).is_err();
    if path.ends_with("container-manifest-2") {
        if source.len() > MAX_MANIFEST_BYTES {
            return Err(RpmError::Long(source.len()));
        }
        let mut text = vec![0; read_at::index(source.len())];
        source.read_at(0, &mut text)?;
        manifest::read(&text, records);
        Ok(())
    } else if is_short {
        Err(RpmError::Short(source.len()))
    } else if head.starts_with(SQLITE_MAGIC) {
        sqlite::read(source, log, records)
    } else if head.starts_with(ndb::MAGIC) {
        ndb::read(source, records)
    } else if berkeley::byte_order(&head).is_some() {
        berkeley::read(source, records)
    } else {
        Err("it is of no backend that is known".into())
    }
}

#[cfg(test)]
pub(super) mod tests;
