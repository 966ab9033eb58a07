//! The rule for artifacts as tables: what runtimes were seen to unpack is an image.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use sluicegate_model::coverage::GapKind;
use sluicegate_model::manifest::Descriptor;

use super::*;
use crate::facts::StoredForm;
use crate::limits::Limits;
use crate::scan_layer;

const COSIGN: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const COSIGN_CONFIG: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";
const HELM: &str = "application/vnd.cncf.helm.config.v1+json";
const HELM_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const EXAMPLE: &str = "application/vnd.example.thing.v1";
const OCTETS: &str = "application/octet-stream";

/// A config that lists layers, as an image's does.
const CONFIG: &[u8] = b"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:0\"]}}";

fn descriptor(media_type: &str, content: &[u8]) -> Descriptor {
    Descriptor {
        media_type: media_type.into(),
        digest: Digest::of(content),
        size: content.len() as u64,
        platform: None,
        urls: Vec::new(),
        artifact_type: None,
        annotations: BTreeMap::new(),
    }
}

/// A manifest under construction.
struct Pushed {
    manifest: ImageManifest,
    facts: Vec<Arc<LayerFacts>>,
}

fn pushed(config: &str) -> Pushed {
    Pushed {
        manifest: ImageManifest {
            media_type: media_type::OCI_MANIFEST.into(),
            artifact_type: None,
            config: descriptor(config, CONFIG),
            layers: Vec::new(),
            subject: None,
        },
        facts: Vec::new(),
    }
}

impl Pushed {
    fn typed(mut self, artifact_type: &str) -> Self {
        self.manifest.artifact_type = Some(artifact_type.into());
        self
    }

    /// Gives the config that lists no layer, whatever its type.
    fn without_config(mut self) -> Self {
        self.manifest.config = descriptor(&self.manifest.config.media_type, b"{}");
        self
    }

    fn docker(mut self) -> Self {
        self.manifest.media_type = media_type::DOCKER_MANIFEST.into();
        self
    }

    fn layer(mut self, media_type: &str, content: &[u8]) -> Self {
        self.manifest.layers.push(descriptor(media_type, content));
        let facts = scan_layer(content, &Limits::default());
        self.facts.push(Arc::new(facts));
        self
    }

    /// Adds a layer that was not read.
    fn unread(mut self, media_type: &str) -> Self {
        self.manifest.layers.push(descriptor(media_type, b"away"));
        self.facts.push(Arc::new(LayerFacts::foreign()));
        self
    }

    fn content(&self) -> Content {
        contents(&self.manifest, None, &self.facts).0
    }

    fn inventory(&self) -> Inventory {
        contents(&self.manifest, None, &self.facts).1
    }
}

fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, path, text.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn python_tree() -> Vec<u8> {
    let place = "usr/lib/python3/dist-packages/badlib-1.0.dist-info/METADATA";
    tar(&[(place, "Metadata-Version: 2.1\nName: badlib\nVersion: 1.0\n")])
}

fn kind_of_content(content: Content) -> Option<ArtifactKind> {
    content.artifact()
}

/// What each runtime was seen to unpack, and nothing of what none did.
#[test]
fn what_some_runtime_unpacks_is_an_image() {
    let layer = gzip(&python_tree());
    let image = |pushed: Pushed| pushed.content() == Content::Image;
    // Podman and Docker: an image config, any layer type.
    for layer_type in [OCTETS, COSIGN, "x/y", OCI_LAYER] {
        assert!(image(
            pushed(media_type::OCI_CONFIG).layer(layer_type, &layer)
        ));
    }
    // Docker: these configs, any layer type.
    for config in [
        OCTETS,
        "application/json",
        "text/html",
        "",
        media_type::DOCKER_CONFIG,
        "application/vnd.oci.image.config.v2+json",
        "application/vnd.docker.plugin.v1+json",
        "application/vnd.OCI.image.config.v1+JSON",
        "application/vnd.oci.image.config.v1+json; charset=utf-8",
    ] {
        assert!(image(pushed(config).layer(OCTETS, &layer)), "{config}");
    }
    // Containerd: a layer of an image's type under any config.
    for config in [EXAMPLE, COSIGN_CONFIG, HELM, media_type::OCI_EMPTY] {
        for layer_type in [
            OCI_LAYER,
            DOCKER_LAYER,
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "Application/vnd.oci.IMAGE.layer.v1.tar; a=b",
            "application/vnd.erofs.layer.v1",
        ] {
            let decoy = pushed(config)
                .layer(COSIGN, b"{}")
                .layer(layer_type, &layer);
            assert!(image(decoy), "{config} {layer_type}");
        }
    }
    // A Docker manifest is never one by its types.
    assert!(image(pushed(EXAMPLE).docker().layer(EXAMPLE, &layer)));
}

