//! The byte counter: over every route, method and state, no byte of an unjudged or refused image.
//!
//! A state is set up, then every way to ask for every blob is tried and the body bytes of layers
//! and config are counted. Manifests of refused images must not leave either.

use std::time::Duration;

use http::{Method, StatusCode};
use sluicegate_tests::fault::{Fault, FaultUpstream};
use sluicegate_tests::image::Image;
use sluicegate_tests::proxy::{Proxy, ProxyBuilder, UPSTREAM};
use sluicegate_tests::wire::{Call, Reply};
use tempfile::TempDir;

use crate::scene::{self, POLICY, RELOAD_LIMIT, Scene, bad, clean, meh, within};

/// Every way to name `lib/NAME` at this proxy: path prefix and query.
fn names(name: &str) -> Vec<(String, String)> {
    vec![
        (format!("lib/{name}"), String::new()),
        (format!("{UPSTREAM}/lib/{name}"), String::new()),
        (format!("lib/{name}"), format!("?ns={UPSTREAM}")),
        (format!("{UPSTREAM}/lib/{name}"), format!("?ns={UPSTREAM}")),
    ]
}

/// Every Range that a client could ask of a blob of this size, and none.
fn ranges(size: usize) -> Vec<Option<String>> {
    vec![
        None,
        Some("bytes=0-0".into()),
        Some("bytes=0-".into()),
        Some(format!("bytes={}-", size - 1)),
        Some("bytes=-10".into()),
        Some(format!("bytes=0-{}", size - 2)),
    ]
}

/// Asks for every blob of an image in every way; gives the answers.
async fn ask_blobs(proxy: &Proxy, name: &str, image: &Image) -> Vec<(String, Reply)> {
    let mut replies = Vec::new();
    for (path, query) in names(name) {
        for blob in image.blobs() {
            for method in [Method::GET, Method::HEAD] {
                for range in ranges(blob.bytes.len()) {
                    let url = format!("/v2/{path}/blobs/{}{query}", blob.digest);
                    let mut call = Call::new(method.clone(), proxy.address(), &url);
                    if let Some(range) = &range {
                        call = call.header("range", range);
                    }
                    let reply = call.limit(Duration::from_secs(5)).follow().try_send().await;
                    let asked = format!("{method} {url} {range:?}");
                    // A held request that timed out has sent nothing.
                    replies.extend(reply.ok().map(|reply| (asked, reply)));
                }
            }
        }
    }
    replies
}

#[track_caller]
fn assert_nothing_left(replies: &[(String, Reply)], image: &Image) {
    for (asked, reply) in replies {
        assert!(
            reply.status.is_client_error() || reply.status.is_server_error(),
            "{asked}: {reply:?}"
        );
        let body = reply.text();
        let is_an_error = reply.body.is_empty() || body.starts_with("{\"errors\":[");
        assert!(is_an_error, "{asked} sent {} bytes", reply.body_bytes);
        let leaks = image.blobs().any(|blob| blob.digest == reply.body_digest);
        assert!(!leaks, "{asked} sent a whole blob");
    }
    assert!(!replies.is_empty());
}

async fn ask_manifests(proxy: &Proxy, name: &str, image: &Image) -> Vec<(String, Reply)> {
    let mut replies = Vec::new();
    for (path, query) in names(name) {
        for reference in ["1", image.digest.as_str()] {
            for method in [Method::HEAD, Method::GET] {
                let url = format!("/v2/{path}/manifests/{reference}{query}");
                let reply = proxy.ask(method.clone(), &url).await;
                replies.push((format!("{method} {url}"), reply));
            }
        }
    }
    replies
}

#[tokio::test]
async fn blobs_of_a_cold_image_do_not_leave_before_its_manifest_was_asked_for() {
    let scene = Scene::start("hold").await;
    for image in [clean(10_000), bad(10_001)] {
        scene.push("cold", &image).await;
        assert_nothing_left(&ask_blobs(&scene.proxy, "cold", &image).await, &image);
    }
}

#[tokio::test]
async fn refused_image_answers_403_on_every_route_and_sends_nothing() {
    let scene = Scene::start("hold").await;
    let image = bad(10_100);
    scene.push("evil", &image).await;
    for (asked, reply) in ask_manifests(&scene.proxy, "evil", &image).await {
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{asked}: {reply:?}");
        if asked.starts_with("GET") {
            assert_eq!(reply.message(), scene.refusal(&image), "{asked}");
            assert_eq!(reply.json()["errors"][0]["code"], "DENIED");
        }
    }
    let replies = ask_blobs(&scene.proxy, "evil", &image).await;
    assert_nothing_left(&replies, &image);
    for (asked, reply) in replies {
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{asked}");
    }
}

#[tokio::test]
async fn allowed_image_is_whole_on_every_route() {
    let scene = Scene::start("hold").await;
    let image = clean(10_200);
    scene.push("good", &image).await;
    for (asked, reply) in ask_manifests(&scene.proxy, "good", &image).await {
        assert_eq!(reply.status, StatusCode::OK, "{asked}: {reply:?}");
        assert_eq!(
            reply.header("docker-content-digest"),
            image.digest.as_str(),
            "{asked}"
        );
        assert_eq!(
            reply.header("content-length"),
            image.manifest.len().to_string(),
            "{asked}"
        );
        assert_eq!(reply.header("sluicegate-verdict"), "allow", "{asked}");
        if asked.starts_with("GET") {
            assert_eq!(reply.body, image.manifest, "{asked}");
        }
    }
    for (path, query) in names("good") {
        for blob in image.blobs() {
            let url = format!("/v2/{path}/blobs/{}{query}", blob.digest);
            let reply = scene.proxy.ask(Method::GET, &url).await;
            assert_eq!(
                (reply.status, &reply.body_digest),
                (StatusCode::OK, &blob.digest),
                "{url}"
            );
            let call =
                Call::new(Method::GET, scene.proxy.address(), &url).header("range", "bytes=1-4");
            let part = call.follow().send().await;
            assert_eq!(part.status, StatusCode::PARTIAL_CONTENT, "{url}");
            assert_eq!(part.body, blob.bytes.slice(1..5), "{url}");
        }
    }
}

