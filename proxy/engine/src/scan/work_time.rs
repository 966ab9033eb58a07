//! How long the scan of one layer may work; waiting for the layer's bytes does not count.
//!
//! The scanner reads no clock, so the time is taken here: all of it, less what the scan's reader
//! spends waiting. A scan past its time is asked to stop and ends in a gap.

use std::io::{self, Read};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sluicegate_scanner::limits::Stop;
use tokio::task::JoinHandle;

/// How long a scan may work.
#[derive(Clone, Copy, Debug)]
pub(super) struct WorkBound {
    /// Then it is asked to stop.
    pub(super) most: Duration,
    /// How much longer it may take to heed that before it is left to itself.
    pub(super) stopping: Duration,
}

/// What every scan may: 64 GiB, the largest layer read, inflate in four minutes on one core, and
/// there may be twice as many scans as cores.
pub(super) const WORK: WorkBound = WorkBound {
    most: Duration::from_mins(10),
    stopping: Duration::from_mins(1),
};

/// How often it is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The time that one scan has worked.
pub(super) struct WorkTime {
    started: Instant,
    waiting: Mutex<Waiting>,
}

struct Waiting {
    total: Duration,
    since: Option<Instant>,
}

/// A reader whose waiting is counted.
pub(super) struct Timed<R> {
    inner: R,
    time: Arc<WorkTime>,
}

impl WorkTime {
    /// Starts to count.
    pub(super) fn start() -> Arc<Self> {
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
    pub(super) fn reader<R: Read>(self: &Arc<Self>, inner: R) -> Timed<R> {
        Timed {
            inner,
            time: Arc::clone(self),
        }
    }

    /// Waits for a scan to end, and asks it to stop once it has worked for long enough. None where it
    /// does not heed that, or is cut off because the program stops.
    pub(super) async fn bound<T>(
        &self,
        bound: WorkBound,
        stop: &Stop,
        mut scan: JoinHandle<T>,
    ) -> Option<T> {
        loop {
            tokio::select! {
                done = &mut scan => return done.ok(),
                () = tokio::time::sleep(LOOK_AGAIN.min(bound.most)) => {}
            }
            if self.is_overdue(bound, stop) {
                return None;
            }
        }
    }

    /// Runs a scan on this thread, and asks it to stop once it has worked for long enough. One that
    /// does not heed that can be left only by ending the program.
    pub(super) fn bound_here<T>(
        &self,
        bound: WorkBound,
        stop: &Stop,
        scan: impl FnOnce() -> T,
    ) -> T {
        let (running, ended) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                let pause = LOOK_AGAIN.min(bound.most);
                while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                    self.is_overdue(bound, stop);
                }
            });
            let outcome = scan();
            drop(running);
            outcome
        })
    }

    /// Asks the scan to stop if it has worked for long enough; tells whether it should have stopped
    /// by now.
    fn is_overdue(&self, bound: WorkBound, stop: &Stop) -> bool {
        let worked = self.worked();
        if worked > bound.most {
            stop.request();
        }
        worked > bound.most + bound.stopping
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

    const BRIEF: WorkBound = WorkBound {
        most: Duration::from_millis(50),
        stopping: Duration::from_mins(1),
    };

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
        let ended = time.bound(BRIEF, &stop, scan).await;
        ended.expect("the scan stopped")
    }

    #[tokio::test]
    async fn a_scan_that_works_too_long_is_stopped_and_says_so() {
        let facts = scan(Duration::from_millis(1), u32::MAX, 4 * BRIEF.most).await;
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
            let facts = time.bound_here(BRIEF, &stop, || {
                thread::sleep(if is_cut {
                    4 * BRIEF.most
                } else {
                    Duration::ZERO
                });
                sluicegate_scanner::scan_layer(&mut content, &limits)
            });
            assert_eq!(facts.was_interrupted(), is_cut, "{:?}", facts.gaps);
        }
    }

    #[tokio::test]
    async fn waiting_for_bytes_does_not_count() {
        let facts = scan(4 * BRIEF.most, 1, Duration::ZERO).await;
        assert!(!facts.was_interrupted(), "{:?}", facts.gaps);
        assert_eq!(facts.gaps, []);
    }

    #[tokio::test]
    async fn a_scan_that_does_not_stop_is_left_to_itself() {
        let (time, stop) = (WorkTime::start(), Stop::default());
        let (held, release) = mpsc::channel::<()>();
        let scan = tokio::task::spawn_blocking(move || release.recv().is_ok());
        let bound = WorkBound {
            stopping: BRIEF.most,
            ..BRIEF
        };
        assert_eq!(time.bound(bound, &stop, scan).await, None);
        assert!(stop.is_requested());
        held.send(()).expect("it still runs");
    }
}
