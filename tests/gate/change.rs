//! What changes while the proxy runs or between two runs of it: exceptions, policies, restarts.

use std::time::{Duration, Instant};

use http::StatusCode;
use sluicegate_tests::image::{Flavour, ImageBuilder, index};

use crate::stage::{
    REPO, STRICTER, Stage, USUAL, base, blob_path, clean, dubious, eventually, manifest_path,
    python, vulnerable,
};

const EXCEPTION: &str = "apiVersion: sluicegate/v1
kind: Exception
metadata: {name: not-reachable, author: a.lopez, ticket: SEC-1}
spec: {id: CVE-2026-1111, statement: \"not reachable\", expiresAt: 2099-01-31}
";

#[tokio::test]
async fn an_exception_is_in_force_within_ten_seconds_and_its_removal_too() {
    let stage = Stage::with(|proxy, _| proxy.policy("policy.yaml", USUAL)).await;
    let image = vulnerable(110);
    stage.upstream.add(REPO, "1", &image);
    let path = manifest_path(REPO, "1");
    assert_eq!(stage.get(&path).await.status, StatusCode::FORBIDDEN);
    let fetched = stage.upstream.body_bytes();
    let changed = async |status| {
        let started = Instant::now();
        eventually("the change is in force", async || {
            stage.get(&path).await.status == status
        })
        .await;
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "{:?}",
            started.elapsed()
        );
    };
    stage.proxy.write_policy("exception.yaml", EXCEPTION);
    changed(StatusCode::OK).await;
    let blob = stage.get(&blob_path(REPO, &image.layers[2].digest)).await;
    assert_eq!(blob.body_digest, image.layers[2].digest);
    stage.proxy.remove_policy("exception.yaml");
    changed(StatusCode::FORBIDDEN).await;
    let blob = stage.get(&blob_path(REPO, &image.layers[2].digest)).await;
    assert_eq!(blob.status, StatusCode::FORBIDDEN);
    assert_eq!(
        stage.upstream.body_bytes(),
        fetched,
        "no byte was fetched again"
    );
}

