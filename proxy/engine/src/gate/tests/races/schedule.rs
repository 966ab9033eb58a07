//! A schedule that a seed fixes: when each call at an adapter goes on, and what happens meanwhile.
//!
//! Calls wait by the paused clock, each for a time of its own that follows from the seed, its name
//! and how often it was made before, and no two of them go on at one instant. The clock only moves on once nothing else can, threads of the
//! blocking pool included, so that time alone orders the calls. A blob arrives within one instant,
//! and one after the other: the thread that scans it while it does keeps the clock from moving.
//!
//! What the schedule does not decide is which of two threads of the pool, or of the background pass,
//! is first with what both began at one instant.
//!
//! Neither loom, shuttle nor turmoil plays the engine so: the first two want their own locks and
//! threads in place of tokio's and moka's, the third hosts that talk over a network, which there is
//! none of.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sluicegate_model::Digest;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::testkit::Turns;

/// The call by which an arrival ends: it waits for nothing.
const OF_ARRIVAL: &str = "blob present";
/// Longest wait of a call, in milliseconds, which is what the clock counts in.
const MOST_MS: u64 = 8;
/// Most bytes of a piece of a blob.
const MOST_BYTES: u64 = 900;
/// Time in which something would have happened if anything still could.
const STILL: Duration = Duration::from_secs(1);

/// Decides by a seed.
#[derive(Debug)]
pub(super) struct Schedule {
    seed: u64,
    began: Instant,
    played: Mutex<Played>,
    steps: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Played {
    /// How often each call was made.
    calls: HashMap<String, u64>,
    /// What the store waits for.
    begun: HashSet<Digest>,
    /// What of that is arriving.
    arriving: HashSet<Digest>,
    /// What went on, in that order.
    steps: Vec<String>,
    /// The instants that are somebody's turn, in milliseconds.
    taken: HashSet<u64>,
}

impl Played {
    /// Takes the first free instant from one on: no two calls share one.
    fn free_from(&mut self, mut ms: u64) -> u64 {
        while !self.taken.insert(ms) {
            ms += 1;
        }
        ms
    }
}

impl Schedule {
    pub(super) fn of(seed: u64) -> Self {
        Self {
            seed,
            began: Instant::now(),
            played: Mutex::default(),
            steps: watch::Sender::new(0),
        }
    }

    /// Chooses a number below another, for something of this name.
    pub(super) fn choose(&self, name: &str, below: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, name).hash(&mut hasher);
        hasher.finish() % below
    }

    /// Waits until the moment at which something of this name happens: after one of the first
    /// `below` steps, or when there are no more.
    pub(super) async fn moment(&self, name: &str, below: u64) {
        let step = usize::try_from(self.choose(name, below)).unwrap();
        let mut steps = self.steps.subscribe();
        loop {
            let came = tokio::time::timeout(STILL, steps.wait_for(|steps| *steps >= step));
            let before = *self.steps.borrow();
            if came.await.is_ok() || *self.steps.borrow() == before {
                return;
            }
        }
    }

    /// Gives what went on so far, in order.
    pub(super) fn steps(&self) -> Vec<String> {
        self.played().steps.clone()
    }

    /// Counts a call; tells at which instant it goes on.
    fn turn_of(&self, call: &str) -> Option<Instant> {
        let mut played = self.played();
        if call == OF_ARRIVAL && !played.arriving.is_empty() {
            return None;
        }
        let count = played.calls.entry(call.to_owned()).or_default();
        *count += 1;
        let name = format!("{call} {count}");
        let wait = 1 + self.choose(&name, MOST_MS);
        Some(self.began + Duration::from_millis(played.free_from(self.now_ms() + wait)))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap()
    }

    /// Waits until no other blob arrives.
    async fn alone(&self, blob: &str) {
        let is_other = |digest: &Digest| !blob.ends_with(digest.as_str());
        while self.played().arriving.iter().any(is_other) {
            self.take("arrival").await;
        }
    }

    /// Takes note that a blob arrives, where the store waits for it.
    fn arrives(&self, blob: &str) {
        let mut played = self.played();
        let of_it = |digest: &&Digest| blob.ends_with(digest.as_str());
        let begun = played.begun.iter().find(of_it).cloned();
        played.arriving.extend(begun);
    }

    fn step(&self, call: &str) {
        self.played().steps.push(call.to_owned());
        self.steps.send_modify(|steps| *steps += 1);
    }

    fn played(&self) -> MutexGuard<'_, Played> {
        self.played.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Turns for Schedule {
    async fn take(&self, call: &str) {
        if let Some(turn) = self.turn_of(call) {
            tokio::time::sleep_until(turn).await;
        }
        self.step(call);
    }

    async fn piece(&self, blob: &str) -> usize {
        self.alone(blob).await;
        self.arrives(blob);
        let name = format!("piece of {blob}");
        self.step(&name);
        usize::try_from(1 + self.choose(&name, MOST_BYTES)).unwrap()
    }

    fn begun(&self, digest: &Digest) {
        self.played().begun.insert(digest.clone());
    }

    fn ended(&self, digest: &Digest) {
        let mut played = self.played();
        played.begun.remove(digest);
        played.arriving.remove(digest);
    }
}
