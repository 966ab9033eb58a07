//! Repeats a randomised round and says which seeds failed.
//!
//! A round runs 20 times, 100 times where `SLUICEGATE_TEST_LONG` is set (`tests/run --long`), and
//! once with the given seed where `SLUICEGATE_TEST_SEED` is set.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Rounds of an ordinary run.
const RUNS: usize = 20;
/// Rounds of a run before a release.
const LONG_RUNS: usize = 100;
/// Rounds at a time.
const AT_ONCE: usize = 20;

/// Gives the seeds of this run's rounds; `ordinary` many of them unless told otherwise.
pub fn seeds_of(ordinary: usize, long: usize) -> Vec<u64> {
    if let Some(seed) = std::env::var_os("SLUICEGATE_TEST_SEED") {
        let seed = seed.to_string_lossy().parse();
        return vec![seed.expect("SLUICEGATE_TEST_SEED is a number")];
    }
    let is_long = std::env::var_os("SLUICEGATE_TEST_LONG").is_some();
    let runs = if is_long { long } else { ordinary };
    (0..runs)
        .map(|_| u64::from(rand::rng().random::<u32>()))
        .collect()
}

/// Gives the seeds of the usual number of rounds.
pub fn seeds() -> Vec<u64> {
    seeds_of(RUNS, LONG_RUNS)
}

/// Gives a round's source of randomness.
pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
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
