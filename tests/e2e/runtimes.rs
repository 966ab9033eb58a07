//! The configurations of docs/for-runtimes.md, each tried: which make a refusal final and which
//! let a client fall back to the origin.

use sluicegate_tests::clients::containerd::{self, Containerd};
use sluicegate_tests::clients::podman::Podman;
use sluicegate_tests::process::Outcome;
use sluicegate_tests::proxy::UPSTREAM;

use crate::scene::{Scene, bad, clean};

#[tokio::test]
async fn containerd_with_the_gate_as_server_and_host_cannot_fall_back() {
    let scene = Scene::start("hold").await;
    let (good, evil) = (clean(95_000), bad(95_001));
    scene.push("good", &good).await;
    scene.push("evil", &evil).await;
    let containerd = Containerd::shared().await;
    containerd.route(UPSTREAM, scene.proxy.address());
    let name = |name: &str| format!("{UPSTREAM}/lib/{name}:1");
    containerd
        .ctr_pull(&name("good"))
        .await
        .expect_ok("ctr pull");
    assert_eq!(
        containerd.ctr_digest(&name("good")).await,
        good.digest.as_str()
    );
    containerd
        .ctr_remove(&name("good"))
        .await
        .expect_ok("ctr images rm");
    containerd
        .cri_pull(&name("good"))
        .await
        .expect_ok("PullImage");
    containerd
        .cri_remove(&name("good"))
        .await
        .expect_ok("RemoveImage");
    let refused = containerd
        .cri_pull(&name("evil"))
        .await
        .expect_failure("PullImage");
    let words = containerd::denial(&name("evil"), &scene.refusal(&evil)).replace(
        &format!("from host {UPSTREAM} "),
        &format!("from host {} ", scene.proxy.address()),
    );
    assert!(refused.stderr.contains(&words), "{refused:?}");
    assert_eq!(
        scene.proxy.verdict(evil.digest.as_str()).await["decision"],
        "refuse"
    );
}

/// Pulls a clean and a bad image under the upstream's own name.
async fn podman_pulls(registries: impl Fn(&Scene) -> String, seed: u64) -> (Outcome, Outcome) {
    let scene = Scene::start("hold").await;
    let evil = bad(seed + 1);
    scene.push("good", &clean(seed)).await;
    scene.push("evil", &evil).await;
    let podman = Podman::new();
    podman.configure(&registries(&scene));
    let good = podman.pull(&format!("{UPSTREAM}/lib/good:1")).await;
    let refused = podman.pull(&format!("{UPSTREAM}/lib/evil:1")).await;
    let reason = scene.refusal(&evil);
    let is_shown = refused.ok() || refused.stderr.contains(&reason);
    assert!(is_shown, "the reason is not shown: {}", refused.stderr);
    (good, refused)
}

#[tokio::test]
async fn podman_with_the_gate_as_location_cannot_fall_back() {
    let registries = |scene: &Scene| {
        format!(
            "[[registry]]\nprefix = \"{UPSTREAM}\"\nlocation = \"{}/{UPSTREAM}\"\ninsecure = true\n",
            scene.proxy.address()
        )
    };
    let (good, refused) = podman_pulls(registries, 95_100).await;
    good.expect_ok("podman pull");
    refused.expect_failure("podman pull");
}

#[tokio::test]
async fn podman_with_a_blocked_origin_and_the_gate_as_mirror_cannot_fall_back() {
    let registries = |scene: &Scene| {
        format!(
            "[[registry]]\nprefix = \"{UPSTREAM}\"\nlocation = \"{UPSTREAM}\"\nblocked = true\n\
             [[registry.mirror]]\nlocation = \"{}/{UPSTREAM}\"\ninsecure = true\n",
            scene.proxy.address()
        )
    };
    let (good, refused) = podman_pulls(registries, 95_200).await;
    good.expect_ok("podman pull");
    refused.expect_failure("podman pull");
}

#[tokio::test]
async fn podman_with_the_gate_as_a_mere_mirror_falls_back_as_the_documentation_warns() {
    let registries = |scene: &Scene| {
        format!(
            "[[registry]]\nprefix = \"{UPSTREAM}\"\nlocation = \"{}\"\ninsecure = true\n\
             [[registry.mirror]]\nlocation = \"{}/{UPSTREAM}\"\ninsecure = true\n",
            scene.registry.address(),
            scene.proxy.address()
        )
    };
    let (good, bypassed) = podman_pulls(registries, 95_300).await;
    good.expect_ok("podman pull");
    bypassed.expect_ok("podman pull, from the origin");
}
