//! Image manifests and indexes, parsed once and strictly, the same for the gate and the scanner.
//!
//! A document that names both `layers` and `manifests`, repeats a key, or contradicts its media
//! type could be one thing to the gate and another to a runtime; it is refused.
//! Source: OCI image-spec manifest.md, image-index.md; CVE-2021-41190.

mod raw;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::{absent, media_type, strict_json};

use self::raw::RawManifest;

/// Largest manifest read, in bytes: what Distribution, zot and containerd accept.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;
/// Most layers of one image accepted. Runtimes' union file systems end at 127 or 500.
pub const MAX_LAYERS: usize = 1024;
/// Most children of one index accepted.
pub const MAX_CHILDREN: usize = 256;
/// Most entries of one index accepted, those that are no manifests included: a build cache lists
/// its layers in one.
pub const MAX_ENTRIES: usize = 1024;

const FIELDS: &[&str] = &[
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "digest",
    "size",
    "urls",
    "data",
    "platform",
    "os",
    "architecture",
    "variant",
    "annotations",
    "fsLayers",
];

/// A pointer to content: what it is, its digest and its length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the content claims to be.
    #[serde(default)]
    pub media_type: String,
    /// The content's digest.
    pub digest: Digest,
    /// The content's length in bytes.
    pub size: u64,
    /// The platform an index's child is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Places outside the registry that hold the content. Never followed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// The kind of artifact the content is, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Free annotations.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub annotations: std::collections::BTreeMap<String, String>,
}

impl Descriptor {
    /// Tells whether an entry of an index can be a child of it: by its type a manifest or an index,
    /// or of no stated type. A build cache lists its layers in an index; those are no children.
    pub fn may_be_manifest(&self) -> bool {
        self.media_type.is_empty()
            || media_type::is_image_manifest(&self.media_type)
            || media_type::is_index(&self.media_type)
    }
}

/// An operating system and processor.
///
/// *Shape*: printed as `os/architecture[/variant]`, for example `linux/arm64/v8`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// The operating system, as Go names it.
    #[serde(default, deserialize_with = "absent::or_default")]
    pub os: String,
    /// The processor architecture, as Go names it.
    #[serde(default, deserialize_with = "absent::or_default")]
    pub architecture: String,
    /// The processor's variant, where the architecture has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// Gives the platform of this machine, as a runtime on it would ask for.
    pub fn host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            other => other,
        };
        Self {
            os: "linux".into(),
            architecture: architecture.into(),
            variant: None,
        }
    }

    /// Tells whether content for `self` is what a machine that wants `wanted` would take.
    pub fn serves(&self, wanted: &Self) -> bool {
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (wanted.variant.is_none()
                || self.variant.is_none()
                || self.variant == wanted.variant)
    }

    /// Tells whether this marks an attestation rather than something to run.
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant
            .as_ref()
            .map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

impl std::str::FromStr for Platform {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        let mut parts = text.split('/');
        let (os, architecture, variant) = (parts.next(), parts.next(), parts.next());
        match (os, architecture, parts.next()) {
            (Some(os), Some(architecture), None) if !os.is_empty() && !architecture.is_empty() => {
                Ok(Self {
                    os: os.into(),
                    architecture: architecture.into(),
                    variant: variant.map(Into::into),
                })
            }
            _ => Err(ManifestError::Platform(text.chars().take(80).collect())),
        }
    }
}

/// An image manifest: one config and the layers, base first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageManifest {
    /// The manifest's own media type.
    pub media_type: String,
    /// The kind of artifact, where this is no runnable image.
    pub artifact_type: Option<String>,
    /// The image config.
    pub config: Descriptor,
    /// The layers, base first.
    pub layers: Vec<Descriptor>,
    /// The manifest this one is about, where it is a referrer.
    pub subject: Option<Descriptor>,
}

impl ImageManifest {
    /// Lists the blobs the manifest needs: the config first, then each layer.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

/// An index: one manifest for each platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The index's own media type.
    pub media_type: String,
    /// The kind of artifact, where this is no image.
    pub artifact_type: Option<String>,
    /// The children, in the order written.
    pub manifests: Vec<Descriptor>,
    /// The manifest this one is about, where it is a referrer.
    pub subject: Option<Descriptor>,
}

/// What a manifest URL may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// One image, or an artifact in the shape of one.
    Image(ImageManifest),
    /// A choice of images.
    Index(Index),
}

impl Manifest {
    /// Parses a manifest of whichever kind it is; none where it is of none that is known.
    pub fn of_any_kind(text: &[u8]) -> Option<Self> {
        let mut kinds = media_type::ACCEPTED_MANIFESTS.iter();
        kinds.find_map(|kind| Self::parse(text, kind).ok())
    }

    /// Parses a manifest whose Content-Type was `content_type`.
    ///
    /// *Errors*: every [`ManifestError`]; the upstream, or who pushed to it, is at fault.
    pub fn parse(text: &[u8], content_type: &str) -> Result<Self, ManifestError> {
        if text.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLarge(text.len()));
        }
        strict_json::check(text, FIELDS).map_err(ManifestError::Json)?;
        let raw: RawManifest = serde_json::from_slice(text).map_err(ManifestError::Json)?;
        raw.check(media_type::essence(content_type))
    }

    /// Gives the manifest's media type.
    pub fn media_type(&self) -> &str {
        match self {
            Self::Image(image) => &image.media_type,
            Self::Index(index) => &index.media_type,
        }
    }
}

/// Says why a document is no manifest that every reader understands alike.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The document is over [`MAX_MANIFEST_BYTES`].
    #[error("manifest has {0} bytes, wanted at most {MAX_MANIFEST_BYTES}")]
    TooLarge(usize),
    /// The document is not JSON, or ambiguous JSON.
    #[error("manifest is not unambiguous JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// `schemaVersion` is not 2: schema 1 images are refused, never converted.
    #[error("manifest has schemaVersion {0}, wanted 2")]
    SchemaVersion(i64),
    /// The document has both or neither of `layers` and `manifests`.
    #[error("manifest has {0}, wanted exactly one of `layers` and `manifests`")]
    Shape(&'static str),
    /// The media type in the document is not that of the response, or neither is known.
    #[error("manifest of media type {body:?} was served as {header:?}")]
    MediaType {
        /// What the document says.
        body: String,
        /// What the Content-Type said.
        header: String,
    },
    /// More layers or children than accepted.
    #[error("manifest lists {got} entries, wanted at most {wanted}")]
    TooMany {
        /// How many are listed.
        got: usize,
        /// The bound.
        wanted: usize,
    },
    /// A descriptor carries content itself, past whoever judges content by its digest.
    #[error(
        "manifest embeds data in the descriptor of {0}; only the empty document, {{}}, may be embedded, all else is fetched and judged by its digest"
    )]
    EmbeddedData(Digest),
    /// Indexes within indexes, deeper or more of them than accepted.
    #[error("index nests {got} {what}, wanted at most {wanted}")]
    Nesting {
        /// What there is too much of: levels or manifests.
        what: &'static str,
        /// How many there are, at least.
        got: usize,
        /// The bound.
        wanted: usize,
    },
    /// A platform is not `os/architecture[/variant]`.
    #[error("platform {0:?} is not os/architecture[/variant]")]
    Platform(String),
}

#[cfg(test)]
mod tests;
