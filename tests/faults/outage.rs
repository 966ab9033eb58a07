//! An upstream that is down: what is here is served on, and says so; what is not is a clear error.

use std::time::Duration;

use sluicegate_tests::fault::FaultUpstream;
use sluicegate_tests::proxy::ProxyBuilder;
use sluicegate_tests::seeds::rng;
use sluicegate_tests::waiting::{moment, within};

use crate::rounds::seeds;
use crate::stage::{Stage, assert_whole, clean_image, flawed_image};

/// Longest time until an upstream that is back is used again.
const BACK_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_upstream_is_survived_by_tag_and_digest_also_after_a_restart() {
    let upstream = FaultUpstream::start().await;
    // Tags are asked for anew each time, so that the outage is noticed.
    let builder = ProxyBuilder::new(&upstream.url()).flag("--tag-ttl", "0s");
    let mut stage = Stage::around(upstream, builder).await;
    let (clean, flawed) = (clean_image(1, 100_000), flawed_image(2, 100_000));
    stage.upstream.add("lib/app", "1", &clean);
    stage.upstream.add("lib/flawed", "1", &flawed);
    stage.pulls("lib/app", "1", &clean).await;
    assert_eq!(stage.manifest("lib/flawed", "1").await.status, 403);
    stage.upstream.stop();
    for restarted in [false, true] {
        if restarted {
            stage.proxy.restart().await;
        }
        let by_tag = stage.manifest("lib/app", "1").await;
        assert_eq!(by_tag.status, 200, "{restarted}: {}", by_tag.text());
        let warning = by_tag.header("warning");
        assert!(
            warning.contains("cannot be reached"),
            "{restarted}: {warning:?}"
        );
        let by_digest = stage.manifest("lib/app", clean.digest.as_str()).await;
        assert_eq!(by_digest.status, 200, "{restarted}: {}", by_digest.text());
        assert_eq!(by_digest.header("warning"), "", "a digest is never stale");
        for blob in clean.blobs() {
            assert_whole(&stage.blob("lib/app", blob).await, blob);
        }
        let refused = stage.manifest("lib/flawed", "1").await;
        assert_eq!(refused.status, 403, "{restarted}: {}", refused.text());
        for reference in ["2", flawed.digest.as_str()] {
            let unknown = stage.manifest("lib/app", reference).await;
            let status = unknown.status.as_u16();
            assert!(matches!(status, 502 | 504), "{reference}: {status}");
        }
    }
    stage.upstream.start_again().await;
    let next = clean_image(3, 1_000);
    stage.upstream.add("lib/app", "2", &next);
    let took = within(BACK_WITHIN, "upstream is back", async || {
        stage.manifest("lib/app", "2").await.status == 200
    });
    eprintln!("outage: used again after {:?}", took.await);
    within(BACK_WITHIN, "no longer stale", async || {
        stage
            .manifest("lib/app", "1")
            .await
            .header("warning")
            .is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_in_the_middle_of_a_pull_is_waited_out_or_ends_in_an_error() {
    let stage = Stage::start("hold").await;
    stage.upstream.limit_to(2_000_000);
    for seed in seeds() {
        let (mut rng, repository) = (rng(seed), format!("lib/outage-{seed}"));
        let image = clean_image(seed, 200_000);
        stage.upstream.add(&repository, "1", &image);
        let outage = async {
            moment(&mut rng, Duration::ZERO..Duration::from_millis(120)).await;
            stage.upstream.stop();
            moment(&mut rng, Duration::ZERO..Duration::from_millis(300)).await;
            stage.upstream.start_again().await;
        };
        let (reply, ()) = tokio::join!(stage.manifest(&repository, "1"), outage);
        let status = reply.status.as_u16();
        assert!(matches!(status, 200 | 502 | 504), "seed {seed}: {status}");
        within(BACK_WITHIN, "pulled in the end", async || {
            stage.manifest(&repository, "1").await.status == 200
        })
        .await;
        stage.pulls(&repository, "1", &image).await;
    }
}
