//! Repeats requests that change nothing and may succeed the next time.

use std::future::Future;
use std::time::{Duration, Instant};

use rand::Rng as _;
use sluicegate_model::backoff::Backoff;

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
        let wait = wait_for(&error, &mut backoff);
        let Some(wait) = wait.filter(|wait| started.elapsed() + *wait <= LONG_PATIENCE) else {
            return Err(error);
        };
        tracing::info!(%error, seconds = wait.as_secs(), "upstream is asked again later");
        tokio::time::sleep(wait).await;
    }
}

/// Gives the wait before the next attempt; none where nothing comes of waiting.
fn wait_for(error: &UpstreamError, backoff: &mut Backoff) -> Option<Duration> {
    if !error.is_too_much() {
        return None;
    }
    backoff.after(error.retry_after(), jittered)
}

/// Spreads the waits of many clients over half to one and a half of `wait`.
pub fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.5..1.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable(status: u16) -> UpstreamError {
        UpstreamError::Unavailable {
            what: "it".to_owned(),
            status,
            retry_after: None,
            detail: None,
        }
    }

    #[test]
    fn only_what_is_too_much_is_waited_for_and_not_by_all_at_once() {
        let usual = Backoff::default().after(None, |wait| wait).unwrap();
        let after = |status| wait_for(&unavailable(status), &mut Backoff::default());
        for _ in 0..20 {
            let wait = after(503).unwrap();
            assert!(wait >= usual / 2 && wait <= usual * 3 / 2, "{wait:?}");
        }
        assert!(after(500).is_none());
    }
}
