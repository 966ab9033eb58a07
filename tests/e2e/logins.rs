//! Clients log in with access keys: docker, containerd by CRI, podman, skopeo, oras; with a right
//! key, a wrong one, one that was revoked, and none.

use serde_json::Value;
use sluicegate_tests::clients::containerd::Containerd;
use sluicegate_tests::clients::docker::Docker;
use sluicegate_tests::clients::podman::Podman;
use sluicegate_tests::clients::skopeo;
use sluicegate_tests::clients::tools::Tool;
use sluicegate_tests::proxy::sluicegate;

use crate::scene::{Scene, clean};

struct Key {
    access: String,
    secret: String,
}

async fn keys(scene: &Scene, arguments: &[&str]) -> Value {
    let data = scene.proxy.data().display().to_string();
    let all = [&["keys"], arguments, &["--data", &data, "--format", "json"]].concat();
    let done = sluicegate(&all).await.expect_ok("a command about keys");
    serde_json::from_str(&done.stdout).expect("JSON")
}

async fn key(scene: &Scene, name: &str) -> Key {
    let made = keys(scene, &["create", "--name", name, "--role", "puller"]).await;
    let field = |name: &str| made[name].as_str().expect("a half of a key").to_owned();
    Key {
        access: field("access_key"),
        secret: field("secret_key"),
    }
}

async fn scene() -> Scene {
    Scene::start_with(|proxy| proxy.flag("--registry-auth", "required")).await
}

#[tokio::test]
async fn docker_logs_in_and_pulls_and_is_told_when_it_may_not() {
    let scene = scene().await;
    let reference = scene.push("docker", &clean(119_000)).await;
    let ci = key(&scene, "ci").await;
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
    keys(&scene, &["revoke", "ci"]).await;
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
    let ci = key(&scene, "ci").await;
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
async fn podman_skopeo_and_tools_pull_with_a_key() {
    let scene = scene().await;
    let (ci, image) = (key(&scene, "ci").await, clean(119_200));
    let reference = scene.push("many", &image).await;
    let pair = format!("{}:{}", ci.access, ci.secret);
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
