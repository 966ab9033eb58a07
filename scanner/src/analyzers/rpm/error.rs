//! Why a database of rpm, or a record of it, cannot be read: the fault of whoever made the image.

use crate::read_at::ReadError;
use crate::sqlite::SqliteError;

/// Says what is wrong with a database, its log or a record.
#[derive(Debug, thiserror::Error)]
pub(super) enum RpmError {
    /// Its structure contradicts itself, or is of a form that is not read.
    #[error("{0}")]
    Damaged(&'static str),
    /// Its bytes cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is no SQLite database that is whole.
    #[error(transparent)]
    Sqlite(#[from] SqliteError),
    /// A manifest is larger than any is.
    #[error("it has {0} bytes")]
    Long(u64),
    /// There is too little to tell the backend by.
    #[error("it has only {0} bytes")]
    Short(u64),
    /// A record is larger than any is.
    #[error("a record has {size_bytes} bytes, more than {most}")]
    LongRecord { size_bytes: u64, most: u64 },
    /// The backend is of a version of another layout.
    #[error("its version {0} is not known")]
    Version(u32),
    /// A database has none or several tables of packages.
    #[error("it has {0} tables of packages")]
    Tables(usize),
    /// A database has pages of a size that none has.
    #[error("it has pages of {0} bytes")]
    PageBytes(u32),
    /// A page is not what leads to it says.
    #[error("page {number} {wrong}")]
    Page { number: u32, wrong: &'static str },
    /// A header is not where its slot says.
    #[error("the header of package {number} {wrong}")]
    Slot { number: u32, wrong: &'static str },
    /// A header says too little.
    #[error("the header of {0:?} has no version and release")]
    Unversioned(String),
}

impl From<&'static str> for RpmError {
    fn from(damage: &'static str) -> Self {
        Self::Damaged(damage)
    }
}
