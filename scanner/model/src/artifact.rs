//! What a manifest is to those who pull it: an image, or an artifact that no runtime unpacks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a manifest is, once its layers have been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Something that a runtime would run, or that could not be told from it.
    Image,
    /// What no runtime unpacks.
    Artifact(ArtifactKind),
}

impl Content {
    /// Gives the kind, where this is an artifact.
    pub fn artifact(self) -> Option<ArtifactKind> {
        match self {
            Self::Image => None,
            Self::Artifact(kind) => Some(kind),
        }
    }
}

/// The kinds of artifacts that policies tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactKind {
    /// A signature.
    Signature,
    /// A software bill of materials.
    Sbom,
    /// An attestation.
    Attestation,
    /// A Helm chart.
    Helm,
    /// Anything else, and what is not what its label says.
    Other,
}

impl ArtifactKind {
    /// Gives the name used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Sbom => "sbom",
            Self::Attestation => "attestation",
            Self::Helm => "helm",
            Self::Other => "other",
        }
    }

    /// Tells whether this says something of another manifest, and so is signed by nobody itself.
    pub const fn is_attached(self) -> bool {
        match self {
            Self::Signature | Self::Sbom | Self::Attestation => true,
            Self::Helm | Self::Other => false,
        }
    }
}
