//! What is taken for an artifact, and what is read of one.

use std::sync::Arc;

use serde_json::json;
use sluicegate_model::manifest::{ImageManifest, Manifest};
use sluicegate_model::{Digest, media_type};

use super::pins::Row;
use super::{Transcript, revision_of};
use crate::artifact;
use crate::facts::LayerFacts;
use crate::limits::Limits;
use crate::scan_layer;

const CONFIGS: [&str; 6] = [
    media_type::OCI_CONFIG,
    media_type::OCI_EMPTY,
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.cncf.helm.config.v1+json",
    "application/vnd.unheard.config.v1+json; charset=utf-8",
    "text/plain",
];

const LAYERS: [&str; 10] = [
    "application/vnd.dev.cosign.simplesigning.v1+json",
    "application/vnd.in-toto+json",
    "application/spdx+json",
    "application/vnd.cyclonedx+json",
    "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.unheard.layer",
    "application/octet-stream",
    "application/vnd.erofs.layer.v1",
];

/// Contents of a layer: what signatures, charts and layers hold, and what pretends to.
fn contents() -> Vec<(&'static str, Vec<u8>)> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    tar.append_data(&mut header, "x/Chart.yaml", &b"x"[..])
        .unwrap();
    let tar = tar.into_inner().unwrap();
    let packed = zstd::encode_all(tar.as_slice(), 1).unwrap();
    vec![
        ("document", br#"{"critical":{}}"#.to_vec()),
        ("tar", tar),
        ("packed tar", packed),
        ("bzip2", b"BZh91AY&SY".to_vec()),
        ("xz", b"\xfd7zXZ\0\0\x04".to_vec()),
        (
            "pem",
            b"-----BEGIN X-----\nAA==\n-----END X-----\n".to_vec(),
        ),
        ("bytes", vec![0x93; 600]),
        ("nothing", Vec::new()),
    ]
}

pub(super) fn row() -> Row {
    let facts: Vec<(&str, Arc<LayerFacts>)> = contents()
        .into_iter()
        .map(|(label, content)| {
            let facts = scan_layer(content.as_slice(), &Limits::default());
            (label, Arc::new(facts))
        })
        .collect();
    let mut transcript = Transcript::default();
    for config in CONFIGS {
        for artifact_type in [None, Some(LAYERS[0]), Some("application/vnd.unheard")] {
            for (number, layer) in LAYERS.iter().enumerate() {
                let types = [*layer, LAYERS[number / 2]];
                let Some(manifest) = manifest(artifact_type, config, &types) else {
                    continue;
                };
                for (label, facts) in &facts {
                    let both = [Arc::clone(facts), Arc::clone(facts)];
                    let held = artifact::contents(&manifest, None, &both);
                    let input = format!("{artifact_type:?} {config} {types:?} {label}");
                    transcript.note(input, &held);
                    let mut empty = manifest.clone();
                    empty.config.digest = Digest::of(b"{}");
                    let held = artifact::contents(&empty, None, &both);
                    let input = format!("{artifact_type:?} {config} empty {types:?} {label}");
                    transcript.note(input, &held);
                }
            }
        }
    }
    transcript.row("artifact", revision_of("artifact"))
}

fn manifest(artifact_type: Option<&str>, config: &str, layers: &[&str]) -> Option<ImageManifest> {
    let descriptor = |media_type: &str| {
        let digest = Digest::of(media_type.as_bytes());
        json!({"mediaType": media_type, "digest": digest, "size": 2})
    };
    let layers: Vec<_> = layers.iter().map(|layer| descriptor(layer)).collect();
    let mut document = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": descriptor(config), "layers": layers});
    if let Some(artifact_type) = artifact_type {
        document["artifactType"] = json!(artifact_type);
    }
    match Manifest::parse(document.to_string().as_bytes(), media_type::OCI_MANIFEST) {
        Ok(Manifest::Image(image)) => Some(image),
        Ok(Manifest::Index(_)) | Err(_) => None,
    }
}
