//! How the content store fails, and why a growing blob did not become content.

use std::io;
use std::path::{Path, PathBuf};

use sluicegate_model::Digest;

/// Says why the content store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The disk has no room left beyond the headroom kept for verdicts and the decision log.
    #[error("{attempt} {path:?}: the disk is full")]
    Full {
        /// What was attempted.
        attempt: &'static str,
        /// On which file or directory.
        path: PathBuf,
    },
    /// The content is not what its digest says.
    #[error("content of {wanted} hashes to {got}")]
    DigestMismatch {
        /// The digest asked for.
        wanted: Digest,
        /// The digest of the bytes that came.
        got: Digest,
    },
    /// The content is longer or shorter than announced.
    #[error("content of {digest} is {got} bytes long, wanted {wanted}")]
    LengthMismatch {
        /// The digest asked for.
        digest: Digest,
        /// The announced length, in bytes.
        wanted: u64,
        /// The bytes that came; a lower bound where more were on their way.
        got: u64,
    },
    /// The content is larger than the caller wants to hold in memory.
    #[error("content of {digest} is {len} bytes long, wanted at most {max}")]
    TooLarge {
        /// The digest asked for.
        digest: Digest,
        /// Its length, in bytes.
        len: u64,
        /// The caller's bound, in bytes.
        max: u64,
    },
    /// A sync failed, so that nobody knows what is on disk; nothing of it is kept.
    #[error("{path:?} could not be made durable, so it is not kept: {source}")]
    NotDurable {
        /// Which file or directory.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// The disk answered with an error.
    #[error("{attempt} {path:?} failed")]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// The runtime stopped before the work was done.
    #[error("{attempt} was interrupted because the program stops")]
    Interrupted {
        /// What was attempted.
        attempt: &'static str,
    },
}

impl CacheError {
    /// Tells a full disk from every other error of the disk.
    pub(super) fn io(attempt: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { attempt, path }
            }
            _ => Self::Io {
                attempt,
                path,
                source,
            },
        }
    }

    /// Tells whether the disk is full, which ends by itself once there is room again.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}

/// Says why a growing blob will never be complete.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobFailure {
    /// The upstream did not deliver.
    #[error("{0}")]
    Upstream(String),
    /// The bytes are not what the digest says.
    #[error("the content hashes to {got}")]
    DigestMismatch {
        /// The digest of the bytes that came.
        got: Digest,
    },
    /// The content is longer or shorter than announced.
    #[error("the content is {got} bytes long, wanted {wanted}")]
    LengthMismatch {
        /// The announced length, in bytes.
        wanted: u64,
        /// The bytes that came; a lower bound where more were on their way.
        got: u64,
    },
    /// Hardly anything came for minutes, and nobody waited for it.
    #[error("the upstream sends less than 1 KiB/s of {size} bytes, and nobody waited for them")]
    Forsaken {
        /// The announced length, in bytes.
        size: u64,
    },
    /// The disk is full.
    #[error("the disk is full")]
    DiskFull,
    /// The disk answered with an error.
    #[error("{0}")]
    Disk(String),
    /// Whoever was writing stopped without saying why.
    #[error("the download was abandoned")]
    Abandoned,
}

impl From<&CacheError> for BlobFailure {
    fn from(error: &CacheError) -> Self {
        match error {
            CacheError::Full { .. } => Self::DiskFull,
            CacheError::DigestMismatch { got, .. } => Self::DigestMismatch { got: got.clone() },
            CacheError::LengthMismatch { wanted, got, .. } => Self::LengthMismatch {
                wanted: *wanted,
                got: *got,
            },
            CacheError::TooLarge { .. } | CacheError::Io { .. } | CacheError::NotDurable { .. } => {
                Self::Disk(error.to_string())
            }
            CacheError::Interrupted { .. } => Self::Abandoned,
        }
    }
}
