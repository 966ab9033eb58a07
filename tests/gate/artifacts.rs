//! Signatures, SBOMs and charts pass by what they are; decoys are judged as images.

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;
use sluicegate_model::media_type;
use sluicegate_tests::image::{Image, ImageBuilder, artifact, blob_of, descriptor, image};
use sluicegate_tests::layer::{Archive, Compression, Layer};

use crate::stage::{REPO, Stage, base, blob_path, clean, manifest_path, python};

const COSIGN: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";
const SPDX: &str = "application/spdx+json";
const TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

fn text(content: &str) -> Bytes {
    Bytes::copy_from_slice(content.as_bytes())
}

/// Builds an artifact of the older form: an ordinary image config, one layer with a label.
fn under_image_config(label: &str, layer: Bytes) -> Image {
    let config = blob_of("{\"architecture\":\"\",\"os\":\"\",\"rootfs\":{\"type\":\"layers\"}}");
    let layer = blob_of(layer);
    let document = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": descriptor(media_type::OCI_CONFIG, &config.digest, config.bytes.len()),
        "layers": [descriptor(label, &layer.digest, layer.bytes.len())],
    });
    image(
        &document,
        media_type::OCI_MANIFEST,
        config,
        vec![layer],
        "linux/amd64",
    )
}

/// Builds a chart as helm pushes it, with its provenance.
fn chart() -> Image {
    let archive = Archive::new()
        .file("web/Chart.yaml", "name: web\nversion: 1.0.0\n")
        .file("web/templates/service.yaml", "kind: Service\n")
        .layer(Compression::Gzip);
    let signed = "-----BEGIN PGP SIGNED MESSAGE-----\n\nname: web\n\
                  -----BEGIN PGP SIGNATURE-----\n\nwsBc\n-----END PGP SIGNATURE-----\n";
    artifact(
        "application/vnd.cncf.helm.config.v1+json",
        &[
            (
                "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
                archive.bytes,
            ),
            (
                "application/vnd.cncf.helm.chart.provenance.v1.prov",
                text(signed),
            ),
        ],
        None,
    )
}

#[tokio::test]
async fn a_signature_an_sbom_and_a_chart_pass() {
    let stage = Stage::hold().await;
    let image = clean(50);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    for (tag, artifact) in [
        (
            "sig",
            artifact(COSIGN, &[(SIMPLE_SIGNING, text("{\"a\":1}"))], Some(&image)),
        ),
        (
            "sbom",
            artifact(
                SPDX,
                &[("text/spdx+json", text("{\"spdx\":1}"))],
                Some(&image),
            ),
        ),
        ("chart", chart()),
        (
            "old-signature",
            under_image_config(SIMPLE_SIGNING, text("{\"c\":1}")),
        ),
        (
            "attestation",
            under_image_config(IN_TOTO, text("{\"d\":1}")),
        ),
    ] {
        stage.upstream.add(REPO, tag, &artifact);
        stage.pull(REPO, tag, &artifact).await;
        for blob in artifact.blobs() {
            let reply = stage.get(&blob_path(REPO, &blob.digest)).await;
            assert_eq!(
                (reply.status, &reply.body),
                (StatusCode::OK, &blob.bytes),
                "{tag}"
            );
        }
    }
}

/// Checks that neither the manifest nor a layer leaves.
async fn assert_judged_as_image(stage: &Stage, tag: &str, decoy: &Image) {
    stage.upstream.add(REPO, tag, decoy);
    let reply = stage.get(&manifest_path(REPO, tag)).await;
    assert_eq!(
        reply.status,
        StatusCode::FORBIDDEN,
        "{tag}: {}",
        reply.text()
    );
    for layer in &decoy.layers {
        let reply = stage.get(&blob_path(REPO, &layer.digest)).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{tag}");
    }
}

#[tokio::test]
async fn a_tar_layer_by_media_type_or_by_content_makes_an_artifact_an_image() {
    let stage = Stage::hold().await;
    let (bad, other) = (python("badlib", 51), python("badlib", 52));
    let signature = text("{\"b\":1}");
    let plain = Layer::of(
        &Archive::new()
            .file(
                "usr/lib/python3/dist-packages/badlib-1.0.dist-info/METADATA",
                "Name: badlib\nVersion: 1.0\n",
            )
            .finish(),
        Compression::Plain,
    );
    for (tag, parts) in [
        (
            "by-type",
            vec![(SIMPLE_SIGNING, signature.clone()), (TAR_GZIP, bad.bytes)],
        ),
        ("by-content", vec![(SIMPLE_SIGNING, other.bytes)]),
        (
            "by-plain-content",
            vec![("application/spdx+json", plain.bytes)],
        ),
    ] {
        assert_judged_as_image(&stage, tag, &artifact(COSIGN, &parts, None)).await;
    }
}

