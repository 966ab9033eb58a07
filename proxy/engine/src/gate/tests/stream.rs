//! Stream mode: what leaves before the verdict, and what never does.

use super::images::{Image, bad, layer, unreadable};
use super::stage::Stage;
use crate::gate::{BlobAnswer, GateMode};

#[tokio::test]
async fn manifest_and_config_leave_at_once_and_the_smallest_layer_waits() {
    let image = Image::of(vec![layer("large", 60_000), layer("small", 100)]);
    let stage = Stage::with(GateMode::Stream, &image);
    let [large, small] = [0, 1].map(|at| image.layers[at].digest());
    stage.withhold(&large);
    let asked = stage.impatient("app", false, true);
    assert_eq!(stage.manifest(&asked, "1").await, "serve");
    let asked = stage.get("app");
    assert_eq!(stage.blob(&asked, &image.config.digest()).await, "whole");
    let impatient = stage.impatient("app", false, true);
    assert_eq!(stage.blob(&impatient, &small).await, "ComesBack");
    assert!(!stage.has_left("app", &image.digest()).await);
    stage.release();
    for layer in [&large, &small] {
        assert_eq!(stage.blob(&asked, layer).await, "whole");
    }
    assert_eq!(stage.manifest(&asked, "1").await, "serve allow");
}

#[tokio::test]
async fn a_range_that_begins_in_the_tail_waits_for_the_verdict() {
    let image = Image::of(vec![layer("large", 60_000), layer("small", 100)]);
    let stage = Stage::with(GateMode::Stream, &image);
    let [large, small] = [0, 1].map(|at| image.layers[at].digest());
    stage.withhold(&small);
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve");
    for (tail, wanted) in [(true, "waits"), (false, "served")] {
        let impatient = stage.impatient("app", false, true);
        let range = |size: u64| Some(if tail { size - 10..size } else { 0..10 });
        let answer = stage.gate.serve_blob(&impatient, &large, range).await;
        let got = match answer.unwrap() {
            BlobAnswer::Serve(_, Some(_)) => "served",
            BlobAnswer::NotYet(_) => "waits",
            BlobAnswer::Serve(_, None) => "headers",
            BlobAnswer::Refuse(_) => "refuse",
        };
        assert_eq!(got, wanted);
    }
    stage.release();
}

#[tokio::test]
async fn what_is_refused_later_is_refused_for_good() {
    for image in [bad("bad"), Image::of(vec![unreadable("alone")])] {
        let stage = Stage::with(GateMode::Stream, &image);
        let asked = stage.get("app");
        assert_eq!(stage.manifest(&asked, "1").await, "serve");
        let held = image
            .layers
            .iter()
            .map(|layer| (layer.bytes.len(), layer.digest()));
        let (_, held) = held.min().unwrap();
        assert_eq!(stage.blob(&asked, &held).await, "refuse");
        assert_eq!(stage.manifest(&asked, "1").await, "refuse");
        for blob in image.blobs() {
            assert_eq!(stage.blob(&asked, &blob.digest()).await, "refuse");
        }
        assert!(!stage.has_left("app", &image.digest()).await);
    }
}
