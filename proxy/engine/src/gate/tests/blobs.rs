//! Blobs: an allow-list of what judged and allowed manifests of the repository list.

use super::images::{Image, bad, good, layer};
use super::stage::Stage;
use crate::gate::GateMode;
use crate::testkit::Fault;

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
async fn a_blob_that_no_manifest_lists_is_unknown_though_the_upstream_has_it() {
    let image = good("unasked");
    let stage = Stage::with(GateMode::Hold, &image);
    for blob in image.blobs() {
        let answer = stage.blob(&stage.get("app"), &blob.digest()).await;
        assert_eq!(answer, "UnknownBlob");
    }
}

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
async fn what_an_upstream_says_of_a_blob_that_is_here_from_elsewhere_must_be_bytes() {
    // One that is compared whole, and one of which some parts are.
    for length in [2_000, 200_000] {
        for (faults, wanted) in [
            (vec![], "whole"),
            (vec![Fault::Absent], "AbsentBlob"),
            (vec![Fault::OtherBytes], "Damaged"),
            (vec![Fault::IgnoresRange], "whole"),
            (vec![Fault::IgnoresRange, Fault::OtherBytes], "Damaged"),
        ] {
            let image = Image::of(vec![layer("both", length)]);
            let stage = Stage::new(GateMode::Hold);
            stage.push("theirs", "1", &image);
            stage.push("ours", "1", &image);
            stage.judge("theirs", "1").await;
            for fault in &faults {
                stage.upstream.fail("ours/blobs", fault.clone());
            }
            let ours = stage.get("ours");
            assert_eq!(stage.manifest(&ours, "1").await, "serve allow");
            for blob in image.blobs() {
                let answer = stage.blob(&ours, &blob.digest()).await;
                assert_eq!(answer, wanted, "{length} {faults:?}");
            }
        }
    }
}
