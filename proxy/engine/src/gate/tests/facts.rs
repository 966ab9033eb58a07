//! What is kept of a layer counts as far as the analyzers of today made it.

use crate::content::{Content as _, DocumentKind};
use sluicegate_scanner::{LayerFacts, Limits, PluginSet, scan_layer, scan_layer_again};

use super::images::{Image, files, layer};
use super::stage::Stage;
use crate::gate::{GateMode, ManifestAnswer};
use crate::scan::facts_key;
use sluicegate_model::Domain;

/// Counts the packages of an image of one npm package of whose layer these facts are kept.
async fn packages(kept: impl Fn(&[u8]) -> Option<LayerFacts>) -> u64 {
    let package = r#"{"name":"left-pad","version":"1.0.0"}"#;
    let path = "srv/node_modules/left-pad/package.json";
    let image = Image::of(vec![files(&[(path, package), ("srv/readme", "read me")])]);
    let stage = Stage::with(GateMode::Hold, &image);
    let layer = &image.layers[0];
    if let Some(facts) = kept(&layer.bytes) {
        let (kind, key) = (
            DocumentKind::Facts,
            facts_key(&Domain::Here, &layer.digest()),
        );
        let written = stage.content.put_document(kind, &key, facts.to_bytes());
        written.await.unwrap();
    }
    let (asked, tag) = (stage.get("app"), "1".parse().unwrap());
    let answer = stage.gate.serve_manifest(&asked, &tag);
    // No feed knows npm here.
    match answer.await {
        Ok(ManifestAnswer::Refuse(refusal)) => refusal.verdict.packages,
        Ok(ManifestAnswer::Serve(served, _)) => served.get().verdict.as_ref().unwrap().packages,
        _ => panic!("no verdict"),
    }
}

#[tokio::test(start_paused = true)]
async fn facts_of_other_analyzers_are_not_believed_and_those_of_today_are() {
    assert_eq!(packages(|_| None).await, 1);
    // No analyzer had a look, so that there is no package in them.
    let nobody = PluginSet::new(Vec::new());
    let blind = |bytes: &[u8]| Some(scan_layer_again(bytes, &Limits::default(), &nobody, None));
    assert_eq!(packages(blind).await, 1);
    // Those of another layer show that facts of today are not made again.
    let other = layer("other", 10);
    let others = |_: &[u8]| Some(scan_layer(&other.bytes[..], &Limits::default()));
    assert_eq!(packages(others).await, 0);
}