/// Containerd, which goes by the layers' types, counts the layers that the config lists.
#[test]
fn a_config_that_lists_no_layer_keeps_whatever_its_type_does_not() {
    let layer = gzip(&python_tree());
    for config in [media_type::OCI_EMPTY, EXAMPLE, HELM] {
        for (layer_type, content) in [
            (OCI_LAYER, layer.as_slice()),
            ("application/vnd.oci.image.layer.v1.tar", b"hello\n"),
            (DOCKER_LAYER, layer.as_slice()),
            ("application/vnd.docker.ai.gguf.v3", layer.as_slice()),
        ] {
            let push = || pushed(config).layer(layer_type, content);
            assert_kind(push().without_config(), ArtifactKind::Other);
            assert!(!is_surely_image(&push().without_config().manifest));
            let docker = push().without_config().docker();
            let is_text = content.starts_with(b"hello");
            assert!(is_text || docker.content() == Content::Image, "{config}");
        }
        let held = pushed(config).layer(OCI_LAYER, &layer).without_config();
        assert_eq!(held.inventory().components.len(), 1, "it is read");
    }
    // These types make an image of it for podman or Docker, which unpack without counting.
    for config in [media_type::OCI_CONFIG, media_type::DOCKER_CONFIG, OCTETS] {
        let decoy = pushed(config).layer(OCI_LAYER, &layer).without_config();
        assert_eq!(decoy.content(), Content::Image, "{config}");
    }
}

/// Whatever the types, bytes that no runtime unpacks are no image.
#[test]
fn content_that_cannot_be_unpacked_is_an_artifact_under_any_config() {
    for config in [
        "application/vnd.docker.ai.model.config.v0.1+json",
        media_type::OCI_CONFIG,
        OCTETS,
        "",
    ] {
        let model = || pushed(config).layer("application/vnd.docker.ai.gguf.v3", b"GGUF and so on");
        assert_kind(model(), ArtifactKind::Other);
        assert_kind(model().docker(), ArtifactKind::Other);
        let beside = model().layer(OCTETS, &gzip(&python_tree()));
        assert_eq!(beside.content(), Content::Image, "{config}");
        let claimed = model().layer("application/vnd.erofs.layer.v1", b"x");
        assert_eq!(claimed.content(), Content::Image, "{config}");
    }
}

#[test]
fn what_no_runtime_unpacks_is_an_artifact_of_any_kind() {
    let layer = gzip(&python_tree());
    for config in [
        EXAMPLE,
        "application/vnd.wasm.config.v0+json",
        HELM,
        media_type::OCI_EMPTY,
    ] {
        for layer_type in [
            OCTETS,
            "application/wasm",
            HELM_LAYER,
            "application/vnd.example.layer.v1.tar+gzip",
            "application/gzip",
            "",
        ] {
            let content = pushed(config).layer(layer_type, &layer).content();
            let kind = kind_of_content(content);
            assert_eq!(kind, Some(ArtifactKind::Other), "{config} {layer_type}");
        }
    }
    assert_eq!(
        kind_of_content(pushed(EXAMPLE).content()),
        Some(ArtifactKind::Other)
    );
}

/// The decoys: a label on something that a runtime unpacks by its content.
#[test]
fn an_image_config_is_believed_only_where_no_layer_can_be_unpacked() {
    let archive = python_tree();
    let mut signed_sum = archive.clone();
    // Signed and unsigned sums differ where a byte is past 127.
    signed_sum[200] = 0xe9;
    signed_sum[148..156].fill(b' ');
    let sum: u32 = signed_sum[..512].iter().map(|b| u32::from(*b)).sum();
    signed_sum[148..155].copy_from_slice(format!("{:06o}\0", sum - 256).as_bytes());
    let decoys: [&[u8]; 7] = [
        &archive,
        &signed_sum,
        &gzip(&archive),
        &gzip(b"{\"compressed\":true}"),
        b"BZh91AY&SY and then something",
        b"\xfd7zXZ\0 and then something",
        b"\x50\x2a\x4d\x18\x04\0\0\0abcd\x28\xb5\x2f\xfd",
    ];
    for decoy in decoys {
        for label in [COSIGN, IN_TOTO, "application/spdx+json", OCTETS] {
            for config in [media_type::OCI_CONFIG, media_type::DOCKER_CONFIG] {
                let alone = pushed(config).layer(label, decoy);
                assert_eq!(alone.content(), Content::Image, "{label}");
                let beside = pushed(config).layer(COSIGN, b"{}").layer(label, decoy);
                assert_eq!(beside.content(), Content::Image, "{label}");
                let typed = pushed(config).typed(COSIGN_CONFIG).layer(label, decoy);
                assert_eq!(typed.content(), Content::Image, "{label}");
            }
        }
    }
    let unread = pushed(media_type::OCI_CONFIG)
        .layer(COSIGN, b"{}")
        .unread(COSIGN);
    assert_eq!(unread.content(), Content::Image, "not looked at");
    let empty = pushed(media_type::OCI_CONFIG);
    assert_eq!(empty.content(), Content::Image, "runs, with nothing in it");
    for layer_type in [OCI_LAYER, DOCKER_LAYER] {
        let noise = pushed(media_type::OCI_CONFIG).layer(layer_type, &[0x55; 4_096]);
        assert_eq!(noise.content(), Content::Image, "broken, not looked at");
    }
}

const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const SPDX_TEXT: &[u8] = b"SPDXVersion: SPDX-2.3\nPackageName: x\n";
const PROV: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----\n\nx\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n";
const PROV_TYPE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

