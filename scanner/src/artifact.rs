//! Tells artifacts (signatures, SBOMs, charts, models) from images, by what runtimes do with them,
//! and reads what an artifact holds.
//!
//! "Artifact" is proven, never assumed. Some runtimes decide by the config's type alone, some by
//! the layers' types alone, some by the config's with any layer type (measured); so a manifest is an
//! artifact only where its types keep every one of them from unpacking it, where those that its types
//! do not keep from it find a config without layers, or where no layer's bytes can be unpacked. What
//! cannot be told is an image.

use std::sync::Arc;

use sluicegate_model::Digest;
use sluicegate_model::artifact::{ArtifactKind, Content};
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::manifest::ImageManifest;
use sluicegate_model::media_type;

use crate::facts::{Compression, Document, LayerFacts};
use crate::image::layers::LayerInput;
use crate::inventory::{merge_alone, merge_by};
use crate::plugin_set::PluginSet;

/// Raised with every change of what is taken for an artifact, or read of one.
pub(crate) const ARTIFACT_REVISION: u32 = 4;

/// The config of artifacts that need none. Source: image-spec, "Guidance for an Empty Descriptor".
const EMPTY_CONFIG: &[u8] = b"{}";

/// How the media types of layers begin that some runtime unpacks under any config: OCI's, Docker's,
/// and the file system that containerd mounts as it is.
const IMAGE_LAYERS: [&str; 3] = [
    "application/vnd.oci.image.layer",
    "application/vnd.docker.image.rootfs.",
    "application/vnd.erofs.",
];

/// Media types of artifacts that policies name, by how they begin.
const KNOWN: [(&str, ArtifactKind); 12] = [
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
];

/// Says what a manifest is and what it holds, from the facts of its layers in their order.
pub fn contents(
    manifest: &ImageManifest,
    config: Option<&ImageConfig>,
    facts: &[Arc<LayerFacts>],
) -> (Content, Inventory) {
    contents_by(PluginSet::built_in(), manifest, config, facts)
}

/// Does the same and adds what the fed plugins of a set say, which made the layers' facts.
pub fn contents_by(
    plugins: &PluginSet,
    manifest: &ImageManifest,
    config: Option<&ImageConfig>,
    facts: &[Arc<LayerFacts>],
) -> (Content, Inventory) {
    let content = classify(manifest, facts);
    let digests = manifest.layers.iter().map(|layer| &layer.digest);
    let layers = digests.zip(facts.iter().map(AsRef::as_ref));
    let inventory = match content {
        Content::Image => {
            let layers = layers.map(|(digest, facts)| LayerInput { digest, facts });
            merge_by(plugins, config, &layers.collect::<Vec<_>>())
        }
        Content::Artifact(_) => held(layers, plugins),
    };
    (content, inventory)
}

/// Tells, by its manifest alone, that no content of the layers could make this an artifact.
pub fn is_surely_image(manifest: &ImageManifest) -> bool {
    !no_runtime_unpacks_types(manifest)
        && !lists_no_layer(manifest)
        && (manifest.layers.is_empty() || claims_layers(manifest))
}

fn classify(manifest: &ImageManifest, facts: &[Arc<LayerFacts>]) -> Content {
    let is_artifact = no_runtime_unpacks_types(manifest)
        || lists_no_layer(manifest)
        || (!facts.is_empty()
            && !claims_layers(manifest)
            && facts.iter().all(|facts| can_not_be_unpacked(facts)));
    if is_artifact {
        Content::Artifact(kind(manifest, facts))
    } else {
        Content::Image
    }
}

/// Tells whether the types of config and layers keep every runtime from unpacking anything.
fn no_runtime_unpacks_types(manifest: &ImageManifest) -> bool {
    let is_dockers = |found: &str| essence(found).starts_with("application/vnd.docker.");
    let mut layers = manifest.layers.iter();
    is_foreign_to_runtimes(manifest)
        && !claims_layers(manifest)
        && !layers.any(|layer| is_dockers(&layer.media_type))
}

/// Tells whether the config keeps every runtime from unpacking anything, whatever the layers' types:
/// its type those that go by it, and its content, which lists no layer, those that go by the
/// layers' types; they compare how many layers the config and the manifest list (measured). What
/// `oras push` makes of plain files is of this form.
fn lists_no_layer(manifest: &ImageManifest) -> bool {
    is_foreign_to_runtimes(manifest)
        && !manifest.layers.is_empty()
        && manifest.config.digest == Digest::of(EMPTY_CONFIG)
}

/// Tells whether the types of manifest and config are of no image.
fn is_foreign_to_runtimes(manifest: &ImageManifest) -> bool {
    let config = essence(&manifest.config.media_type);
    let is_foreign = config == media_type::OCI_EMPTY
        || (config.starts_with("application/vnd.")
            && !config.starts_with("application/vnd.oci.image.")
            && !config.starts_with("application/vnd.docker."));
    manifest.media_type == media_type::OCI_MANIFEST && is_foreign
}

fn has_image_config(manifest: &ImageManifest) -> bool {
    media_type::is_image_config(&manifest.config.media_type)
}

