//! Why an SQLite database, its log or a row cannot be read: the fault of whoever made the file.

use crate::read_at::ReadError;

/// Says what is wrong with a database, its log or a row.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SqliteError {
    /// Its structure contradicts itself, or is of a form that is not read.
    #[error("{0}")]
    Damaged(&'static str),
    /// Its bytes cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A log is longer than any is.
    #[error("its log has more than {most} pages")]
    LongLog { most: u32 },
    /// A database has pages of a size that none has.
    #[error("it has pages of {0} bytes")]
    PageBytes(u32),
    /// A log is of another database.
    #[error("it has pages of {database} bytes, its log of {log}")]
    LogPageBytes { database: u32, log: u32 },
    /// A page is not what leads to it says.
    #[error("page {number} {wrong}")]
    Page { number: u32, wrong: &'static str },
}

impl From<&'static str> for SqliteError {
    fn from(damage: &'static str) -> Self {
        Self::Damaged(damage)
    }
}
