//! Why an origin did not give what it was asked for, as far as anything follows from that.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use sluicegate_model::backoff::Backoff;

/// What a failure means to whoever asked, and by whose fault it came to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The origin has no such thing: nobody's fault but of whoever asks for it.
    Absent,
    /// It wants other credentials than ours: our operator's.
    Unauthorized,
    /// It knows us and says no: its operator's.
    Denied,
    /// It limits how much we ask, and may give the same thing later: ours, for asking.
    Limited,
    /// It says that it is asked for too much by all, and may give the same thing later: its own.
    Overloaded,
    /// Nothing came for too long: its own, or that of the network between.
    Silent,
    /// It cannot be talked to, breaks off, or has trouble, which may pass: its own, or that of the
    /// network between.
    Unreachable,
    /// Its answer is a no that the next request may change, such as a link that expired: its own.
    Fleeting,
    /// Its answer breaks the protocol or a digest, and will again: its own.
    Broken,
    /// It cannot be asked at all as things are set up, there or here.
    Unusable,
}

/// Says why an origin did not give what it was asked for, in the words of its client.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{source}")]
pub struct OriginError {
    /// What it means.
    pub failure: Failure,
    /// How long the origin asks to be left alone.
    pub retry_after: Option<Duration>,
    source: Arc<dyn Error + Send + Sync>,
}

impl OriginError {
    /// Says what the error of a client means.
    pub fn new(
        failure: Failure,
        retry_after: Option<Duration>,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            failure,
            retry_after,
            source: Arc::new(source),
        }
    }

    /// Tells whether the origin says that it is asked for too much: it may give the same thing
    /// later.
    pub fn is_too_much(&self) -> bool {
        matches!(self.failure, Failure::Limited | Failure::Overloaded)
    }

    /// Tells whether the same request may succeed if it is sent again at once.
    pub fn is_retryable(&self) -> bool {
        match self.failure {
            Failure::Silent | Failure::Unreachable | Failure::Fleeting => true,
            Failure::Absent
            | Failure::Unauthorized
            | Failure::Denied
            | Failure::Limited
            | Failure::Overloaded
            | Failure::Broken
            | Failure::Unusable => false,
        }
    }

    /// Tells whether this is what the origin answers, rather than that it cannot answer now.
    pub fn is_an_answer(&self) -> bool {
        match self.failure {
            Failure::Absent
            | Failure::Unauthorized
            | Failure::Denied
            | Failure::Fleeting
            | Failure::Broken => true,
            Failure::Limited
            | Failure::Overloaded
            | Failure::Silent
            | Failure::Unreachable
            | Failure::Unusable => false,
        }
    }

    /// Gives how long to wait before it is asked again; none where nothing comes of waiting.
    pub fn wait(&self, backoff: &mut Backoff) -> Option<Duration> {
        if !self.is_too_much() {
            return None;
        }
        // Many pulls must not come back together.
        let spread = |wait: Duration| wait.mul_f64(rand::rng().random_range(0.5..1.5));
        backoff.after(self.retry_after, spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_much_is_waited_for_and_as_long_as_it_asks() {
        let wait = |failure, asked| {
            let error = OriginError::new(failure, asked, std::io::Error::other("it"));
            error.wait(&mut Backoff::default())
        };
        let minute = Some(Duration::from_mins(1));
        assert!(wait(Failure::Limited, minute) >= minute);
        assert!(wait(Failure::Overloaded, None).is_some());
        assert_eq!(wait(Failure::Limited, Some(Duration::from_hours(1))), None);
        assert_eq!(wait(Failure::Unreachable, minute), None);
    }
}
