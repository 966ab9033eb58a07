//! Every client pulls an image built in code straight from the real registry.

use sluicegate_tests::clients::containerd::{self, Containerd};
use sluicegate_tests::clients::docker::{self, Docker};
use sluicegate_tests::clients::podman::{self, Podman};
use sluicegate_tests::clients::skopeo;
use sluicegate_tests::fault::{Fault, FaultUpstream};
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

#[tokio::test]
async fn each_client_shows_a_denial_in_its_own_words() {
    let upstream = FaultUpstream::start().await;
    let reason = "sluicegate: refused by policy \"prod\", rule \"x\": 1 finding";
    upstream.always("/manifests/", Fault::Deny(reason.into()));
    let reference = format!("{}/lib/app:1", upstream.address());
    let docker = Docker::shared()
        .await
        .pull(&reference)
        .await
        .expect_failure("docker pull");
    assert_eq!(docker.stderr.trim(), docker::denial(&reference, reason));
    let podman = Podman::new()
        .pull(&reference)
        .await
        .expect_failure("podman pull");
    assert!(
        podman
            .stderr
            .trim()
            .ends_with(&podman::denial(&reference, reason)),
        "{podman:?}"
    );
    let target = tempfile::tempdir().expect("make a directory");
    let skopeo = skopeo::copy(&reference, target.path())
        .await
        .expect_failure("skopeo copy");
    assert!(
        skopeo
            .stderr
            .trim()
            .ends_with(&skopeo::denial(&reference, reason)),
        "{skopeo:?}"
    );
    let containerd = Containerd::shared().await;
    let ctr = containerd
        .ctr_pull(&reference)
        .await
        .expect_failure("ctr pull");
    assert!(
        ctr.text()
            .contains(&containerd::denial(&reference, "Forbidden")),
        "{ctr:?}"
    );
    let cri = containerd
        .cri_pull(&reference)
        .await
        .expect_failure("PullImage");
    assert!(
        cri.stderr
            .contains(&containerd::denial(&reference, "Forbidden")),
        "{cri:?}"
    );
}
