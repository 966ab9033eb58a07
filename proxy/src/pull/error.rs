//! Why a pull could not be carried out. Shared by everybody who waits for it, hence `Clone`.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_model::Digest;
use sluicegate_model::manifest::ManifestError;

use sluicegate_upstream::UpstreamError;

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
    Upstream(#[source] Arc<UpstreamError>),
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
    Storage(String),
}

impl PullError {
    /// Gives how long a client should wait before it asks again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Upstream(error) => error.retry_after(),
            Self::Full(_) | Self::Storage(_) => Some(Duration::from_secs(10)),
            Self::Forsaken(_) => Some(Duration::from_secs(1)),
            Self::UnknownManifest
            | Self::UnknownBlob
            | Self::AbsentBlob(_)
            | Self::Manifest(_)
            | Self::Damaged(_) => None,
        }
    }
}

impl From<UpstreamError> for PullError {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::NotFound { .. } => Self::UnknownManifest,
            other => Self::Upstream(Arc::new(other)),
        }
    }
}

impl From<sluicegate_local::cache::CacheError> for PullError {
    fn from(error: sluicegate_local::cache::CacheError) -> Self {
        match error {
            full @ sluicegate_local::cache::CacheError::Full { .. } => Self::Full(full.to_string()),
            mismatch @ sluicegate_local::cache::CacheError::DigestMismatch { .. } => {
                Self::Damaged(mismatch.to_string())
            }
            other => Self::Storage(other.to_string()),
        }
    }
}

impl From<sluicegate_local::store::StoreError> for PullError {
    fn from(error: sluicegate_local::store::StoreError) -> Self {
        Self::Storage(error.to_string())
    }
}
