//! A manifest as it is written, before anything in it is believed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Descriptor, ImageManifest, Index, MAX_CHILDREN, MAX_ENTRIES, MAX_LAYERS, Manifest,
    ManifestError, Platform,
};
use crate::absent::Written;
use crate::digest::Digest;
use crate::{absent, media_type};

/// The only content that may ride in a descriptor, `{}`, as it is written there: artifacts without
/// a config have it. Source: image-spec, descriptor.md, "Embedded Content"; manifest.md, "Guidance
/// for an Empty Descriptor".
const EMPTY_DOCUMENT: &str = "\"e30=\"";

type DescriptorList = Written<Vec<RawDescriptor>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawManifest {
    #[serde(default, deserialize_with = "absent::or_default")]
    schema_version: i64,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    artifact_type: Option<String>,
    #[serde(default)]
    config: Option<RawDescriptor>,
    #[serde(default)]
    layers: DescriptorList,
    #[serde(default)]
    manifests: DescriptorList,
    #[serde(default)]
    subject: Option<RawDescriptor>,
    #[serde(default, rename = "fsLayers")]
    fs_layers: Option<serde::de::IgnoredAny>,
}

impl RawManifest {
    pub(super) fn check(self, header: &str) -> Result<Manifest, ManifestError> {
        if self.schema_version != 2 || self.fs_layers.is_some() {
            return Err(ManifestError::SchemaVersion(self.schema_version));
        }
        let body = self.media_type.clone().unwrap_or_default();
        let mismatch = || ManifestError::MediaType {
            body: body.clone(),
            header: header.into(),
        };
        if !body.is_empty() && body != header {
            return Err(mismatch());
        }
        let subject = self.subject.map(RawDescriptor::check).transpose()?;
        let (layers, manifests) = lists(self.config.is_some(), self.layers, self.manifests);
        match (self.config, layers, manifests) {
            (Some(config), Some(layers), None) => {
                bound(layers.len(), MAX_LAYERS)?;
                if !media_type::is_image_manifest(header) {
                    return Err(mismatch());
                }
                Ok(Manifest::Image(ImageManifest {
                    media_type: header.into(),
                    artifact_type: self.artifact_type,
                    config: config.check()?,
                    layers: checked(layers)?,
                    subject,
                }))
            }
            (None, None, Some(manifests)) => {
                bound(manifests.len(), MAX_ENTRIES)?;
                if !media_type::is_index(header) {
                    return Err(mismatch());
                }
                let manifests = checked(manifests)?;
                let children = manifests.iter().filter(|entry| entry.may_be_manifest());
                bound(children.count(), MAX_CHILDREN)?;
                Ok(Manifest::Index(Index {
                    media_type: header.into(),
                    artifact_type: self.artifact_type,
                    manifests,
                    subject,
                }))
            }
            (_, Some(_), Some(_)) => Err(ManifestError::Shape("both")),
            (Some(_), None, Some(_)) => Err(ManifestError::Shape("`config` and `manifests`")),
            (None, Some(_), None) => Err(ManifestError::Shape("`layers` without `config`")),
            (_, None, None) => Err(ManifestError::Shape("neither")),
        }
    }
}

/// Tells which list the document has: `null` is absent where the other is there, and an empty list
/// where it has to be the one that the document is about.
fn lists(
    has_config: bool,
    layers: DescriptorList,
    manifests: DescriptorList,
) -> (Option<Vec<RawDescriptor>>, Option<Vec<RawDescriptor>>) {
    match (layers, manifests) {
        (Written::Null, Written::Absent | Written::Null) if has_config => (Some(Vec::new()), None),
        (Written::Absent | Written::Null, Written::Null) if !has_config => (None, Some(Vec::new())),
        (layers, manifests) => (layers.there(), manifests.there()),
    }
}

fn bound(got: usize, wanted: usize) -> Result<(), ManifestError> {
    if got > wanted {
        Err(ManifestError::TooMany { got, wanted })
    } else {
        Ok(())
    }
}

/// A descriptor as it is written: `null` stands for what is absent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    #[serde(default)]
    media_type: Option<String>,
    digest: Digest,
    size: u64,
    #[serde(default)]
    platform: Option<Platform>,
    #[serde(default)]
    urls: Option<Vec<String>>,
    #[serde(default)]
    artifact_type: Option<String>,
    #[serde(default, deserialize_with = "absent::notes")]
    annotations: BTreeMap<String, String>,
    /// Text in base64 to most readers, a list of numbers to some.
    #[serde(default)]
    data: Option<Box<RawValue>>,
}

impl RawDescriptor {
    fn check(self) -> Result<Descriptor, ManifestError> {
        if self.data.is_some_and(|data| data.get() != EMPTY_DOCUMENT) {
            return Err(ManifestError::EmbeddedData(self.digest));
        }
        Ok(Descriptor {
            media_type: self.media_type.unwrap_or_default(),
            digest: self.digest,
            size: self.size,
            platform: self.platform,
            urls: self.urls.unwrap_or_default(),
            artifact_type: self.artifact_type,
            annotations: self.annotations,
        })
    }
}

fn checked(descriptors: Vec<RawDescriptor>) -> Result<Vec<Descriptor>, ManifestError> {
    descriptors.into_iter().map(RawDescriptor::check).collect()
}
