//! Days as feeds write them.

use jiff::civil::Date;

/// Reads the day that a time begins with.
pub(super) fn day(text: &str) -> Option<Date> {
    text.get(..10)?.parse().ok()
}
