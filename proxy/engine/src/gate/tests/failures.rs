//! What goes wrong between an upstream and the verdict: nothing leaves for lack of one.

use super::images::{Image, good, layer};
use super::stage::Stage;
use crate::gate::GateMode::{self, Hold, Stream};
use crate::testkit::Fault;

#[tokio::test(start_paused = true)]
async fn an_upstream_that_fails_is_no_verdict_in_either_mode() {
    for (part, fault, in_hold) in [
        ("app/manifests", Fault::Absent, "UnknownManifest"),
        ("app/manifests", Fault::Unreachable, "Upstream"),
        ("app/blobs", Fault::Absent, "AbsentBlob"),
        ("app/blobs", Fault::Unreachable, "Upstream"),
        ("app/blobs", Fault::OtherBytes, "Damaged"),
    ] {
        for mode in [Hold, Stream] {
            let image = good("fails");
            let stage = Stage::with(mode, &image);
            stage.upstream.fail(part, fault.clone());
            let asked = stage.get("app");
            let answer = stage.manifest(&asked, "1").await;
            let row = format!("{mode:?} {part} {fault:?}");
            let leaves_at_once = mode == Stream && part == "app/blobs";
            assert_eq!(
                answer,
                if leaves_at_once { "serve" } else { in_hold },
                "{row}"
            );
            for blob in image.blobs() {
                let answer = stage.blob(&asked, &blob.digest()).await;
                assert_ne!(answer, "whole", "{row}");
            }
            assert!(!stage.has_left("app", &image.digest()).await, "{row}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_is_asked_too_often_is_waited_for() {
    let image = good("busy");
    let stage = Stage::with(Hold, &image);
    let (times, retry_after) = (3, None);
    stage
        .upstream
        .fail("app/blobs", Fault::Limited { times, retry_after });
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve allow");
}

#[tokio::test(start_paused = true)]
async fn who_pulled_what_outlives_a_start_and_the_loss_of_all_content() {
    let image = Image::of(vec![layer("kept", 100), layer("lost", 200)]);
    let before = Stage::with(Hold, &image);
    assert_eq!(
        before.manifest(&before.get("app"), "1").await,
        "serve allow"
    );
    let fetched = before.upstream.count("app/blobs");
    let after = before.started_again_without_content();
    let asked = after.get("app");
    // No manifest is asked for first: which blobs are the repository's is known.
    for blob in image.blobs() {
        assert_eq!(after.blob(&asked, &blob.digest()).await, "whole");
        assert_eq!(
            after.blob(&after.get("other"), &blob.digest()).await,
            "UnknownBlob"
        );
    }
    assert_eq!(after.upstream.count("app/blobs"), 2 * fetched);
    assert!(after.has_left("app", &image.digest()).await);
}

#[tokio::test(start_paused = true)]
async fn an_image_whose_inventory_is_gone_is_held_until_it_is_scanned_again() {
    for mode in [Hold, Stream] {
        let image = good("again");
        let before = Stage::with(Hold, &image);
        before.judge("app", "1").await;
        let after = started_again(&before, mode);
        // Other policies: the verdict has to be made again, from nothing that is here.
        after.snapshots.set_policies(
            "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {name: other}\n\
             spec: {onInconclusive: refuse}\n",
        );
        after.withhold(&image.layers[0].digest());
        let asked = after.impatient("app", false, true);
        let blob = image.layers[0].digest();
        assert_eq!(after.blob(&asked, &blob).await, "ComesBack");
        after.release();
        assert_eq!(after.blob(&after.get("app"), &blob).await, "whole");
    }
}

fn started_again(before: &Stage, mode: GateMode) -> Stage {
    let mut after = before.started_again_without_content();
    after.gate.parts.mode = mode;
    after
}
