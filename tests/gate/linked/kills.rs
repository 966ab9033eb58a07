//! `kill -9` at random moments of either side, and a network that is gone for a while: nothing is
//! lost, nothing unjudged is served.

use std::time::Duration;

use http::{Method, StatusCode};
use rand::Rng as _;
use sluicegate_tests::proxy::verify_log;
use sluicegate_tests::seeds::{rng, seeds};
use sluicegate_tests::waiting::{LOOK_AGAIN, moment};
use sluicegate_tests::wire::{Call, Reply};

use super::{REPO, Site};
use crate::stage::{assert_no_content, clean, manifest_path, vulnerable};

/// Rounds of an ordinary run.
const ROUNDS: u64 = 4;
/// Rounds of a run before a release.
const LONG_ROUNDS: u64 = 50;
/// Within which time of a round somebody is killed.
const WITHIN: Duration = Duration::from_millis(800);
/// Longest until a pull is answered, with a lease that has to run out and a restart in between.
const ANSWERED: Duration = Duration::from_secs(120);

/// Asks until there is an answer that is no hop, whoever is down meanwhile.
async fn answered(call: impl Fn() -> Call) -> Reply {
    let until = tokio::time::Instant::now() + ANSWERED;
    loop {
        let reply = call().try_send().await;
        let is_late = tokio::time::Instant::now() > until;
        match reply {
            Ok(reply) if reply.status != StatusCode::TEMPORARY_REDIRECT => {
                // A service that stops, or has lost what it waited for, says so and is asked again.
                if is_late || !reply.status.is_server_error() {
                    return reply;
                }
            }
            Ok(_) => {}
            Err(why) => assert!(!is_late, "{why}"),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_side_may_be_killed_at_any_moment() {
    let mut site = Site::start().await;
    let mut scanner = site.scanner().await;
    for seed in seeds(ROUNDS, LONG_ROUNDS, &[]) {
        let mut rng = rng(seed);
        let (good, bad) = (clean(seed), vulnerable(seed + 1));
        let (good_tag, bad_tag) = (format!("good-{seed}"), format!("bad-{seed}"));
        site.push(&good_tag, &good);
        site.push(&bad_tag, &bad);
        let address = site.proxy.address().to_owned();
        let pulls = [&good_tag, &bad_tag].map(|tag| {
            let (address, path) = (address.clone(), manifest_path(REPO, tag));
            tokio::spawn(async move { answered(|| Call::new(Method::GET, &address, &path)).await })
        });
        moment(&mut rng, Duration::ZERO..WITHIN).await;
        let which = rng.random_range(0..4);
        match which {
            0 => site.proxy.restart().await,
            1 => scanner.restart(),
            2 => {
                scanner.kill();
                site.proxy.restart().await;
                scanner.restart();
            }
            // Everything that is sent stays on its way for a while.
            _ => {
                scanner.signal("STOP");
                moment(&mut rng, Duration::from_secs(1)..Duration::from_secs(3)).await;
                scanner.signal("CONT");
            }
        }
        let what = format!("seed {seed}, kind {which}");
        let [served, refused] = pulls;
        let (served, refused) = (served.await.unwrap(), refused.await.unwrap());
        assert_eq!(served.status, StatusCode::OK, "{what}: {}", served.text());
        assert_eq!(served.body, good.manifest, "{what}");
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{what}");
        let said = refused.message();
        assert!(said.contains("CVE-2026-1111"), "{what}: {said}");
        assert_no_content(&refused, &bad, &what);
    }
    verify_log(&site.proxy.data())
        .await
        .expect_ok("verify the log");
}
