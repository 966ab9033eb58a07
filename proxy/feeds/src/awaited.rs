//! Which ecosystems somebody waits for, and when waiting for them is of no more use.
//!
//! An image can be the first of its ecosystem, whose archive a mirror has and nobody has fetched
//! yet: to judge it before would refuse it now and allow it ten seconds later. What no source can
//! bring is never waited for, and nothing twice. Called by `Feeds`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Most ecosystems whose beginnings are remembered; images can make names up.
const MAX_BEGUN: usize = 1_024;

/// For which ecosystems nothing more comes before the next sync: it is here, it is not to be had, or
/// it could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// For all: nothing here can fetch.
    All,
    /// For these.
    Names(BTreeSet<String>),
}

/// What is waited for.
#[derive(Debug)]
pub(super) struct Awaited {
    /// When each ecosystem was first waited for.
    begun: Mutex<BTreeMap<String, Instant>>,
    settled: watch::Sender<Settled>,
    /// How long each is waited for, from when somebody first did.
    wait: Duration,
}

impl Settled {
    /// Gives those for which neither source brings more.
    pub(super) fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, settled) | (settled, Self::All) => settled,
            (Self::Names(one), Self::Names(other)) => {
                Self::Names(one.intersection(&other).cloned().collect())
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Names(names) => names.contains(name),
        }
    }
}

impl Awaited {
    /// Starts with what is settled from the beginning; each of the others is waited for so long.
    pub(super) fn new(settled: Settled, wait: Duration) -> Self {
        Self {
            begun: Mutex::default(),
            settled: watch::Sender::new(settled),
            wait,
        }
    }

    /// Says what is settled by what is in force now.
    pub(super) fn settle(&self, settled: Settled) {
        self.settled.send_replace(settled);
    }

    /// Waits until all of these are settled or here, or each was waited for long enough.
    pub(super) async fn wait(&self, names: &BTreeSet<String>, are_here: impl Fn() -> bool) {
        let Some(until) = self.until(names) else {
            return;
        };
        let mut settled = self.settled.subscribe();
        let wait =
            settled.wait_for(|settled| names.iter().all(|name| settled.has(name)) || are_here());
        let _ended_or_given_up = tokio::time::timeout_at(until, wait).await;
    }

    /// Tells whether waiting for one of these is of use.
    pub(super) fn is_open(&self, names: &BTreeSet<String>) -> bool {
        self.until(names).is_some()
    }

    /// Lists what somebody waited for and is not settled.
    pub(super) fn names(&self) -> Vec<String> {
        let settled = self.settled.borrow();
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let open = begun.keys().filter(|name| !settled.has(name));
        open.cloned().collect()
    }

    /// Gives the latest instant at which one of these was waited for long enough; none where none
    /// is worth waiting for.
    fn until(&self, names: &BTreeSet<String>) -> Option<Instant> {
        let now = Instant::now();
        let settled = self.settled.borrow();
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.len().saturating_add(names.len()) > MAX_BEGUN {
            begun.retain(|name, _| !settled.has(name));
        }
        let mut latest = None;
        for name in names.iter().filter(|name| !settled.has(name)) {
            // Beyond what is remembered nobody waits.
            let is_full = begun.len() >= MAX_BEGUN;
            let since = match begun.get(name) {
                Some(since) => *since,
                None if is_full => continue,
                None => *begun.entry(name.clone()).or_insert(now),
            };
            latest = latest.max(Some(since + self.wait).filter(|until| *until > now));
        }
        latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn named(names: &[&str]) -> Settled {
        Settled::Names(set(names))
    }

    const WAIT: Duration = Duration::from_secs(2);

    /// Tells whether a wait lasted until somebody gave up.
    async fn gave_up(awaited: &Awaited, names: &[&str]) -> bool {
        let start = Instant::now();
        awaited.wait(&set(names), || false).await;
        start.elapsed() >= WAIT / 2
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_waited_for_twice_or_for_longer_than_that() {
        let awaited = Awaited::new(named(&["Wolfi"]), WAIT);
        assert!(!gave_up(&awaited, &["Wolfi"]).await);
        assert!(gave_up(&awaited, &["Wolfi", "Hex"]).await);
        assert_eq!(awaited.names(), ["Hex"]);
        assert!(!gave_up(&awaited, &["Hex"]).await, "long enough");
        assert!(gave_up(&awaited, &["Hex", "Go"]).await, "another one");
        awaited.settle(named(&["Wolfi", "Hex", "Go"]));
        assert_eq!(awaited.names(), [""; 0]);
        let nothing_fetches = Awaited::new(Settled::All, WAIT);
        assert!(!gave_up(&nothing_fetches, &["Hex"]).await);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_later_waits_for_the_rest_only() {
        let awaited = Awaited::new(named(&[]), WAIT);
        let start = Instant::now();
        let later = async {
            tokio::time::sleep(WAIT * 3 / 4).await;
            gave_up(&awaited, &["Hex"]).await
        };
        let (hex, later) = tokio::join!(gave_up(&awaited, &["Hex"]), later);
        assert!(hex && !later, "the wait began with the first");
        assert!(start.elapsed() < WAIT * 3 / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn all_go_on_as_soon_as_it_is_settled_or_here() {
        let awaited = Awaited::new(named(&[]), Duration::from_mins(10));
        let is_here = std::cell::Cell::new(false);
        let happens = async {
            tokio::task::yield_now().await;
            awaited.settle(named(&["Go"]));
            tokio::task::yield_now().await;
            // One source has brought it: the others are not waited for.
            is_here.set(true);
            awaited.settle(named(&["Go"]));
        };
        let (go, hex) = (set(&["Go"]), set(&["Hex"]));
        let waits = async {
            tokio::join!(
                awaited.wait(&go, || false),
                awaited.wait(&go, || false),
                awaited.wait(&hex, || is_here.get()),
                happens
            )
        };
        let waits = tokio::time::timeout(Duration::from_mins(1), waits);
        waits.await.expect("nobody waits any longer");
    }

    #[tokio::test(start_paused = true)]
    async fn names_made_up_by_images_stay_few() {
        let awaited = Awaited::new(named(&[]), WAIT);
        let many: Vec<String> = (0..2_000).map(|number| format!("Made:{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(gave_up(&awaited, &many).await);
        assert_eq!(awaited.names().len(), MAX_BEGUN);
    }

    #[test]
    fn only_what_no_source_can_bring_is_settled() {
        let one = || named(&["Go", "Hex"]);
        assert_eq!(one().with(named(&["Hex", "npm"])), named(&["Hex"]));
        assert_eq!(Settled::All.with(one()), one());
        assert_eq!(one().with(Settled::All), one());
        assert_eq!(Settled::All.with(Settled::All), Settled::All);
    }
}
