//! Archives of every kind, by what they hold and not by what they are called or start with: the
//! packages of Java, Python, npm and PHP in them, those inside other archives included.
//!
//! Zip, tar, gzip, Zstandard, xz, bzip2, Electron's and PHP's archives are read, behind a preamble too. It is
//! written for hostile archives: repeated names are all handed out, what the directory and an
//! entry's own header disagree on is a gap, and nothing is allocated by a number in the archive.
//! What is wrong with an archive that holds nothing of the kind is nobody's loss and no gap.

use std::sync::Arc;

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, SpooledFile, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::{GIB, Limits};

use self::place::{ArchivePlace, Named, named};
use super::entries::{MAX_MEMORY_BYTES, Reading, Source, Unread};
use super::jar::JarNames;
use super::table_file::FedFile;

mod asar;
mod decoder;
mod holdings;
mod phar;
mod place;
mod shape;
mod stream;
mod tarball;
mod visit;
mod walk;

/// Reads archives.
pub(super) struct Archives {
    unread: Unread,
    /// What Java archives are called.
    names: Arc<JarNames>,
}

impl Archives {
    /// Makes it for a set with these analyzers, whose databases are read on disk only; it goes by these names.
    pub(super) fn beside(others: &[Box<dyn Analyzer>], names: &Arc<JarNames>) -> Self {
        let databases = others.iter().flat_map(|analyzer| analyzer.databases());
        Self {
            unread: Unread::of(databases),
            names: Arc::clone(names),
        }
    }

    /// Reads a file that its name, its first or its last bytes make an archive.
    fn read(
        &self,
        source: Source<'_>,
        path: &str,
        limits: &Limits,
        found: &mut Observations,
    ) -> Result<(), AnalyzeError> {
        let mut reading = Reading::new(limits, path, source.bytes(), &self.unread, found);
        let place = ArchivePlace {
            names: &self.names,
            path,
            inside: "",
            depth: 0,
        };
        if named(path) == Named::Other {
            reading.quietly("", |reading| walk::archive(reading, source, &place))?;
        } else {
            walk::archive(&mut reading, source, &place)?;
        }
        Ok(())
    }
}

#[cfg(test)]
impl Default for Archives {
    fn default() -> Self {
        Self::beside(&[], JarNames::compiled())
    }
}

impl Analyzer for Archives {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "archive/content",
            revision: 6,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        WANTS.to_vec()
    }

    fn table(&self) -> Option<&str> {
        self.names.file().map(FedFile::digest)
    }

    /// An archive with classes is an artifact, or the gap that it is none that is known.
    fn finds_by_any_table(&self) -> bool {
        true
    }

    fn max_file_bytes(&self) -> u64 {
        MAX_MEMORY_BYTES
    }

    /// Applications with everything in one archive reach a few hundred MiB, the largest wheels on
    /// PyPI a GiB.
    fn max_spooled_bytes(&self) -> u64 {
        4 * GIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        self.read(Source::Memory(file.content), file.path, file.limits, found)
    }

    fn analyze_spooled(
        &self,
        file: SpooledFile<'_>,
        found: &mut Observations,
    ) -> Result<(), AnalyzeError> {
        self.read(Source::of_spool(&file), file.path, file.limits, found)
    }
}

/// What archives are called, start with, or end as.
static WANTS: [Wants<'static>; 25] = [
    Wants::Ending(".jar"),
    Wants::Ending(".war"),
    Wants::Ending(".ear"),
    Wants::Ending(".par"),
    Wants::Ending(".jpi"),
    Wants::Ending(".hpi"),
    Wants::Ending(".lpkg"),
    Wants::Ending(".nar"),
    Wants::Ending(".aar"),
    Wants::Ending(".egg"),
    Wants::Ending(".whl"),
    Wants::Ending(".pyz"),
    Wants::Ending(".pex"),
    Wants::Ending(".phar"),
    Wants::InDirsNamed {
        dir: "cache",
        ending: ".zip",
    },
    starts(shape::ZIP),
    starts(shape::JMOD),
    starts(shape::GZIP),
    starts(shape::ZSTD),
    starts(shape::XZ),
    starts(shape::BZIP2),
    starts(shape::SCRIPT),
    Wants::Content {
        starts: shape::ASAR,
        holds: shape::ASAR_LIST,
    },
    Wants::At {
        at: shape::USTAR_AT,
        holds: shape::USTAR,
    },
    Wants::ArchiveEnd,
];

const fn starts(starts: &[u8]) -> Wants<'_> {
    Wants::Content { starts, holds: b"" }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod tests;
