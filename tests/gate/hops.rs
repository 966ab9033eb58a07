//! Waiting longer than a client bears: hops, the last hop, drip, and the hand-over at a stop.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use sluicegate_tests::image::Image;
use sluicegate_tests::proxy::sluicegate;
use sluicegate_tests::wire::{Call, Reply};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::stage::{
    PATIENCE, REPO, STRICTER, Stage, USUAL, blob_path, clean, dubious, eventually, manifest_path,
    vulnerable,
};

/// Starts a proxy whose upstream stops inside the image's last layer.
async fn stalled(image: &Image) -> Stage {
    let stage = Stage::hold().await;
    stage.upstream.add(REPO, "1", image);
    stage.stall(&image.layers[2].digest, 1_000);
    stage
}

/// Sends a request, and waits until the first byte of its body has come.
async fn begun(call: Call) -> JoinHandle<Reply> {
    let first_byte = Arc::new(Notify::new());
    let reply = tokio::spawn(call.tells_first_byte(&first_byte).send());
    let begins = tokio::time::timeout(PATIENCE, first_byte.notified());
    begins.await.expect("the body begins");
    reply
}

#[tokio::test]
async fn a_held_head_and_get_end_in_a_307_to_the_same_url_one_hop_on() {
    let stage = stalled(&clean(20)).await;
    let path = manifest_path(REPO, "1");
    for (asked, next) in [
        ("", "?sluicegate-hop=1"),
        ("?ns=up.test", "?ns=up.test&sluicegate-hop=1"),
        (
            "?ns=up.test&sluicegate-hop=1",
            "?ns=up.test&sluicegate-hop=2",
        ),
        ("?sluicegate-hop=8&a=b%20c", "?a=b+c&sluicegate-hop=9"),
        ("?sluicegate-hop=77", "?sluicegate-hop=1"),
        ("?sluicegate-hop=x", "?sluicegate-hop=1"),
    ] {
        for method in [Method::HEAD, Method::GET] {
            let reply = stage.once(method.clone(), &format!("{path}{asked}")).await;
            assert_eq!(
                reply.status,
                StatusCode::TEMPORARY_REDIRECT,
                "{method} {asked}"
            );
            assert_eq!(
                reply.header("location"),
                format!("{path}{next}"),
                "{method} {asked}"
            );
            assert!(
                reply.first_byte >= Duration::from_millis(350),
                "it was held"
            );
        }
    }
}

#[tokio::test]
async fn a_client_that_follows_the_hops_gets_a_real_200_or_403() {
    for (image, status) in [
        (clean(21), StatusCode::OK),
        (vulnerable(21), StatusCode::FORBIDDEN),
    ] {
        let stage = stalled(&image).await;
        let path = manifest_path(REPO, "1");
        let head = Call::new(Method::HEAD, stage.proxy.address(), &path).follow();
        let get = Call::new(Method::GET, stage.proxy.address(), &path).follow();
        let release = async {
            // Whoever asked before has been sent round once this has been, twice.
            for _ in 0..2 {
                let round = stage.once(Method::GET, &path).await;
                assert_eq!(round.status, StatusCode::TEMPORARY_REDIRECT);
            }
            stage.upstream.release();
        };
        let (head, get, ()) = tokio::join!(head.send(), get.send(), release);
        for reply in [head, get] {
            assert_eq!(reply.status, status);
            assert!((1..=9).contains(&reply.hops), "{} hops", reply.hops);
        }
    }
}

#[tokio::test]
async fn past_the_last_hop_a_head_answers_200_for_what_was_never_released() {
    let image = clean(22);
    let mut stage = stalled(&image).await;
    let path = format!("{}?sluicegate-hop=9", manifest_path(REPO, "1"));
    let reply = stage.once(Method::HEAD, &path).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header("docker-content-digest"), image.digest.as_str());
    assert_eq!(
        reply.header("content-length"),
        image.manifest.len().to_string()
    );
    assert_eq!(
        reply.header("sluicegate-verdict"),
        "",
        "no verdict is known"
    );
    stage.proxy.terminate();
    let data = stage.proxy.data().display().to_string();
    let log = sluicegate(&["decisions", "list", "--data", &data, "--format", "json"]).await;
    let log = log.expect_ok("decisions list").text();
    assert!(
        log.contains(image.digest.as_str()),
        "a HEAD is enough to count as pulled: {log}"
    );
}

#[tokio::test]
async fn past_the_last_hop_a_blob_answers_503_and_no_byte() {
    let image = clean(23);
    let stage = stalled(&image).await;
    stage.once(Method::HEAD, &manifest_path(REPO, "1")).await;
    for blob in image.blobs() {
        let path = format!("{}?sluicegate-hop=9", blob_path(REPO, &blob.digest));
        let reply = stage.once(Method::GET, &path).await;
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_ne!(reply.header("retry-after"), "");
    }
}

