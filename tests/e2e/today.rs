//! Clients of today: containerd by its transfer service, in parts, locally and through the CRI, and
//! the tools that copy images. Each pulls cold and warm, is refused with the reason, and gets the
//! platforms of an index that it may have.

use sluicegate_tests::clients::containerd::{Containerd, todays_denial};
use sluicegate_tests::clients::tools::Tool;
use sluicegate_tests::image::{self, Flavour, Image};
use sluicegate_tests::process::Outcome;

use crate::scene::{self, Scene, bad, clean};

/// The ways in which today's containerd pulls.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// `ctr images pull`.
    Transfer,
    /// `ctr images pull --local`.
    Local,
    /// The CRI.
    Kubelet,
}

async fn pull(containerd: &Containerd, way: Way, reference: &str) -> Outcome {
    match way {
        Way::Transfer => containerd.ctr_pull(reference).await,
        Way::Local => containerd.ctr_pull_with(&["--local"], reference).await,
        Way::Kubelet => containerd.cri_pull(reference).await,
    }
}

async fn remove(containerd: &Containerd, way: Way, reference: &str) {
    let removed = match way {
        Way::Transfer | Way::Local => containerd.ctr_remove(reference).await,
        Way::Kubelet => containerd.cri_remove(reference).await,
    };
    removed.expect_ok("remove an image");
}

/// Gives what proves that an image arrived: its manifest, or through the CRI its config.
async fn arrived(containerd: &Containerd, way: Way, reference: &str, image: &Image) -> bool {
    match way {
        Way::Transfer | Way::Local => {
            containerd.ctr_digest(reference).await == image.digest.as_str()
        }
        Way::Kubelet => {
            let again = containerd.cri_pull(reference).await;
            again.stdout.contains(image.config.digest.as_str())
        }
    }
}

async fn containerd_pulls(containerd: &Containerd, mode: &str, seed: u64) {
    let mut scene = Scene::start(mode).await;
    let ways = [Way::Transfer, Way::Local, Way::Kubelet];
    let mut pulled = Vec::new();
    for (way, seed) in ways.into_iter().zip((seed..).step_by(2)) {
        let (good, evil) = (clean(seed), bad(seed + 1));
        let reference = scene.push(&format!("good-{seed}"), &good).await;
        let refused = scene.push(&format!("evil-{seed}"), &evil).await;
        let cold = pull(containerd, way, &reference).await;
        cold.expect_ok(&format!("{way:?}, cold"));
        let whole = arrived(containerd, way, &reference, &good).await;
        assert!(whole, "{way:?} has another image");
        remove(containerd, way, &reference).await;
        let cold = pull(containerd, way, &refused).await;
        let warm = pull(containerd, way, &refused).await;
        let reason = todays_denial(&scene.refusal(&evil));
        let first = (mode == "hold").then_some(cold.clone());
        for outcome in first.into_iter().chain([warm]) {
            let shown = outcome.expect_failure(&format!("{way:?}")).text();
            assert!(shown.contains(&reason), "{way:?}: {shown}");
        }
        cold.expect_failure(&format!("{way:?}, cold"));
        pulled.push((way, reference));
    }
    scene.registry.stop();
    for (way, reference) in pulled {
        let warm = pull(containerd, way, &reference).await;
        warm.expect_ok(&format!("{way:?} without upstream"));
        remove(containerd, way, &reference).await;
    }
}

#[tokio::test]
async fn todays_containerd_is_refused_or_served_cold_and_warm_in_hold_mode() {
    containerd_pulls(Containerd::today().await, "hold", 110_000).await;
}

#[tokio::test]
async fn todays_containerd_is_refused_or_served_cold_and_warm_in_stream_mode() {
    containerd_pulls(Containerd::today().await, "stream", 110_100).await;
}

