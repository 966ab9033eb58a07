//! Why feeds cannot be read, or an index not be made or used.

use std::io;
use std::path::PathBuf;

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
    #[error("read feed file {path}: {reason}", path = path.display())]
    Archive {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
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
