//! Signatures, SBOMs and charts pass by what they are; decoys are judged as images.

use bytes::Bytes;
use http::StatusCode;
use sluicegate_tests::image::{Image, ImageBuilder, artifact};
use sluicegate_tests::layer::{Compression, Layer};

use crate::stage::{REPO, Stage, base, blob_path, clean, manifest_path, python};

const COSIGN: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SPDX: &str = "application/spdx+json";
const TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

fn text(content: &str) -> Bytes {
    Bytes::copy_from_slice(content.as_bytes())
}

#[tokio::test]
async fn a_signature_an_sbom_and_a_chart_pass() {
    let stage = Stage::hold().await;
    let image = clean(50);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let helm = "application/vnd.cncf.helm.config.v1+json";
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
        (
            "chart",
            artifact(
                helm,
                &[(
                    "application/vnd.cncf.helm.chart.provenance.v1.prov",
                    text("x"),
                )],
                None,
            ),
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
        &sluicegate_tests::layer::Archive::new()
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

#[tokio::test]
async fn an_artifact_of_an_unknown_kind_is_judged_as_an_image() {
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
