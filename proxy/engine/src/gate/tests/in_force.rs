//! What comes in force between two requests decides on the second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sluicegate_model::Digest;
use tokio::sync::Notify;

use super::images::{bad, good};
use super::stage::Stage;
use crate::gate::GateMode;
use crate::testkit::Turns;

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

/// Lets nobody keep an inventory, and stops the first verdict before it is written.
#[derive(Debug, Default)]
struct StoppedJudge {
    has_stopped: AtomicBool,
    stopped: Notify,
    goes_on: Notify,
}

#[async_trait]
impl Turns for StoppedJudge {
    async fn take(&self, call: &str) {
        if call.starts_with("put ") {
            std::future::pending::<()>().await;
        }
        if call == "replace" && !self.has_stopped.swap(true, Ordering::Relaxed) {
            self.stopped.notify_one();
            self.goes_on.notified().await;
        }
    }

    async fn piece(&self, _blob: &str) -> usize {
        usize::MAX
    }

    fn begun(&self, _digest: &Digest) {}

    fn ended(&self, _digest: &Digest) {}
}

#[tokio::test(start_paused = true)]
async fn who_joins_a_pull_after_a_policy_came_in_force_is_answered_by_that() {
    let image = bad("joined");
    let judge = Arc::<StoppedJudge>::default();
    let turns: Arc<dyn Turns> = judge.clone();
    let stage = Stage::in_turns(GateMode::Hold, &turns);
    stage.push("app", "1", &image);
    stage.snapshots.set_policies(LENIENT);
    let (before, after) = (stage.get("app"), stage.get("app"));
    let first = stage.manifest(&before, "1");
    let second = async {
        judge.stopped.notified().await;
        stage.snapshots.set_policies(STRICT);
        let asked = stage.manifest(&after, "1");
        let go_on = async {
            // Until the question has joined: nothing else can go on.
            tokio::time::sleep(Duration::from_secs(1)).await;
            judge.goes_on.notify_one();
        };
        tokio::join!(asked, go_on).0
    };
    let (_either, second) = tokio::join!(first, second);
    assert_eq!(second, "refuse");
}
