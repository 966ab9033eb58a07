//! What an upstream says of a blob or a manifest releases nothing of another's: its bytes do.

use bytes::Bytes;
use http::{Method, StatusCode};
use sluicegate_tests::fault::{Fault, FaultUpstream};
use sluicegate_tests::image::{Blob, Image};

use crate::stage::{REPO, Stage, assert_no_content, blob_path, clean, eventually, manifest_path};

/// A second repository of the same upstream.
const OTHER: &str = "lib/other";
/// The name of a second upstream, which has nothing of its own.
const LIAR: &str = "liar.test";
/// A repository there, by its name at the gate and at the upstream.
const LIARS: (&str, &str) = ("liar.test/lib/app", "lib/app");

/// The gate in front of two upstreams.
async fn with_liar(mode: &str) -> (Stage, FaultUpstream) {
    let liar = FaultUpstream::start().await;
    liar.say_yes();
    let url = liar.url();
    let stage = Stage::with(|proxy, _| {
        proxy
            .flag("--upstream", &format!("{LIAR}={url}"))
            .flag("--gate", mode)
    })
    .await;
    (stage, liar)
}

/// An image of which the manifest alone is offered, and of its blobs none.
fn manifest_alone(image: &Image) -> Image {
    let mut alone = image.clone();
    alone.layers.clear();
    alone
}

/// Asks the liar's repository for all of an image and checks that nothing of it comes.
async fn assert_nothing_comes(stage: &Stage, image: &Image, what: &str) {
    for blob in image.blobs() {
        for path in [
            blob_path(LIARS.0, &blob.digest),
            format!("{}?sluicegate-hop=9", blob_path(LIARS.0, &blob.digest)),
        ] {
            let reply = stage.get(&path).await;
            assert!(!reply.status.is_success(), "{what}: {}", reply.status);
            assert_no_content(&reply, image, what);
            let head = stage.head(&path).await;
            assert!(!head.status.is_success(), "{what}: HEAD {}", head.status);
        }
    }
}

#[tokio::test]
async fn a_blob_that_is_here_already_is_proven_by_a_few_parts_once() {
    let stage = Stage::hold().await;
    let image = clean(40);
    stage.upstream.add(REPO, "1", &image);
    stage.upstream.add(OTHER, "1", &image);
    stage.pull(REPO, "1", &image).await;
    stage.pull(OTHER, image.digest.as_str(), &image).await;
    for _ in 0..2 {
        for blob in image.blobs() {
            let reply = stage.get(&blob_path(OTHER, &blob.digest)).await;
            assert_eq!(
                (reply.status, reply.body_digest),
                (StatusCode::OK, blob.digest.clone())
            );
        }
    }
    for blob in image.blobs() {
        let path = format!("/v2/{OTHER}/blobs/{}", blob.digest);
        let seen = stage.upstream.seen();
        let asked: Vec<_> = seen.iter().filter(|seen| seen.path == path).collect();
        assert!(
            asked.iter().all(|seen| seen.method == "GET"),
            "HEAD proves nothing"
        );
        let parts = asked
            .iter()
            .filter(|seen| seen.headers.contains_key("range"))
            .count();
        let wanted = if blob.bytes.len() > 32 * 1024 {
            (8, 8)
        } else {
            (1, 0)
        };
        assert_eq!((asked.len(), parts), wanted, "{} bytes", blob.bytes.len());
    }
    let manifest = format!("/v2/{OTHER}/manifests/");
    assert_eq!(stage.upstream.count("HEAD", &manifest), 0);
    assert_eq!(stage.upstream.count("GET", &manifest), 1);
}

