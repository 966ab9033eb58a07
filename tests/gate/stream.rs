//! Stream mode: what leaves before the verdict, and that it never makes a layer.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::json;
use sluicegate_model::media_type;
use sluicegate_tests::fault::Fault;
use sluicegate_tests::image::{Blob, Flavour, Image, ImageBuilder, descriptor, image, index};
use sluicegate_tests::layer::{Compression, noise};
use sluicegate_tests::wire::Reply;

use crate::stage::{
    REPO, STRICTER, Stage, USUAL, base, blob_path, clean, dubious, eventually, manifest_path,
    patiently, python,
};

/// How long a body may be silent before a test takes it for withheld.
const SILENCE: Duration = Duration::from_secs(3);
/// The layer that is held at its headers: the smallest of the first three.
const HELD: usize = 1;
/// The layers whose tails are withheld.
const TAILED: [usize; 4] = [0, 2, 3, 4];
/// How many those are, as metrics count.
const BODIES: f64 = 4.0;

/// Builds an image whose second layer is the smallest of the first three.
fn big(package: &str, seed: u64) -> Image {
    let noise = |number: u64, size| noise(seed * 10 + number, size, Compression::Gzip);
    ImageBuilder::new()
        .layer(noise(1, 300_000))
        .layer(noise(2, 100_000))
        .layer(noise(3, 500_000))
        .layer(base())
        .layer(python(package, seed))
        .build()
}

/// Starts a proxy and an image of which the last layer does not arrive.
async fn scanning(image: &Image) -> Stage {
    let stage = Stage::stream().await;
    stage.upstream.add(REPO, "1", image);
    stage.stall(&image.layers[4].digest, 10);
    stage.pull(REPO, "1", image).await;
    stage
}

async fn silent(stage: &Stage, path: &str, range: Option<&str>) -> Reply {
    let mut call = stage.call(Method::GET, path).limit(SILENCE);
    if let Some(range) = range {
        call = call.header("range", range);
    }
    call.send().await
}

/// Gives the first withheld byte of a layer, by the words of the contract.
fn tail_of(size: u64) -> u64 {
    size - (64 * 1024).min(size / 4)
}

