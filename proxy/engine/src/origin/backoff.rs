//! How long whoever wants a blob waits for an origin that is asked for too much.

use std::time::Duration;

use rand::Rng as _;

use super::OriginError;

/// Wait after the first complaint that names no time; doubled with each one that follows.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Longest wait that is chosen here.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// Longest wait that an origin can ask for: more is passed on to whoever waits for the image.
const MAX_ASKED: Duration = Duration::from_mins(1);

/// The complaints of an origin in a row.
#[derive(Debug, Default)]
pub struct Backoff(u32);

impl Backoff {
    /// Gives the wait before the next attempt; none where the origin wants longer than anybody
    /// waits, or complains of something else.
    pub fn after(&mut self, error: &OriginError) -> Option<Duration> {
        if !error.is_too_much() {
            return None;
        }
        let wait = FIRST_WAIT * 2_u32.pow(self.0.min(6));
        self.0 = self.0.saturating_add(1);
        match error.retry_after {
            Some(asked) if asked > MAX_ASKED => None,
            // Never before it was asked for, and not all at once.
            Some(asked) => Some(asked + jittered(FIRST_WAIT)),
            None => Some(jittered(wait.min(MAX_WAIT))),
        }
    }
}

/// Spreads the waits of many pulls over half to one and a half of `wait`.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.5..1.5))
}

#[cfg(test)]
mod tests {
    use super::super::Failure;
    use super::*;

    fn complaint(failure: Failure, seconds: Option<u64>) -> OriginError {
        let asked = seconds.map(Duration::from_secs);
        OriginError::new(failure, asked, std::io::Error::other("it"))
    }

    #[test]
    fn complaints_are_waited_for_longer_each_time_and_never_too_long() {
        let mut backoff = Backoff::default();
        let mut least = FIRST_WAIT / 2;
        for _ in 0..20 {
            let wait = backoff.after(&complaint(Failure::Limited, None)).unwrap();
            assert!(wait >= least && wait <= MAX_WAIT * 2, "{wait:?}");
            least = (least * 2).min(MAX_WAIT / 2);
        }
        let after = |failure| Backoff::default().after(&complaint(failure, None));
        assert!(after(Failure::Overloaded).is_some());
        assert!(after(Failure::Unreachable).is_none());
    }

    #[test]
    fn what_is_asked_for_is_waited_for_where_anybody_would_wait() {
        let after = |seconds| Backoff::default().after(&complaint(Failure::Limited, Some(seconds)));
        for seconds in [0, 1, 60] {
            let wait = after(seconds).unwrap();
            assert!(wait >= Duration::from_secs(seconds), "{wait:?}");
        }
        assert_eq!(after(61), None);
    }
}
