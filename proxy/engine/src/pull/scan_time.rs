//! How long the scan of one layer may work; waiting for the layer's bytes does not count.
//!
//! The scanner reads no clock, so the time is taken here: all of it, less what the scan's reader
//! spends waiting. A scan past its time is asked to stop and ends in a gap. Called by
//! `job.rs`, and for a command that scans on a thread of its own.

use std::io::{self, Read};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sluicegate_scanner::limits::Stop;
use tokio::task::{JoinError, JoinHandle};

/// Most time that the scan of one layer works: 64 GiB, the largest layer read, inflate in four
/// minutes on one core, and there may be twice as many scans as cores.
pub const MAX_WORK: Duration = Duration::from_mins(10);

/// How much longer a scan may take to heed the request to stop before it is left to itself.
const MAX_STOPPING: Duration = Duration::from_mins(1);

/// How often it is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The time that one scan has worked.
pub struct WorkTime {
    started: Instant,
    waiting: Mutex<Waiting>,
}

struct Waiting {
    total: Duration,
    since: Option<Instant>,
}

/// A reader whose waiting is counted.
pub struct Timed<R> {
    inner: R,
    time: Arc<WorkTime>,
}

/// How a scan ended.
pub(super) enum Ended<T> {
    /// By itself, or because it was asked to.
    Done(Result<T, JoinError>),
    /// Not at all: it did not heed the request to stop.
    LeftToItself,
}

impl WorkTime {
    /// Starts to count.
    pub fn start() -> Arc<Self> {
        let waiting = Waiting {
            total: Duration::ZERO,
            since: None,
        };
        Arc::new(Self {
            started: Instant::now(),
            waiting: Mutex::new(waiting),
        })
    }

    /// Counts what `inner` takes to give bytes as waiting.
    pub fn reader<R: Read>(self: &Arc<Self>, inner: R) -> Timed<R> {
        Timed {
            inner,
            time: Arc::clone(self),
        }
    }

    /// Waits for a scan to end and asks it to stop once it has worked for `most`.
    pub(super) async fn limit<T>(
        &self,
        most: Duration,
        stop: &Stop,
        mut scan: JoinHandle<T>,
    ) -> Ended<T> {
        loop {
            tokio::select! {
                done = &mut scan => return Ended::Done(done),
                () = tokio::time::sleep(LOOK_AGAIN.min(most)) => {}
            }
            let worked = self.worked();
            if worked > most {
                stop.request();
            }
            if worked > most + MAX_STOPPING {
                return Ended::LeftToItself;
            }
        }
    }

    /// Runs a scan on this thread and asks it to stop once it has worked for `most`.
    pub fn limit_here<T>(&self, most: Duration, stop: &Stop, scan: impl FnOnce() -> T) -> T {
        let (running, ended) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                let pause = LOOK_AGAIN.min(most);
                while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                    if self.worked() > most {
                        stop.request();
                    }
                }
            });
            let outcome = scan();
            drop(running);
            outcome
        })
    }

    fn worked(&self) -> Duration {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let now = waiting
            .since
            .map_or(Duration::ZERO, |since| since.elapsed());
        self.started.elapsed().saturating_sub(waiting.total + now)
    }

    fn begin_waiting(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.since = Some(Instant::now());
    }

    fn end_waiting(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let more = waiting
            .since
            .take()
            .map_or(Duration::ZERO, |since| since.elapsed());
        waiting.total += more;
    }
}

impl<R: Read> Read for Timed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.time.begin_waiting();
        let outcome = self.inner.read(into);
        self.time.end_waiting();
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_scanner::{LayerFacts, Limits};

    const BRIEF: Duration = Duration::from_millis(50);

    /// Gives its bytes over and over; waits before each piece.
    struct Endless {
        wait: Duration,
        pieces: u32,
        stop: Stop,
    }

    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            std::thread::sleep(self.wait);
            if self.pieces == 0 || self.stop.is_requested() {
                return Ok(0);
            }
            self.pieces -= 1;
            into.fill(0);
            Ok(into.len())
        }
    }

    async fn scan(wait: Duration, pieces: u32, work: Duration) -> LayerFacts {
        let limits = Limits::default();
        let stop = limits.stop.clone();
        let time = WorkTime::start();
        let reader = time.reader(Endless {
            wait,
            pieces,
            stop: stop.clone(),
        });
        let scan = tokio::task::spawn_blocking(move || {
            std::thread::sleep(work);
            sluicegate_scanner::scan_layer(reader, &limits)
        });
        match time.limit(BRIEF, &stop, scan).await {
            Ended::Done(facts) => facts.unwrap(),
            Ended::LeftToItself => panic!("the scan did not stop"),
        }
    }

    #[tokio::test]
    async fn a_scan_that_works_too_long_is_stopped_and_says_so() {
        let facts = scan(Duration::from_millis(1), u32::MAX, 4 * BRIEF).await;
        assert!(facts.was_interrupted(), "{:?}", facts.gaps);
        assert!(facts.gaps.iter().any(|gap| gap.fatal));
    }

    #[test]
    fn a_scan_of_this_thread_is_stopped_as_well_and_a_short_one_is_not() {
        for (wait, pieces, is_cut) in [(1, u32::MAX, true), (200, 1, false)] {
            let limits = Limits::default();
            let stop = limits.stop.clone();
            let time = WorkTime::start();
            let mut content = time.reader(Endless {
                wait: Duration::from_millis(wait),
                pieces,
                stop: stop.clone(),
            });
            let facts = time.limit_here(BRIEF, &stop, || {
                thread::sleep(if is_cut { 4 * BRIEF } else { Duration::ZERO });
                sluicegate_scanner::scan_layer(&mut content, &limits)
            });
            assert_eq!(facts.was_interrupted(), is_cut, "{:?}", facts.gaps);
        }
    }

    #[tokio::test]
    async fn waiting_for_bytes_does_not_count() {
        let facts = scan(4 * BRIEF, 1, Duration::ZERO).await;
        assert!(!facts.was_interrupted(), "{:?}", facts.gaps);
        assert_eq!(facts.gaps, []);
    }
}