#[tokio::test]
async fn todays_containerd_pulls_layers_in_parallel_parts_in_both_modes() {
    let containerd = Containerd::today_in_parts().await;
    for (mode, seed) in [("hold", 110_200), ("stream", 110_300)] {
        containerd_pulls(containerd, mode, seed).await;
    }
}

async fn tools_pull(mode: &str, seed: u64) {
    let mut scene = Scene::start(mode).await;
    let mut pulled = Vec::new();
    for (tool, seed) in Tool::movers().into_iter().zip((seed..).step_by(2)) {
        let (good, evil) = (clean(seed), bad(seed + 1));
        let name = tool.name();
        let reference = scene.push(&format!("good-{name}"), &good).await;
        let refused = scene.push(&format!("evil-{name}"), &evil).await;
        tool.pull(&reference, "cold").await.expect_ok(name);
        assert_eq!(tool.digest("cold"), good.digest.as_str(), "{name}");
        let cold = tool.pull(&refused, "evil").await.expect_failure(name);
        let warm = tool.pull(&refused, "evil").await.expect_failure(name);
        let reason = scene.refusal(&evil);
        // regctl shows the answer as it came, so quotes are escaped.
        let escaped = reason.replace('"', "\\\"");
        let shows = |outcome: &Outcome| {
            let text = outcome.text();
            text.contains(&reason) || text.contains(&escaped)
        };
        assert!(shows(&warm), "{name}: {warm:?}");
        assert!(mode == "stream" || shows(&cold), "{name}: {cold:?}");
        assert_eq!(tool.digest("evil"), "", "{name} has what was refused");
        pulled.push((tool, reference));
    }
    scene.registry.stop();
    for (tool, reference) in pulled {
        let warm = tool.pull(&reference, "warm").await;
        warm.expect_ok(&format!("{} without upstream", tool.name()));
    }
}

#[tokio::test]
async fn tools_of_today_are_refused_or_served_cold_and_warm_in_hold_mode() {
    tools_pull("hold", 111_000).await;
}

#[tokio::test]
async fn tools_of_today_are_refused_or_served_cold_and_warm_in_stream_mode() {
    tools_pull("stream", 111_100).await;
}

#[tokio::test]
async fn an_index_brings_its_allowed_platform_to_every_client_of_today() {
    let scene = Scene::start("hold").await;
    let child = |package: &str, platform: &str, seed: u64| {
        let image = scene::with_package(package, seed);
        image.platform(platform).build()
    };
    let children = vec![
        child("libgood", "linux/amd64", 112_000),
        child("libbad", "linux/arm64", 112_001),
    ];
    let allowed = children[0].digest.clone();
    let index = image::index(children, Flavour::Oci);
    scene.registry.push_index("lib/multi", "1", &index).await;
    let reference = scene.proxy.reference("lib/multi:1");
    let containerd = Containerd::today().await;
    // It fetches the metadata of every platform unless told otherwise.
    let whole = containerd.ctr_pull(&reference).await;
    let shown = whole.expect_failure("ctr pull").text();
    assert!(shown.contains("libbad 1.0-r0 (fix: 1.0-r1)"), "{shown}");
    for way in [&["--skip-metadata"][..], &["--local", "--skip-metadata"]] {
        let pulled = containerd.ctr_pull_with(way, &reference).await;
        pulled.expect_ok(&format!("ctr pull {way:?}"));
        remove(containerd, Way::Transfer, &reference).await;
    }
    let pulled = containerd.cri_pull(&reference).await;
    pulled.expect_ok("PullImage");
    remove(containerd, Way::Kubelet, &reference).await;
    for tool in Tool::movers() {
        let name = tool.name();
        let platform = ["--platform", "linux/amd64"];
        let pulled = tool.pull_with(&platform, &reference, "one").await;
        pulled.expect_ok(name);
        assert_eq!(tool.digest("one"), allowed.as_str(), "{name}");
        let all = tool.pull(&reference, "all").await.expect_failure(name);
        assert!(all.text().contains("libbad"), "{name}: {all:?}");
    }
}
