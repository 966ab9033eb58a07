//! Waiting for what shows from outside only: by looking again until it holds. No test sleeps for a
//! while in the hope that something has happened by then.
//!
//! A fault that comes at a moment which a seed chose is the other thing: see [`moment`].

use std::time::{Duration, Instant};

use rand::Rng as _;
use rand::rngs::StdRng;

/// The pause between two looks.
pub const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Waits until `holds`, at most `limit`, and gives the time it took.
///
/// # Panics
/// Past the limit.
pub async fn within(limit: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    started.elapsed()
}

/// Lets a while pass that a seed chooses, before something is done to the program: a kill, an
/// outage, one more client. It waits for nothing.
pub async fn moment(rng: &mut StdRng, between: std::ops::Range<Duration>) {
    tokio::time::sleep(rng.random_range(between)).await;
}
