//! Plugins that come in force while images are known: those that they may speak of are read again, and
//! nothing else is.

use std::sync::Arc;

use sluicegate_model::finding::FindingKind;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::severity::Severity;
use sluicegate_model::weakness::{Remedy, WeakPackage, Weakness};
use sluicegate_scanner::PluginSet;
use sluicegate_scanner::analyzer::Wants;
use sluicegate_scanner::facts::Told;
use sluicegate_scanner::fed::{FedAnswer, FedId, FedKind, FedPlugin};

use super::images::{Blob, Image, files};
use super::stage::Stage;
use crate::gate::GateMode;
use crate::reread::Walked;

/// The file that the plugin of these tests claims.
const CLAIMED: &str = "acme.conf";

/// A plugin to which every file that it claims is a weakness with a remedy.
struct Acme;

impl FedPlugin for Acme {
    fn id(&self) -> FedId<'_> {
        FedId {
            name: "acme",
            version: "1",
            digest: "00",
        }
    }

    fn kind(&self) -> FedKind {
        FedKind::Detector
    }

    fn claims(&self) -> Vec<Wants<'_>> {
        vec![Wants::Named(CLAIMED)]
    }

    fn max_file_bytes(&self) -> u64 {
        1_000
    }

    fn read(&self, _: &str, _: &[u8]) -> FedAnswer {
        let weakness = Weakness {
            id: "ACME-1".into(),
            aliases: Vec::new(),
            kind: FindingKind::Vulnerability,
            severity: Severity::Critical,
            summary: "it is open".into(),
            package: Some(WeakPackage {
                name: "acme".into(),
                version: "1".into(),
                purl: String::new(),
            }),
            remedy: vec![Remedy {
                package: "acme".into(),
                version: "2".into(),
            }],
            path: String::new(),
            line: None,
            column: None,
            hash: None,
            is_hidden: false,
        };
        let told = Told {
            weaknesses: vec![weakness],
            ..Told::default()
        };
        FedAnswer { told, work: 1 }
    }

    fn detect(&self, _: &Inventory) -> FedAnswer {
        FedAnswer::default()
    }
}

fn acme() -> PluginSet {
    PluginSet::with_fed(vec![Arc::new(Acme)]).unwrap()
}

fn nothing_fed() -> PluginSet {
    PluginSet::with_fed(Vec::new()).unwrap()
}

fn image(name: &str) -> Image {
    Image::of(vec![
        files(&[("etc/hosts", name)]),
        files(&[(&format!("etc/{name}"), "x")]),
    ])
}

async fn walk(stage: &Stage) -> Walked {
    let plugins = stage.plugins.now();
    stage.reread.walk(&plugins).await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_known_is_refused_once_a_plugin_finds_something_and_let_out_without_it() {
    let stage = Stage::with(GateMode::Hold, &image(CLAIMED));
    let before = stage.manifest(&stage.get("app"), "1").await;
    assert!(before.starts_with("serve"), "{before}");
    assert!(stage.plugins.take(acme()));
    assert_eq!(walk(&stage).await, Walked { read: 1, left: 0 });
    let written = stage.ledger.written();
    assert_eq!(written.last().unwrap().worst.as_ref().unwrap().id, "ACME-1");
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "refuse");
    assert!(stage.plugins.take(nothing_fed()));
    assert_eq!(walk(&stage).await, Walked { read: 0, left: 0 });
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, before);
}

#[tokio::test(start_paused = true)]
async fn only_layers_are_fetched_again_that_may_hold_what_a_plugin_claims() {
    let (with, without) = (image(CLAIMED), image("other.conf"));
    let stage = Stage::with(GateMode::Hold, &with);
    stage.push("other", "1", &without);
    for path in ["app", "other"] {
        stage.manifest(&stage.get(path), "1").await;
    }
    let layers = with.layers.iter().chain(&without.layers);
    let layers: Vec<_> = layers.map(Blob::digest).collect();
    for layer in &layers {
        stage.forget(layer);
    }
    let fetched = || {
        layers
            .iter()
            .map(|layer| stage.upstream.count(layer.as_str()))
    };
    let before: Vec<usize> = fetched().collect();
    assert!(stage.plugins.take(acme()));
    assert_eq!(walk(&stage).await, Walked { read: 2, left: 0 });
    let again: Vec<usize> = fetched()
        .zip(before)
        .map(|(now, then)| now - then)
        .collect();
    assert_eq!(again, [0, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_again_is_left_to_its_next_pull_and_not_served_by_an_older_word() {
    let image = image(CLAIMED);
    let stage = Stage::with(GateMode::Hold, &image);
    stage.manifest(&stage.get("app"), "1").await;
    let claimed = image.layers[1].digest();
    stage.forget(&claimed);
    stage
        .upstream
        .fail(claimed.as_str(), crate::testkit::Fault::Unreachable);
    assert!(stage.plugins.take(acme()));
    assert_eq!(walk(&stage).await, Walked { read: 0, left: 1 });
    let answer = stage.manifest(&stage.get("app"), "1").await;
    assert!(!answer.starts_with("serve"), "{answer}");
    stage.upstream.mend(claimed.as_str());
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "refuse");
}

#[tokio::test(start_paused = true)]
async fn the_same_plugins_taken_again_change_nothing() {
    let stage = Stage::with(GateMode::Hold, &image(CLAIMED));
    stage.manifest(&stage.get("app"), "1").await;
    assert!(!stage.plugins.take(nothing_fed()));
    assert!(stage.plugins.take(acme()));
    assert!(!stage.plugins.take(acme()));
    walk(&stage).await;
    let written = stage.ledger.written().len();
    assert_eq!(walk(&stage).await, Walked::default());
    assert_eq!(stage.ledger.written().len(), written);
}
