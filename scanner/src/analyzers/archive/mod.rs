//! Zip archives, as Java, Python and Yarn use them: one bounded reader for all of their analyzers.
//!
//! It is written for hostile archives: repeated names are all handed out, what the directory and an
//! entry's own header disagree on is a gap, and nothing is allocated by a number in the archive.

use crate::analyzer::AnalyzeError;
use crate::limits::MIB;

mod content;
mod directory;
mod reading;
mod source;

pub(super) use directory::{Directory, Entry};
pub(super) use reading::Reading;
pub(super) use source::Source;

/// Largest archive taken in memory, and most bytes of archives inside it that are held at a time.
pub(super) const MAX_MEMORY_BYTES: u64 = 32 * MIB;

/// Says why an archive, or an entry of one, could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ZipError {
    /// There is no end record that points to a directory.
    #[error("it is no zip archive")]
    NoEnd,
    /// Two parts of it contradict each other, or one is of a kind that is not read.
    #[error("{0}")]
    Broken(String),
    /// The content did not inflate.
    #[error("{0}")]
    Read(String),
    /// The spool for an archive inside it could not be written.
    #[error("it is too large for memory and could not be spooled: {0}")]
    Spool(String),
}

impl From<ZipError> for AnalyzeError {
    fn from(error: ZipError) -> Self {
        Self(error.to_string())
    }
}

#[cfg(test)]
pub(super) mod tests;
