//! Why a pull could not be carried out. Shared by everybody who waits for it, hence `Clone`.

use std::error::Error;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use crate::audit::AuditError;
use crate::content::ContentError;
use crate::ledger::LedgerError;
use crate::origin::{Failure, OriginError};
use crate::scan::LayerScanError;
use sluicegate_model::Digest;
use sluicegate_model::manifest::ManifestError;

/// Says why content cannot be had. A refusal is no error: it is a verdict.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PullError {
    /// The upstream has no such manifest, or this repository does not list it.
    #[error("manifest is not known in this repository")]
    UnknownManifest,
    /// No manifest of this repository that is known here lists the blob.
    #[error("blob is not listed by any manifest pulled from this repository")]
    UnknownBlob,
    /// A manifest of this repository lists the blob, and its upstream does not have it.
    #[error(
        "blob {0} is listed by a manifest of this repository, but the upstream does not have it"
    )]
    AbsentBlob(Digest),
    /// The upstream could not be asked, or answered badly.
    #[error("{0}")]
    Upstream(#[source] OriginError),
    /// The upstream's manifest cannot be read in one way only.
    #[error("upstream's manifest is refused: {0}")]
    Manifest(#[source] Arc<ManifestError>),
    /// The content came too slowly to be worth a place while nobody waited; the next request starts
    /// anew.
    #[error("pull was ended: {0}")]
    Forsaken(String),
    /// The cache cannot take more content now.
    #[error("cache has no room for new content: {0}")]
    Full(String),
    /// Content arrived that is not what its digest says, again and again.
    #[error("upstream's content is damaged: {0}")]
    Damaged(String),
    /// Our own storage failed.
    #[error("local storage failed: {0}")]
    Storage(#[source] Arc<dyn Error + Send + Sync>),
    /// A part of this program failed, which is nobody else's fault. What it said is in the log.
    #[error("this program failed at {0}")]
    Broken(&'static str),
    /// What is wanted is asked for again and again for others.
    #[error("{0} was fetched again and again for other repositories")]
    Crowded(Digest),
}

/// The inventory of an image was evicted while the image waited for memory.
#[derive(Debug, thiserror::Error)]
#[error("the inventory of {0} is gone")]
pub(super) struct InventoryGone(pub(super) Digest);

impl PullError {
    /// Says why an upstream did not give a blob; that it does not have it says nothing of a manifest.
    pub(super) fn of_blob(error: OriginError, digest: &Digest) -> Self {
        match error.failure {
            Failure::Absent => Self::AbsentBlob(digest.clone()),
            _ => Self::Upstream(error),
        }
    }

    /// Says that our own storage failed.
    pub(crate) fn storage(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Storage(Arc::new(error))
    }

    /// Says at what the program failed, and tells the log why: clients can do nothing with that.
    pub(crate) fn broken(attempt: &'static str, why: impl Display) -> Self {
        tracing::error!(attempt, %why, "a part of the program failed");
        Self::Broken(attempt)
    }

    /// Gives how long a client should wait before it asks again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Upstream(error) => error.retry_after,
            Self::Full(_) | Self::Storage(_) | Self::Broken(_) => Some(Duration::from_secs(10)),
            Self::Forsaken(_) | Self::Crowded(_) => Some(Duration::from_secs(1)),
            Self::UnknownManifest
            | Self::UnknownBlob
            | Self::AbsentBlob(_)
            | Self::Manifest(_)
            | Self::Damaged(_) => None,
        }
    }
}

impl From<OriginError> for PullError {
    fn from(error: OriginError) -> Self {
        match error.failure {
            Failure::Absent => Self::UnknownManifest,
            _ => Self::Upstream(error),
        }
    }
}

impl From<ContentError> for PullError {
    fn from(error: ContentError) -> Self {
        match error {
            full @ ContentError::Full { .. } => Self::Full(full.to_string()),
            mismatch @ ContentError::DigestMismatch { .. } => Self::Damaged(mismatch.to_string()),
            other => Self::storage(other),
        }
    }
}

impl From<LayerScanError> for PullError {
    fn from(error: LayerScanError) -> Self {
        match error {
            LayerScanError::Full(why) => Self::Full(why),
            LayerScanError::Content(source) => Self::Storage(source),
            away_or_cut @ (LayerScanError::Away | LayerScanError::Bytes(_)) => {
                Self::broken("scanning a layer", away_or_cut)
            }
        }
    }
}

impl From<LedgerError> for PullError {
    fn from(error: LedgerError) -> Self {
        Self::storage(error)
    }
}

impl From<AuditError> for PullError {
    fn from(error: AuditError) -> Self {
        Self::storage(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_storage_said_is_kept_and_what_a_part_of_the_program_said_is_for_the_log() {
        let gone = PullError::storage(InventoryGone(Digest::of(b"image")));
        let source = gone.source().map(ToString::to_string);
        assert!(source.is_some_and(|said| said.starts_with("the inventory of sha256:")));
        let broken = PullError::broken("merging layers", "task 7 panicked at src/x.rs");
        assert_eq!(broken.to_string(), "this program failed at merging layers");
        assert!(broken.retry_after().is_some());
    }
}
