//! Credentials that clients bring for somebody else: a pod's pull secret, a login at the origin. The
//! gate asks for none, so they are no failed login, go nowhere and are written nowhere.

use sluicegate_tests::clients::containerd::Containerd;
use sluicegate_tests::clients::skopeo;
use sluicegate_tests::clients::tools::Tool;
use sluicegate_tests::fault::FaultUpstream;
use sluicegate_tests::proxy::{Proxy, ProxyBuilder};
use tempfile::TempDir;

use crate::scene::{self, POLICY, bad, clean};

const USER: &str = "pod";
const PASSWORD: &str = "pull-secret-canary-1963";

/// Starts a proxy over an upstream that writes down what it is sent.
async fn start() -> (FaultUpstream, Proxy, TempDir) {
    let upstream = FaultUpstream::start().await;
    let feed = scene::feed();
    let builder = ProxyBuilder::new(&upstream.url())
        .feed(feed.path())
        .environment("RUST_LOG", "trace")
        .policy("prod.yaml", POLICY);
    let proxy = builder.start().await;
    (upstream, proxy, feed)
}

async fn assert_secret_stayed(upstream: &FaultUpstream, proxy: &Proxy) {
    assert!(!upstream.seen().is_empty(), "the upstream was asked");
    for seen in upstream.seen() {
        assert_eq!(seen.authorization(), "", "{seen:?}");
    }
    let encoded = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("{USER}:{PASSWORD}"),
    );
    let decisions = proxy.api("/api/v1/decisions").await.text();
    for (place, text) in [("log", proxy.log()), ("decisions", decisions)] {
        let secret = text.find(PASSWORD).or_else(|| text.find(&encoded));
        assert_eq!(secret, None, "the {place} has the secret");
    }
}

#[tokio::test]
async fn a_pods_pull_secret_for_the_origin_is_no_login_here_and_goes_no_further() {
    let (upstream, proxy, _feed) = start().await;
    let clients = [Containerd::shared().await, Containerd::today().await];
    for (containerd, seed) in clients.into_iter().zip([115_000, 115_010]) {
        let (good, evil) = (clean(seed), bad(seed + 1));
        let (name, refused) = (format!("lib/good-{seed}"), format!("lib/evil-{seed}"));
        upstream.add(&name, "1", &good);
        upstream.add(&refused, "1", &evil);
        let reference = proxy.reference(&format!("{name}:1"));
        for _ in ["cold", "warm"] {
            let pulled = containerd.cri_pull_as(&reference, USER, PASSWORD).await;
            pulled.expect_ok("PullImage with a pull secret");
            let removed = containerd.cri_remove(&reference).await;
            removed.expect_ok("RemoveImage");
        }
        let refused = proxy.reference(&format!("{refused}:1"));
        let refused = containerd.cri_pull_as(&refused, USER, PASSWORD).await;
        refused.expect_failure("PullImage with a pull secret");
    }
    assert_secret_stayed(&upstream, &proxy).await;
}

#[tokio::test]
async fn credentials_that_tools_send_are_no_login_here_and_go_no_further() {
    let (upstream, proxy, _feed) = start().await;
    let login = format!("{USER}:{PASSWORD}");
    for (number, tool) in Tool::movers().into_iter().enumerate() {
        let (name, image) = (tool.name(), clean(115_100 + number as u64));
        upstream.add(&format!("lib/{name}"), "1", &image);
        let reference = proxy.reference(&format!("lib/{name}:1"));
        tool.log_in(&reference, USER, PASSWORD);
        let pulled = tool.pull(&reference, "pulled").await;
        pulled.expect_ok(&format!("{name} with credentials"));
        assert_eq!(tool.digest("pulled"), image.digest.as_str(), "{name}");
    }
    upstream.add("lib/skopeo", "1", &clean(115_200));
    let target = tempfile::tempdir().expect("make a directory");
    let reference = proxy.reference("lib/skopeo:1");
    let copied = skopeo::copy_with(&["--src-creds", &login], &reference, target.path()).await;
    copied.expect_ok("skopeo copy with credentials");
    assert_secret_stayed(&upstream, &proxy).await;
}
