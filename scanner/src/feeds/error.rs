//! Why feeds cannot be read, or an index not be made or used.

use std::error::Error;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Says why feeds could not be read or an index not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The operating system refused.
    #[error("{action} {path}", path = path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A feed's file is not what its name says.
    #[error("read feed file {path}: {source}", path = path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it, by the reader of its format.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The index is of another version of the program, or is no index.
    #[error("{path} is not a feed index of this program's format", path = path.display())]
    NotAnIndex {
        /// Which file.
        path: PathBuf,
    },
    /// The index is truncated or altered.
    #[error("feed index is damaged: {part} does not match its checksum")]
    Damaged {
        /// Which part.
        part: &'static str,
    },
    /// A table outgrew the index format.
    #[error("write feed index: {what} is too large for the format")]
    TooLarge {
        /// Which part.
        what: &'static str,
    },
}

impl FeedError {
    /// Says what the system refused to do with a file.
    pub(super) fn io(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// Says that a file is not what its name says.
    pub(super) fn content<E: Into<Box<dyn Error + Send + Sync>>>(
        path: &Path,
    ) -> impl Fn(E) -> Self {
        move |source| Self::Content {
            path: path.to_owned(),
            source: source.into(),
        }
    }
}

/// Opens a feed's file.
pub(super) fn open(path: &Path) -> Result<File, FeedError> {
    File::open(path).map_err(FeedError::io("open", path))
}
