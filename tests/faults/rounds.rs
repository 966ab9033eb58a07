//! Repeats a randomised round and says which seeds failed.
//!
//! A round runs 20 times from seeds that are always the same, 100 times from new ones where
//! `SLUICEGATE_TEST_LONG` is set (`tests/run --long`), and once with the given seed where
//! `SLUICEGATE_TEST_SEED` is set.

use std::sync::Arc;

use sluicegate_tests::seeds;

/// Rounds of an ordinary run.
const RUNS: u64 = 20;
/// Rounds of a run before a release.
const LONG_RUNS: u64 = 100;
/// Rounds at a time.
const AT_ONCE: usize = 20;

/// Gives the seeds of the usual number of rounds.
pub fn seeds() -> Vec<u64> {
    seeds::seeds(RUNS, LONG_RUNS, &[])
}

/// Runs every round, up to 20 at a time, and panics with the seeds of those that failed.
pub async fn all<F>(what: &str, round: impl Fn(u64) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let seeds = seeds();
    let places = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let mut running = Vec::new();
    for seed in &seeds {
        let (work, places) = (round(*seed), Arc::clone(&places));
        let limited = async move {
            let _place = places.acquire().await.expect("nobody closes it");
            work.await;
        };
        running.push((*seed, tokio::spawn(limited)));
    }
    let mut failed = Vec::new();
    for (seed, round) in running {
        if round.await.is_err() {
            failed.push(seed);
        }
    }
    eprintln!("{what}: {} runs, failed {failed:?}", seeds.len());
    assert!(
        failed.is_empty(),
        "{what}: {} of {} runs failed; replay one with SLUICEGATE_TEST_SEED={}",
        failed.len(),
        seeds.len(),
        failed[0]
    );
}
