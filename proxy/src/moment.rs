//! Moments as people write them: an instant, a day, or an age before now. Pure.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer};

/// Units of an age, with their seconds.
const UNITS: [(char, i64); 5] = [
    ('s', 1),
    ('m', 60),
    ('h', 3_600),
    ('d', 86_400),
    ('w', 604_800),
];

/// A moment as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// An instant; of a day, its first in UTC.
    At(Timestamp),
    /// So long before now.
    Ago(SignedDuration),
}

/// Says that a text is no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "got {0:?}, wanted an instant such as 2026-11-28T10:00:00Z, a day such as 2026-11-28 (UTC), or \
     an age such as 7d or 24h"
)]
pub struct NoMoment(String);

impl Moment {
    /// Gives the instant that is meant, where it is `now`; an age before all time is its beginning.
    pub fn instant(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(instant) => instant,
            Self::Ago(age) => now.checked_sub(age).unwrap_or(Timestamp::MIN),
        }
    }
}

impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        let read = age(text)
            .map(Self::Ago)
            .or_else(|| text.parse().ok().map(Self::At))
            .or_else(|| day(text).map(Self::At));
        read.ok_or_else(|| NoMoment(text.chars().take(80).collect()))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

fn age(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().next_back()?;
    let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: i64 = digits.parse().ok()?;
    count.checked_mul(seconds).map(SignedDuration::from_secs)
}

fn day(text: &str) -> Option<Timestamp> {
    // The type reads the day of a longer text as well, whatever zone that is in.
    if text.len() != "2026-11-28".len() {
        return None;
    }
    let day: Date = text.parse().ok()?;
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_days_and_ages_are_moments() {
        let now: Timestamp = "2026-11-28T10:00:00Z".parse().unwrap();
        for (text, wanted) in [
            ("2026-11-27T09:00:00Z", "2026-11-27T09:00:00Z"),
            ("2026-11-27T09:00:00+02:00", "2026-11-27T07:00:00Z"),
            ("2026-11-27", "2026-11-27T00:00:00Z"),
            ("7d", "2026-11-21T10:00:00Z"),
            ("24h", "2026-11-27T10:00:00Z"),
            ("90m", "2026-11-28T08:30:00Z"),
            ("1w", "2026-11-21T10:00:00Z"),
            ("30s", "2026-11-28T09:59:30Z"),
            ("0d", "2026-11-28T10:00:00Z"),
        ] {
            let moment: Moment = text.parse().unwrap();
            assert_eq!(moment.instant(now).to_string(), wanted, "{text}");
        }
        let longest: Moment = "9999999999999d".parse().unwrap();
        assert_eq!(longest.instant(now), Timestamp::MIN);
    }

    #[test]
    fn what_is_no_moment_is_told_what_is() {
        for text in [
            "",
            "d",
            "-7d",
            "7",
            "7 d",
            "7y",
            "+7d",
            "7D",
            "yesterday",
            "2026-13-01",
            "2026-11-27T09:00:00",
            "9999999999999999999d",
            "９d",
        ] {
            let error = text.parse::<Moment>().unwrap_err().to_string();
            assert!(
                error.contains("an age such as 7d") && error.contains(text),
                "{error}"
            );
        }
    }
}
