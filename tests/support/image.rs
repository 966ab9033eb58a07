//! Images, indexes and artifacts built in code, with their exact bytes and digests.
//!
//! An image knows its blobs and its manifest; `registry.rs` pushes it to a real registry and
//! `fault.rs` serves it with faults. Root file systems come from `rootfs.rs`.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use serde_json::{Value, json};
use sluicegate_model::{Digest, media_type};

use crate::layer::{Compression, Layer};

/// Which of the two families of media types a manifest uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// OCI image-spec.
    Oci,
    /// Docker image manifest version 2, schema 2.
    Docker,
}

/// A piece of content that a manifest points to.
#[derive(Clone, Debug)]
pub struct Blob {
    /// The digest of the bytes.
    pub digest: Digest,
    /// The bytes.
    pub bytes: Bytes,
}

/// A manifest with everything that it points to.
#[derive(Clone, Debug)]
pub struct Image {
    /// The manifest's exact bytes.
    pub manifest: Bytes,
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest's media type.
    pub media_type: String,
    /// The config's descriptor target.
    pub config: Blob,
    /// The layers, base first.
    pub layers: Vec<Blob>,
    /// The platform in the config, `os/architecture[/variant]`.
    pub platform: String,
}

/// An index with its children.
#[derive(Clone, Debug)]
pub struct Index {
    /// The index's exact bytes.
    pub manifest: Bytes,
    /// The index's digest.
    pub digest: Digest,
    /// The index's media type.
    pub media_type: String,
    /// The images it lists.
    pub children: Vec<Image>,
}

/// An image in the making.
#[derive(Clone, Debug)]
pub struct ImageBuilder {
    layers: Vec<Layer>,
    flavour: Flavour,
    platform: String,
    env: Vec<String>,
    steps: Vec<String>,
}

impl Default for ImageBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl ImageBuilder {
    /// Starts an OCI image for linux/amd64 without layers.
    pub fn new() -> Self {
        Self {
            layers: Vec::new(),
            flavour: Flavour::Oci,
            platform: "linux/amd64".into(),
            env: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Sets a variable of the environment, `NAME=value`.
    pub fn env(mut self, variable: &str) -> Self {
        self.env.push(variable.into());
        self
    }

    /// Adds a step to the history that makes no layer.
    pub fn step(mut self, created_by: &str) -> Self {
        self.steps.push(created_by.into());
        self
    }

    /// Adds a layer on top.
    pub fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// Sets the family of media types.
    pub fn flavour(mut self, flavour: Flavour) -> Self {
        self.flavour = flavour;
        self
    }

    /// Sets the platform, `os/architecture[/variant]`.
    pub fn platform(mut self, platform: &str) -> Self {
        self.platform = platform.into();
        self
    }

    /// Builds the config and the manifest.
    pub fn build(self) -> Image {
        let config = blob(self.config());
        let (manifest_type, config_type) = match self.flavour {
            Flavour::Oci => (media_type::OCI_MANIFEST, media_type::OCI_CONFIG),
            Flavour::Docker => (media_type::DOCKER_MANIFEST, media_type::DOCKER_CONFIG),
        };
        let layers: Vec<Value> = self
            .layers
            .iter()
            .map(|layer| descriptor(self.layer_type(layer), &layer.digest, layer.bytes.len()))
            .collect();
        let document = json!({
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": descriptor(config_type, &config.digest, config.bytes.len()),
            "layers": layers,
        });
        let layers = self.layers.iter().map(|layer| Blob {
            digest: layer.digest.clone(),
            bytes: layer.bytes.clone(),
        });
        image(
            &document,
            manifest_type,
            config,
            layers.collect(),
            &self.platform,
        )
    }

    fn config(&self) -> Value {
        let mut parts = self.platform.split('/');
        let (os, architecture) = (parts.next(), parts.next());
        let mut config = json!({
            "architecture": architecture,
            "os": os,
            "created": "2024-01-01T00:00:00Z",
            "config": {"Cmd": ["/bin/sh"]},
            "rootfs": {
                "type": "layers",
                "diff_ids": self.layers.iter().map(|l| l.diff_id.as_str()).collect::<Vec<_>>(),
            },
            "history": self.layers.iter().map(|_| json!({"created_by": "test"})).collect::<Vec<_>>(),
        });
        if !self.env.is_empty() {
            config["config"]["Env"] = json!(self.env);
        }
        if let Some(history) = config["history"].as_array_mut() {
            let steps = self.steps.iter();
            history.extend(steps.map(|step| json!({"created_by": step, "empty_layer": true})));
        }
        if let Some(variant) = parts.next() {
            config["variant"] = variant.into();
        }
        config
    }

    fn layer_type(&self, layer: &Layer) -> &'static str {
        match (self.flavour, layer.compression) {
            (Flavour::Oci, Compression::Gzip) => "application/vnd.oci.image.layer.v1.tar+gzip",
            (Flavour::Oci, Compression::Zstd) => "application/vnd.oci.image.layer.v1.tar+zstd",
            (Flavour::Oci, Compression::Plain) => "application/vnd.oci.image.layer.v1.tar",
            (Flavour::Docker, _) => "application/vnd.docker.image.rootfs.diff.tar.gzip",
        }
    }
}

impl Image {
    /// Iterates over everything the manifest points to, config first.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        std::iter::once(&self.config).chain(&self.layers)
    }

