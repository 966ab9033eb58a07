//! Every client pulls an image built in code straight from the real registry.

use sluicegate_tests::clients::containerd::Containerd;
use sluicegate_tests::clients::docker::Docker;
use sluicegate_tests::clients::podman::Podman;
use sluicegate_tests::image::{Image, ImageBuilder};
use sluicegate_tests::layer::{self, Archive, Compression};
use sluicegate_tests::registry::Registry;

async fn pushed(registry: &Registry, seed: u64) -> (Image, String) {
    let image = ImageBuilder::new()
        .layer(
            Archive::new()
                .file("etc/os-release", "ID=test\n")
                .layer(Compression::Gzip),
        )
        .layer(layer::noise(seed, 100_000, Compression::Gzip))
        .build();
    registry.push("lib/app", "1", &image).await;
    (image, format!("{}/lib/app:1", registry.address()))
}

#[tokio::test]
async fn docker_pulls() {
    let registry = Registry::start().await;
    let (image, reference) = pushed(&registry, 1).await;
    let docker = Docker::shared().await;
    docker.pull(&reference).await.expect_ok("docker pull");
    assert_eq!(docker.digest(&reference).await, image.digest.as_str());
    docker.remove(&reference).await.expect_ok("docker image rm");
}

#[tokio::test]
async fn ctr_pulls() {
    let registry = Registry::start().await;
    let (image, reference) = pushed(&registry, 2).await;
    let containerd = Containerd::shared().await;
    containerd
        .ctr_pull(&reference)
        .await
        .expect_ok("ctr images pull");
    assert_eq!(
        containerd.ctr_digest(&reference).await,
        image.digest.as_str()
    );
    containerd
        .ctr_remove(&reference)
        .await
        .expect_ok("ctr images rm");
    assert_eq!(containerd.ctr_digest(&reference).await, "");
}

#[tokio::test]
async fn cri_pulls_and_reports_a_failure() {
    let registry = Registry::start().await;
    let (image, reference) = pushed(&registry, 3).await;
    let containerd = Containerd::shared().await;
    let pulled = containerd.cri_pull(&reference).await.expect_ok("PullImage");
    assert!(
        pulled.stdout.contains(image.config.digest.as_str()),
        "{pulled:?}"
    );
    containerd
        .cri_remove(&reference)
        .await
        .expect_ok("RemoveImage");
    let missing = reference.replace(":1", ":2");
    let failed = containerd
        .cri_pull(&missing)
        .await
        .expect_failure("PullImage");
    assert!(failed.stderr.contains("not found"), "{failed:?}");
}

#[tokio::test]
async fn podman_pulls() {
    let registry = Registry::start().await;
    let (image, reference) = pushed(&registry, 4).await;
    let podman = Podman::new();
    podman.pull(&reference).await.expect_ok("podman pull");
    assert_eq!(podman.digest(&reference).await, image.digest.as_str());
    podman.remove(&reference).await.expect_ok("podman image rm");
}
