//! Tells artifacts (signatures, SBOMs, charts) from images, by what a runtime would do with them.
//!
//! A decoy must not pass as a signature: one tar layer, by media type or by content, makes a
//! manifest an image.

use std::sync::Arc;

use sluicegate_model::manifest::ImageManifest;
use sluicegate_model::media_type;
use sluicegate_policy::{ArtifactKind, Content};
use sluicegate_scanner::LayerFacts;

/// Media types of artifacts that are known, by how they begin.
const KNOWN: [(&str, ArtifactKind); 13] = [
    ("application/vnd.dev.cosign.", ArtifactKind::Signature),
    (
        "application/vnd.dev.sigstore.bundle",
        ArtifactKind::Signature,
    ),
    ("application/vnd.cncf.notary.", ArtifactKind::Signature),
    ("application/vnd.in-toto", ArtifactKind::Attestation),
    ("application/vnd.dsse.", ArtifactKind::Attestation),
    (
        "application/vnd.docker.attestation",
        ArtifactKind::Attestation,
    ),
    ("application/vnd.slsa.", ArtifactKind::Attestation),
    ("application/spdx", ArtifactKind::Sbom),
    ("text/spdx", ArtifactKind::Sbom),
    ("application/vnd.cyclonedx", ArtifactKind::Sbom),
    ("application/vnd.syft", ArtifactKind::Sbom),
    ("application/vnd.cncf.helm.", ArtifactKind::Helm),
    ("application/vnd.cncf.artifacthub.", ArtifactKind::Helm),
];

/// Decides what the manifest is, once its layers have been looked at.
pub fn classify(manifest: &ImageManifest, facts: &[Arc<LayerFacts>]) -> Content {
    let tar_layer = manifest
        .layers
        .iter()
        .any(|layer| media_type::is_tar_layer(&layer.media_type))
        || facts.iter().any(|facts| facts.is_tar());
    match named_kind(manifest) {
        Some(kind) if !tar_layer => Content::Artifact(kind),
        _ => Content::Image,
    }
}

fn named_kind(manifest: &ImageManifest) -> Option<ArtifactKind> {
    let config = &manifest.config.media_type;
    let by_config = kind_of(config);
    let attested = || {
        let kinds: Option<Vec<_>> = manifest
            .layers
            .iter()
            .map(|layer| kind_of(&layer.media_type))
            .collect();
        kinds.and_then(|kinds| kinds.first().copied())
    };
    let by_type = manifest.artifact_type.as_deref().and_then(kind_of);
    // Attestations and cosign signatures ride under an ordinary image config: their layers tell,
    // if every one of them does.
    by_type.or(by_config).or_else(|| {
        (media_type::is_image_config(config) || config == media_type::OCI_EMPTY)
            .then(attested)
            .flatten()
    })
}

fn kind_of(media_type: &str) -> Option<ArtifactKind> {
    KNOWN
        .iter()
        .find(|(prefix, _)| media_type.starts_with(prefix))
        .map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_model::Digest;
    use sluicegate_model::manifest::Descriptor;

    fn descriptor(media_type: &str) -> Descriptor {
        Descriptor {
            media_type: media_type.into(),
            digest: Digest::of(media_type.as_bytes()),
            size: 1,
            platform: None,
            urls: Vec::new(),
            artifact_type: None,
            annotations: std::collections::BTreeMap::new(),
        }
    }

    fn manifest(artifact: Option<&str>, config: &str, layers: &[&str]) -> ImageManifest {
        ImageManifest {
            media_type: media_type::OCI_MANIFEST.into(),
            artifact_type: artifact.map(Into::into),
            config: descriptor(config),
            layers: layers.iter().map(|layer| descriptor(layer)).collect(),
            subject: None,
        }
    }

    #[test]
    fn knows_signatures_sboms_and_attestations() {
        let cosign = "application/vnd.dev.cosign.simplesigning.v1+json";
        let in_toto = "application/vnd.in-toto+json";
        for (manifest, kind) in [
            (
                manifest(None, media_type::OCI_CONFIG, &[cosign]),
                ArtifactKind::Signature,
            ),
            (
                manifest(None, media_type::OCI_CONFIG, &[in_toto]),
                ArtifactKind::Attestation,
            ),
            (
                manifest(
                    Some("application/spdx+json"),
                    media_type::OCI_EMPTY,
                    &["text/spdx"],
                ),
                ArtifactKind::Sbom,
            ),
        ] {
            assert_eq!(classify(&manifest, &[]), Content::Artifact(kind));
        }
    }

    #[test]
    fn a_tar_layer_makes_an_image_whatever_the_label_says() {
        let cosign = "application/vnd.dev.cosign.simplesigning.v1+json";
        let tar = "application/vnd.oci.image.layer.v1.tar+gzip";
        for manifest in [
            manifest(Some(cosign), media_type::OCI_EMPTY, &[cosign, tar]),
            manifest(
                Some("application/vnd.unheard-of"),
                media_type::OCI_EMPTY,
                &["x/y"],
            ),
            manifest(None, media_type::OCI_CONFIG, &[]),
            manifest(None, media_type::OCI_CONFIG, &[cosign, "x/y"]),
        ] {
            assert_eq!(classify(&manifest, &[]), Content::Image);
        }
    }
}
