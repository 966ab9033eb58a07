//! Ends a download that hardly moves while nobody waits for it.
//!
//! A job runs to its end whoever leaves, which an upstream that sends a byte a second could make
//! last for ever: a task, a file and a place to scan in. So what comes is measured over a window
//! that slides, and begins anew whenever somebody waits: a client that is on its way to the next hop
//! is back long before it ends. Bytes that come for another blob of the same pull count, for a pull
//! that takes turns with others is not slow. Called by `download`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::content::{Interest, Standing};
use crate::origin::OriginError;
use sluicegate_model::backoff::Backoff;

/// How slow a download may be, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How long hardly anything may come while nobody waits.
    pub(super) window: Duration,
    /// What has to come in that time, in bytes.
    pub(super) least_bytes: u64,
    /// How often it is looked at; the window is this much longer at most.
    pub(super) look_again: Duration,
}

/// 1 KiB/s over five minutes, far below any line that brings an image.
pub(super) const USUAL: Pace = Pace {
    window: Duration::from_mins(5),
    least_bytes: 300 * 1024,
    look_again: Duration::from_secs(10),
};

/// The interests in one download: that of the clients that read along, and those of the pulls that
/// need it.
#[derive(Debug)]
pub(super) struct Interests {
    readers: Arc<Interest>,
    pulls: Mutex<Vec<Weak<Interest>>>,
}

impl Interests {
    /// Starts with those who read along.
    pub(super) fn new(readers: Arc<Interest>) -> Self {
        Self {
            readers,
            pulls: Mutex::default(),
        }
    }

    /// Adds a pull that needs the blob.
    pub(super) fn add_pull(&self, interest: &Arc<Interest>) {
        let added = Arc::downgrade(interest);
        let mut pulls = self.pulls.lock().unwrap_or_else(PoisonError::into_inner);
        if !pulls.iter().any(|known| known.ptr_eq(&added)) {
            pulls.retain(|known| known.strong_count() > 0);
            pulls.push(added);
        }
    }

    /// Counts bytes that have come, for everybody who needs them.
    pub(super) fn add(&self, bytes: u64) {
        self.readers.add(bytes);
        self.pulls().iter().for_each(|pull| pull.add(bytes));
    }

    /// Waits until the download has hardly moved for the whole window and nobody was there.
    pub(super) async fn until_forsaken(&self, pace: Pace) {
        let mut window = Window::default();
        loop {
            tokio::time::sleep(pace.look_again).await;
            if window.is_forsaken(pace, Instant::now(), self.standing()) {
                return;
            }
        }
    }

    /// Tells whether somebody waits now.
    pub(super) fn are_wanted(&self) -> bool {
        self.standing().iter().any(|standing| standing.is_wanted)
    }

    fn standing(&self) -> Vec<Standing> {
        let mut standing = vec![self.readers.standing()];
        standing.extend(self.pulls().iter().map(|pull| pull.standing()));
        standing
    }

    fn pulls(&self) -> Vec<Arc<Interest>> {
        let pulls = self.pulls.lock().unwrap_or_else(PoisonError::into_inner);
        pulls.iter().filter_map(Weak::upgrade).collect()
    }
}

/// How long an upstream that is asked for too much is asked again for what nobody waits for.
const UNWANTED_FOR: Duration = Duration::from_mins(2);

/// The patience with an upstream that is asked for too much: as long as somebody waits.
pub(super) struct Patience {
    backoff: Backoff,
    wanted_at: Instant,
}

impl Patience {
    /// Starts as if somebody waited.
    pub(super) fn at(now: Instant) -> Self {
        Self {
            backoff: Backoff::default(),
            wanted_at: now,
        }
    }

    /// Gives the wait before the next attempt; none where it is at its end.
    pub(super) fn after(
        &mut self,
        error: &OriginError,
        is_wanted: bool,
        now: Instant,
    ) -> Option<Duration> {
        if is_wanted {
            self.wanted_at = now;
        }
        let wait = error.wait(&mut self.backoff)?;
        (now.duration_since(self.wanted_at) + wait <= UNWANTED_FOR).then_some(wait)
    }

    /// Begins anew, after something has come.
    pub(super) fn renew(&mut self) {
        self.backoff = Backoff::default();
    }
}

/// What was seen since somebody waited last, oldest first.
#[derive(Default)]
struct Window(VecDeque<(Instant, Vec<Standing>)>);

impl Window {
    /// Takes in how it stands now, and tells whether too little came for too long.
    fn is_forsaken(&mut self, pace: Pace, now: Instant, standing: Vec<Standing>) -> bool {
        let arrivals = |seen: &[Standing]| -> Vec<u64> {
            seen.iter().map(|standing| standing.arrivals).collect()
        };
        let is_news = self
            .0
            .back()
            .is_some_and(|(_, seen)| arrivals(seen) != arrivals(&standing));
        if is_news || standing.iter().any(|standing| standing.is_wanted) {
            self.0.clear();
        }
        self.0.push_back((now, standing));
        while let Some((at, _)) = self.0.get(1)
            && now.duration_since(*at) >= pace.window
        {
            self.0.pop_front();
        }
        let (Some((since, before)), Some((_, after))) = (self.0.front(), self.0.back()) else {
            return false;
        };
        let most = before
            .iter()
            .zip(after)
            .map(|(before, after)| after.received.saturating_sub(before.received))
            .max();
        now.duration_since(*since) >= pace.window && most.unwrap_or_default() < pace.least_bytes
    }
}

