//! The time of day: the one place that reads it.

use jiff::Timestamp;
use sluicegate_model::clock::Clock;

/// Reads the machine's clock.
pub fn system() -> Clock {
    Clock::from_fn(Timestamp::now)
}
