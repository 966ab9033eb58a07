//! A cache that is too small: it forgets bytes, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use sluicegate_tests::seeds::rng;

use crate::rounds::seeds;
use crate::stage::{Stage, assert_whole, clean_image, flawed_image, within};

/// Room for one and a half of the images here.
const CACHE: u64 = 3 * 1024 * 1024;
/// Size of an image.
const LARGE: usize = 2 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_least_used_image_loses_its_bytes_but_not_its_verdict_or_its_place() {
    let stage = Stage::with(|builder| builder.flag("--cache-size", &CACHE.to_string())).await;
    let images: Vec<_> = (0..3).map(|seed| clean_image(seed, LARGE)).collect();
    for (number, image) in images.iter().enumerate() {
        stage.upstream.add(&format!("lib/app-{number}"), "1", image);
    }
    stage.pulls("lib/app-0", "1", &images[0]).await;
    stage.pulls("lib/app-1", "1", &images[1]).await;
    let layer = &images[0].layers[1];
    within(Duration::from_secs(5), "eviction", async || {
        !stage.has_on_disk(layer)
    })
    .await;
    let used = stage.proxy.api("/api/v1/status").await.json()["cache"]["bytes"].as_u64();
    assert!(used.is_some_and(|used| used <= CACHE), "{used:?}");
    // What is known of the image outlives its bytes: the manifest needs no blob.
    let verdict = stage.proxy.verdict(images[0].digest.as_str()).await;
    assert_eq!(verdict["decision"], "allow");
    let before = stage.upstream.count("GET", layer.digest.as_str());
    assert_eq!(stage.manifest("lib/app-0", "1").await.status, 200);
    assert_eq!(stage.upstream.count("GET", layer.digest.as_str()), before);
    assert_whole(&stage.blob("lib/app-0", layer).await, layer);
    assert_eq!(
        stage.upstream.count("GET", layer.digest.as_str()),
        before + 1
    );
    // A restart changes none of that.
    stage.pulls("lib/app-2", "1", &images[2]).await;
    let mut stage = stage;
    stage.proxy.restart().await;
    for (number, image) in images.iter().enumerate() {
        stage.pulls(&format!("lib/app-{number}"), "1", image).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pulls_side_by_side_are_right_in_a_cache_that_holds_one_of_them() {
    for gate in ["hold", "stream"] {
        let describe = |builder: sluicegate_tests::proxy::ProxyBuilder| {
            builder.flag("--cache-size", "1MiB").flag("--gate", gate)
        };
        let stage = Arc::new(Stage::with(describe).await);
        let mut pulls = tokio::task::JoinSet::new();
        for seed in seeds() {
            let stage = stage.clone();
            pulls.spawn(async move {
                let (mut rng, repository) = (rng(seed), format!("lib/small-{seed}"));
                let large = rng.random_range(100_000..2_000_000);
                let image = clean_image(seed, large);
                let refused = flawed_image(seed, 1_000);
                stage.upstream.add(&repository, "1", &image);
                stage.upstream.add(&repository, "2", &refused);
                for _ in 0..2 {
                    stage.pulls(&repository, "1", &image).await;
                    let layer = &refused.layers[1];
                    stage.manifest(&repository, "2").await;
                    let reply = stage.blob(&repository, layer).await;
                    assert!(!(reply.status == 200 && reply.whole), "seed {seed}");
                }
            });
        }
        while let Some(pull) = pulls.join_next().await {
            pull.expect("a pull");
        }
    }
}
