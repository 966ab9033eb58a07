//! Stream mode: what leaves before the verdict, and what never does.

use std::ops::Range;
use std::time::Duration;

use sluicegate_model::Digest;
use tokio::time::Instant;

use super::images::{Image, bad, layer, tail_of, unreadable};
use super::stage::Stage;
use crate::gate::GateMode;
use crate::testkit::Fault;

#[tokio::test(start_paused = true)]
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

/// Parts of a blob of so many bytes: the whole, its ends, and what lies around the tail.
fn ranges(size: u64) -> [Range<u64>; 8] {
    let from = size - tail_of(size);
    [
        0..size,
        0..10,
        5..from,
        0..from + 1,
        from - 1..size,
        from..from + 1,
        from..size,
        size - 1..size,
    ]
}

#[tokio::test(start_paused = true)]
async fn no_range_reaches_into_a_tail_before_the_verdict_and_every_range_after_it() {
    // A tail is a quarter of the first, and 64 KiB of the second.
    for length in [60_000, 400_000] {
        for (other, allows) in [(layer("small", 100), true), (unreadable("small"), false)] {
            let image = Image::of(vec![layer("large", length), other]);
            let stage = Stage::with(GateMode::Stream, &image);
            let [large, small] = [0, 1].map(|at| &image.layers[at]);
            stage.withhold(&small.digest());
            let digest = large.digest();
            let size = large.bytes.len() as u64;
            let from = size - tail_of(size);
            let bytes = |range: &Range<u64>| {
                let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
                large.bytes[start..end].to_vec()
            };
            assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve");
            for range in ranges(size) {
                let asked = stage.impatient("app", false, true);
                let got = stage.part(&asked, &digest, |_| range.clone()).await;
                let wanted = if range.start >= from {
                    ("ComesBack".to_owned(), Vec::new())
                } else if range.end > from {
                    ("held".to_owned(), bytes(&(range.start..from)))
                } else {
                    ("ends".to_owned(), bytes(&range))
                };
                assert!(got == wanted, "{range:?} of {size} before the verdict");
            }
            stage.release();
            stage.judge("app", "1").await;
            for range in ranges(size) {
                let asked = stage.get("app");
                let got = stage.part(&asked, &digest, |_| range.clone()).await;
                let wanted = if allows {
                    ("ends".to_owned(), bytes(&range))
                } else {
                    ("refuse".to_owned(), Vec::new())
                };
                assert!(got == wanted, "{range:?} of {size} after it");
            }
        }
    }
}

/// Tells which layers of an image are held whole before its verdict, by their places.
async fn held(stage: &Stage, image: &Image) -> Vec<usize> {
    let mut held = Vec::new();
    for (place, layer) in image.layers.iter().enumerate() {
        let asked = stage.impatient("app", false, true);
        let (answer, bytes) = stage.part(&asked, &layer.digest(), |size| 0..size).await;
        match answer.as_str() {
            "ComesBack" => held.push(place),
            "held" | "ends" => assert!(!bytes.is_empty()),
            other => panic!("{other}"),
        }
    }
    held
}

#[tokio::test(start_paused = true)]
async fn the_smallest_of_the_first_three_layers_that_are_not_cleared_is_held() {
    let layers: Vec<_> = [9_000, 6_000, 7_000, 3_000, 8_000]
        .iter()
        .zip(["a", "b", "c", "d", "e"])
        .map(|(length, name)| layer(name, *length))
        .collect();
    for (cleared, wanted) in [
        (vec![], vec![1]),
        (vec![1], vec![3]),
        (vec![0, 2], vec![3]),
        (vec![0, 1, 2, 3], vec![4]),
        (vec![0, 1, 2, 3, 4], vec![]),
    ] {
        let image = Image::of(layers.clone());
        let stage = Stage::with(GateMode::Stream, &image);
        if !cleared.is_empty() {
            let known = cleared.iter().map(|place| layers[*place].clone());
            // Another image than the one that is pulled, also where it has all of its layers.
            let base = Image::of(known.chain([layer("only here", 100)]).collect());
            stage.push("app", "base", &base);
            stage.judge("app", "base").await;
        }
        stage.withhold(&image.config.digest());
        assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve");
        assert_eq!(held(&stage, &image).await, wanted, "cleared {cleared:?}");
        for (place, layer) in image.layers.iter().enumerate() {
            let asked = stage.impatient("app", false, true);
            let is_whole = stage.blob(&asked, &layer.digest()).await == "whole";
            assert_eq!(is_whole, cleared.contains(&place), "{place} of {cleared:?}");
        }
        stage.release();
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_the_held_layer_s_answer_and_cuts_the_others_two_seconds_later() {
    let image = Image::of(vec![layer("large", 60_000), unreadable("small")]);
    let stage = Stage::with(GateMode::Stream, &image);
    let [large, small] = [0, 1].map(|at| image.layers[at].digest());
    stage.withhold(&small);
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve");
    let asked = stage.get("app");
    let ask = async |digest: &Digest| {
        let (answer, bytes) = stage.part(&asked, digest, |size| 0..size).await;
        (answer, bytes.len(), Instant::now())
    };
    let release = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stage.release();
    };
    let (cut, refused, ()) = tokio::join!(ask(&large), ask(&small), release);
    assert_eq!((refused.0.as_str(), refused.1), ("refuse", 0));
    let size = image.layers[0].bytes.len();
    let tail = usize::try_from(tail_of(size as u64)).unwrap();
    assert_eq!((cut.0.as_str(), cut.1), ("cut", size - tail));
    assert_eq!(cut.2 - refused.2, Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_layer_whose_end_the_upstream_does_not_tell_waits_whole() {
    let image = Image::of(vec![layer("untold", 60_000), layer("small", 100)]);
    let stage = Stage::with(GateMode::Stream, &image);
    stage.upstream.fail("blobs", Fault::Untold);
    stage.withhold(&image.layers[0].digest());
    stage.withhold(&image.config.digest());
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve");
    assert_eq!(held(&stage, &image).await, [0, 1]);
    stage.release();
    let (asked, digest) = (stage.get("app"), image.layers[0].digest());
    assert_eq!(stage.blob(&asked, &digest).await, "whole");
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_a_manifest_only_calls_its_config_keeps_its_tail() {
    let hidden = layer("hidden", 60_000);
    let mut image = Image::of(vec![layer("slow", 100)]);
    image.config = hidden.clone();
    let image = image.edited(|manifest| {
        let mut described = hidden.described();
        described["mediaType"] = manifest["config"]["mediaType"].clone();
        manifest["config"] = described;
    });
    let stage = Stage::with(GateMode::Stream, &image);
    stage.withhold(&image.layers[0].digest());
    assert_eq!(stage.manifest(&stage.get("app"), "1").await, "serve");
    let asked = stage.get("app");
    let (answer, bytes) = stage.part(&asked, &hidden.digest(), |size| 0..size).await;
    let size = hidden.bytes.len() as u64;
    assert_eq!(answer, "held");
    assert_eq!(bytes.len() as u64, size - tail_of(size));
    stage.release();
}

#[tokio::test(start_paused = true)]
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
