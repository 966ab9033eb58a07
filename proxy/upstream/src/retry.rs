//! Repeats requests that change nothing and may succeed the next time.

use std::future::Future;
use std::time::{Duration, Instant};

use rand::Rng as _;

use super::error::UpstreamError;

/// Longest `Retry-After` waited for while something else could be given instead.
pub const SHORT_RETRY_AFTER: Duration = Duration::from_secs(5);

/// How often a request is sent in all.
const ATTEMPTS: u32 = 3;

/// Wait before the second attempt; quadrupled for the third.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// No further attempt starts after this long: an upstream that is silent has had its chance.
const PATIENCE: Duration = Duration::from_secs(25);

/// How long an upstream that says that it is asked for too much is asked again for what nothing else
/// can stand for. Whoever waits is sent round meanwhile.
const LONG_PATIENCE: Duration = Duration::from_secs(100);

/// Wait after the first complaint that names no time; doubled with each one that follows.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
/// Longest wait that is chosen here.
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// Longest wait that an upstream can ask for: more is passed on to whoever waits for the image.
const MAX_ASKED: Duration = Duration::from_mins(1);

/// How long to wait for an upstream that says that it is asked for too much.
#[derive(Debug, Default)]
pub(super) struct Backoff(u32);

impl Backoff {
    /// Gives the wait before the next attempt; none where the upstream wants longer than anybody
    /// waits, or complains of something else.
    fn after(&mut self, error: &UpstreamError) -> Option<Duration> {
        if !error.is_too_much() {
            return None;
        }
        let wait = FIRST_BACKOFF * 2_u32.pow(self.0.min(6));
        self.0 = self.0.saturating_add(1);
        match error.retry_after() {
            Some(asked) if asked > MAX_ASKED => None,
            // Never before it was asked for, and not all at once.
            Some(asked) => Some(asked + jittered(FIRST_BACKOFF)),
            None => Some(jittered(wait.min(MAX_BACKOFF))),
        }
    }
}

/// Runs `attempt` until it succeeds, fails for good or has failed too often.
pub(super) async fn patiently<T, F, R>(attempt: F) -> Result<T, UpstreamError>
where
    F: Fn() -> R,
    R: Future<Output = Result<T, UpstreamError>>,
{
    let started = Instant::now();
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS {
        match Box::pin(attempt()).await {
            Err(error) if error.is_retryable() && started.elapsed() < PATIENCE => {
                tracing::debug!(%error, "upstream request failed, trying again");
                let asked = error
                    .retry_after()
                    .filter(|wait| *wait <= SHORT_RETRY_AFTER);
                tokio::time::sleep(asked.unwrap_or_else(|| jittered(wait))).await;
                wait = wait.saturating_mul(4);
            }
            outcome => return outcome,
        }
    }
    Box::pin(attempt()).await
}

/// Does the same, and waits longer for an upstream that says that it is asked for too much.
pub(super) async fn very_patiently<T, F, R>(attempt: F) -> Result<T, UpstreamError>
where
    F: Fn() -> R,
    R: Future<Output = Result<T, UpstreamError>>,
{
    let (started, mut backoff) = (Instant::now(), Backoff::default());
    loop {
        let error = match patiently(&attempt).await {
            Err(error) => error,
            found => return found,
        };
        let wait = backoff.after(&error);
        let Some(wait) = wait.filter(|wait| started.elapsed() + *wait <= LONG_PATIENCE) else {
            return Err(error);
        };
        tracing::info!(%error, seconds = wait.as_secs(), "upstream is asked again later");
        tokio::time::sleep(wait).await;
    }
}

/// Spreads the waits of many clients over half to one and a half of `wait`.
pub fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.5..1.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(seconds: Option<u64>) -> UpstreamError {
        UpstreamError::RateLimited {
            what: "it".to_owned(),
            retry_after: seconds.map(Duration::from_secs),
            detail: None,
        }
    }

    fn unavailable(status: u16) -> UpstreamError {
        UpstreamError::Unavailable {
            what: "it".to_owned(),
            status,
            retry_after: None,
            detail: None,
        }
    }

    #[test]
    fn complaints_are_waited_for_longer_each_time_and_never_too_long() {
        let mut backoff = Backoff::default();
        let mut least = FIRST_BACKOFF / 2;
        for _ in 0..20 {
            let wait = backoff.after(&limited(None)).unwrap();
            assert!(wait >= least && wait <= MAX_BACKOFF * 2, "{wait:?}");
            least = (least * 2).min(MAX_BACKOFF / 2);
        }
        assert!(backoff.after(&unavailable(503)).is_some());
        assert!(backoff.after(&unavailable(500)).is_none());
    }

    #[test]
    fn what_is_asked_for_is_waited_for_where_anybody_would_wait() {
        let after = |seconds| Backoff::default().after(&limited(Some(seconds)));
        for seconds in [0, 1, 60] {
            let wait = after(seconds).unwrap();
            assert!(wait >= Duration::from_secs(seconds), "{wait:?}");
        }
        assert_eq!(after(61), None);
    }
}