#[tokio::test]
async fn a_get_past_the_last_hop_drips_and_completes_with_the_true_bytes_whatever_the_verdict() {
    for (image, blob_status) in [
        (clean(24), StatusCode::OK),
        (vulnerable(24), StatusCode::FORBIDDEN),
    ] {
        let stage = stalled(&image).await;
        let path = format!("{}?sluicegate-hop=9", manifest_path(REPO, "1"));
        let begun = stage.call(Method::GET, &path).limit(Duration::from_secs(5));
        let begun = begun.send().await;
        assert_eq!(begun.status, StatusCode::OK);
        assert_eq!(
            begun.header("content-length"),
            image.manifest.len().to_string()
        );
        assert!(!begun.whole, "the verdict is not there");
        assert!(
            (1..=2).contains(&begun.body_bytes),
            "{} bytes",
            begun.body_bytes
        );
        let release = async { stage.upstream.release() };
        let (reply, ()) = tokio::join!(stage.once(Method::GET, &path), release);
        assert!(reply.whole);
        if blob_status == StatusCode::OK || reply.status == StatusCode::OK {
            assert_eq!(reply.body, image.manifest);
        }
        for blob in image.blobs() {
            let reply = stage.get(&blob_path(REPO, &blob.digest)).await;
            assert_eq!(reply.status, blob_status);
        }
    }
}

#[tokio::test]
async fn a_refused_image_is_completed_truly_to_the_client_it_was_dripped_to() {
    let image = vulnerable(25);
    let stage = stalled(&image).await;
    let path = format!("{}?sluicegate-hop=9", manifest_path(REPO, "1"));
    let dripped = begun(stage.call(Method::GET, &path)).await;
    stage.upstream.release();
    let reply = dripped.await.expect("the client ended");
    assert_eq!((reply.status, reply.whole), (StatusCode::OK, true));
    assert_eq!(
        reply.body, image.manifest,
        "the true bytes, not cut and not altered"
    );
    let refused = stage.once(Method::GET, &manifest_path(REPO, "1")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    for blob in image.blobs() {
        let reply = stage.get(&blob_path(REPO, &blob.digest)).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn past_the_last_hop_a_head_answers_503_for_what_was_released_and_must_be_scanned_again() {
    let mut stage = Stage::with(|proxy, _| proxy.policy("policy.yaml", USUAL)).await;
    let image = dubious(26);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    stage.proxy.kill();
    std::fs::remove_dir_all(stage.proxy.data().join("content")).expect("lose the content");
    stage.proxy.write_policy("policy.yaml", STRICTER);
    stage.proxy.restart().await;
    stage.stall(&image.layers[2].digest, 1_000);
    let path = manifest_path(REPO, image.digest.as_str());
    let held = stage.once(Method::HEAD, &path).await;
    assert_eq!(
        held.status,
        StatusCode::TEMPORARY_REDIRECT,
        "the verdict is made again"
    );
    let last = stage
        .once(Method::HEAD, &format!("{path}?sluicegate-hop=9"))
        .await;
    assert_eq!(last.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_ne!(last.header("retry-after"), "");
    stage.upstream.release();
    assert_eq!(stage.get(&path).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_dripped_image_that_is_allowed_counts_as_released() {
    let mut stage = Stage::with(|proxy, _| proxy.policy("policy.yaml", USUAL)).await;
    let image = dubious(27);
    stage.upstream.add(REPO, "1", &image);
    stage.stall(&image.layers[2].digest, 1_000);
    let path = format!("{}?sluicegate-hop=9", manifest_path(REPO, "1"));
    let dripped = begun(stage.call(Method::GET, &path)).await;
    stage.upstream.release();
    assert!(dripped.await.expect("the client ended").whole);
    stage.proxy.kill();
    std::fs::remove_dir_all(stage.proxy.data().join("content")).expect("lose the content");
    stage.proxy.write_policy("policy.yaml", STRICTER);
    stage.proxy.restart().await;
    stage.upstream.hold_again();
    stage.stall(&image.layers[2].digest, 1_000);
    let path = manifest_path(REPO, image.digest.as_str());
    let last = stage
        .once(Method::HEAD, &format!("{path}?sluicegate-hop=9"))
        .await;
    assert_eq!(last.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_stop_sends_held_requests_to_their_next_hop_at_once() {
    let mut stage =
        Stage::with(|proxy, _| proxy.environment("SLUICEGATE_TEST_HOLD_MS", "20000")).await;
    let image = clean(28);
    stage.upstream.add(REPO, "1", &image);
    let layer = &image.layers[2].digest;
    stage.stall(layer, 1_000);
    let path = format!("{}?sluicegate-hop=9", manifest_path(REPO, "1"));
    let held = tokio::spawn(stage.call(Method::HEAD, &path).send());
    eventually("the pull has begun", async || {
        stage.upstream.count("GET", &format!("/blobs/{layer}")) == 1
    })
    .await;
    stage.proxy.signal("TERM");
    let reply = held.await.expect("the client ended");
    assert_eq!(reply.status, StatusCode::TEMPORARY_REDIRECT);
    assert!(
        reply.first_byte < Duration::from_secs(10),
        "{:?}",
        reply.first_byte
    );
    stage.proxy.terminate();
}