/// Starts a scene whose upstream stops before the end of one layer: a scan that does not end.
async fn scanning(mode: &str, image: &Image) -> (FaultUpstream, Proxy, TempDir) {
    let upstream = FaultUpstream::start().await;
    upstream.add("lib/slow", "1", image);
    let last = &image.layers[image.layers.len() - 1];
    let almost_all = last.bytes.len() as u64 - 100;
    upstream.always(last.digest.as_str(), Fault::StallAt(almost_all));
    let feed = scene::feed();
    let builder = ProxyBuilder::new(&upstream.url())
        .feed(feed.path())
        .flag("--gate", mode);
    let proxy = builder.policy("prod.yaml", POLICY).start().await;
    (upstream, proxy, feed)
}

#[tokio::test]
async fn nothing_leaves_while_the_image_is_scanned_in_hold_mode() {
    for image in [clean(10_300), bad(10_301)] {
        let (upstream, proxy, _feed) = scanning("hold", &image).await;
        let manifest = "/v2/lib/slow/manifests/1";
        let call = Call::new(Method::GET, proxy.address(), manifest);
        let held = call.limit(Duration::from_secs(2)).try_send().await;
        assert!(
            held.is_err(),
            "the manifest left before the verdict: {held:?}"
        );
        assert!(
            upstream.count("GET", "/blobs/") >= image.layers.len(),
            "no job was started"
        );
        for blob in image.blobs() {
            let url = format!("/v2/lib/slow/blobs/{}", blob.digest);
            let call = Call::new(Method::GET, proxy.address(), &url).limit(Duration::from_secs(1));
            if let Ok(reply) = call.try_send().await {
                assert!(
                    !reply.status.is_success() || reply.body_bytes == 0,
                    "{url}: {reply:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn no_layer_is_complete_before_the_verdict_in_stream_mode() {
    let image = clean(10_400);
    let (_upstream, proxy, _feed) = scanning("stream", &image).await;
    let manifest = proxy.ask(Method::GET, "/v2/lib/slow/manifests/1").await;
    assert_eq!(
        (manifest.status, &manifest.body),
        (StatusCode::OK, &image.manifest)
    );
    for layer in &image.layers {
        let url = format!("/v2/lib/slow/blobs/{}", layer.digest);
        let mut most = 0;
        let tail = format!("bytes={}-", layer.bytes.len() - 50);
        for range in [None, Some("bytes=0-"), Some(tail.as_str())] {
            let mut call = Call::new(Method::GET, proxy.address(), &url);
            if let Some(range) = range {
                call = call.header("range", range);
            }
            let reply = call.limit(Duration::from_secs(1)).try_send().await;
            let Ok(reply) = reply else { continue };
            assert!(
                !reply.whole || !reply.status.is_success(),
                "{url} {range:?} came whole"
            );
            if range == Some(tail.as_str()) {
                assert_eq!(reply.body_bytes, 0, "{url} sent its tail");
            }
            most = most.max(reply.body_bytes);
        }
        // Design: min(64 KiB, a quarter of the layer) is withheld.
        let withheld = (layer.bytes.len() as u64 / 4).min(64 * 1024);
        assert!(
            most <= layer.bytes.len() as u64 - withheld,
            "{url} sent {most} bytes"
        );
    }
}

#[tokio::test]
async fn smallest_of_the_first_layers_is_held_at_its_headers_in_stream_mode() {
    let image = clean(10_600);
    let (_upstream, proxy, _feed) = scanning("stream", &image).await;
    proxy.ask(Method::GET, "/v2/lib/slow/manifests/1").await;
    let smallest = image
        .layers
        .iter()
        .min_by_key(|layer| layer.bytes.len())
        .expect("layers");
    let path = format!("/v2/lib/slow/blobs/{}", smallest.digest);
    let call = Call::new(Method::GET, proxy.address(), &path).limit(Duration::from_secs(2));
    let held = call.try_send().await;
    assert!(
        held.is_err(),
        "the layer's headers left before the verdict: {held:?}"
    );
}

#[tokio::test]
async fn image_that_turned_bad_is_refused_on_head_and_get_and_sends_nothing_more() {
    let scene = Scene::start("hold").await;
    let image = meh(10_500);
    let path = format!("/v2/lib/turned/manifests/{}", image.digest);
    scene.push("turned", &image).await;
    assert_eq!(
        scene.proxy.ask(Method::GET, &path).await.status,
        StatusCode::OK
    );
    let stricter = POLICY.replace("severityAtLeast: critical", "severityAtLeast: medium");
    scene.proxy.write_policy("prod.yaml", &stricter);
    within(RELOAD_LIMIT, "a stricter policy refuses", async || {
        scene.proxy.ask(Method::HEAD, &path).await.status == StatusCode::FORBIDDEN
    })
    .await;
    for (asked, reply) in ask_manifests(&scene.proxy, "turned", &image).await {
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{asked}");
    }
    assert_nothing_left(&ask_blobs(&scene.proxy, "turned", &image).await, &image);
}
