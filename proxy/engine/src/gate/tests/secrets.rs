//! The detector of secrets, switched by policy while images are known: what was judged without it is
//! judged anew, and none that nobody looked into is taken for clean.

use std::sync::Arc;

use sluicegate_scanner::{PluginSet, SecretDetector};

use super::images::{Blob, Image, files};
use super::stage::Stage;
use crate::gate::GateMode;
use crate::reread::Walked;

/// A policy that asks for secrets.
const ASKING: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: p}
spec: {rules: [{id: no-secrets, when: {kind: secret}, action: refuse}]}
";
/// The same without its rule.
const SILENT: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: p}
spec: {rules: []}
";
/// Made for these tests; nobody's.
const VALUE: &str = "k8Lm#2pQz-Wx9";

fn looking() -> PluginSet {
    PluginSet::with_fed(vec![Arc::new(SecretDetector::new(&[3; 32]))]).unwrap()
}

fn blind() -> PluginSet {
    PluginSet::with_fed(Vec::new()).unwrap()
}

fn image(content: &str) -> Image {
    Image::of(vec![
        files(&[("etc/hosts", content)]),
        files(&[("app/.env", content)]),
    ])
}

fn secret() -> Image {
    image(&format!("DB_PASSWORD={VALUE}\n"))
}

/// Takes up a policy as the service does: the detector first.
fn ask(stage: &Stage) {
    stage.plugins.take(looking());
    stage.snapshots.set_policies(ASKING);
}

async fn walk(stage: &Stage) -> Walked {
    let plugins = stage.plugins.now();
    stage.reread.walk(&plugins).await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_image_is_refused_once_a_rule_asks_and_let_out_when_none_does() {
    let stage = Stage::with(GateMode::Hold, &secret());
    stage.snapshots.set_policies(SILENT);
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve allow");
    ask(&stage);
    assert_eq!(walk(&stage).await, Walked { read: 1, left: 0 });
    let written = stage.ledger.written();
    let last = written.last().unwrap();
    let worst = last.worst.as_ref().unwrap();
    assert!(worst.id.starts_with("SECRET-"), "{}", worst.id);
    assert!(!format!("{written:?}").contains(VALUE));
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "refuse");
    stage.snapshots.set_policies(SILENT);
    stage.plugins.take(blind());
    assert_eq!(walk(&stage).await, Walked { read: 0, left: 0 });
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve allow");
}

#[tokio::test(start_paused = true)]
async fn a_pull_before_the_background_is_judged_anew_first() {
    let stage = Stage::with(GateMode::Hold, &secret());
    stage.snapshots.set_policies(SILENT);
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve allow");
    ask(&stage);
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "refuse");
}

#[tokio::test(start_paused = true)]
async fn an_image_without_secrets_passes_a_rule_that_asks() {
    let stage = Stage::with(GateMode::Hold, &image("DB_HOST=db\n"));
    ask(&stage);
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve allow");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_looked_into_is_no_clean_image() {
    let stage = Stage::with(GateMode::Hold, &image("DB_HOST=db\n"));
    stage.snapshots.set_policies(ASKING);
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "refuse");
    // Known from then on, it still is not once a detector is there.
    stage.plugins.take(looking());
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve allow");
}

#[tokio::test(start_paused = true)]
async fn a_pull_that_began_before_a_rule_asked_is_not_taken_for_clean() {
    let image = secret();
    let stage = Stage::with(GateMode::Hold, &image);
    stage.snapshots.set_policies(SILENT);
    let layer = image.layers.last().map(Blob::digest).unwrap();
    stage.withhold(&layer);
    let asked = stage.get("app");
    let switch = async {
        while stage.upstream.count(layer.as_str()) == 0 {
            tokio::task::yield_now().await;
        }
        ask(&stage);
        stage.release();
    };
    let (answer, ()) = tokio::join!(stage.manifest(&asked, "1"), switch);
    assert!(!answer.starts_with("serve"), "{answer}");
    // What it was judged by is not kept as current.
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "refuse");
    let written = stage.ledger.written();
    let last = written.last().unwrap();
    assert!(
        last.worst
            .as_ref()
            .is_some_and(|worst| worst.id.starts_with("SECRET-"))
    );
}
