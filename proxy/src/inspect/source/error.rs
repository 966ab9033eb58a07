//! Why an image cannot be had from a source, and whether the user's words are to blame.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use sluicegate_model::manifest::ManifestError;

use sluicegate_upstream::UpstreamError;

/// Says what was tried on what, and how it failed.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The argument names no image.
    #[error("{0}")]
    Name(String),
    /// There is no such image there.
    #[error("{place} has no image {image:?}{}", listed(.known))]
    NotFound {
        /// Where it was looked for.
        place: String,
        /// What was looked for.
        image: String,
        /// What is there instead, where that is known.
        known: Vec<String>,
    },
    /// There are several images and none was chosen.
    #[error("{place} holds several images, name one of {}", .known.join(", "))]
    Ambiguous {
        /// Where they are.
        place: String,
        /// Their names.
        known: Vec<String>,
    },
    /// There is no image for the platform.
    #[error("{place} has no image for {wanted}, only for {}", .known.join(", "))]
    Platform {
        /// Where it was looked for.
        place: String,
        /// The platform that was wanted.
        wanted: String,
        /// The platforms that are there.
        known: Vec<String>,
    },
    /// The source is not what it is called.
    #[error("{place}: {reason}")]
    Malformed {
        /// Which source.
        place: String,
        /// What is wrong with it.
        #[source]
        reason: Box<dyn Error + Send + Sync>,
    },
    /// A manifest cannot be read in one way only.
    #[error("{place}: {source}")]
    Manifest {
        /// Which source.
        place: String,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// Content is not what its digest says.
    #[error("{what} is damaged: {reason}")]
    Damaged {
        /// Which blob of which source.
        what: String,
        /// How it differs.
        reason: String,
    },
    /// A file or directory cannot be read.
    #[error("{action} {path:?}: {source}")]
    File {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A local engine cannot be asked.
    #[error("cannot ask {engine}: {reason}")]
    Engine {
        /// Which engine, and where.
        engine: String,
        /// What went wrong.
        reason: String,
    },
    /// A registry cannot be asked, or answered badly.
    #[error("{}", sluicegate_feeds::mirror::told(.0))]
    Upstream(#[from] UpstreamError),
    /// A bare name was found nowhere.
    #[error("{image:?} was not found: {}", .tried.join("; "))]
    Nowhere {
        /// The name.
        image: String,
        /// What each place said.
        tried: Vec<String>,
    },
}

impl SourceError {
    /// Makes an error of a failed look at a file.
    pub(super) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }

    /// Says that a source is not what it is called.
    pub(super) fn malformed(place: &str, reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Malformed {
            place: place.to_owned(),
            reason: reason.into(),
        }
    }

    /// Tells whether another place may have the image.
    pub(super) fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::NotFound { .. } | Self::Upstream(UpstreamError::NotFound { .. })
        )
    }
}

fn listed(known: &[String]) -> String {
    if known.is_empty() {
        return String::new();
    }
    format!(", only {}", known.join(", "))
}
