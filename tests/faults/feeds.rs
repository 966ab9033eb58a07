//! Feeds that cannot be read: the program says why, and nothing counts as clean for it.

use sluicegate_tests::fault::FaultUpstream;
use sluicegate_tests::image::Image;
use sluicegate_tests::proxy::{Proxy, ProxyBuilder};

use crate::stage::clean_image;

/// Refuses whatever is not fully known.
const STRICT: &str = "\
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: strict}
spec:
  onInconclusive: refuse
";

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
async fn an_absent_feed_refuses_what_it_would_have_covered_and_says_so() {
    let upstream = upstream_with(&clean_image(1, 1_000)).await;
    let home = tempfile::tempdir().expect("make a directory");
    let proxy = ProxyBuilder::new(&upstream.url())
        .policy("strict.yaml", STRICT)
        .feed(&home.path().join("absent"))
        .start()
        .await;
    refuses_and_says_why(&proxy).await;
}
