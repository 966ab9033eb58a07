//! Repeats requests that change nothing and may succeed the next time.

use std::future::Future;
use std::time::{Duration, Instant};

use rand::Rng as _;

use super::error::UpstreamError;

/// Longest `Retry-After` waited for here; a client is waiting too.
pub const SHORT_RETRY_AFTER: Duration = Duration::from_secs(5);

/// How often a request is sent in all.
const ATTEMPTS: u32 = 3;

/// Wait before the second attempt; quadrupled for the third.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// No further attempt starts after this long: an upstream that is silent has had its chance.
const PATIENCE: Duration = Duration::from_secs(25);

/// Runs `attempt` until it succeeds, fails for good or has failed too often.
pub(super) async fn patiently<T, F, R>(attempt: F) -> Result<T, UpstreamError>
where
    F: Fn() -> R,
    R: Future<Output = Result<T, UpstreamError>>,
{
    let started = Instant::now();
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(error) if error.is_retryable() && started.elapsed() < PATIENCE => {
                let asked = asked_wait(&error);
                tracing::debug!(%error, "upstream request failed, trying again");
                tokio::time::sleep(asked.unwrap_or_else(|| jittered(wait))).await;
                wait = wait.saturating_mul(4);
            }
            outcome => return outcome,
        }
    }
    attempt().await
}

fn asked_wait(error: &UpstreamError) -> Option<Duration> {
    match error {
        UpstreamError::RateLimited { retry_after, .. } => *retry_after,
        _ => None,
    }
}

/// Spreads the waits of many clients over half to one and a half of `wait`.
pub(crate) fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.5..1.5))
}
