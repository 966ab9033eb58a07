//! The port to whoever scans layers: this machine, or a scanner elsewhere.
//!
//! Asked by `layers`, once for each layer however many images share it. What is kept, and what facts
//! count, is decided there and not by adapters.

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::{Digest, Domain, Repository};
use sluicegate_scanner::LayerFacts;

use crate::content::{BlobFailure, BlobSource, ContentError};
use crate::memory::Share;
use crate::plugins::ActivePlugins;

use super::kept::to_keep;

/// Scans layers.
#[async_trait]
pub trait LayerScan: Send + Sync + Debug {
    /// Tells whose word counts for a repository's layers. Where that is this machine's, it scans the
    /// bytes that are fetched here; else they are fetched by whoever scans, who is asked without bytes.
    fn domain(&self, repository: &Repository) -> Domain;

    /// Names the program that reads the bytes by whose word this is, with its version and analyzers,
    /// as far as that is known; none where it is this one.
    fn read_by(&self, domain: &Domain) -> Option<String>;

    /// Gives the facts of a layer: what the plugins that are named say of exactly these bytes,
    /// whatever an earlier scan found.
    ///
    /// What cannot be read is a gap among them; what was cut short says so. *Errors*:
    /// [`LayerScanError::Away`] where nobody is there who scans, after as long as there is any hope;
    /// [`LayerScanError::Bytes`] where the bytes that it was given do not come.
    async fn scan(&self, asked: AskedLayer<'_>) -> Result<ScannedLayer, LayerScanError>;
}

/// A layer that is to be scanned.
#[derive(Debug)]
pub struct AskedLayer<'a> {
    /// A repository that has it.
    pub repository: &'a Repository,
    /// Whose word is asked for.
    pub domain: &'a Domain,
    /// Which layer.
    pub layer: &'a Descriptor,
    /// What is to read it.
    pub plugins: &'a Arc<ActivePlugins>,
    /// Its bytes; none for a scanner that fetches by itself.
    pub bytes: Option<&'a BlobSource>,
    /// What analyzers that changed since found in it.
    pub earlier: Option<EarlierFacts>,
}

/// Facts of which a scan may take over what still holds.
#[derive(Debug)]
pub struct EarlierFacts {
    /// What was found.
    pub facts: Arc<LayerFacts>,
    /// The memory that they are in.
    pub room: Share,
}

/// What a scan gave.
#[derive(Debug)]
pub struct ScannedLayer {
    pub(super) layer: Digest,
    pub(super) facts: LayerFacts,
    /// As they are kept; none where another scan may find more.
    pub(super) kept: Option<Vec<u8>>,
    /// What the scan had beside what every scan has.
    pub(super) share: Option<Share>,
}

impl ScannedLayer {
    /// Takes the facts of a layer; packing them takes as long as that does.
    pub fn of(layer: Digest, facts: LayerFacts) -> Self {
        Self {
            layer,
            kept: to_keep(&facts),
            facts,
            share: None,
        }
    }

    /// Holds memory until the facts are kept.
    #[must_use]
    pub fn holding(self, share: Option<Share>) -> Self {
        Self { share, ..self }
    }

    /// Gives the layer that was scanned.
    pub fn layer(&self) -> &Digest {
        &self.layer
    }

    /// Gives what was found in it.
    pub fn facts(&self) -> &LayerFacts {
        &self.facts
    }
}

/// Says why a layer has no facts. That it cannot be read is none: that is a fact.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LayerScanError {
    /// Nobody is there who scans the layer.
    #[error("no scanner is there for the layer")]
    Away,
    /// The bytes did not come.
    #[error("the layer did not arrive: {0}")]
    Bytes(#[source] Arc<BlobFailure>),
    /// What was found cannot be kept now.
    #[error("{0}")]
    Full(String),
    /// The content store failed.
    #[error("the layer's bytes or facts cannot be read or written")]
    Content(#[source] Arc<dyn Error + Send + Sync>),
}

impl LayerScanError {
    /// Says that the content store failed.
    pub(super) fn content(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Content(Arc::new(error))
    }
}

impl From<ContentError> for LayerScanError {
    fn from(error: ContentError) -> Self {
        if error.is_full() {
            Self::Full(error.to_string())
        } else {
            Self::content(error)
        }
    }
}
