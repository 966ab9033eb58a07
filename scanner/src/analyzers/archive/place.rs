//! Where an archive lies, and what that says of it.

use std::sync::Arc;

use crate::analyzers::entries::{Reading, Source, ZipError};
use crate::analyzers::jar::JarNames;
use crate::analyzers::{jar, npm, python};

/// Endings that a stream's own name puts after that of what it inflates to.
const STREAM_ENDINGS: [&str; 8] = [
    ".gz", ".zst", ".xz", ".bz2", ".tgz", ".tzst", ".txz", ".tbz2",
];

/// Where an archive lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArchivePlace<'p> {
    /// What Java archives are called.
    pub(super) names: &'p Arc<JarNames>,
    /// Its path, which may name it.
    pub(super) path: &'p str,
    /// Its path within the file, empty for the file itself.
    pub(super) inside: &'p str,
    /// How many archives it is in.
    pub(super) depth: u32,
}

impl<'p> ArchivePlace<'p> {
    /// Gives the place of an archive that lies in this one.
    pub(super) fn inner(&self, inside: &'p str) -> Self {
        Self {
            names: self.names,
            path: inside,
            inside,
            depth: self.depth + 1,
        }
    }

    /// Gives the place of what a stream inflates to; none where it is nested too deep, which is
    /// then a gap.
    pub(super) fn inflated(&self, reading: &mut Reading<'_>) -> Option<Self> {
        let ending = STREAM_ENDINGS
            .iter()
            .find_map(|ending| self.path.strip_suffix(ending));
        reading.may_nest(self.inside, self.depth).then_some(Self {
            path: ending.unwrap_or(self.path),
            depth: self.depth + 1,
            ..*self
        })
    }
}

/// Reads an archive that lies in another; whoever begins hands it down.
pub(super) type Open = fn(&mut Reading<'_>, Source<'_>, &ArchivePlace<'_>) -> Result<(), ZipError>;

/// Whose archives have files of this name, so that one which cannot be read is a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Java,
    Python,
    Yarn,
    /// Of other tools, which say no more than that it is an archive.
    Other,
}

/// Tells whose archives are called so.
pub(super) fn named(path: &str) -> Named {
    let lower = path.to_ascii_lowercase();
    let ends = |ending: &&str| lower.ends_with(*ending);
    if jar::ENDINGS.iter().any(ends) {
        Named::Java
    } else if python::ARCHIVE_ENDINGS.iter().any(ends) {
        Named::Python
    } else if ends(&".zip") && npm::is_cached(path) {
        Named::Yarn
    } else {
        Named::Other
    }
}