#[tokio::test]
async fn manifest_and_config_go_out_at_once() {
    let image = big("badlib", 30);
    let stage = scanning(&image).await;
    for method in [Method::HEAD, Method::GET] {
        for path in [
            manifest_path(REPO, "1"),
            manifest_path(REPO, image.digest.as_str()),
            blob_path(REPO, &image.config.digest),
        ] {
            let reply = stage.once(method.clone(), &path).await;
            assert_eq!(reply.status, StatusCode::OK, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_tag_that_left_before_the_verdict_is_listed_in_it() {
    let stage = Stage::stream().await;
    let image = clean(38);
    stage.upstream.add(REPO, "1", &image);
    let left = stage.once(Method::GET, &manifest_path(REPO, "1")).await;
    assert_eq!(left.header("sluicegate-verdict"), "", "before its verdict");
    let verdict = format!("/api/v1/verdicts/{}", image.digest);
    eventually("the verdict", async || {
        stage.proxy.api(&verdict).await.status == StatusCode::OK
    })
    .await;
    assert_eq!(stage.proxy.api(&verdict).await.json()["tags"], json!(["1"]));
}

#[tokio::test]
async fn the_smallest_of_the_first_three_layers_is_held_at_its_headers() {
    let image = big("goodlib", 31);
    let stage = scanning(&image).await;
    let path = blob_path(REPO, &image.layers[HELD].digest);
    for method in [Method::HEAD, Method::GET] {
        let reply = stage.once(method, &path).await;
        assert_eq!(reply.status, StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(reply.header("location"), format!("{path}?sluicegate-hop=1"));
    }
    let last = stage
        .once(Method::GET, &format!("{path}?sluicegate-hop=9"))
        .await;
    assert_eq!(
        last.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "never unjudged"
    );
    stage.upstream.release();
    assert_eq!(stage.get(&path).await.body, image.layers[HELD].bytes);
}

#[tokio::test]
async fn the_tail_of_every_other_layer_waits_for_the_verdict_by_every_range() {
    let image = big("badlib", 32);
    let stage = scanning(&image).await;
    let asked = TAILED.map(async |number| {
        let layer = &image.layers[number];
        let (size, path) = (layer.bytes.len() as u64, blob_path(REPO, &layer.digest));
        let tail = tail_of(size);
        let whole = silent(&stage, &path, None).await;
        assert!(!whole.whole, "layer {number} is complete");
        if number != 4 {
            assert_eq!(
                whole.body_bytes, tail,
                "layer {number} streams up to its tail"
            );
        }
        let middle = format!("bytes={}-", size / 2);
        let end = format!("bytes={tail}-");
        let last = "bytes=-1".to_owned();
        let first = format!("bytes=0-{}", size - 1);
        for range in [middle, first] {
            let reply = silent(&stage, &path, Some(&range)).await;
            assert!(!reply.whole, "layer {number} {range} is complete");
        }
        // Headers without a byte behind them would end in a cut without a reason.
        for range in [end, last, format!("bytes={}-{}", size - 2, size - 1)] {
            let reply = silent(&stage, &path, Some(&range)).await;
            assert_eq!(
                reply.status,
                StatusCode::TEMPORARY_REDIRECT,
                "{number} {range}"
            );
        }
    });
    futures_util::future::join_all(asked).await;
}

/// Waits until the bodies of the layers with tails have begun, and whoever asks for the held one is
/// sent round.
async fn are_waiting(stage: &Stage) {
    eventually("all bodies begin", async || {
        stage.metric("sluicegate_cache_requests_total").await >= BODIES
    })
    .await;
}

#[tokio::test]
async fn an_allowed_image_is_released_to_those_who_wait() {
    let image = big("goodlib", 33);
    let stage = scanning(&image).await;
    let waiting = image.layers.iter().map(async |layer| {
        let reply = stage.get(&blob_path(REPO, &layer.digest)).await;
        assert_eq!((reply.status, reply.whole), (StatusCode::OK, true));
        assert_eq!(reply.body_digest, layer.digest);
    });
    let release = async {
        are_waiting(&stage).await;
        stage.upstream.release();
    };
    tokio::join!(futures_util::future::join_all(waiting), release);
}

#[tokio::test]
async fn a_refusal_answers_the_held_layer_first_and_cuts_the_others_two_seconds_later() {
    let image = big("badlib", 34);
    let stage = scanning(&image).await;
    let held_path = blob_path(REPO, &image.layers[HELD].digest);
    let held = async {
        let reply = stage.get(&held_path).await;
        (reply, Instant::now())
    };
    let cut = TAILED.map(async |number| {
        let reply = stage
            .get(&blob_path(REPO, &image.layers[number].digest))
            .await;
        (reply, Instant::now())
    });
    let release = async {
        are_waiting(&stage).await;
        stage.upstream.release();
    };
    let ((refused, at), cut, ()) = tokio::join!(held, futures_util::future::join_all(cut), release);
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused.message().contains("CVE-2026-1111"),
        "{}",
        refused.message()
    );
    for (reply, cut_at) in cut {
        assert_eq!((reply.status, reply.whole), (StatusCode::OK, false));
        let later = cut_at.saturating_duration_since(at);
        assert!(
            later > Duration::from_millis(1_000),
            "cut {later:?} after the reason"
        );
    }
    for path in [
        manifest_path(REPO, "1"),
        blob_path(REPO, &image.config.digest),
        blob_path(REPO, &image.layers[0].digest),
    ] {
        assert_eq!(
            stage.get(&path).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_range_of_nothing_but_tail_is_held_and_ends_in_the_bytes_or_the_reason() {
    for (package, seed, status) in [
        ("goodlib", 310, StatusCode::PARTIAL_CONTENT),
        ("badlib", 311, StatusCode::FORBIDDEN),
    ] {
        let image = big(package, seed);
        let stage = scanning(&image).await;
        let layer = &image.layers[2];
        let path = blob_path(REPO, &layer.digest);
        let size = layer.bytes.len() as u64;
        let end = format!("bytes={}-", tail_of(size));
        // The last chunk of a parallel pull, and the footer that lazy pulls read first.
        let asked = [end.as_str(), "bytes=-10"].map(async |range| {
            let call = || stage.call(Method::GET, &path).header("range", range);
            (range, patiently(call).await)
        });
        let release = async {
            // Whoever asked before is held as this is.
            let held = stage.call(Method::GET, &path).header("range", "bytes=-1");
            let status = held.send().await.status;
            assert_eq!(status, StatusCode::TEMPORARY_REDIRECT);
            stage.upstream.release();
        };
        let (replies, ()) = tokio::join!(futures_util::future::join_all(asked), release);
        for (range, reply) in replies {
            assert_eq!(reply.status, status, "{range}: {}", reply.text());
            if status == StatusCode::FORBIDDEN {
                assert!(
                    reply.message().contains("CVE-2026-1111"),
                    "{}",
                    reply.message()
                );
            } else {
                let from = layer.bytes.len() - reply.body.len();
                assert_eq!(reply.body, layer.bytes.slice(from..), "{range}");
            }
        }
        let last = format!("{path}?sluicegate-hop=9");
        if status == StatusCode::FORBIDDEN {
            let reply = stage.call(Method::GET, &last).header("range", "bytes=-1");
            assert_eq!(reply.send().await.status, status, "at every hop");
        }
    }
}

#[tokio::test]
async fn a_head_in_stream_mode_answers_whatever_its_range() {
    let image = big("badlib", 312);
    let stage = scanning(&image).await;
    let layer = &image.layers[2];
    let head = stage.call(Method::HEAD, &blob_path(REPO, &layer.digest));
    let head = head.header("range", "bytes=-1").send().await;
    assert_eq!(head.status, StatusCode::OK);
    assert_eq!(head.header("content-length"), layer.bytes.len().to_string());
}

#[tokio::test]
async fn layers_cleared_by_another_allowed_manifest_are_served_whole() {
    let stage = Stage::stream().await;
    let allowed = clean(35);
    stage.upstream.add(REPO, "old", &allowed);
    stage.pull(REPO, "old", &allowed).await;
    for layer in &allowed.layers {
        assert_eq!(
            stage.get(&blob_path(REPO, &layer.digest)).await.body_digest,
            layer.digest
        );
    }
    let next = ImageBuilder::new()
        .layer(base())
        .layer(noise(359, 200_000, Compression::Gzip))
        .layer(python("badlib", 35))
        .build();
    stage.upstream.add(REPO, "new", &next);
    stage.stall(&next.layers[2].digest, 10);
    stage.pull(REPO, "new", &next).await;
    let shared = stage
        .once(Method::GET, &blob_path(REPO, &next.layers[0].digest))
        .await;
    assert_eq!(
        (shared.status, shared.body_digest),
        (StatusCode::OK, next.layers[0].digest.clone())
    );
    // The smallest that is not cleared is held, not the smallest of all.
    let held = stage
        .once(Method::GET, &blob_path(REPO, &next.layers[2].digest))
        .await;
    assert_eq!(held.status, StatusCode::TEMPORARY_REDIRECT);
    let tailed = silent(&stage, &blob_path(REPO, &next.layers[1].digest), None).await;
    assert_eq!((tailed.status, tailed.whole), (StatusCode::OK, false));
}

#[tokio::test]
async fn an_image_that_cannot_be_scanned_to_its_end_never_completes() {
    let stage = Stage::stream().await;
    let image = big("goodlib", 36);
    stage.upstream.add(REPO, "1", &image);
    let missing = format!("/blobs/{}", image.layers[4].digest);
    stage.upstream.always(
        &missing,
        sluicegate_tests::fault::Fault::Status(404, Vec::new()),
    );
    stage.pull(REPO, "1", &image).await;
    for number in [0, 1, 2, 3] {
        let layer = &image.layers[number];
        let reply = stage.get(&blob_path(REPO, &layer.digest)).await;
        assert_ne!(
            reply.body_digest, layer.digest,
            "layer {number} is complete"
        );
    }
}

#[tokio::test]
async fn an_image_that_streamed_and_was_allowed_counts_as_released() {
    let mut stage = Stage::with(|proxy, _| {
        let proxy = proxy.policy("policy.yaml", USUAL).flag("--gate", "stream");
        proxy.flag("--platforms", "linux/amd64,linux/arm64")
    })
    .await;
    let arm = ImageBuilder::new()
        .layer(base())
        .layer(python("goodlib", 37))
        .platform("linux/arm64")
        .build();
    let index = index(vec![dubious(37), arm], Flavour::Oci);
    stage.upstream.add_index(REPO, "multi", &index);
    let child = &index.children[0];
    stage.stall(&child.layers[2].digest, 10);
    let begun = stage.pull(REPO, child.digest.as_str(), child).await;
    assert_eq!(
        begun.header("sluicegate-verdict"),
        "",
        "it left before its verdict"
    );
    stage.upstream.release();
    for layer in &child.layers {
        let reply = stage.get(&blob_path(REPO, &layer.digest)).await;
        assert_eq!(reply.body_digest, layer.digest);
    }
    assert_eq!(
        stage.get(&manifest_path(REPO, "multi")).await.status,
        StatusCode::OK
    );
    let arm = manifest_path(REPO, index.children[1].digest.as_str());
    eventually("both children are judged", async || {
        !stage
            .get(&arm)
            .await
            .header("sluicegate-verdict")
            .is_empty()
    })
    .await;
    stage.proxy.write_policy("policy.yaml", STRICTER);
    stage.proxy.restart().await;
    let reply = stage.get(&manifest_path(REPO, "multi")).await;
    assert_eq!(
        reply.status,
        StatusCode::FORBIDDEN,
        "a released child turned bad"
    );
}

#[tokio::test]
async fn a_layer_that_is_only_called_a_config_keeps_its_tail() {
    let hidden = big("badlib", 39);
    let slow = ImageBuilder::new()
        .layer(noise(390, 200_000, Compression::Gzip))
        .build();
    let disguised = hidden.layers[0].clone();
    let point_to = |kind, blob: &Blob| descriptor(kind, &blob.digest, blob.bytes.len());
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": point_to(media_type::OCI_CONFIG, &disguised),
        "layers": [point_to("application/vnd.oci.image.layer.v1.tar+gzip", &slow.layers[0])],
    });
    let kind = media_type::OCI_MANIFEST;
    let decoy = image(&manifest, kind, disguised, slow.layers, "linux/amd64");
    let stage = Stage::stream().await;
    stage.upstream.add(REPO, "1", &decoy);
    stage.stall(&decoy.layers[0].digest, 10);
    stage.pull(REPO, "1", &decoy).await;
    let reply = silent(&stage, &blob_path(REPO, &decoy.config.digest), None).await;
    assert!(!reply.whole, "the disguised layer is complete");
    assert_eq!(reply.body_bytes, tail_of(decoy.config.bytes.len() as u64));
}

#[tokio::test]
async fn a_layer_whose_end_the_upstream_does_not_tell_is_never_whole_before_the_verdict() {
    for (package, wanted, seed) in [
        ("goodlib", StatusCode::OK, 40),
        ("badlib", StatusCode::FORBIDDEN, 41),
    ] {
        let image = big(package, seed);
        let stage = Stage::stream().await;
        stage.upstream.add(REPO, "1", &image);
        stage.upstream.always("/blobs/", Fault::WithoutLength);
        stage.stall(&image.layers[4].digest, 10);
        stage.pull(REPO, "1", &image).await;
        let config = stage.get(&blob_path(REPO, &image.config.digest)).await;
        assert_eq!(config.status, StatusCode::OK);
        let untold = [0, 2, 3].map(|at| &image.layers[at]);
        for layer in untold {
            // Held at its headers while it arrives; once it is here, its end is known.
            let reply = silent(&stage, &blob_path(REPO, &layer.digest), None).await;
            let is_held = reply.status == StatusCode::TEMPORARY_REDIRECT;
            assert!(is_held || !reply.whole, "{package}: {}", reply.status);
        }
        stage.upstream.release();
        for layer in untold {
            let reply = stage.get(&blob_path(REPO, &layer.digest)).await;
            if wanted == StatusCode::OK {
                assert_eq!(reply.status, wanted, "{package}");
                assert_eq!(reply.body, layer.bytes);
            } else {
                // Asked for before the verdict, it begins and is cut.
                let is_refused = reply.status == wanted || !reply.whole;
                assert!(is_refused, "{package}: {}", reply.status);
            }
        }
    }
}
