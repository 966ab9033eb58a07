//! Upstreams that answer with an error first: 429, 5xx.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use sluicegate_tests::fault::Fault;
use sluicegate_tests::seeds::rng;

use crate::rounds;
use crate::stage::{Stage, ask_once, clean_image};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_fails_a_few_times_and_then_serves_is_no_failure() {
    let stage = Arc::new(Stage::start("hold").await);
    rounds::all("5xx", |seed| {
        let stage = stage.clone();
        async move {
            let (mut rng, repository) = (rng(seed), format!("lib/failing-{seed}"));
            let image = clean_image(seed, 50_000);
            stage.upstream.add(&repository, "1", &image);
            let status = [500, 502, 503, 504][rng.random_range(0..4)];
            let times = |times| std::iter::repeat_n(Fault::Status(status, Vec::new()), times);
            let manifest = format!("{repository}/manifests/");
            stage
                .upstream
                .script(&manifest, times(rng.random_range(0..3)));
            for blob in image.blobs() {
                let faults = times(rng.random_range(0..4));
                stage.upstream.script(blob.digest.as_str(), faults);
            }
            stage.pulls(&repository, "1", &image).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_limited_pull_waits_as_long_as_it_is_asked_to() {
    let stage = Arc::new(Stage::start("hold").await);
    rounds::all("429", |seed| {
        let stage = stage.clone();
        async move {
            let (mut rng, repository) = (rng(seed), format!("lib/limited-{seed}"));
            let image = clean_image(seed, 50_000);
            stage.upstream.add(&repository, "1", &image);
            let limited = || Fault::Status(429, vec![("retry-after", "1".into())]);
            let manifest = format!("{repository}/manifests/");
            stage.upstream.script(&manifest, [limited()]);
            let layer = image.layers[1].digest.as_str();
            let times = rng.random_range(0..3);
            stage
                .upstream
                .script(layer, std::iter::repeat_with(limited).take(times));
            let started = std::time::Instant::now();
            stage.pulls(&repository, "1", &image).await;
            let least = Duration::from_secs(1 + times as u64);
            assert!(started.elapsed() >= least, "{:?}", started.elapsed());
            assert_eq!(stage.upstream.count("GET", layer), times + 1);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_rate_limit_is_passed_on_with_its_time() {
    let stage = Stage::start("hold").await;
    let image = clean_image(1, 1_000);
    let limited = || Fault::Status(429, vec![("retry-after", "77".into())]);
    for (repository, part) in [
        ("lib/early", "lib/early/manifests/"),
        ("lib/late", "/blobs/"),
    ] {
        stage.upstream.add(repository, "1", &image);
        stage.upstream.always(part, limited());
        let path = format!("/v2/{repository}/manifests/1");
        let reply = ask_once(&stage.proxy, &path, Duration::from_secs(10)).await;
        let reply = reply.expect("an answer");
        assert_eq!(reply.status, 429, "{repository}: {}", reply.text());
        assert_eq!(reply.header("retry-after"), "77", "{repository}");
        assert!(reply.message().contains("77 s"), "{}", reply.message());
    }
}
