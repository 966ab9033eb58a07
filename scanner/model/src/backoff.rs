//! How long whoever wants something of a registry waits when it says that it is asked for too much.

use std::time::Duration;

/// Wait after the first complaint that names no time; doubled with each one that follows.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Longest wait that is chosen here.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// Longest wait that a registry can ask for: more is passed on to whoever waits for the image.
const MAX_ASKED: Duration = Duration::from_mins(1);

/// The complaints of a registry in a row.
#[derive(Debug, Default)]
pub struct Backoff(u32);

impl Backoff {
    /// Gives the wait before the next attempt, where the registry asks for a time or names none;
    /// none where it wants longer than anybody waits. `spread` gives a wait between half and one and
    /// a half of another, so that many do not come back together.
    pub fn after(
        &mut self,
        asked: Option<Duration>,
        spread: impl FnOnce(Duration) -> Duration,
    ) -> Option<Duration> {
        let wait = FIRST_WAIT * 2_u32.pow(self.0.min(6));
        self.0 = self.0.saturating_add(1);
        match asked {
            Some(asked) if asked > MAX_ASKED => None,
            // Never before it was asked for, and not all at once.
            Some(asked) => Some(asked + spread(FIRST_WAIT)),
            None => Some(spread(wait.min(MAX_WAIT))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(wait: Duration) -> Duration {
        wait
    }

    #[test]
    fn complaints_are_waited_for_longer_each_time_and_never_too_long() {
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..20).filter_map(|_| backoff.after(None, same)).collect();
        assert_eq!(waits[..3], [1, 2, 4].map(|times| FIRST_WAIT * times));
        assert!(waits.is_sorted());
        assert_eq!((waits.len(), waits[19]), (20, MAX_WAIT));
        let half = |wait: Duration| wait / 2;
        assert_eq!(Backoff::default().after(None, half), Some(FIRST_WAIT / 2));
    }

    #[test]
    fn what_is_asked_for_is_waited_for_where_anybody_would_wait() {
        let after = |seconds| Backoff::default().after(Some(Duration::from_secs(seconds)), same);
        for seconds in [0, 1, 60] {
            assert_eq!(
                after(seconds),
                Some(Duration::from_secs(seconds) + FIRST_WAIT)
            );
        }
        assert_eq!(after(61), None);
    }
}
