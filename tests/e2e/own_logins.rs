//! `identity: client`: an upstream that lets each user in by their own password says who may have
//! what, also of everything that is here already.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use sluicegate_tests::clients::containerd::Containerd;
use sluicegate_tests::clients::docker::Docker;
use sluicegate_tests::clients::skopeo;
use sluicegate_tests::private_registry::PrivateRegistry;
use sluicegate_tests::proxy::{Proxy, ProxyBuilder, UPSTREAM};
use sluicegate_tests::wire::Call;
use tempfile::TempDir;

use crate::scene::{self, POLICY, clean};

/// Starts a proxy over an upstream that tells alice and bob apart.
async fn start(more: &str) -> (PrivateRegistry, Proxy, TempDir) {
    let repositories: [(&str, &[&str]); 2] =
        [("lib/alice", &["alice"]), ("lib/both", &["alice", "bob"])];
    let registry = PrivateRegistry::start(&repositories).await;
    let config = format!(
        "upstreams:\n  {UPSTREAM}: {{url: \"{}\", identity: client, \
         allow_insecure_credentials: true}}\n{more}",
        registry.url()
    );
    let feed = scene::feed();
    let builder = ProxyBuilder::with_config(&config).feed(feed.path());
    let builder = builder.environment("RUST_LOG", "trace");
    let proxy = builder.policy("prod.yaml", POLICY).start().await;
    (registry, proxy, feed)
}

/// Asks for a path as somebody, until the answer is no hop.
async fn status(proxy: &Proxy, path: &str, user: Option<(&str, &str)>) -> u16 {
    let mut call = Call::new(Method::GET, proxy.address(), path).follow();
    if let Some((user, password)) = user {
        let pair = STANDARD.encode(format!("{user}:{password}"));
        call = call.header("authorization", &format!("Basic {pair}"));
    }
    call.send().await.status.as_u16()
}

#[tokio::test]
async fn each_user_gets_what_the_upstream_gives_them_cold_warm_and_not_without_it() {
    let (mut registry, proxy, _feed) = start("").await;
    let image = clean(118_000);
    for repository in ["lib/alice", "lib/both"] {
        registry.plain().push(repository, "1", &image).await;
    }
    let (alice, bob) = (Some(("alice", "alice")), Some(("bob", "bob")));
    let manifest = |name: &str| format!("/v2/lib/{name}/manifests/1");
    let by_digest = format!("/v2/lib/alice/manifests/{}", image.digest);
    let blob = format!("/v2/lib/alice/blobs/{}", image.layers[0].digest);
    // Cold: the one who may not is first, then nobody, then the one who may.
    assert_eq!(status(&proxy, &manifest("alice"), bob).await, 403);
    assert_eq!(status(&proxy, &manifest("alice"), None).await, 401);
    assert_eq!(status(&proxy, &manifest("alice"), alice).await, 200);
    let asked = registry.plain().accesses().into_iter();
    let cold = asked.filter(|it| it.method == "GET" && it.path.contains("/lib/alice/manifests/"));
    assert_eq!(
        cold.count(),
        1,
        "what a client was given is not asked for again"
    );
    assert_eq!(status(&proxy, &manifest("both"), bob).await, 200);
    // Warm: all of it is in the cache, bob has the same bytes of another repository, and still.
    for path in [&manifest("alice"), &by_digest, &blob] {
        assert_eq!(status(&proxy, path, alice).await, 200, "{path}");
        assert_eq!(status(&proxy, path, bob).await, 403, "{path}");
        assert_eq!(
            status(&proxy, path, Some(("alice", "guess"))).await,
            403,
            "{path}"
        );
        assert_eq!(status(&proxy, path, None).await, 401, "{path}");
    }
    let lines = proxy.api("/api/v1/decisions?type=pull").await.json();
    let told: Vec<&str> = lines["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|line| line["principal"].as_str())
        .collect();
    assert!(
        told.contains(&"upstream:alice") && told.contains(&"upstream:bob"),
        "{lines}"
    );
    // The password changes there: the old one is nobody's here at once.
    registry.set_password("lib/alice", "alice", "changed-canary-88");
    assert_eq!(status(&proxy, &by_digest, alice).await, 403);
    assert_eq!(
        status(&proxy, &by_digest, Some(("alice", "changed-canary-88"))).await,
        200
    );
    // Nobody can be asked: what is here stays here.
    registry.stop();
    let closed = status(&proxy, &by_digest, Some(("alice", "changed-canary-88"))).await;
    assert!((500..600).contains(&closed), "{closed}");
    for secret in [
        "changed-canary-88",
        &STANDARD.encode("alice:changed-canary-88"),
        &STANDARD.encode("bob:bob"),
    ] {
        assert!(!proxy.log().contains(secret), "a secret is in the log");
    }
}

#[tokio::test]
async fn clients_bring_their_pull_secrets_whatever_the_registry_asks_of_others() {
    for (number, more) in ["", "registry_auth: required\n"].into_iter().enumerate() {
        let (registry, proxy, _feed) = start(more).await;
        let image = clean(118_100 + number as u64);
        registry.plain().push("lib/both", "1", &image).await;
        let reference = proxy.reference("lib/both:1");
        let containerd = Containerd::shared().await;
        for _ in ["cold", "warm"] {
            let pulled = containerd.cri_pull_as(&reference, "bob", "bob").await;
            pulled.expect_ok("PullImage with a pull secret");
            containerd
                .cri_remove(&reference)
                .await
                .expect_ok("RemoveImage");
        }
        let refused = containerd.cri_pull_as(&reference, "bob", "guess").await;
        refused.expect_failure("PullImage with a wrong one");
        let refused = containerd.cri_pull(&reference).await;
        refused.expect_failure("PullImage with none");
        let (docker, host) = (Docker::shared().await, proxy.address());
        let refused = docker.pull(&reference).await;
        refused.expect_failure("docker pull with none");
        docker
            .log_in(host, "bob", "bob")
            .await
            .expect_ok("docker login");
        docker.pull(&reference).await.expect_ok("docker pull");
        docker.log_out(host).await.expect_ok("docker logout");
        docker.remove(&reference).await.expect_ok("docker image rm");
        let target = tempfile::tempdir().expect("make a directory");
        let creds = ["--src-creds", "alice:alice"];
        let copied = skopeo::copy_with(&creds, &reference, target.path()).await;
        copied.expect_ok("skopeo copy");
        assert_eq!(skopeo::manifest(target.path()), image.manifest);
    }
}
