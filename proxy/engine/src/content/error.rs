//! How content cannot be kept or had, and why a growing blob did not become content.

use std::io;

use sluicegate_model::Digest;

/// Says why what was asked of the content could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// There is no room left beyond the headroom kept for verdicts and the decision log.
    #[error("{attempt} {place:?}: the disk is full")]
    Full {
        /// What was attempted.
        attempt: &'static str,
        /// On what.
        place: String,
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
    /// A sync failed, so that nobody knows what is there; nothing of it is kept.
    #[error("{place:?} could not be made durable, so it is not kept: {source}")]
    NotDurable {
        /// What.
        place: String,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// What keeps the content answered with an error.
    #[error("{attempt} {place:?} failed")]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// On what.
        place: String,
        /// What it said.
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

impl ContentError {
    /// Tells a full disk from every other error. `place` is what it happened on.
    pub fn io(attempt: &'static str, place: impl Into<String>, source: io::Error) -> Self {
        let place = place.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { attempt, place }
            }
            _ => Self::Io {
                attempt,
                place,
                source,
            },
        }
    }

    /// Tells whether there is no room, which ends by itself once there is room again.
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
    /// There is no room left.
    #[error("the disk is full")]
    DiskFull,
    /// What keeps the content answered with an error.
    #[error("{0}")]
    Disk(String),
    /// Whoever was writing stopped without saying why.
    #[error("the download was abandoned")]
    Abandoned,
}

impl From<&ContentError> for BlobFailure {
    fn from(error: &ContentError) -> Self {
        match error {
            ContentError::Full { .. } => Self::DiskFull,
            ContentError::DigestMismatch { got, .. } => Self::DigestMismatch { got: got.clone() },
            ContentError::LengthMismatch { wanted, got, .. } => Self::LengthMismatch {
                wanted: *wanted,
                got: *got,
            },
            ContentError::TooLarge { .. }
            | ContentError::Io { .. }
            | ContentError::NotDurable { .. } => Self::Disk(error.to_string()),
            ContentError::Interrupted { .. } => Self::Abandoned,
        }
    }
}
