//! A verdict that takes longer than one response may be held: every client waits through the
//! redirects and gets its real answer in the end.

use sluicegate_tests::clients::containerd::{self, Containerd};
use sluicegate_tests::clients::docker::{self, Docker};
use sluicegate_tests::clients::podman::{self, Podman};
use sluicegate_tests::clients::skopeo;
use sluicegate_tests::fault::FaultUpstream;
use sluicegate_tests::image::Image;
use sluicegate_tests::process::Outcome;
use sluicegate_tests::proxy::{Proxy, ProxyBuilder};
use tempfile::TempDir;

use crate::scene::{self, POLICY, bad, clean, refusal};

/// Bytes of one image take this long: past the 20 s that a response is held, within two hops.
const SLOW_SECONDS: u64 = 30;

struct Slow {
    proxy: Proxy,
    reference: String,
    _upstream: FaultUpstream,
    _feed: TempDir,
}

/// Starts a proxy before an upstream that takes half a minute for `image`.
async fn slow(image: &Image, name: &str) -> Slow {
    let upstream = FaultUpstream::start().await;
    upstream.add(&format!("lib/{name}"), "1", image);
    upstream.limit_to(image.size() / SLOW_SECONDS);
    let feed = scene::feed();
    let builder = ProxyBuilder::new(&upstream.url()).feed(feed.path());
    let proxy = builder.policy("prod.yaml", POLICY).start().await;
    let reference = proxy.reference(&format!("lib/{name}:1"));
    Slow {
        proxy,
        reference,
        _upstream: upstream,
        _feed: feed,
    }
}

/// Pulls with all five clients at once: docker, podman, skopeo, ctr, CRI.
async fn pull_with_all(reference: &str) -> [Outcome; 5] {
    let (docker, containerd) = (Docker::shared().await, Containerd::shared().await);
    let podman = Podman::new();
    let target = tempfile::tempdir().expect("make a directory");
    let outcomes = futures_util::join!(
        docker.pull(reference),
        podman.pull(reference),
        skopeo::copy(reference, target.path()),
        containerd.ctr_pull(reference),
        containerd.cri_pull(reference),
    );
    let _ = docker.remove(reference).await;
    let _ = containerd.ctr_remove(reference).await;
    let _ = containerd.cri_remove(reference).await;
    outcomes.into()
}

#[tokio::test]
async fn every_client_waits_for_a_slow_image_and_gets_it() {
    let image = clean(97_000);
    let slow = slow(&image, "slowgood").await;
    for outcome in pull_with_all(&slow.reference).await {
        let took = outcome.took.as_secs();
        outcome.expect_ok("pull of a slow image");
        assert!(took >= 20, "the pull took {took} s: nothing was held");
    }
}

#[tokio::test]
async fn every_client_waits_for_a_slow_image_and_is_refused_with_the_reason() {
    let image = bad(97_100);
    let slow = slow(&image, "slowbad").await;
    let (name, reason) = (&slow.reference, refusal(slow.proxy.api_address(), &image));
    let [docker, podman, skopeo, ctr, cri] = pull_with_all(name).await;
    assert_eq!(docker.stderr.trim(), docker::denial(name, &reason));
    assert!(
        podman
            .stderr
            .trim()
            .ends_with(&podman::denial(name, &reason)),
        "{podman:?}"
    );
    assert!(
        skopeo
            .stderr
            .trim()
            .ends_with(&skopeo::denial(name, &reason)),
        "{skopeo:?}"
    );
    assert!(
        ctr.text().contains(&containerd::denial(name, &reason)),
        "{ctr:?}"
    );
    assert!(
        cri.stderr.contains(&containerd::denial(name, &reason)),
        "{cri:?}"
    );
}

#[tokio::test]
async fn setting_for_old_clients_shows_them_the_reason() {
    let scene = scene::Scene::start_with(|b| b.switch("--explain-to-old-clients")).await;
    let image = bad(97_200);
    let reference = scene.push("old", &image).await;
    let reason = format!(
        "403 {0} - Server message: denied: {0}",
        scene.refusal(&image)
    );
    let containerd = Containerd::shared().await;
    let ctr = containerd
        .ctr_pull(&reference)
        .await
        .expect_failure("ctr pull");
    assert!(ctr.text().contains(&reason), "{ctr:?}");
    let cri = containerd
        .cri_pull(&reference)
        .await
        .expect_failure("PullImage");
    assert!(cri.stderr.contains(&reason), "{cri:?}");
}
