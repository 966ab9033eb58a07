//! How long an answer may be withheld from whoever asks.

use std::task::Poll;
use std::time::Duration;

use futures_util::poll;
use tokio::sync::watch;
use tokio::time::Instant;

/// One request's patience.
#[derive(Clone, Debug)]
pub struct Patience {
    until: Instant,
    comes_back: bool,
    draining: watch::Receiver<bool>,
}

/// Why an answer is not waited for any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfPatience {
    /// Whoever asks comes back and waits on.
    ComesBack,
    /// Nobody comes back.
    ForGood,
}

impl Patience {
    /// Begins to wait for at most `limit`; `draining` turns true when the program is to stop, and
    /// then everybody comes back.
    pub fn begin(limit: Duration, comes_back: bool, draining: watch::Receiver<bool>) -> Self {
        Self {
            until: Instant::now() + limit,
            comes_back,
            draining,
        }
    }

    /// Waits for `work` and no longer than there is patience.
    pub async fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, OutOfPatience> {
        let mut work = std::pin::pin!(work);
        // Most work is done at once: nothing is set up to end it.
        if let Poll::Ready(done) = poll!(work.as_mut()) {
            return Ok(done);
        }
        let mut draining = self.draining.clone();
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = tokio::time::sleep_until(self.until) => Err(self.ended()),
            Ok(_) = draining.wait_for(|draining| *draining) => Err(OutOfPatience::ComesBack),
        }
    }

    /// Tells whether the program is to stop.
    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    fn ended(&self) -> OutOfPatience {
        if self.comes_back {
            OutOfPatience::ComesBack
        } else {
            OutOfPatience::ForGood
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn waited(comes_back: bool, draining: bool) -> Result<(), OutOfPatience> {
        let (_stop, stopping) = watch::channel(draining);
        let patience = Patience::begin(Duration::from_secs(20), comes_back, stopping);
        patience.wait(std::future::pending()).await
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends_with_its_time_or_with_the_program() {
        for (comes_back, draining, wanted) in [
            (true, false, OutOfPatience::ComesBack),
            (false, false, OutOfPatience::ForGood),
            (false, true, OutOfPatience::ComesBack),
        ] {
            assert_eq!(waited(comes_back, draining).await, Err(wanted));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_done_counts_whatever_has_ended() {
        let (_stop, stopping) = watch::channel(true);
        let patience = Patience::begin(Duration::ZERO, false, stopping);
        assert_eq!(patience.wait(std::future::ready(7)).await, Ok(7));
    }
}
