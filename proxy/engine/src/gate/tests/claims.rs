//! What somebody says an image holds: it is judged and listed, and nothing of it reaches the gate.

use jiff::Timestamp;
use sluicegate_model::artifact::Content;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Principal, Scope};

use super::images::{Image, bad, good};
use super::stage::{Stage, repository};
use crate::gate::GateMode;
use crate::identity::Who;
use crate::ledger::Verdicts as _;
use crate::reports::Report;
use crate::scan::Scanned;

/// Says of an image that nothing is in it.
fn empty(image: &Image) -> Report {
    let scanned = Scanned {
        content: Content::Image,
        inventory: Inventory {
            platform: "linux/amd64".to_owned(),
            ..Inventory::default()
        },
        scanned_at: Timestamp::UNIX_EPOCH,
        scan_ms: 1,
        read_by: None,
    };
    let tag = "1".parse().unwrap();
    Report::of(
        "app".to_owned(),
        image.digest(),
        vec![tag],
        (scanned, "bench"),
    )
}

fn key(stage: &Stage, name: &str) -> Who {
    let principal = Some(Principal::Key(name.to_owned()));
    Who {
        principal,
        ..stage.get("app").who
    }
}

async fn said(stage: &Stage, name: &str, image: &Image) -> Scope {
    let (repository, who) = (repository("app"), key(stage, name));
    let taken = stage.reports.take(empty(image), &repository, &who).await;
    taken.unwrap().scope()
}

#[tokio::test]
async fn an_empty_inventory_lets_nothing_pass_whenever_it_is_said() {
    for mode in [GateMode::Hold, GateMode::Stream] {
        for is_said_first in [true, false] {
            let image = bad("one");
            let stage = Stage::with(mode, &image);
            if is_said_first {
                said(&stage, "ci", &image).await;
            }
            stage.judge("app", "1").await;
            let scope = said(&stage, "ci", &image).await;
            for reference in ["1", image.digest().as_str()] {
                let asked = stage.get("app");
                assert_eq!(stage.manifest(&asked, reference).await, "refuse");
            }
            let claimed = stage.ledger.verdict(&scope, &image.digest()).await;
            let claimed = claimed.unwrap().unwrap();
            assert_eq!(claimed.decision, Decision::Allow);
            assert!(claimed.read_by.is_some(), "it says who read the bytes");
            let ours = Scope::for_all(repository("app"));
            let judged = stage.ledger.verdict(&ours, &image.digest()).await;
            assert_eq!(judged.unwrap().unwrap().decision, Decision::Refuse);
        }
    }
}

#[tokio::test]
async fn what_keys_say_is_kept_apart_judged_anew_and_taken_back() {
    let image = good("one");
    let stage = Stage::with(GateMode::Hold, &image);
    stage.judge("app", "1").await;
    let (one, other) = (
        said(&stage, "ci", &image).await,
        said(&stage, "dev", &image).await,
    );
    assert_ne!(one, other);
    let decided = async |scope: &Scope| {
        let verdict = stage.ledger.verdict(scope, &image.digest()).await;
        verdict.unwrap().map(|verdict| verdict.policy.name)
    };
    let before = decided(&one).await;
    stage.snapshots.set_policies(
        "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: later}
spec: {onInconclusive: annotate}
",
    );
    stage.rejudge.pass().await.unwrap();
    assert_ne!(decided(&one).await, before);
    assert_eq!(decided(&one).await.as_deref(), Some("later"));
    assert_eq!(stage.reports.withdraw("key:ci", None).await.unwrap(), 1);
    assert_eq!(decided(&one).await, None);
    assert_eq!(decided(&other).await.as_deref(), Some("later"));
    let elsewhere = repository("other");
    let withdrawn = stage.reports.withdraw("key:dev", Some(&elsewhere)).await;
    assert_eq!(withdrawn.unwrap(), 0);
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve allow");
}
