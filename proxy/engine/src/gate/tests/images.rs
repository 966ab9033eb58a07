//! Images of a few hundred bytes: one that passes, one that cannot be looked into and is refused.

use serde_json::{Value, json};
use sluicegate_model::{Digest, media_type};

/// A layer or config.
#[derive(Clone)]
pub(super) struct Blob {
    pub(super) bytes: Vec<u8>,
    media_type: &'static str,
}

impl Blob {
    /// Calls the same bytes something else.
    pub(super) fn called(mut self, media_type: &'static str) -> Self {
        self.media_type = media_type;
        self
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    pub(super) fn described(&self) -> Value {
        described(self.media_type, &self.bytes)
    }
}

/// A manifest and what it lists.
#[derive(Clone)]
pub(super) struct Image {
    architecture: &'static str,
    pub(super) manifest: Vec<u8>,
    pub(super) config: Blob,
    pub(super) layers: Vec<Blob>,
}

impl Image {
    pub(super) fn of(layers: Vec<Blob>) -> Self {
        Self::built_for("amd64", layers)
    }

    pub(super) fn built_for(architecture: &'static str, layers: Vec<Blob>) -> Self {
        let diff_ids: Vec<Digest> = layers.iter().map(Blob::digest).collect();
        let config = json!({
            "architecture": architecture, "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = Blob {
            bytes: config.to_string().into_bytes(),
            media_type: media_type::OCI_CONFIG,
        };
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
            "config": config.described(),
            "layers": layers.iter().map(Blob::described).collect::<Vec<_>>(),
        });
        Self {
            architecture,
            manifest: manifest.to_string().into_bytes(),
            config,
            layers,
        }
    }

    /// Makes an artifact of a type, of what no runtime unpacks.
    pub(super) fn artifact(artifact_type: &str, layers: Vec<Blob>) -> Self {
        let config = Blob {
            bytes: b"{}".to_vec(),
            media_type: "application/vnd.oci.empty.v1+json",
        };
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
            "artifactType": artifact_type,
            "config": config.described(),
            "layers": layers.iter().map(Blob::described).collect::<Vec<_>>(),
        });
        Self {
            architecture: "amd64",
            manifest: manifest.to_string().into_bytes(),
            config,
            layers,
        }
    }

    /// Labels an image as an artifact.
    pub(super) fn labelled(self, artifact_type: &str) -> Self {
        self.edited(|manifest| manifest["artifactType"] = artifact_type.into())
    }

    /// Changes what the manifest says.
    pub(super) fn edited(mut self, edit: impl FnOnce(&mut Value)) -> Self {
        let mut manifest: Value = serde_json::from_slice(&self.manifest).unwrap();
        edit(&mut manifest);
        self.manifest = manifest.to_string().into_bytes();
        self
    }

    /// Describes it as an index does.
    pub(super) fn described(&self) -> Value {
        let mut described = described(media_type::OCI_MANIFEST, &self.manifest);
        described["platform"] = json!({"os": "linux", "architecture": self.architecture});
        described
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    pub(super) fn blobs(&self) -> impl Iterator<Item = &Blob> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

/// A layer of one file, as long as it is asked to be.
pub(super) fn layer(name: &str, length: usize) -> Blob {
    let content: String = name.chars().cycle().take(length).collect();
    files(&[(name, &content)])
}

/// A layer of these files.
pub(super) fn files(files: &[(&str, &str)]) -> Blob {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    Blob {
        bytes: tar.into_inner().unwrap(),
        media_type: "application/vnd.oci.image.layer.v1.tar",
    }
}

/// What stream mode withholds of a layer of so many bytes, as the contract has it.
pub(super) fn tail_of(size: u64) -> u64 {
    (size / 4).clamp(1, 64 * 1024)
}

/// What an artifact holds: a text under a media type.
pub(super) fn document(text: &str, media_type: &'static str) -> Blob {
    Blob {
        bytes: text.as_bytes().to_vec(),
        media_type,
    }
}

/// A layer that is no archive.
pub(super) fn unreadable(name: &str) -> Blob {
    Blob {
        bytes: name.repeat(100).into_bytes(),
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip",
    }
}

/// An image that passes.
pub(super) fn good(name: &str) -> Image {
    Image::of(vec![layer(name, 100)])
}

/// An image that is refused.
pub(super) fn bad(name: &str) -> Image {
    Image::of(vec![layer("shared", 100), unreadable(name)])
}

/// An index over images.
pub(super) fn index(children: &[&Image]) -> Vec<u8> {
    index_of(children.iter().map(|image| image.described()).collect())
}

/// An index over whatever is described.
pub(super) fn index_of(entries: Vec<Value>) -> Vec<u8> {
    let index = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries,
    });
    index.to_string().into_bytes()
}

/// Describes content as a manifest or index does.
pub(super) fn described(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len()})
}