#[tokio::test]
async fn an_upstream_that_was_away_is_asked_again_by_the_next_request() {
    let stage = Stage::hold().await;
    let image = clean(41);
    stage.upstream.add(REPO, "1", &image);
    stage.upstream.add(OTHER, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let manifest = stage.get(&manifest_path(OTHER, "1")).await;
    assert_eq!(manifest.status, StatusCode::OK, "{}", manifest.text());
    let blob = &image.layers[0];
    let path = blob_path(OTHER, &blob.digest);
    stage.upstream.stop();
    let away = stage.get(&path).await;
    assert_eq!(away.status, StatusCode::BAD_GATEWAY, "{}", away.text());
    stage.upstream.start_again().await;
    let back = stage.get(&path).await;
    assert_eq!(back.status, StatusCode::OK, "{}", back.text());
    assert_eq!(back.body_digest, blob.digest);
}

#[tokio::test]
async fn an_upstream_that_says_yes_to_everything_gets_no_manifest_of_anothers() {
    let (stage, liar) = with_liar("hold").await;
    let image = clean(400);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let path = manifest_path(LIARS.0, image.digest.as_str());
    for method in [Method::GET, Method::HEAD] {
        let reply = stage.once(method, &path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        assert!(reply.body != image.manifest, "the manifest left");
    }
    assert!(
        liar.count("GET", "/manifests/") > 0,
        "it is asked for the bytes"
    );
    assert_nothing_comes(&stage, &image, "without a manifest").await;
}

#[tokio::test]
async fn an_upstream_that_has_only_the_manifest_gets_no_layer_of_anothers() {
    for mode in ["hold", "stream"] {
        let (stage, liar) = with_liar(mode).await;
        let image = clean(401);
        stage.upstream.add(REPO, "1", &image);
        stage.pull(REPO, "1", &image).await;
        liar.add(LIARS.1, "1", &manifest_alone(&image));
        stage.get(&manifest_path(LIARS.0, "1")).await;
        for layer in &image.layers {
            let reply = stage.get(&blob_path(LIARS.0, &layer.digest)).await;
            assert_eq!(
                reply.status,
                StatusCode::NOT_FOUND,
                "{mode}: {}",
                reply.text()
            );
            assert!(
                reply.text().contains("the upstream does not have it"),
                "{}",
                reply.text()
            );
        }
    }
}

/// Bytes that are a blob's up to a place, and then others.
fn half_right(blob: &Blob) -> Bytes {
    let mut bytes = blob.bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle..].iter_mut().for_each(|byte| *byte ^= 0x55);
    bytes.into()
}

#[tokio::test]
async fn other_bytes_under_the_right_digest_prove_nothing() {
    for ignores_range in [false, true] {
        let (stage, liar) = with_liar("hold").await;
        let image = clean(402);
        stage.upstream.add(REPO, "1", &image);
        stage.pull(REPO, "1", &image).await;
        liar.add(LIARS.1, "1", &manifest_alone(&image));
        if ignores_range {
            liar.ignore_range();
        }
        for layer in &image.layers {
            liar.add_blob(LIARS.1, layer.digest.as_str(), half_right(layer));
        }
        stage.get(&manifest_path(LIARS.0, "1")).await;
        for layer in &image.layers {
            let reply = stage.get(&blob_path(LIARS.0, &layer.digest)).await;
            assert_eq!(reply.status, StatusCode::BAD_GATEWAY, "{}", reply.text());
            assert_no_content(&reply, &image, "half right");
        }
    }
}

#[tokio::test]
async fn sending_something_else_first_proves_nothing_later() {
    let (stage, liar) = with_liar("hold").await;
    let image = clean(403);
    stage.upstream.add(REPO, "1", &image);
    liar.add(LIARS.1, "1", &image);
    for layer in &image.layers {
        liar.add_blob(LIARS.1, layer.digest.as_str(), half_right(layer));
    }
    let reply = stage.get(&manifest_path(LIARS.0, "1")).await;
    assert!(!reply.status.is_success(), "{}", reply.status);
    stage.pull(REPO, "1", &image).await;
    stage.get(&manifest_path(LIARS.0, "1")).await;
    for layer in &image.layers {
        let reply = stage.get(&blob_path(LIARS.0, &layer.digest)).await;
        assert!(!reply.status.is_success(), "{}", reply.status);
        assert_no_content(&reply, &image, "garbage first");
    }
}

#[tokio::test]
async fn what_another_upstream_is_sending_is_not_joined_without_proof() {
    let (stage, liar) = with_liar("stream").await;
    let image = clean(404);
    stage.upstream.add(REPO, "1", &image);
    liar.add(LIARS.1, "1", &manifest_alone(&image));
    let layer = &image.layers[2].digest;
    stage.stall(layer, 200_000);
    stage.once(Method::GET, &manifest_path(REPO, "1")).await;
    eventually("the layer arrives", async || {
        stage.upstream.count("GET", layer.as_str()) > 0
    })
    .await;
    stage.once(Method::GET, &manifest_path(LIARS.0, "1")).await;
    let reply = stage.once(Method::GET, &blob_path(LIARS.0, layer)).await;
    assert!(!reply.status.is_success(), "{}", reply.status);
    assert_no_content(&reply, &image, "joined");
    stage.upstream.release();
    let reply = stage.get(&blob_path(LIARS.0, layer)).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND, "{}", reply.text());
}

#[tokio::test]
async fn an_upstream_that_ignores_or_refuses_range_proves_by_the_whole_once() {
    for refuses in [false, true] {
        let stage = Stage::hold().await;
        let image = clean(405);
        stage.upstream.add(REPO, "1", &image);
        stage.upstream.add(OTHER, "1", &image);
        stage.pull(REPO, "1", &image).await;
        stage.pull(OTHER, "1", &image).await;
        let layer = &image.layers[2].digest;
        let path = blob_path(OTHER, layer);
        if refuses {
            let refusal = Fault::Status(416, Vec::new());
            stage.upstream.script(&path, [refusal]);
        } else {
            stage.upstream.ignore_range();
        }
        let (one, two) = tokio::join!(stage.get(&path), stage.get(&path));
        for reply in [one, two] {
            assert_eq!(
                (reply.status, reply.body_digest),
                (StatusCode::OK, layer.clone())
            );
        }
        let asked = stage.upstream.count("GET", &path);
        assert_eq!(asked, if refuses { 2 } else { 1 });
    }
}

#[tokio::test]
async fn an_evicted_blob_that_was_proven_is_proven_still() {
    let mut stage = Stage::hold().await;
    let image = clean(406);
    stage.upstream.add(REPO, "1", &image);
    stage.upstream.add(OTHER, "1", &image);
    stage.pull(REPO, "1", &image).await;
    stage.pull(OTHER, "1", &image).await;
    let path = blob_path(OTHER, &image.layers[2].digest);
    assert_eq!(stage.get(&path).await.status, StatusCode::OK);
    let asked = stage.upstream.count("GET", &path);
    stage.proxy.restart().await;
    assert_eq!(stage.get(&path).await.status, StatusCode::OK);
    assert_eq!(
        stage.upstream.count("GET", &path),
        asked,
        "a proof survives a restart"
    );
}
