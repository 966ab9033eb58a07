//! Every client, both gate modes: a bad image is refused on its first pull with a line that names
//! the reason, a clean one arrives unchanged, and the second pull needs no upstream.

use sluicegate_tests::clients::containerd::{self, Containerd};
use sluicegate_tests::clients::docker::{self, Docker};
use sluicegate_tests::clients::podman::{self, Podman};
use sluicegate_tests::clients::skopeo;

use crate::scene::{Scene, bad, clean};

async fn skopeo_pulls(mode: &str, seed: u64) {
    let mut scene = Scene::start(mode).await;
    let (good, evil) = (clean(seed), bad(seed + 1));
    let reference = scene.push("good", &good).await;
    let refused = scene.push("evil", &evil).await;
    for _ in ["cold", "warm"] {
        let target = tempfile::tempdir().expect("make a directory");
        skopeo::copy(&reference, target.path())
            .await
            .expect_ok("skopeo copy");
        assert_eq!(skopeo::manifest(target.path()), good.manifest);
        let outcome = skopeo::copy(&refused, target.path())
            .await
            .expect_failure("skopeo copy");
        assert!(
            outcome
                .stderr
                .trim()
                .ends_with(&skopeo::denial(&refused, &scene.refusal(&evil))),
            "{outcome:?}"
        );
    }
    scene.registry.stop();
    let target = tempfile::tempdir().expect("make a directory");
    skopeo::copy(&reference, target.path())
        .await
        .expect_ok("skopeo copy without upstream");
    skopeo::copy(&refused, target.path())
        .await
        .expect_failure("skopeo copy without upstream");
}

#[tokio::test]
async fn skopeo_is_refused_or_served_cold_and_warm_in_hold_mode() {
    skopeo_pulls("hold", 1_100).await;
}

#[tokio::test]
async fn skopeo_is_refused_or_served_in_stream_mode() {
    let scene = Scene::start("stream").await;
    let (good, evil) = (clean(1_200), bad(1_201));
    let reference = scene.push("good", &good).await;
    let refused = scene.push("evil", &evil).await;
    let target = tempfile::tempdir().expect("make a directory");
    skopeo::copy(&reference, target.path())
        .await
        .expect_ok("skopeo copy");
    assert_eq!(skopeo::manifest(target.path()), good.manifest);
    let target = tempfile::tempdir().expect("make a directory");
    skopeo::copy(&refused, target.path())
        .await
        .expect_failure("skopeo copy");
    let warm = skopeo::copy(&refused, target.path())
        .await
        .expect_failure("skopeo copy");
    assert!(
        warm.stderr
            .trim()
            .ends_with(&skopeo::denial(&refused, &scene.refusal(&evil))),
        "{warm:?}"
    );
}

async fn docker_pulls(mode: &str, seed: u64) {
    let mut scene = Scene::start(mode).await;
    let docker = Docker::shared().await;
    let (good, evil) = (clean(seed), bad(seed + 1));
    let reference = scene.push("good", &good).await;
    let refused = scene.push("evil", &evil).await;
    docker.pull(&reference).await.expect_ok("docker pull, cold");
    assert_eq!(docker.digest(&reference).await, good.digest.as_str());
    docker.remove(&reference).await.expect_ok("docker image rm");
    let cold = docker.pull(&refused).await.expect_failure("docker pull");
    if mode == "hold" {
        assert_eq!(
            cold.stderr.trim(),
            docker::denial(&refused, &scene.refusal(&evil))
        );
    }
    let warm = docker.pull(&refused).await.expect_failure("docker pull");
    assert_eq!(
        warm.stderr.trim(),
        docker::denial(&refused, &scene.refusal(&evil))
    );
    scene.registry.stop();
    docker
        .pull(&reference)
        .await
        .expect_ok("docker pull without upstream");
    docker.remove(&reference).await.expect_ok("docker image rm");
}

#[tokio::test]
async fn docker_is_refused_or_served_cold_and_warm_in_hold_mode() {
    docker_pulls("hold", 2_100).await;
}

#[tokio::test]
async fn docker_is_refused_or_served_in_stream_mode() {
    docker_pulls("stream", 2_200).await;
}

