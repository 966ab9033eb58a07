//! What comes in force between two requests decides on the second.

use super::images::{bad, good};
use super::stage::Stage;
use crate::gate::GateMode;

const LENIENT: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: lenient}
spec: {onInconclusive: annotate}
";
const STRICT: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: strict}
spec: {onInconclusive: refuse}
";

#[tokio::test(start_paused = true)]
async fn a_policy_that_comes_in_force_decides_on_the_next_request() {
    let image = bad("between");
    let stage = Stage::with(GateMode::Hold, &image);
    stage.snapshots.set_policies(LENIENT);
    let asked = stage.get("app");
    assert_eq!(stage.manifest(&asked, "1").await, "serve annotate");
    stage.snapshots.set_policies(STRICT);
    assert_eq!(stage.manifest(&asked, "1").await, "refuse");
    for blob in image.blobs() {
        assert_eq!(stage.blob(&asked, &blob.digest()).await, "refuse");
    }
    // Nothing was fetched for it again.
    assert_eq!(stage.upstream.count("/manifests/"), 1);
    for blob in image.blobs() {
        assert!(stage.upstream.count(blob.digest().as_str()) <= 1);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_decided_by_policies_whose_texts_cannot_be_kept() {
    let image = good("unkept");
    let stage = Stage::with(GateMode::Hold, &image);
    stage.snapshots.let_keep_texts(false);
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "Storage");
    assert!(!stage.has_left("app", &image.digest()).await);
    stage.snapshots.let_keep_texts(true);
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve allow");
}
