//! Why archives are not read.

use crate::analyzer::AnalyzeError;

/// Says why an archive, or an entry of one, could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::analyzers) enum ZipError {
    /// There is no end record that points to a directory.
    #[error("it is no archive")]
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
        Self::of(error)
    }
}
