//! Many clients of one cold image: one job, one upstream request for each object.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use http::{Method, StatusCode};
use sluicegate_tests::image::{Image, ImageBuilder};
use sluicegate_tests::layer::{Compression, noise};

use crate::stage::{REPO, Stage, base, blob_path, clean, eventually, manifest_path};

/// Clients that pull at once.
const CLIENTS: usize = 100;

/// Pulls an image as a client does, counting the first answer it gets.
async fn pull_whole(stage: Arc<Stage>, image: Image, answered: Arc<AtomicUsize>) {
    let path = manifest_path(REPO, "1");
    let first = stage.once(Method::GET, &path).await;
    answered.fetch_add(1, Ordering::Relaxed);
    assert_eq!(
        first.status,
        StatusCode::TEMPORARY_REDIRECT,
        "the image is cold"
    );
    let manifest = stage.get(&path).await;
    assert_eq!(manifest.status, StatusCode::OK, "{}", manifest.text());
    for blob in image.blobs() {
        let reply = stage.get(&blob_path(REPO, &blob.digest)).await;
        assert_eq!((reply.status, reply.whole), (StatusCode::OK, true));
        assert_eq!(reply.body_digest, blob.digest);
    }
}

/// Checks that each object was fetched once and asked for in no other way.
fn assert_fetched_once(stage: &Stage, image: &Image) {
    assert_eq!(stage.upstream.count("GET", "/manifests/"), 1);
    assert_eq!(stage.upstream.count("HEAD", "/"), 0);
    for blob in image.blobs() {
        let path = format!("/blobs/{}", blob.digest);
        assert_eq!(stage.upstream.count("GET", &path), 1, "{path}");
    }
}

#[tokio::test]
async fn a_hundred_cold_clients_cost_one_upstream_request_for_each_object_and_one_scan() {
    let stage = Arc::new(Stage::hold().await);
    let image = clean(10);
    stage.upstream.add(REPO, "1", &image);
    stage.stall(&image.layers[2].digest, 100_000);
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (stage, answered) = (Arc::clone(&stage), Arc::clone(&answered));
            tokio::spawn(pull_whole(stage, image.clone(), answered))
        })
        .collect();
    eventually("every client waits", async || {
        answered.load(Ordering::Relaxed) == CLIENTS
    })
    .await;
    stage.upstream.release();
    for client in join_all(clients).await {
        client.expect("a client pulled the image");
    }
    assert_fetched_once(&stage, &image);
    assert!((stage.metric("sluicegate_scan_seconds_count").await - 1.0).abs() < 0.1);
}

#[tokio::test]
async fn a_client_that_leaves_stops_nothing() {
    let stage = Stage::with(|proxy, _| proxy.environment("SLUICEGATE_TEST_HOLD_MS", "20000")).await;
    let image = clean(11);
    stage.upstream.add(REPO, "1", &image);
    let layer = &image.layers[2].digest;
    stage.stall(layer, 100_000);
    let path = manifest_path(REPO, "1");
    let leaver = tokio::spawn(stage.call(Method::GET, &path).try_send());
    eventually("the layer is being fetched", async || {
        stage.upstream.count("GET", &format!("/blobs/{layer}")) == 1
    })
    .await;
    leaver.abort();
    stage.upstream.release();
    stage.pull(REPO, "1", &image).await;
    assert_fetched_once(&stage, &image);
}

#[tokio::test]
async fn a_late_joiner_and_a_range_are_served_from_a_blob_that_is_still_arriving() {
    let stage = Stage::stream().await;
    let image = clean(12);
    stage.upstream.add(REPO, "1", &image);
    let layer = &image.layers[2];
    stage.stall(&layer.digest, 200_000);
    stage.pull(REPO, "1", &image).await;
    let path = blob_path(REPO, &layer.digest);
    let limit = std::time::Duration::from_secs(3);
    let early = stage.call(Method::GET, &path).limit(limit).send();
    let late = async {
        let begin = stage
            .call(Method::GET, &path)
            .header("range", "bytes=0-999");
        assert_eq!(begin.send().await.body, layer.bytes.slice(..1_000));
        stage.call(Method::GET, &path).limit(limit).send().await
    };
    let (early, late) = tokio::join!(early, late);
    for reply in [&early, &late] {
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.header("location"));
        assert!(
            !reply.whole && reply.body_bytes >= 150_000,
            "{} bytes",
            reply.body_bytes
        );
        assert_eq!(
            reply.body,
            layer.bytes.slice(..reply.body.len()),
            "from byte 0"
        );
    }
    let middle = stage
        .call(Method::GET, &path)
        .header("range", "bytes=5000-5999");
    let middle = middle.send().await;
    assert_eq!(middle.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(middle.body, layer.bytes.slice(5_000..6_000));
    assert_eq!(stage.upstream.count("GET", &path), 1);
    stage.upstream.release();
    assert_eq!(stage.get(&path).await.body_digest, layer.digest);
    assert_fetched_once(&stage, &image);
}

#[tokio::test]
async fn six_blobs_are_fetched_at_a_time_and_none_of_them_waits_for_another() {
    let stage = Stage::hold().await;
    let mut builder = ImageBuilder::new().layer(base());
    for seed in 0..8 {
        builder = builder.layer(noise(1_300 + seed, 50_000, Compression::Gzip));
    }
    let image = builder.build();
    stage.upstream.add(REPO, "1", &image);
    for blob in image.blobs() {
        stage.stall(&blob.digest, 10);
    }
    stage.once(Method::HEAD, &manifest_path(REPO, "1")).await;
    eventually(
        "six blobs are asked for while none has arrived",
        async || stage.upstream.count("GET", "/blobs/") == 6,
    )
    .await;
    let status = stage.proxy.api("/api/v1/status").await.json();
    let upstream = &status["upstreams"][0];
    assert_eq!(
        (&upstream["running"], &upstream["waiting"]),
        (&6.into(), &4.into()),
        "{status}"
    );
    assert_eq!(stage.upstream.count("GET", "/blobs/"), 6);
    stage.upstream.release();
    stage.pull(REPO, "1", &image).await;
}
