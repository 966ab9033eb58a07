//! Clients log in with access keys: docker, containerd by CRI, podman, skopeo, oras; with a right
//! key, a wrong one, one that was revoked, and none.

use std::ffi::OsStr;
use std::time::Duration;

use sluicegate_tests::certificates;
use sluicegate_tests::clients::containerd::Containerd;
use sluicegate_tests::clients::docker::Docker;
use sluicegate_tests::clients::podman::Podman;
use sluicegate_tests::clients::skopeo;
use sluicegate_tests::clients::tools::Tool;
use sluicegate_tests::keys::Keys;
use sluicegate_tests::process::run_with;
use sluicegate_tests::proxy::{ProxyBuilder, UPSTREAM, program};
use sluicegate_tests::registry::Registry;

use crate::scene::{self, Scene, clean};

async fn scene() -> Scene {
    Scene::start_with(|proxy| proxy.flag("--registry-auth", "required")).await
}

#[tokio::test]
async fn docker_logs_in_and_pulls_and_is_told_when_it_may_not() {
    let scene = scene().await;
    let reference = scene.push("docker", &clean(119_000)).await;
    let ci = Keys(&scene.proxy).make("ci", "puller", &[]).await;
    let (docker, host) = (Docker::shared().await, scene.proxy.address());
    let refused = docker
        .pull(&reference)
        .await
        .expect_failure("docker pull without a key");
    assert!(
        refused.stderr.contains("credentials are needed"),
        "{refused:?}"
    );
    let wrong = docker.log_in(host, &ci.access, "guess").await;
    let wrong = wrong.expect_failure("docker login with a wrong key");
    assert!(
        wrong.stderr.contains("the credentials are not right"),
        "{wrong:?}"
    );
    docker
        .log_in(host, &ci.access, &ci.secret)
        .await
        .expect_ok("docker login");
    docker.pull(&reference).await.expect_ok("docker pull");
    docker.remove(&reference).await.expect_ok("docker image rm");
    Keys(&scene.proxy)
        .run(&["revoke", "ci"])
        .await
        .expect_ok("revoke");
    let refused = docker
        .pull(&reference)
        .await
        .expect_failure("docker pull with a revoked key");
    assert!(
        refused.stderr.contains("the credentials are not right"),
        "{refused:?}"
    );
    docker.log_out(host).await.expect_ok("docker logout");
    let lines = scene.proxy.api("/api/v1/decisions?type=pull").await.json();
    assert_eq!(lines["items"][0]["principal"], "ci", "{lines}");
}

#[tokio::test]
async fn containerd_pulls_with_a_key_by_cri() {
    let scene = scene().await;
    let ci = Keys(&scene.proxy).make("ci", "puller", &[]).await;
    for (containerd, seed) in [Containerd::shared().await, Containerd::today().await]
        .into_iter()
        .zip([119_100, 119_101])
    {
        let reference = scene.push(&format!("cri-{seed}"), &clean(seed)).await;
        let refused = containerd.cri_pull(&reference).await;
        refused.expect_failure("PullImage without a key");
        let wrong = containerd
            .cri_pull_as(&reference, &ci.access, "guess")
            .await;
        wrong.expect_failure("PullImage with a wrong key");
        let pulled = containerd
            .cri_pull_as(&reference, &ci.access, &ci.secret)
            .await;
        pulled.expect_ok("PullImage with a key");
        containerd
            .cri_remove(&reference)
            .await
            .expect_ok("RemoveImage");
    }
}

#[tokio::test]
async fn a_node_of_containerd_says_who_it_is_where_it_is_told_of_the_gate() {
    let scene = scene().await;
    let node = Keys(&scene.proxy).make("node", "puller", &[]).await;
    for (containerd, seed) in [Containerd::shared().await, Containerd::today().await]
        .into_iter()
        .zip([119_150, 119_151])
    {
        let reference = scene.push(&format!("node-{seed}"), &clean(seed)).await;
        let unknown = containerd.cri_pull(&reference).await;
        unknown.expect_failure("PullImage of a node that nobody knows");
        let gate = scene.proxy.address();
        containerd.route_as(gate, gate, &node.basic());
        let pulled = containerd.cri_pull(&reference).await;
        pulled.expect_ok("PullImage of a node with a key");
        let removed = containerd.cri_remove(&reference).await;
        removed.expect_ok("RemoveImage");
    }
    let lines = scene.proxy.api("/api/v1/decisions?type=pull").await.json();
    assert_eq!(lines["items"][0]["principal"], "node", "{lines}");
}

