//! The database of rpm, in every form that rpm has kept it.
//!
//! The backend is told by content, wherever the file lies; where rpm would look, a file of no known
//! backend is a gap. A write-ahead log that holds what its database lacks is one too.
//!
//! Source: rpm, "Database backends"; the backends name their own.

mod berkeley;
mod header;
mod log;
mod manifest;
mod ndb;
mod package;
mod records;
mod row;
mod source;
mod sqlite;

use sluicegate_model::coverage::{Gap, GapKind};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, SpooledFile, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::{GIB, MIB};

use log::Log;
use records::Records;
use source::{ReadAt, Spool};

/// The manifest of distroless images of Azure Linux.
pub(crate) const MANIFEST: &str = "var/lib/rpmmanifest/container-manifest-2";

/// Largest manifest, in bytes; one line for each package takes less.
const MAX_MANIFEST_BYTES: u64 = 32 * MIB;

/// The name of the log beside an SQLite database.
const LOG_NAME: &str = "rpmdb.sqlite-wal";

/// The name of the journal beside it, which undoes an interrupted change.
const JOURNAL_NAME: &str = "rpmdb.sqlite-journal";

pub(super) struct Rpm;

impl Analyzer for Rpm {
    fn id(&self) -> AnalyzerId {
        AnalyzerId {
            name: "os/rpm",
            revision: 1,
        }
    }

    fn wants(&self) -> &'static [Wants] {
        &[
            Wants::Exact("var/lib/rpm/Packages"),
            Wants::Exact("var/lib/rpm/Packages.db"),
            Wants::Exact("var/lib/rpm/rpmdb.sqlite"),
            Wants::Exact("usr/lib/sysimage/rpm/Packages"),
            Wants::Exact("usr/lib/sysimage/rpm/Packages.db"),
            Wants::Exact("usr/lib/sysimage/rpm/rpmdb.sqlite"),
            Wants::Exact("usr/share/rpm/Packages"),
            Wants::Exact("usr/share/rpm/Packages.db"),
            Wants::Exact("usr/share/rpm/rpmdb.sqlite"),
            Wants::Exact(MANIFEST),
            Wants::Named("container-manifest-2"),
            Wants::Named(LOG_NAME),
            Wants::Named(JOURNAL_NAME),
            Wants::Content {
                starts: sqlite::MAGIC,
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
        let source = Spool {
            file: file.content,
            size_bytes: file.size_bytes,
        };
        read(file.path, &source, found)
    }
}

/// Reads a file of any kind that is claimed.
fn read(path: &str, source: &dyn ReadAt, found: &mut Observations) -> Result<(), AnalyzeError> {
    match path.rsplit('/').next().unwrap_or_default() {
        LOG_NAME => {
            if Log::read(source).is_some() {
                let detail = "the log beside the rpm database holds changes that are not applied";
                found
                    .gaps
                    .push(Gap::fatal(GapKind::FileUnreadable, detail).at(path));
            }
            Ok(())
        }
        JOURNAL_NAME => {
            let mut first = [0];
            if source.read_at(0, &mut first).is_ok() && first != [0] {
                let detail = "a change of the rpm database was interrupted and is not undone";
                found
                    .gaps
                    .push(Gap::fatal(GapKind::FileUnreadable, detail).at(path));
            }
            Ok(())
        }
        _ => database(path, source, found),
    }
}

/// Reads a database, or nothing where the file turns out to be another program's.
fn database(path: &str, source: &dyn ReadAt, found: &mut Observations) -> Result<(), AnalyzeError> {
    let is_own = super::DATABASES.contains(&path);
    let mut records = Records::of_database(source.len());
    let outcome = backend(path, source, &mut records);
    if records.is_empty() && !is_own {
        return Ok(());
    }
    records.observe(path, found);
    outcome.map_err(AnalyzeError)
}

fn backend(path: &str, source: &dyn ReadAt, records: &mut Records) -> Result<(), String> {
    let mut head = [0; 16];
    let is_short = source.read_at(0, &mut head).is_err();
    if path.ends_with("container-manifest-2") {
        if source.len() > MAX_MANIFEST_BYTES {
            return Err(format!("it has {} bytes", source.len()));
        }
        let mut text = vec![0; source::index(source.len())];
        source.read_at(0, &mut text)?;
        manifest::read(&text, records);
        Ok(())
    } else if is_short {
        Err(format!("it has only {} bytes", source.len()))
    } else if head.starts_with(sqlite::MAGIC) {
        sqlite::read(source, None, records)
    } else if head.starts_with(ndb::MAGIC) {
        ndb::read(source, records)
    } else if berkeley::byte_order(&head).is_some() {
        berkeley::read(source, records)
    } else {
        Err("it is of no backend that is known".to_owned())
    }
}

#[cfg(test)]
pub(super) mod tests;
