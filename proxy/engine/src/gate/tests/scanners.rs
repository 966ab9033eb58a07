//! A scanner elsewhere, which fetches by itself: what it says counts as far as it can be held against
//! the image, and where it says nothing, nothing leaves.

use std::sync::Arc;

use sluicegate_model::coverage::GapKind;

use super::images::{Image, bad, good, layer, unreadable};
use super::stage::Stage;
use crate::gate::{GateMode, ManifestAnswer};
use crate::testkit::{Conduct, MemoryLayerScan};

/// An image in `app`, whose layers a scanner elsewhere reaches, and those of another.
fn stage(mode: GateMode, image: &Image) -> (Stage, MemoryLayerScan) {
    let other = good("other");
    let layers = image.layers.iter().chain(&other.layers);
    let layers: Vec<_> = layers.map(|layer| layer.bytes.clone().into()).collect();
    let scanner = MemoryLayerScan::reaching(layers);
    let stage = Stage::scanned_by(Arc::new(scanner.clone()), mode);
    stage.push("app", "1", image);
    (stage, scanner)
}

/// What a scanner may do beside scanning, and the gap that it leaves.
fn misconduct() -> [(Conduct, GapKind); 4] {
    let other = good("other").layers[0].digest();
    [
        (Conduct::Away, GapKind::NoScanner),
        (Conduct::BreaksOff, GapKind::Interrupted),
        (Conduct::AnswersFor(other.clone()), GapKind::NoScanner),
        (Conduct::PassesOff(other), GapKind::DigestMismatch),
    ]
}

#[tokio::test]
async fn what_it_scans_is_fetched_here_for_clients_alone() {
    let image = good("scanned");
    let (stage, scanner) = stage(GateMode::Hold, &image);
    let (asked, layer) = (stage.get("app"), image.layers[0].digest());
    assert_eq!(stage.manifest(&asked, "1").await, "serve allow");
    assert_eq!(scanner.asked().as_slice(), std::slice::from_ref(&layer));
    assert_eq!(stage.upstream.count(layer.as_str()), 0);
    assert_eq!(stage.blob(&asked, &layer).await, "whole");
    assert_eq!(stage.upstream.count(layer.as_str()), 1);
    assert_eq!(stage.log(), ["allow given"]);
    // Another image with the layer needs nobody.
    scanner.behave(Conduct::Away);
    stage.push("other", "1", &image.labelled("application/other"));
    assert_eq!(
        stage.manifest(&stage.get("other"), "1").await,
        "serve allow"
    );
    assert_eq!(scanner.asked(), [layer]);
}

#[tokio::test]
async fn nothing_leaves_where_it_says_nothing_or_what_the_image_belies() {
    for (conduct, gap) in misconduct() {
        let image = good("scanned");
        let (stage, scanner) = stage(GateMode::Hold, &image);
        scanner.behave(conduct.clone());
        let (asked, tag) = (stage.get("app"), "1".parse().unwrap());
        let answer = stage.gate.serve_manifest(&asked, &tag);
        let Ok(ManifestAnswer::Refuse(refusal)) = answer.await else {
            panic!("{conduct:?}: it is not refused");
        };
        let gaps = &refusal.verdict.coverage.gaps;
        assert!(
            gaps.iter().any(|found| found.kind == gap && found.fatal),
            "{conduct:?}: {gaps:?}"
        );
        // Where another time there may be more, it is asked again.
        let ends = refusal.verdict.valid_until.is_some();
        assert_eq!(ends, gap.is_passing(), "{conduct:?}");
        for blob in image.blobs() {
            assert_eq!(stage.blob(&asked, &blob.digest()).await, "refuse");
        }
        assert_eq!(stage.log().first().map(String::as_str), Some("refuse kept"));
        assert!(!stage.has_left("app", &image.digest()).await);
    }
}

#[tokio::test]
async fn in_stream_mode_the_held_layer_never_follows() {
    for (conduct, _) in misconduct() {
        let image = Image::of(vec![layer("large", 60_000), layer("small", 100)]);
        let (stage, scanner) = stage(GateMode::Stream, &image);
        scanner.behave(conduct.clone());
        let asked = stage.get("app");
        stage.manifest(&asked, "1").await;
        let small = image.layers[1].digest();
        assert_eq!(stage.blob(&asked, &small).await, "refuse", "{conduct:?}");
        assert_eq!(stage.manifest(&asked, "1").await, "refuse", "{conduct:?}");
    }
}

#[tokio::test]
async fn a_slow_one_is_waited_for() {
    let image = good("slow");
    let (stage, scanner) = stage(GateMode::Hold, &image);
    scanner.withhold();
    let impatient = stage.impatient("app", false, true);
    assert_eq!(stage.manifest(&impatient, "1").await, "ComesBack");
    assert!(!stage.has_left("app", &image.digest()).await);
    scanner.release();
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve allow");
    assert_eq!(scanner.asked().len(), 1);
}

#[tokio::test]
async fn what_it_cannot_read_or_reach_is_refused() {
    for image in [bad("bad"), Image::of(vec![unreadable("alone")])] {
        let (stage, _) = stage(GateMode::Hold, &image);
        assert_eq!(stage.manifest(&stage.get("app"), "1").await, "refuse");
    }
    let image = good("unreached");
    let (stage, scanner) = stage(GateMode::Hold, &good("reached"));
    stage.push("app", "2", &image);
    assert_eq!(stage.manifest(&stage.get("app"), "2").await, "refuse");
    assert_eq!(scanner.asked(), [image.layers[0].digest()]);
}
