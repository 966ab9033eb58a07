//! When the records of a family of ecosystems were made, by day: how old what is known is.
//!
//! All times are kept as they are written, those in the future too: which of them count is for
//! whoever asks to say, by a clock of its own, so that an index made under a wrong clock is never
//! young for ever. Filled by the index builder, asked through the index.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::report::Knowledge;

/// Most days that are kept of a family, the latest ones: the year that is looked at, and as many
/// days again that are not there yet.
const MAX_DAYS: usize = 800;
/// The days of the year before the newest record that a family's rhythm is read from.
const YEAR: i64 = 365;
const SECONDS_A_DAY: i64 = 86_400;

/// The days with news of one family while its records are read.
#[derive(Debug, Default)]
pub(super) struct Days(BTreeMap<i64, i64>);

/// The days with news of one family, as the index keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FamilyTimes {
    /// The ecosystems' name up to the first `:`.
    pub(super) family: String,
    /// The latest instant of each day with news, in seconds since 1970. Sorted.
    instants: Vec<i64>,
}

impl Days {
    /// Adds when a record was made or changed.
    pub(super) fn add(&mut self, at: Timestamp) {
        let second = at.as_second();
        let latest = self.0.entry(day_of(second)).or_insert(second);
        *latest = second.max(*latest);
        if self.0.len() > 2 * MAX_DAYS {
            self.keep_latest();
        }
    }

    /// Ends the reading.
    pub(super) fn of_family(mut self, family: &str) -> FamilyTimes {
        self.keep_latest();
        FamilyTimes {
            family: family.to_owned(),
            instants: self.0.into_values().collect(),
        }
    }

    fn keep_latest(&mut self) {
        while self.0.len() > MAX_DAYS {
            self.0.pop_first();
        }
    }
}

impl FamilyTimes {
    /// Tells how old what is known is: what lies after `now` does not count.
    pub(super) fn knowledge(&self, now: Timestamp) -> Knowledge {
        let past = self.instants.partition_point(|at| *at <= now.as_second());
        let past = self.instants.get(..past).unwrap_or_default();
        let newest = past.last().copied();
        let from = newest.map_or(i64::MAX, |newest| day_of(newest).saturating_sub(YEAR));
        let days = past.iter().map(|at| day_of(*at)).filter(|day| *day >= from);
        let next = days.clone().skip(1);
        let gaps = days.zip(next).map(|(day, next)| next.saturating_sub(day));
        Knowledge {
            family: self.family.clone(),
            newest: newest.and_then(|second| Timestamp::from_second(second).ok()),
            longest_gap_days: gaps
                .max()
                .map_or(0, |days| u32::try_from(days).unwrap_or(u32::MAX)),
        }
    }
}

/// Orders the releases of a family by the numbers in their names; one without a number rolls on
/// and comes last.
pub(super) fn release(ecosystem: &str) -> Vec<u32> {
    let (_, name) = ecosystem.split_once(':').unwrap_or_default();
    let numbers = name.split(|c: char| !c.is_ascii_digit());
    let numbers = numbers.filter(|digits| !digits.is_empty());
    let numbers: Vec<u32> = numbers
        .map(|digits| digits.parse().unwrap_or(u32::MAX))
        .collect();
    if numbers.is_empty() {
        return vec![u32::MAX];
    }
    numbers
}

fn day_of(second: i64) -> i64 {
    second.div_euclid(SECONDS_A_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(all: &[&str]) -> FamilyTimes {
        let mut days = Days::default();
        for at in all {
            days.add(at.parse().unwrap());
        }
        days.of_family("Debian")
    }

    fn known(all: &[&str], now: &str) -> (Option<String>, u32) {
        let knowledge = times(all).knowledge(now.parse().unwrap());
        let newest = knowledge.newest.map(|at| at.to_string());
        (newest, knowledge.longest_gap_days)
    }

    #[test]
    fn newest_time_that_is_not_in_the_future_counts_at_every_clock() {
        let all = [
            "2026-01-01T00:00:00Z",
            "2026-01-01T09:00:00Z",
            "2026-01-05T00:00:00Z",
            "2027-07-09T15:54:00Z",
        ];
        for (now, newest, gap) in [
            ("2025-12-31T23:59:59Z", None, 0),
            ("2026-01-01T08:00:00Z", None, 0),
            ("2026-01-02T00:00:00Z", Some("2026-01-01T09:00:00Z"), 0),
            ("2026-06-01T00:00:00Z", Some("2026-01-05T00:00:00Z"), 4),
            ("2028-01-01T00:00:00Z", Some("2027-07-09T15:54:00Z"), 0),
        ] {
            assert_eq!(known(&all, now), (newest.map(str::to_owned), gap), "{now}");
        }
        assert_eq!(known(&[], "2026-01-01T00:00:00Z"), (None, 0));
    }

    #[test]
    fn rhythm_is_that_of_the_year_before_the_newest_record() {
        let all = [
            // Longer ago than a year: a gap that no longer counts.
            "2020-01-01T00:00:00Z",
            "2025-03-01T00:00:00Z",
            "2025-03-31T00:00:00Z",
            "2026-01-31T12:00:00Z",
            "2026-02-20T12:00:00Z",
        ];
        let (_, gap) = known(&all, "2026-03-01T00:00:00Z");
        assert_eq!(gap, 306, "31 March to 31 January");
        let few = ["2024-01-01T00:00:00Z", "2026-02-20T12:00:00Z"];
        let knowledge = times(&few).knowledge("2026-03-01T00:00:00Z".parse().unwrap());
        assert_eq!(knowledge.longest_gap_days, 0, "one day in its last year");
        assert_eq!(knowledge.usual_silence().as_hours(), 7 * 24);
        let rhythm = times(&all).knowledge("2026-03-01T00:00:00Z".parse().unwrap());
        assert_eq!(rhythm.usual_silence().as_hours(), 3 * 306 * 24);
    }

    #[test]
    fn days_made_up_for_the_future_leave_nothing_that_looks_new() {
        let mut days = Days::default();
        days.add("2026-01-01T00:00:00Z".parse().unwrap());
        for day in 0..5_000_i64 {
            days.add(Timestamp::from_second(1_900_000_000 + day * SECONDS_A_DAY).unwrap());
        }
        let times = days.of_family("npm");
        assert_eq!(times.instants.len(), MAX_DAYS);
        let knowledge = times.knowledge("2026-02-01T00:00:00Z".parse().unwrap());
        assert_eq!(knowledge.newest, None, "nobody knows how old it is");
    }

    #[test]
    fn later_releases_have_higher_numbers_and_rolling_ones_come_last() {
        for (earlier, later) in [
            ("Alpine:v3.9", "Alpine:v3.10"),
            ("Alpine:v3.22", "Alpine:edge"),
            ("Debian:11", "Debian:12"),
            ("Ubuntu:22.04:LTS", "Ubuntu:22.10"),
            ("Ubuntu:Pro:18.04:LTS", "Ubuntu:20.04:LTS"),
            (
                "SUSE:Linux Enterprise Server 15 SP6",
                "SUSE:Linux Enterprise Module for Basesystem 15 SP7",
            ),
            ("openSUSE:Leap 15.6", "openSUSE:Tumbleweed"),
        ] {
            assert!(release(earlier) < release(later), "{earlier} {later}");
        }
        assert_eq!(release("npm"), release("Debian"));
    }
}