/// A label over something that cannot be read, or that can be read in two ways.
#[tokio::test]
async fn what_a_label_calls_a_signature_and_a_runtime_unpacks_is_judged_as_an_image() {
    let mut two_ways = python("badlib", 54).bytes.to_vec();
    two_ways.clear();
    two_ways.extend(std::iter::repeat_n(b' ', 512));
    two_ways[..2].copy_from_slice(b"{\"");
    let sum: u32 = two_ways.iter().map(|byte| u32::from(*byte)).sum();
    two_ways[148..155].copy_from_slice(format!("{sum:06o} ").as_bytes());
    two_ways.extend_from_slice(b"\":1}");
    for stage in [Stage::hold().await, Stage::stream().await] {
        for (tag, layer) in [
            ("xz", Bytes::from_static(b"\xfd7zXZ\0 and so on")),
            ("bzip2", Bytes::from_static(b"BZh91AY&SY and so on")),
            (
                "skippable",
                Bytes::from_static(b"\x5f\x2a\x4d\x18\x01\0\0\0x"),
            ),
            ("two-ways", two_ways.clone().into()),
        ] {
            for (number, label) in [SIMPLE_SIGNING, IN_TOTO, SPDX].into_iter().enumerate() {
                let decoy = under_image_config(label, layer.clone());
                let tag = format!("{tag}-{number}");
                stage.upstream.add(REPO, &tag, &decoy);
                stage.get(&manifest_path(REPO, &tag)).await;
                for layer in &decoy.layers {
                    let reply = stage.get(&blob_path(REPO, &layer.digest)).await;
                    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{tag} {label}");
                }
                let reply = stage.get(&manifest_path(REPO, decoy.digest.as_str())).await;
                assert_eq!(reply.status, StatusCode::FORBIDDEN, "{tag} {label}");
                assert!(reply.text().contains("inconclusive"), "{}", reply.text());
            }
        }
    }
}

#[tokio::test]
async fn an_artifact_of_an_unknown_kind_is_refused_as_one() {
    let stage = Stage::hold().await;
    let unknown = artifact(
        "application/vnd.unheard-of",
        &[("x/y", text("some bytes"))],
        None,
    );
    assert_judged_as_image(&stage, "unknown", &unknown).await;
}

#[tokio::test]
async fn an_artifact_never_clears_a_blob_that_a_refused_image_lists() {
    let stage = Stage::hold().await;
    let secret = text("{\"layer\":\"that no tar reader understands\"}");
    let refused = ImageBuilder::new()
        .layer(base())
        .layer(Layer::raw(secret.clone(), Compression::Plain))
        .build();
    let sbom = artifact(SPDX, &[(SPDX, secret)], None);
    stage.upstream.add(REPO, "bad", &refused);
    stage.upstream.add(REPO, "sbom", &sbom);
    let path = blob_path(REPO, &refused.layers[1].digest);
    stage.pull(REPO, "sbom", &sbom).await;
    assert_eq!(
        stage.get(&path).await.status,
        StatusCode::OK,
        "nobody refuses it yet"
    );
    let reply = stage.get(&manifest_path(REPO, "bad")).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.text());
    assert_eq!(stage.get(&path).await.status, StatusCode::FORBIDDEN);
    assert_eq!(stage.head(&path).await.status, StatusCode::FORBIDDEN);
    // The empty config is everybody's.
    let config = stage.get(&blob_path(REPO, &sbom.config.digest)).await;
    assert_eq!(config.status, StatusCode::OK);
}

#[tokio::test]
async fn an_artifact_without_a_verdict_streams_no_blob_that_a_refused_image_lists() {
    let stage = Stage::stream().await;
    let secret = text("{\"layer\":\"that no tar reader understands, told twice\"}");
    let refused = ImageBuilder::new()
        .layer(base())
        .layer(Layer::raw(secret.clone(), Compression::Plain))
        .build();
    let sbom = under_image_config(SPDX, secret);
    stage.upstream.add(REPO, "bad", &refused);
    stage.upstream.add(REPO, "sbom", &sbom);
    let path = blob_path(REPO, &refused.layers[1].digest);
    stage.get(&manifest_path(REPO, "bad")).await;
    assert_eq!(stage.get(&path).await.status, StatusCode::FORBIDDEN);
    stage.get(&manifest_path(REPO, "sbom")).await;
    assert_eq!(stage.get(&path).await.status, StatusCode::FORBIDDEN);
}