#[tokio::test]
async fn podman_skopeo_and_tools_pull_with_a_key() {
    let scene = scene().await;
    let ci = Keys(&scene.proxy).make("ci", "puller", &[]).await;
    let image = clean(119_200);
    let reference = scene.push("many", &image).await;
    let pair = ci.pair();
    let podman = Podman::new();
    let refused = podman
        .pull(&reference)
        .await
        .expect_failure("podman pull without a key");
    assert!(
        refused.stderr.contains("credentials are needed"),
        "{refused:?}"
    );
    podman
        .pull_as(&reference, &pair)
        .await
        .expect_ok("podman pull");
    let host = scene.proxy.address();
    let wrong = podman.log_in(host, &ci.access, "guess").await;
    let wrong = wrong.expect_failure("podman login with a wrong key");
    assert!(
        wrong.text().contains("invalid username/password"),
        "{wrong:?}"
    );
    let right = podman.log_in(host, &ci.access, &ci.secret).await;
    right.expect_ok("podman login");
    podman
        .pull(&reference)
        .await
        .expect_ok("podman pull as who logged in");
    let target = tempfile::tempdir().expect("make a directory");
    let refused = skopeo::copy(&reference, target.path()).await;
    let refused = refused.expect_failure("skopeo copy without a key");
    assert!(
        refused.stderr.contains("credentials are needed"),
        "{refused:?}"
    );
    let copied = skopeo::copy_with(&["--src-creds", &pair], &reference, target.path()).await;
    copied.expect_ok("skopeo copy");
    assert_eq!(skopeo::manifest(target.path()), image.manifest);
    for tool in Tool::movers() {
        tool.log_in(&reference, &ci.access, &ci.secret);
        let pulled = tool.pull(&reference, "pulled").await;
        pulled.expect_ok(&format!("{} with a key", tool.name()));
        assert_eq!(
            tool.digest("pulled"),
            image.digest.as_str(),
            "{}",
            tool.name()
        );
    }
}

/// Lets in whoever comes from this machine, and asks nothing else of them.
const NODES: &str = "apiVersion: sluicegate/v1
kind: Binding
metadata: {name: nodes}
spec: {policy: prod, repositories: ['**'], clients: ['127.0.0.0/8']}
";

#[tokio::test]
async fn a_pods_pull_secret_for_the_origin_is_nobody_s_and_its_node_is_known_by_its_network() {
    let scene = scene().await;
    let reference = scene.push("node", &clean(119_300)).await;
    let containerd = Containerd::shared().await;
    let pull = || containerd.cri_pull_as(&reference, "hub-user", "pull-secret");
    pull()
        .await
        .expect_failure("PullImage from a node that nobody knows");
    scene.proxy.write_policy("nodes.yaml", NODES);
    let is_known = async || pull().await.ok();
    scene::within(scene::RELOAD_LIMIT, "the node is known", is_known).await;
    containerd
        .cri_remove(&reference)
        .await
        .expect_ok("RemoveImage");
    let pulled = containerd.cri_pull(&reference).await;
    pulled.expect_ok("PullImage without a pull secret");
    containerd
        .cri_remove(&reference)
        .await
        .expect_ok("RemoveImage");
}

#[tokio::test]
async fn a_client_certificate_says_who_a_node_is_and_a_key_who_asks_the_api() {
    let registry = Registry::start().await;
    registry.push("lib/app", "1", &clean(119_400)).await;
    let files = tempfile::tempdir().expect("make a directory");
    let authority = certificates::write_with_client(files.path(), "node-1");
    let pair = format!(
        "cert_file: {0}/server.pem, key_file: {0}/server.key",
        files.path().display()
    );
    let config = format!(
        "upstreams:\n  {UPSTREAM}: {{url: \"{}\"}}\nregistry_auth: required\napi_auth: required\n\
         tls: {{{pair}, client_ca_file: {}}}\n",
        registry.url(),
        authority.display()
    );
    let feed = scene::feed();
    let builder = ProxyBuilder::with_config(&config).feed(feed.path());
    let proxy = builder.policy("prod.yaml", scene::POLICY).start().await;
    let reference = proxy.reference("lib/app:1");
    let nobody = skopeo::copy_trusting(&authority, &[], &reference).await;
    nobody.expect_failure("skopeo copy without a certificate");
    let shown = files.path().join("client").display().to_string();
    let node = skopeo::copy_trusting(&authority, &["--src-cert-dir", &shown], &reference).await;
    node.expect_ok("skopeo copy with a certificate");
    let audit = Keys(&proxy).make("audit", "auditor", &[]).await;
    let key = [
        ("SLUICEGATE_ACCESS_KEY", OsStr::new(&audit.access)),
        ("SLUICEGATE_SECRET_KEY", OsStr::new(&audit.secret)),
    ];
    let service = format!("http://{}", proxy.api_address());
    let listed = [
        "decisions",
        "list",
        "--format",
        "json",
        "--service",
        &service,
    ];
    let program = program().display().to_string();
    let limit = Duration::from_secs(60);
    let lines = run_with(&program, &listed, &key, limit)
        .await
        .expect_ok("decisions list");
    assert!(lines.stdout.contains("cert:node-1"), "{}", lines.stdout);
    let refused = run_with(&program, &listed, &[], limit).await;
    let refused = refused.expect_failure("decisions list without a key");
    assert!(
        refused.stderr.contains("SLUICEGATE_ACCESS_KEY"),
        "{}",
        refused.stderr
    );
    let elsewhere = ["status", "--service", "http://sluicegate.invalid:5080"];
    let warned = run_with(&program, &elsewhere, &key, limit).await;
    let warned = warned.expect_failure("status of nobody");
    assert!(warned.stderr.contains("without TLS"), "{}", warned.stderr);
}
