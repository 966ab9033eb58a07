//! Manifests: what is judged, logged and released before an answer.

use super::images::{bad, good};
use super::stage::Stage;
use crate::gate::{GateMode, ManifestAnswer};
use crate::testkit::Fault;

#[tokio::test(start_paused = true)]
async fn every_way_of_asking_gets_the_same_decision() {
    let (good, bad) = (good("good"), bad("bad"));
    for (image, wanted) in [(&good, "serve allow"), (&bad, "refuse")] {
        let stage = Stage::with(GateMode::Hold, image);
        let digest = image.digest().to_string();
        for asked in [stage.head("app"), stage.get("app")] {
            for reference in ["1", &digest] {
                let answer = stage.manifest(&asked, reference).await;
                assert_eq!(answer, wanted, "{reference} head {}", asked.head);
            }
        }
        let has_left = stage.has_left("app", &image.digest()).await;
        assert_eq!(has_left, wanted != "refuse");
        // Whatever is asked again, and by whatever name, is one pull.
        let given = if has_left {
            "allow given"
        } else {
            "refuse kept"
        };
        assert!(
            stage.log().iter().all(|line| line == given),
            "{:?}",
            stage.log()
        );
        assert!(!stage.log().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_where_its_line_cannot_be_written() {
    let image = good("good");
    let stage = Stage::with(GateMode::Hold, &image);
    stage.audit.let_fail(true);
    for asked in [stage.head("app"), stage.get("app")] {
        assert_eq!(stage.manifest(&asked, "1").await, "Storage");
    }
    for blob in image.blobs() {
        assert_eq!(
            stage.blob(&stage.get("app"), &blob.digest()).await,
            "Storage"
        );
    }
    assert!(!stage.has_left("app", &image.digest()).await);
    stage.audit.let_fail(false);
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve allow");
    assert_eq!(stage.log(), ["allow given"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_has_no_patience_left_is_told_what_never_was_secret() {
    let image = good("slow");
    let stage = Stage::with(GateMode::Hold, &image);
    stage.withhold(&image.layers[0].digest());
    for (head, comes_back, wanted) in [
        (false, true, "ComesBack"),
        (true, true, "ComesBack"),
        (true, false, "announce"),
        (false, false, "drip"),
    ] {
        let asked = stage.impatient("app", head, comes_back);
        assert_eq!(stage.manifest(&asked, "1").await, wanted, "{asked:?}");
    }
    let blob = image.layers[0].digest();
    for (comes_back, wanted) in [(true, "ComesBack"), (false, "ForGood")] {
        let asked = stage.impatient("app", false, comes_back);
        assert_eq!(stage.blob(&asked, &blob).await, wanted);
    }
    assert!(!stage.has_left("app", &image.digest()).await);
    stage.release();
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve allow");
    assert!(stage.has_left("app", &image.digest()).await);
}

#[tokio::test(start_paused = true)]
async fn a_head_of_what_has_left_before_waits_for_the_verdict() {
    let image = good("again");
    let stage = Stage::with(GateMode::Hold, &image);
    stage.withhold(&image.layers[0].digest());
    stage.mark_left("app", &image.digest()).await;
    let asked = stage.impatient("app", true, false);
    assert_eq!(stage.manifest(&asked, "1").await, "ForGood");
    stage.release();
}

#[tokio::test(start_paused = true)]
async fn a_dripped_manifest_ends_with_its_verdict_in_the_log() {
    for (image, line) in [(good("drip"), "allow given"), (bad("drop"), "refuse kept")] {
        let stage = Stage::with(GateMode::Hold, &image);
        stage.withhold(&image.layers[0].digest());
        let asked = stage.impatient("app", false, false);
        let tag = "1".parse().unwrap();
        let answer = stage.gate.serve_manifest(&asked, &tag);
        let Ok(ManifestAnswer::Drip(cleared, judged)) = answer.await else {
            panic!("no drip");
        };
        assert_eq!(cleared.get().manifest.bytes, image.manifest);
        assert_eq!(stage.log(), [""; 0]);
        stage.release();
        judged.await;
        assert_eq!(stage.log(), [line]);
        let has_left = stage.has_left("app", &image.digest()).await;
        assert_eq!(has_left, line == "allow given");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hides_reasons_is_refused_at_its_get() {
    let image = bad("hidden");
    let stage = Stage::with(GateMode::Hold, &image);
    let mut asked = stage.head("app");
    asked.hides_reasons = true;
    assert_eq!(stage.manifest(&asked, "1").await, "announce");
    asked.head = false;
    assert_eq!(stage.manifest(&asked, "1").await, "refuse");
    assert!(!stage.has_left("app", &image.digest()).await);
}

#[tokio::test(start_paused = true)]
async fn however_many_ask_each_object_is_fetched_once() {
    let image = good("herd");
    let stage = Stage::with(GateMode::Hold, &image);
    let asked = stage.get("app");
    let all = (0..50).map(|_| stage.manifest(&asked, "1"));
    for answer in futures_util::future::join_all(all).await {
        assert_eq!(answer, "serve allow");
    }
    assert_eq!(stage.upstream.count("/manifests/"), 1);
    for blob in image.blobs() {
        assert_eq!(stage.upstream.count(blob.digest().as_str()), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_digest_of_another_repository_is_not_of_this_one() {
    let image = good("theirs");
    let stage = Stage::new(GateMode::Hold);
    stage.push("theirs", "1", &image);
    assert_eq!(
        stage.manifest(&stage.get("theirs"), "1").await,
        "serve allow"
    );
    let digest = image.digest().to_string();
    let ours = stage.get("ours");
    assert_eq!(stage.manifest(&ours, &digest).await, "UnknownManifest");
    for blob in image.blobs() {
        assert_eq!(stage.blob(&ours, &blob.digest()).await, "UnknownBlob");
    }
}

#[tokio::test(start_paused = true)]
async fn that_an_upstream_says_to_a_head_that_it_has_a_manifest_proves_nothing() {
    let image = good("theirs");
    let stage = Stage::new(GateMode::Hold);
    stage.push("theirs", "1", &image);
    stage.push("ours", "1", &image);
    stage.upstream.fail("ours/manifests", Fault::OnlyHead);
    assert_eq!(
        stage.manifest(&stage.get("theirs"), "1").await,
        "serve allow"
    );
    let digest = image.digest().to_string();
    for asked in [stage.head("ours"), stage.get("ours")] {
        for reference in ["1", &digest] {
            let answer = stage.manifest(&asked, reference).await;
            assert_eq!(answer, "UnknownManifest", "{reference}");
        }
    }
    for blob in image.blobs() {
        let answer = stage.blob(&stage.get("ours"), &blob.digest()).await;
        assert_eq!(answer, "UnknownBlob");
    }
}