/// Tells whether a layer is said to be an image's: one that cannot be unpacked is a broken image then,
/// not looked at, and no artifact.
fn claims_layers(manifest: &ImageManifest) -> bool {
    manifest.layers.iter().any(|layer| {
        let layer = essence(&layer.media_type);
        IMAGE_LAYERS.iter().any(|begin| layer.starts_with(begin))
    })
}

/// Tells whether no runtime that goes by content would unpack the layer.
fn can_not_be_unpacked(facts: &LayerFacts) -> bool {
    let stored = facts.stored.is_some_and(|s| !s.begins_like_an_archive());
    stored && !facts.is_tar()
}

fn essence(media_type: &str) -> String {
    media_type::essence(media_type).to_ascii_lowercase()
}

/// Tells the kind that the labels name, where the content agrees with them.
fn kind(manifest: &ImageManifest, facts: &[Arc<LayerFacts>]) -> ArtifactKind {
    let labelled = labelled(manifest).unwrap_or(ArtifactKind::Other);
    let agrees = match labelled {
        ArtifactKind::Signature | ArtifactKind::Sbom | ArtifactKind::Attestation => {
            !facts.is_empty() && facts.iter().all(|facts| document(facts).is_some())
        }
        ArtifactKind::Helm => is_chart(facts),
        ArtifactKind::Other => true,
    };
    if agrees {
        labelled
    } else {
        ArtifactKind::Other
    }
}

/// Gives the kind by `artifactType`, else by the config's type. Signatures, SBOMs and attestations
/// of older tools have an ordinary image config: there the layers tell, if all of them say the same.
fn labelled(manifest: &ImageManifest) -> Option<ArtifactKind> {
    let by_name = match manifest.artifact_type.as_deref() {
        Some(named) if !named.is_empty() => kind_of(named),
        _ => kind_of(&manifest.config.media_type),
    };
    let config = essence(&manifest.config.media_type);
    let says_nothing = config == media_type::OCI_EMPTY || has_image_config(manifest);
    by_name.or_else(|| {
        let mut layers = manifest.layers.iter();
        let first = kind_of(&layers.next().filter(|_| says_nothing)?.media_type)?;
        layers
            .all(|layer| kind_of(&layer.media_type) == Some(first))
            .then_some(first)
    })
}

fn kind_of(media_type: &str) -> Option<ArtifactKind> {
    let media_type = essence(media_type);
    let known = KNOWN
        .iter()
        .find(|(prefix, _)| media_type.starts_with(prefix));
    known.map(|(_, kind)| *kind)
}

fn document(facts: &LayerFacts) -> Option<Document> {
    facts.stored?.document
}

/// Tells whether the layers are one chart that was read whole and at most signatures of it.
fn is_chart(facts: &[Arc<LayerFacts>]) -> bool {
    let (charts, others): (Vec<_>, Vec<_>) = facts.iter().partition(|facts| facts.chart);
    charts.len() == 1
        && charts.iter().all(|chart| chart.gaps.is_empty())
        && others
            .iter()
            .all(|other| document(other) == Some(Document::SignedText))
}

/// Reads what is an archive among the layers, each on its own: nobody lays them over each other.
fn held<'a>(
    layers: impl Iterator<Item = (&'a Digest, &'a LayerFacts)>,
    plugins: &PluginSet,
) -> Inventory {
    let mut held = Inventory {
        detectors: plugins
            .detectors()
            .map(|it| it.id().name.to_owned())
            .collect(),
        ..Inventory::default()
    };
    for (digest, facts) in layers {
        let nothing;
        let facts = if is_opaque(facts) {
            nothing = opaque(facts);
            &nothing
        } else {
            facts
        };
        let alone = merge_alone(LayerInput { digest, facts }, plugins);
        held.distro = held.distro.or(alone.distro);
        held.components.extend(alone.components);
        held.declared.extend(alone.declared);
        held.told.extend(alone.told);
        held.weaknesses.extend(alone.weaknesses);
        held.hashed.extend(alone.hashed);
        held.gaps.extend(alone.gaps);
        held.layers.extend(alone.layers);
    }
    held.components.sort();
    held.components.dedup();
    held.declared.sort();
    held.declared.dedup();
    held.told.sort();
    held.told.dedup();
    held.weaknesses.sort();
    held.weaknesses.dedup();
    held.gaps.sort();
    held.gaps.dedup();
    held
}

/// Tells whether a layer is read for what it is, and that is no archive.
fn is_opaque(facts: &LayerFacts) -> bool {
    let Some(stored) = facts.stored else {
        return false;
    };
    let is_unread = matches!(
        stored.compression,
        Some(Compression::Bzip2 | Compression::Xz)
    );
    !facts.is_tar() && !stored.tar_header && !is_unread
}

/// Leaves of an opaque layer's facts what this machine did not get to: allowing the kind allows
/// the rest.
fn opaque(facts: &LayerFacts) -> LayerFacts {
    let mut gaps = facts.gaps.clone();
    gaps.retain(|gap| gap.kind.is_passing());
    LayerFacts {
        gaps,
        ..LayerFacts::default()
    }
}

#[cfg(test)]
mod tests;