#[cfg(test)]
mod tests {
    use crate::content::Waiting;
    use crate::origin::Failure;

    use super::*;

    /// Lets so many bytes a second come, and gives after how many seconds the download ends.
    fn ends_after(interests: &Interests, bytes: u64, seconds: u64) -> Option<u64> {
        let (start, mut window) = (Instant::now(), Window::default());
        (1..=seconds).find(|second| {
            interests.add(bytes);
            let now = start + Duration::from_secs(*second);
            second % 10 == 0 && window.is_forsaken(USUAL, now, interests.standing())
        })
    }

    fn interests() -> (Arc<Interest>, Interests) {
        let pull = Arc::<Interest>::default();
        let interests = Interests::new(Arc::default());
        interests.add_pull(&pull);
        (pull, interests)
    }

    #[test]
    fn what_drips_with_nobody_there_ends_after_the_window() {
        for bytes in [0, 1, 1023] {
            let (_pull, interests) = interests();
            assert_eq!(ends_after(&interests, bytes, 3_600), Some(310), "{bytes}");
        }
        let without_a_pull = Interests::new(Arc::default());
        assert_eq!(ends_after(&without_a_pull, 1, 3_600), Some(310));
    }

    #[test]
    fn what_moves_goes_on_with_nobody_there_until_it_drips() {
        let (_pull, interests) = interests();
        let (start, mut window) = (Instant::now(), Window::default());
        let ended = (1..=7_200_u64).find(|second| {
            interests.add(if *second <= 3_600 { 1_100 } else { 100 });
            let now = start + Duration::from_secs(*second);
            second % 10 == 0 && window.is_forsaken(USUAL, now, interests.standing())
        });
        // The window slides: what came long ago does not count.
        assert!(matches!(ended, Some(3_600..=3_910)), "{ended:?}");
    }

    #[test]
    fn what_drips_goes_on_while_somebody_waits() {
        let (pull, interests) = interests();
        let client = Waiting::default();
        pull.join(client.seen_from_afar());
        assert_eq!(ends_after(&interests, 1, 7_200), None);
        drop(client);
        assert_eq!(ends_after(&interests, 1, 7_200), Some(310));
        let reader = Waiting::default();
        interests.readers.join(reader.seen_from_afar());
        assert_eq!(ends_after(&interests, 1, 7_200), None);
    }

    #[test]
    fn a_client_between_two_hops_still_waits() {
        let (pull, interests) = interests();
        let (start, mut window) = (Instant::now(), Window::default());
        for second in 1..=7_200_u64 {
            interests.add(1);
            if second % 290 == 1 {
                // Here and gone again between two looks.
                pull.join(Waiting::default().seen_from_afar());
                let hop = Waiting::default();
                pull.join(hop.seen_from_afar());
            }
            let now = start + Duration::from_secs(second);
            let is_forsaken =
                second % 10 == 0 && window.is_forsaken(USUAL, now, interests.standing());
            assert!(!is_forsaken, "after {second} s");
        }
    }

    #[test]
    fn bytes_of_another_blob_of_the_pull_count() {
        let (pull, slow) = interests();
        let fast = Interests::new(Arc::default());
        fast.add_pull(&pull);
        let (start, mut window) = (Instant::now(), Window::default());
        for second in 1..=3_600_u64 {
            fast.add(5_000);
            let now = start + Duration::from_secs(second);
            assert!(second % 10 != 0 || !window.is_forsaken(USUAL, now, slow.standing()));
        }
        assert_eq!(ends_after(&slow, 1, 3_600), Some(310));
    }

    #[test]
    fn an_upstream_that_limits_is_asked_again_as_long_as_somebody_waits() {
        let words = std::io::Error::other("it");
        let limit = OriginError::new(Failure::Limited, None, words);
        let start = Instant::now();
        let (mut now, mut patience) = (start, Patience::at(start));
        for _ in 0..500 {
            now += patience.after(&limit, true, now).expect("somebody waits");
        }
        assert!(now.duration_since(start) > Duration::from_hours(1));
        let left_at = now;
        while let Some(wait) = patience.after(&limit, false, now) {
            now += wait;
        }
        assert!(now.duration_since(left_at) <= UNWANTED_FOR);
    }

    #[test]
    fn who_has_left_before_being_noted_does_not_wait() {
        let (pull, interests) = interests();
        let gone = Waiting::default().seen_from_afar();
        pull.join(gone);
        assert!(!pull.standing().is_wanted);
        assert_eq!(ends_after(&interests, 1, 3_600), Some(310));
    }
}
