//! Blobs: an allow-list of what judged and allowed manifests of the repository list.

use super::images::{Image, bad, good, layer};
use super::stage::Stage;
use crate::gate::GateMode;

#[tokio::test]
async fn blobs_follow_the_verdicts_of_the_manifests_that_list_them() {
    let bad = bad("bad");
    let shared = Image::of(vec![layer("shared", 100), layer("own", 50)]);
    let both = bad.layers[0].digest();
    assert_eq!(both, shared.layers[0].digest());
    let stage = Stage::new(GateMode::Hold);
    stage.push("app", "bad", &bad);
    let asked = stage.get("app");
    assert_eq!(stage.manifest(&asked, "bad").await, "refuse");
    for blob in bad.blobs() {
        assert_eq!(stage.blob(&asked, &blob.digest()).await, "refuse");
        assert_eq!(
            stage.blob(&stage.head("app"), &blob.digest()).await,
            "refuse"
        );
    }
    stage.push("app", "good", &shared);
    assert_eq!(stage.manifest(&asked, "good").await, "serve allow");
    for blob in shared.blobs() {
        assert_eq!(stage.blob(&asked, &blob.digest()).await, "whole");
        assert_eq!(
            stage.blob(&stage.head("app"), &blob.digest()).await,
            "headers"
        );
    }
    for blob in [&bad.config, &bad.layers[1]] {
        assert_eq!(stage.blob(&asked, &blob.digest()).await, "refuse");
    }
}

#[tokio::test]
async fn a_blob_that_no_manifest_lists_is_unknown_though_the_upstream_has_it() {
    let image = good("unasked");
    let stage = Stage::with(GateMode::Hold, &image);
    for blob in image.blobs() {
        let answer = stage.blob(&stage.get("app"), &blob.digest()).await;
        assert_eq!(answer, "UnknownBlob");
    }
}

#[tokio::test]
async fn content_that_is_here_from_elsewhere_has_to_be_proven() {
    let image = good("both");
    let stage = Stage::new(GateMode::Hold);
    stage.push("theirs", "1", &image);
    stage.push("ours", "1", &image);
    assert_eq!(
        stage.manifest(&stage.get("theirs"), "1").await,
        "serve allow"
    );
    let layer = image.layers[0].digest();
    let asked_before = stage.upstream.count(layer.as_str());
    assert_eq!(stage.manifest(&stage.get("ours"), "1").await, "serve allow");
    assert_eq!(stage.blob(&stage.get("ours"), &layer).await, "whole");
    let asked = stage.upstream.asked();
    let proofs = asked
        .iter()
        .filter(|name| name.starts_with("ours/blobs/"))
        .count();
    assert!(proofs > 0, "nothing was proven for ours: {asked:?}");
    assert_eq!(
        stage.upstream.count(&format!("theirs/blobs/{layer}")),
        asked_before
    );
}