fn chart() -> Vec<u8> {
    gzip(&tar(&[("web/Chart.yaml", "name: web\nversion: 1.0.0\n")]))
}

fn assert_kind(pushed: Pushed, wanted: ArtifactKind) {
    let kind = kind_of_content(pushed.content());
    assert_eq!(kind, Some(wanted), "{:?}", pushed.manifest);
}

#[test]
fn the_kind_is_the_label_where_the_content_agrees() {
    let image = || pushed(media_type::OCI_CONFIG);
    let empty = || pushed(media_type::OCI_EMPTY);
    for signature in [
        image().layer(COSIGN, b"{}"),
        empty().typed(COSIGN_CONFIG).layer(COSIGN, PEM),
    ] {
        assert_kind(signature, ArtifactKind::Signature);
    }
    let attestation = image().layer(IN_TOTO, b"{}").layer(IN_TOTO, b"[]");
    assert_kind(attestation, ArtifactKind::Attestation);
    for sbom in [
        image().layer("text/spdx", SPDX_TEXT),
        empty().typed("application/spdx+json").layer("x/y", b"{}"),
        empty().layer("application/vnd.cyclonedx+xml", b"<bom/>"),
    ] {
        assert_kind(sbom, ArtifactKind::Sbom);
    }
    let helm = || pushed(HELM).layer(HELM_LAYER, &chart());
    for chart in [helm(), helm().layer(PROV_TYPE, PROV)] {
        assert_kind(chart, ArtifactKind::Helm);
    }
}

#[test]
fn labels_that_the_content_belies_and_those_that_nothing_names_are_other() {
    let image = || pushed(media_type::OCI_CONFIG);
    let empty = || pushed(media_type::OCI_EMPTY);
    let helm = || pushed(HELM).layer(HELM_LAYER, &chart());
    for other in [
        empty().typed(COSIGN_CONFIG).layer(COSIGN, &chart()),
        empty().typed(COSIGN_CONFIG),
        image().layer(COSIGN, b"bytes of a model"),
        image().layer(COSIGN, b"{}").layer("x/y", b"{}"),
        pushed(HELM).layer(HELM_LAYER, &gzip(&python_tree())),
        helm().layer(HELM_LAYER, &chart()),
        pushed(HELM).layer(PROV_TYPE, PROV),
        pushed(EXAMPLE)
            .typed("application/vnd.unheard-of")
            .layer(COSIGN, b"{}"),
    ] {
        assert_kind(other, ArtifactKind::Other);
    }
}

#[test]
fn what_is_an_archive_in_an_artifact_is_read_and_the_rest_is_opaque() {
    let archive = gzip(&python_tree());
    let whiteout = gzip(&tar(&[("usr/.wh.lib", ""), (".wh..wh..opq", "")]));
    let held = pushed(EXAMPLE)
        .layer(EXAMPLE, &archive)
        .layer(EXAMPLE, b"GGUF and a model")
        .layer(EXAMPLE, &gzip(b"no archive"))
        .layer(EXAMPLE, &whiteout)
        .inventory();
    let names: Vec<_> = held.components.iter().map(|c| &c.package.name).collect();
    assert_eq!(names, ["badlib"], "a later layer takes nothing away");
    assert_eq!(held.gaps, [], "opaque content is no gap");
    let cut = &archive[..archive.len() - 20];
    for unread in [cut, b"\xfd7zXZ\0 and so on", b"BZh91AY&SY and so on"] {
        let held = pushed(EXAMPLE).layer(EXAMPLE, unread).inventory();
        let kinds: Vec<_> = held.gaps.iter().map(|gap| (gap.kind, gap.fatal)).collect();
        assert_eq!(kinds, [(GapKind::LayerUnreadable, true)]);
    }
    let foreign = pushed(EXAMPLE).unread(EXAMPLE).inventory();
    assert_eq!(foreign.gaps.len(), 1, "what was not fetched is a gap");
}

#[test]
fn only_a_manifest_that_no_content_could_make_an_artifact_is_surely_an_image() {
    for config in [
        media_type::OCI_CONFIG,
        media_type::DOCKER_CONFIG,
        media_type::OCI_EMPTY,
        EXAMPLE,
        OCTETS,
    ] {
        let manifest = pushed(config).layer(OCTETS, b"x").manifest;
        assert!(!is_surely_image(&manifest), "{config}");
        let manifest = pushed(config).layer(OCI_LAYER, b"x").manifest;
        assert!(is_surely_image(&manifest), "{config}");
    }
    assert!(is_surely_image(&pushed(media_type::OCI_CONFIG).manifest));
}

#[test]
fn the_stored_form_outlives_storage() {
    let facts = scan_layer(&b"{\"a\":1}"[..], &Limits::default());
    let wanted = StoredForm {
        document: Some(Document::Json),
        ..StoredForm::default()
    };
    assert_eq!(facts.stored, Some(wanted));
    let read = LayerFacts::from_bytes(&facts.to_bytes()).unwrap();
    assert_eq!(read.stored, Some(wanted));
}
