//! The time of day as an argument: tests set it, and nothing but a program's root reads the machine's.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

/// How far apart two clocks may be: what was written later than this from now was written while a
/// clock stood wrong, and is not believed.
pub const MAX_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Tells whether an instant that was written down has not come yet, so that whatever it is about
/// has to be made again: a clock that jumped ahead and back must leave nothing in force.
pub fn is_to_come(written: Timestamp, now: Timestamp) -> bool {
    written.duration_since(now) > MAX_SKEW
}

/// Something that tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// Asks `tell` each time.
    pub fn from_fn(tell: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells the time.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_later_than_the_skew_is_to_come() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let table = [
            (SignedDuration::from_hours(-24 * 365), false),
            (SignedDuration::ZERO, false),
            (MAX_SKEW, false),
            (MAX_SKEW + SignedDuration::from_secs(1), true),
            (SignedDuration::from_hours(24 * 3_650), true),
        ];
        for (ahead, wanted) in table {
            assert_eq!(is_to_come(now + ahead, now), wanted, "{ahead:?}");
        }
        assert!(is_to_come(Timestamp::MAX, Timestamp::MIN));
        assert!(!is_to_come(Timestamp::MIN, Timestamp::MAX));
    }
}
