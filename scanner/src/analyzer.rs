//! The plugin trait: what reads one kind of file and says what it proves.
//!
//! An analyzer claims paths or contents as data, gets the whole file, bounded, and returns
//! observations. It holds no state, opens nothing and never sees another file; joining files and
//! layers is the merge's work. `plugin_set.rs` is its only caller.

use std::error::Error;
use std::fs::File;

use crate::facts::Observations;
use crate::limits::Limits;

/// A plugin's name and revision.
///
/// Facts are kept with both, so that a changed analyzer reads again what it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnalyzerId<'a> {
    /// The name, such as `os/dpkg`.
    pub name: &'a str,
    /// Raised with every change of what is found.
    pub revision: u16,
}

/// A claim on an archive entry, decided from its name or its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants<'a> {
    /// The file with exactly this path, without a leading slash.
    Exact(&'a str),
    /// Every file right in this directory.
    InDir(&'a str),
    /// Every file with this name, in any directory.
    Named(&'a str),
    /// Every file whose name ends so, whatever the case; starts with a dot.
    Ending(&'a str),
    /// Every file whose name starts and ends so, with something without a dot between.
    NamedAround {
        /// The start of the file's name.
        starts: &'a str,
        /// Its end; starts with a dot.
        ends: &'a str,
    },
    /// Every file right in a directory with the name `dir`, wherever it is, whose name ends so.
    InDirsNamed {
        /// The directory's own name.
        dir: &'a str,
        /// The end of the file's name; starts with a dot.
        ending: &'a str,
    },
    /// Every file that starts with `starts` and has `holds` within [`HEAD_BYTES`].
    Content {
        /// The first bytes.
        starts: &'a [u8],
        /// Bytes that follow somewhere; may be empty.
        holds: &'a [u8],
    },
    /// Every file that has these bytes at this place, within [`HEAD_BYTES`].
    At {
        /// Where they begin.
        at: usize,
        /// The bytes.
        holds: &'a [u8],
    },
    /// Every file that ends as a zip archive or a PHP archive does, whatever it starts with.
    ArchiveEnd,
    /// Every regular file.
    Every,
    /// The header of every file and directory, and nothing of their content.
    Headers,
}

/// A place where a package manager of operating systems keeps what it knows.
///
/// To declare one is to claim it, and to say that packages found there are installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database<'a> {
    /// One file.
    File(&'a str),
    /// One file that does not say from which sources its packages were built.
    Sourceless(&'a str),
    /// A directory with one file for each package.
    Dir(&'a str),
    /// A directory with one directory for each package; what is in those is claimed by content.
    Tree(&'a str),
    /// A directory with a list of each package's files; those are claimed by name.
    Lists(&'a str),
}

impl<'a> Database<'a> {
    /// Gives the claim that the place itself is.
    fn claim(self) -> Option<Wants<'a>> {
        match self {
            Self::File(path) | Self::Sourceless(path) => Some(Wants::Exact(path)),
            Self::Dir(path) => Some(Wants::InDir(path)),
            Self::Tree(_) | Self::Lists(_) => None,
        }
    }
}

/// Two files that are read together where one layer has both in one directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The name of the file that is read.
    pub file: &'a str,
    /// The name of the one beside it, which changes what the first one says.
    pub beside: &'a str,
}

/// How much of each file is looked at to decide on [`Wants::Content`], in bytes.
///
/// One block of most file systems: it holds the first record of every package database seen.
pub const HEAD_BYTES: usize = 4_096;

/// Most dots in an ending that a fed plugin claims: as many parts of a name are looked up.
pub const MAX_ENDING_DOTS: usize = 3;

/// A file that an analyzer claimed.
#[derive(Clone, Copy, Debug)]
pub struct WantedFile<'a> {
    /// The raw path, without a leading slash.
    pub path: &'a str,
    /// The whole content, within the analyzer's bound.
    pub content: &'a [u8],
    /// The budgets for archives within the file.
    pub limits: &'a Limits,
}

impl<'a> WantedFile<'a> {
    /// Gives the last component of the path.
    pub fn name(&self) -> &'a str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// A claimed file too large for memory, in a temporary file without a name.
#[derive(Clone, Copy, Debug)]
pub struct SpooledFile<'a> {
    /// The raw path, without a leading slash.
    pub path: &'a str,
    /// The whole content; `&File` reads and seeks. It stands anywhere.
    pub content: &'a File,
    /// Its size, in bytes.
    pub size_bytes: u64,
    /// The budgets for archives within the file.
    pub limits: &'a Limits,
}

/// Says why a file could not be read as what it claims to be.
///
/// The reason is told to people in a gap, and nobody decides by it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct AnalyzeError(Box<dyn Error + Send + Sync>);

impl AnalyzeError {
    /// Takes the analyzer's own error, or words for what has no cause but the file itself.
    pub fn of(why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(why.into())
    }
}

/// Reads one kind of file.
pub trait Analyzer: Send + Sync {
    /// Gives the name and revision.
    fn id(&self) -> AnalyzerId<'_>;

    /// Gives the SHA-256, 64 digits, of the table of names that it goes by, where that is not the program's
    /// own: it is part of who the analyzer is.
    fn table(&self) -> Option<&str> {
        None
    }

    /// Tells whether it finds something, by whichever table, in each file in which it may find something by
    /// another: then what it found nothing in need not be read again for another.
    fn finds_by_any_table(&self) -> bool {
        false
    }

    /// Lists the claims, but for those on databases.
    fn wants(&self) -> Vec<Wants<'_>> {
        Vec::new()
    }

    /// Lists the package databases that it reads.
    fn databases(&self) -> Vec<Database<'_>> {
        Vec::new()
    }

    /// Lists every claim, those on databases first.
    fn claims(&self) -> Vec<Wants<'_>> {
        let databases = self.databases().into_iter();
        databases
            .filter_map(Database::claim)
            .chain(self.wants())
            .collect()
    }

    /// Gives the largest file taken in memory, in bytes; a larger one is spooled or a gap.
    fn max_file_bytes(&self) -> u64;

    /// Gives the largest file taken from a spool, in bytes; 0 where only memory will do.
    fn max_spooled_bytes(&self) -> u64 {
        0
    }

    /// Reads a file. What was found before an error is kept; the file is then a gap.
    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError>;

    /// Reads a file over [`max_file_bytes`](Self::max_file_bytes) that lies in a spool.
    fn analyze_spooled(
        &self,
        file: SpooledFile<'_>,
        _found: &mut Observations,
    ) -> Result<(), AnalyzeError> {
        let size = file.size_bytes;
        Err(AnalyzeError::of(format!(
            "a file of {size} bytes is not read"
        )))
    }

    /// Names the files that are read together; both must be claimed as well.
    fn pair(&self) -> Option<Pair<'_>> {
        None
    }

    /// Reads a file with the one beside it, in place of what each alone was found to hold.
    fn analyze_pair(
        &self,
        file: SpooledFile<'_>,
        _beside: SpooledFile<'_>,
        found: &mut Observations,
    ) -> Result<(), AnalyzeError> {
        self.analyze_spooled(file, found)
    }
}