async fn podman_pulls(mode: &str, seed: u64) {
    let mut scene = Scene::start(mode).await;
    let (good, evil) = (clean(seed), bad(seed + 1));
    let reference = scene.push("good", &good).await;
    let refused = scene.push("evil", &evil).await;
    let podman = Podman::new();
    podman.pull(&reference).await.expect_ok("podman pull, cold");
    assert_eq!(podman.digest(&reference).await, good.digest.as_str());
    let cold = podman.pull(&refused).await.expect_failure("podman pull");
    let warm = podman.pull(&refused).await.expect_failure("podman pull");
    for outcome in if mode == "hold" {
        vec![cold, warm]
    } else {
        vec![warm]
    } {
        assert!(
            outcome
                .stderr
                .trim()
                .ends_with(&podman::denial(&refused, &scene.refusal(&evil))),
            "{outcome:?}"
        );
    }
    scene.registry.stop();
    Podman::new()
        .pull(&reference)
        .await
        .expect_ok("podman pull without upstream");
}

#[tokio::test]
async fn podman_is_refused_or_served_cold_and_warm_in_hold_mode() {
    podman_pulls("hold", 3_100).await;
}

#[tokio::test]
async fn podman_is_refused_or_served_in_stream_mode() {
    podman_pulls("stream", 3_200).await;
}

async fn ctr_pulls(mode: &str, seed: u64) {
    let mut scene = Scene::start(mode).await;
    let containerd = Containerd::shared().await;
    let (good, evil) = (clean(seed), bad(seed + 1));
    let reference = scene.push("good", &good).await;
    let refused = scene.push("evil", &evil).await;
    containerd
        .ctr_pull(&reference)
        .await
        .expect_ok("ctr pull, cold");
    assert_eq!(
        containerd.ctr_digest(&reference).await,
        good.digest.as_str()
    );
    containerd
        .ctr_remove(&reference)
        .await
        .expect_ok("ctr images rm");
    containerd
        .ctr_pull(&refused)
        .await
        .expect_failure("ctr pull");
    let warm = containerd
        .ctr_pull(&refused)
        .await
        .expect_failure("ctr pull");
    assert!(
        warm.text()
            .contains(&containerd::denial(&refused, &scene.refusal(&evil))),
        "{}",
        warm.text()
    );
    scene.registry.stop();
    containerd
        .ctr_pull(&reference)
        .await
        .expect_ok("ctr pull without upstream");
    containerd
        .ctr_remove(&reference)
        .await
        .expect_ok("ctr images rm");
}

#[tokio::test]
async fn ctr_is_refused_or_served_cold_and_warm_in_hold_mode() {
    ctr_pulls("hold", 4_100).await;
}

#[tokio::test]
async fn ctr_is_refused_or_served_in_stream_mode() {
    ctr_pulls("stream", 4_200).await;
}

async fn kubelet_pulls(mode: &str, seed: u64) {
    let mut scene = Scene::start(mode).await;
    let containerd = Containerd::shared().await;
    let (good, evil) = (clean(seed), bad(seed + 1));
    let reference = scene.push("good", &good).await;
    let refused = scene.push("evil", &evil).await;
    let pulled = containerd
        .cri_pull(&reference)
        .await
        .expect_ok("PullImage, cold");
    assert!(
        pulled.stdout.contains(good.config.digest.as_str()),
        "{pulled:?}"
    );
    containerd
        .cri_remove(&reference)
        .await
        .expect_ok("RemoveImage");
    containerd
        .cri_pull(&refused)
        .await
        .expect_failure("PullImage");
    let warm = containerd
        .cri_pull(&refused)
        .await
        .expect_failure("PullImage");
    assert!(
        warm.stderr
            .contains(&containerd::denial(&refused, &scene.refusal(&evil))),
        "{}",
        warm.stderr
    );
    scene.registry.stop();
    containerd
        .cri_pull(&reference)
        .await
        .expect_ok("PullImage without upstream");
    containerd
        .cri_remove(&reference)
        .await
        .expect_ok("RemoveImage");
}

#[tokio::test]
async fn kubelet_is_refused_or_served_cold_and_warm_in_hold_mode() {
    kubelet_pulls("hold", 5_100).await;
}

#[tokio::test]
async fn kubelet_is_refused_or_served_in_stream_mode() {
    kubelet_pulls("stream", 5_200).await;
}
