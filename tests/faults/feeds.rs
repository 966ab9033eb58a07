//! Feeds that cannot be read: the program says why, and nothing counts as clean for it.

use std::time::Duration;

use sluicegate_tests::fault::FaultUpstream;
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::image::Image;
use sluicegate_tests::proxy::{Proxy, ProxyBuilder, sluicegate};

use crate::stage::{Stage, clean_image, flawed_image, within, write_feed};

/// Refuses whatever is not fully known.
const STRICT: &str = "\
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: strict}
spec:
  onInconclusive: refuse
";
/// Longest time until a change of a feed directory is seen: it is looked at every 30 s.
const NOTICED: Duration = Duration::from_secs(45);

async fn upstream_with(image: &Image) -> FaultUpstream {
    let upstream = FaultUpstream::start().await;
    upstream.add("lib/app", "1", image);
    upstream
}

/// Asserts that readiness names a problem and that the pull is refused for want of a feed.
async fn refuses_and_says_why(proxy: &Proxy) {
    let ready = proxy.api("/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.text());
    let problem = ready.json()["feeds_problem"].clone();
    assert!(problem.is_string(), "{}", ready.text());
    let status = proxy.api("/api/v1/status").await.json();
    assert_eq!(status["feeds"]["problem"], problem);
    let reply = proxy
        .ask(http::Method::GET, "/v2/lib/app/manifests/1")
        .await;
    assert_eq!(reply.status, 403, "{}", reply.text());
    let message = reply.message();
    assert!(message.contains("feed"), "no reason: {message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absent_feed_stops_the_start_as_an_absent_policy_does() {
    let home = tempfile::tempdir().expect("make a directory");
    let (data, absent) = (home.path().join("data"), home.path().join("absent"));
    let (data, absent) = (data.display().to_string(), absent.display().to_string());
    let listen = ["--listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0"];
    for flag in ["--feed", "--policy"] {
        let arguments = [&["serve", "--data", &data, flag, &absent][..], &listen].concat();
        let outcome = sluicegate(&arguments).await;
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(outcome.text().contains(&absent), "{}", outcome.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_feed_refuses_what_it_would_have_covered_and_says_so() {
    let upstream = upstream_with(&clean_image(2, 1_000)).await;
    let feed = tempfile::tempdir().expect("make a directory");
    write_feed(feed.path());
    let zip = feed.path().join("PyPI/all.zip");
    let bytes = std::fs::read(&zip).expect("read a feed");
    std::fs::write(&zip, &bytes[..bytes.len() / 2]).expect("damage a feed");
    let proxy = ProxyBuilder::new(&upstream.url())
        .policy("strict.yaml", STRICT)
        .feed(feed.path())
        .start()
        .await;
    refuses_and_says_why(&proxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_damaged_later_leaves_the_last_good_one_in_force() {
    let mut stage = Stage::start("hold").await;
    let flawed = flawed_image(3, 1_000);
    stage.upstream.add("lib/flawed", "1", &flawed);
    let zip = stage.feed.path().join("PyPI/all.zip");
    std::fs::write(&zip, b"no zip at all").expect("damage a feed");
    within(NOTICED, "noticed", async || {
        let status = stage.proxy.api("/api/v1/status").await.json();
        status["feeds"]["problem"].is_string()
    })
    .await;
    assert_eq!(stage.manifest("lib/flawed", "1").await.status, 403);
    stage.proxy.restart().await;
    let next = flawed_image(4, 1_000);
    stage.upstream.add("lib/next", "1", &next);
    for repository in ["lib/flawed", "lib/next"] {
        let reply = stage.manifest(repository, "1").await;
        assert_eq!(reply.status, 403, "after a restart: {}", reply.text());
    }
    let other = Advisory::new("CVE-2026-0002", "PyPI", "other", "2.0");
    feeds::write(stage.feed.path(), &["PyPI"], &[other]);
    within(NOTICED, "healed", async || {
        stage.manifest("lib/flawed", "1").await.status == 200
    })
    .await;
    let status = stage.proxy.api("/api/v1/status").await.json();
    assert!(status["feeds"]["problem"].is_null(), "{status}");
}