    /// Counts the bytes of config and layers.
    pub fn size(&self) -> u64 {
        self.blobs().map(|blob| blob.bytes.len() as u64).sum()
    }

    /// Writes the image as a directory in the OCI image layout, with annotations on its index.
    pub fn write_layout(&self, folder: &Path, annotations: &Value) {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs).expect("make a layout");
        for blob in self.blobs() {
            fs::write(blobs.join(blob.digest.hex()), &blob.bytes).expect("write a blob");
        }
        fs::write(blobs.join(self.digest.hex()), &self.manifest).expect("write a manifest");
        let mut listed = self.descriptor();
        listed["annotations"] = annotations.clone();
        let index = json!({"schemaVersion": 2, "manifests": [listed], "annotations": annotations});
        fs::write(folder.join("index.json"), index.to_string()).expect("write an index");
        let mark = r#"{"imageLayoutVersion":"1.0.0"}"#;
        fs::write(folder.join("oci-layout"), mark).expect("write a mark");
    }

    /// Points an index's descriptor at this image.
    pub fn descriptor(&self) -> Value {
        let mut parts = self.platform.split('/');
        let mut platform = json!({"os": parts.next(), "architecture": parts.next()});
        if let Some(variant) = parts.next() {
            platform["variant"] = variant.into();
        }
        let mut target = descriptor(&self.media_type, &self.digest, self.manifest.len());
        target["platform"] = platform;
        target
    }
}

/// Builds an index over images.
pub fn index(children: Vec<Image>, flavour: Flavour) -> Index {
    let media_type = match flavour {
        Flavour::Oci => media_type::OCI_INDEX,
        Flavour::Docker => media_type::DOCKER_INDEX,
    };
    let document = json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": children.iter().map(Image::descriptor).collect::<Vec<_>>(),
    });
    let manifest = Bytes::from(document.to_string());
    Index {
        digest: Digest::of(&manifest),
        manifest,
        media_type: media_type.into(),
        children,
    }
}

/// Builds an artifact: a manifest of `artifact_type` whose layers have the given media types.
pub fn artifact(artifact_type: &str, parts: &[(&str, Bytes)], subject: Option<&Image>) -> Image {
    let config = Blob {
        bytes: Bytes::from_static(b"{}"),
        digest: Digest::of(b"{}"),
    };
    let mut document = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": descriptor(media_type::OCI_EMPTY, &config.digest, 2),
        "layers": parts
            .iter()
            .map(|(kind, bytes)| descriptor(kind, &Digest::of(bytes), bytes.len()))
            .collect::<Vec<_>>(),
    });
    if let Some(subject) = subject {
        document["subject"] =
            descriptor(&subject.media_type, &subject.digest, subject.manifest.len());
    }
    let layers = parts
        .iter()
        .map(|(_, bytes)| blob_of(bytes.clone()))
        .collect();
    image(
        &document,
        media_type::OCI_MANIFEST,
        config,
        layers,
        "linux/amd64",
    )
}

/// Makes an image of a manifest document written by the test itself.
pub fn image(
    document: &Value,
    media_type: &str,
    config: Blob,
    layers: Vec<Blob>,
    platform: &str,
) -> Image {
    let manifest = Bytes::from(document.to_string());
    Image {
        digest: Digest::of(&manifest),
        manifest,
        media_type: media_type.into(),
        config,
        layers,
        platform: platform.into(),
    }
}

/// Describes content for a manifest.
pub fn descriptor(media_type: &str, digest: &Digest, size: usize) -> Value {
    json!({"mediaType": media_type, "digest": digest.as_str(), "size": size})
}

/// Wraps bytes with their digest.
pub fn blob_of(bytes: impl Into<Bytes>) -> Blob {
    let bytes = bytes.into();
    Blob {
        digest: Digest::of(&bytes),
        bytes,
    }
}

fn blob(document: Value) -> Blob {
    blob_of(document.to_string())
}
