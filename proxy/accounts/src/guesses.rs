//! How long somebody waits who presented a wrong secret: guesses are slowed, and nobody else is.
//!
//! Each address has a count of its own for each access key, so that a network of nodes behind one
//! address is not locked out by one of them that has an old key.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use tokio::time::Instant;

/// How many wrong answers are given at once.
const AT_ONCE: u32 = 5;
/// How long each one behind them waits for the one before.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest that a wrong answer waits: so long is a connection kept for it.
const LONGEST: Duration = Duration::from_secs(10);
/// How long a count is remembered, and how many.
const REMEMBERED: Duration = Duration::from_mins(1);
const MOST_COUNTS: u64 = 50_000;

/// Counts wrong secrets.
#[derive(Clone, Debug)]
pub struct Guesses(Cache<(IpAddr, u64), Arc<Mutex<Slots>>>);

/// When the next wrong answer may leave: one slot a pause, some of which may be past.
#[derive(Debug)]
struct Slots {
    next: Instant,
}

impl Default for Guesses {
    fn default() -> Self {
        let counts = Cache::builder();
        let counts = counts.max_capacity(MOST_COUNTS).time_to_idle(REMEMBERED);
        Self(counts.build())
    }
}

impl Guesses {
    /// Counts a wrong secret, and waits until that may be told.
    pub async fn slow(&self, address: IpAddr, access: &str) {
        tokio::time::sleep_until(self.slot(address, access)).await;
    }

    fn slot(&self, address: IpAddr, access: &str) -> Instant {
        // Whatever was sent as a name is kept as a number: it may be of any length.
        let mut hasher = DefaultHasher::new();
        access.hash(&mut hasher);
        let count = (address, hasher.finish());
        let now = Instant::now();
        let burst = PAUSE.saturating_mul(AT_ONCE.saturating_sub(1));
        let oldest = now.checked_sub(burst).unwrap_or(now);
        let slots = || Arc::new(Mutex::new(Slots { next: oldest }));
        let slots = self.0.get_with(count, slots);
        let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.next.max(oldest).min(now + LONGEST);
        slots.next = slot + PAUSE;
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    async fn waits(guesses: &Guesses, address: IpAddr, access: &str) -> u64 {
        let begun = Instant::now();
        guesses.slow(address, access).await;
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn five_are_told_at_once_and_then_one_a_second() {
        let guesses = Guesses::default();
        let mut waited = Vec::new();
        for _ in 0..8 {
            waited.push(waits(&guesses, HERE, "SGK1").await);
        }
        assert_eq!(waited, [0, 0, 0, 0, 0, 1, 1, 1]);
        assert_eq!(waits(&guesses, HERE, "SGK2").await, 0, "another key");
        assert_eq!(waits(&guesses, THERE, "SGK1").await, 0, "another client");
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(waits(&guesses, HERE, "SGK1").await, 0, "a while later");
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_at_once_all_wait_and_none_for_long() {
        let guesses = Guesses::default();
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..1_000 {
            let guesses = guesses.clone();
            all.spawn(async move { waits(&guesses, HERE, "SGK1").await });
        }
        let waited = all.join_all().await;
        assert_eq!(waited.iter().filter(|wait| **wait == 0).count(), 5);
        assert!(waited.iter().all(|wait| *wait <= 10));
        assert!(waits(&guesses, HERE, "SGK1").await > 0);
    }
}