#[tokio::test]
async fn a_policy_with_a_mistake_leaves_the_last_good_set_in_force() {
    let stage = Stage::with(|proxy, _| proxy.policy("policy.yaml", STRICTER)).await;
    let (first, second) = (dubious(111), dubious(112));
    stage.upstream.add(REPO, "1", &first);
    stage.upstream.add(REPO, "2", &second);
    assert_eq!(
        stage.get(&manifest_path(REPO, "1")).await.status,
        StatusCode::FORBIDDEN
    );
    let broken = USUAL.replace("rules:", "ruels:");
    stage.proxy.write_policy("policy.yaml", &broken);
    eventually("the mistake is seen", async || {
        stage.proxy.log().contains("policy not loaded")
    })
    .await;
    let log = stage.proxy.log();
    assert!(
        log.contains("ruels") && log.contains("policy.yaml"),
        "{log}"
    );
    for tag in ["1", "2"] {
        let status = stage.get(&manifest_path(REPO, tag)).await.status;
        assert_eq!(status, StatusCode::FORBIDDEN, "the stricter policy stays");
    }
    stage.proxy.write_policy("policy.yaml", USUAL);
    eventually("the mended policy is in force", async || {
        stage.get(&manifest_path(REPO, "1")).await.status == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn membership_and_verdicts_survive_a_restart_with_the_upstream_gone() {
    let mut stage = Stage::hold().await;
    let (good, bad) = (clean(113), vulnerable(113));
    stage.upstream.add(REPO, "good", &good);
    stage.upstream.add(REPO, "bad", &bad);
    stage.pull(REPO, "good", &good).await;
    assert_eq!(
        stage.get(&manifest_path(REPO, "bad")).await.status,
        StatusCode::FORBIDDEN
    );
    stage.upstream.stop();
    let asked = stage.upstream.seen().len();
    stage.proxy.restart().await;
    stage.pull(REPO, good.digest.as_str(), &good).await;
    stage.pull(REPO, "good", &good).await;
    for blob in good.blobs() {
        assert_eq!(
            stage.get(&blob_path(REPO, &blob.digest)).await.body,
            blob.bytes
        );
        let other = blob_path("lib/other", &blob.digest);
        assert_eq!(stage.get(&other).await.status, StatusCode::NOT_FOUND);
    }
    let refused = manifest_path(REPO, bad.digest.as_str());
    assert_eq!(stage.get(&refused).await.status, StatusCode::FORBIDDEN);
    let layer = blob_path(REPO, &bad.layers[1].digest);
    assert_eq!(stage.get(&layer).await.status, StatusCode::FORBIDDEN);
    assert_eq!(stage.upstream.seen().len(), asked, "nobody was asked");
}

#[tokio::test]
async fn what_was_released_is_remembered_over_a_restart() {
    let mut stage = Stage::with(|proxy, _| {
        proxy
            .policy("policy.yaml", USUAL)
            .flag("--platforms", "linux/amd64,linux/arm64")
    })
    .await;
    let arm = ImageBuilder::new()
        .layer(base())
        .layer(python("goodlib", 114))
        .platform("linux/arm64")
        .build();
    let index = index(vec![dubious(114), arm], Flavour::Oci);
    stage.upstream.add_index(REPO, "multi", &index);
    let path = manifest_path(REPO, "multi");
    assert_eq!(stage.get(&path).await.status, StatusCode::OK);
    stage
        .pull(REPO, index.children[0].digest.as_str(), &index.children[0])
        .await;
    stage.proxy.write_policy("policy.yaml", STRICTER);
    stage.proxy.restart().await;
    assert_eq!(stage.get(&path).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn without_a_feed_the_policy_decides_and_the_reason_is_told() {
    let stage = Stage::with(|proxy, _| proxy.feed(std::path::Path::new("none"))).await;
    let image = clean(115);
    stage.upstream.add(REPO, "1", &image);
    let reply = stage.get(&manifest_path(REPO, "1")).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(reply.message().contains("no-feed"), "{}", reply.message());
    for blob in image.blobs() {
        let reply = stage.get(&blob_path(REPO, &blob.digest)).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn a_new_advisory_turns_a_released_image_bad_without_fetching_it_again() {
    let mut stage = Stage::hold().await;
    let image = clean(116);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let fetched = stage.upstream.body_bytes();
    stage.publish_advisory_on("goodlib");
    stage.proxy.restart().await;
    for reference in ["1", image.digest.as_str()] {
        let path = manifest_path(REPO, reference);
        assert_eq!(stage.head(&path).await.status, StatusCode::FORBIDDEN);
        let reply = stage.get(&path).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        assert!(
            reply.message().contains("CVE-2026-3333"),
            "{}",
            reply.message()
        );
    }
    let layer = stage.get(&blob_path(REPO, &image.layers[1].digest)).await;
    assert_eq!(layer.status, StatusCode::FORBIDDEN);
    assert_eq!(
        stage.upstream.body_bytes(),
        fetched,
        "judged from the stored inventory"
    );
}

#[tokio::test]
async fn a_new_advisory_is_in_force_without_a_restart() {
    let stage = Stage::hold().await;
    let image = clean(117);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let fetched = stage.upstream.body_bytes();
    stage.publish_advisory_on("goodlib");
    let path = manifest_path(REPO, "1");
    eventually("the advisory is in force", async || {
        stage.head(&path).await.status == StatusCode::FORBIDDEN
    })
    .await;
    assert_eq!(stage.upstream.body_bytes(), fetched, "nothing was fetched");
}

#[tokio::test]
async fn a_verdict_ends_with_the_exception_it_rests_on() {
    let stage = Stage::with(|proxy, _| proxy.policy("policy.yaml", USUAL)).await;
    let image = vulnerable(118);
    stage.upstream.add(REPO, "1", &image);
    let end = jiff::Timestamp::now() + Duration::from_secs(12);
    let exception = EXCEPTION.replace("2099-01-31", &format!("\"{end}\""));
    stage.proxy.write_policy("exception.yaml", &exception);
    let path = manifest_path(REPO, "1");
    eventually("the exception is in force", async || {
        stage.get(&path).await.status == StatusCode::OK
    })
    .await;
    eventually("the exception has ended", async || {
        stage.get(&path).await.status == StatusCode::FORBIDDEN
    })
    .await;
    assert!(jiff::Timestamp::now() >= end, "not before its time");
}
