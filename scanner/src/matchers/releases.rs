//! Decides by two lists of ranges: one over module versions, one over the names of releases.
//!
//! Go's feed has both where Go does not know every release of a module as a version of it: a release
//! `v12.4.0` of a module whose path has no `/v12`, a product's own numbers. An interval without an end
//! says that its list knows none, so that the other one decides; what has an end is told apart by it.
//! Called by `ranges`. Source: Go vulnerability database, "OSV JSON schema", `custom_ranges`.

use sluicegate_model::advisory::{Advisory, Range, RangeEvent};

use super::answer::Affected;
use super::interval::{HoldsVersion, held};
use crate::versions::ParsedVersion;
use crate::versions::go::is_of_commit;

/// Where a list of ranges has a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RangePlace {
    Outside,
    /// In an interval that has an end.
    Bounded,
    /// In one that has none.
    Open,
    /// A boundary cannot be compared.
    Unclear,
}

/// Asks an advisory that has ranges over releases about a version and its text.
pub(super) fn decide<V: ParsedVersion>(text: &str, version: &V, advisory: &Advisory) -> Affected {
    let of_modules = place(version, &advisory.ranges);
    let of_releases = place(version, &advisory.releases);
    if advisory.ranges.is_empty() {
        return match of_releases {
            RangePlace::Bounded | RangePlace::Open => Affected::Yes,
            RangePlace::Outside => Affected::No,
            RangePlace::Unclear => Affected::Unknown,
        };
    }
    if is_of_commit(text) {
        return of_commit(of_modules, of_releases, advisory);
    }
    match (of_modules, of_releases) {
        (RangePlace::Bounded, _)
        | (_, RangePlace::Bounded)
        | (RangePlace::Open, RangePlace::Open) => Affected::Yes,
        // Where the modules' end is a commit, it says nothing of releases.
        (RangePlace::Outside, RangePlace::Open) if ends_in_commit(&advisory.ranges) => {
            Affected::Yes
        }
        (RangePlace::Outside, RangePlace::Unclear) if ends_in_commit(&advisory.ranges) => {
            Affected::Unknown
        }
        (RangePlace::Open, RangePlace::Outside) | (RangePlace::Outside, _) => Affected::No,
        (RangePlace::Open | RangePlace::Unclear, _) => Affected::Unknown,
    }
}

/// Decides on a commit, which Go names after the last release that it knows, so that its number
/// places it among module versions and not among releases.
fn of_commit(of_modules: RangePlace, of_releases: RangePlace, advisory: &Advisory) -> Affected {
    match (of_modules, of_releases) {
        (RangePlace::Bounded, _) | (RangePlace::Open, RangePlace::Bounded | RangePlace::Open) => {
            Affected::Yes
        }
        (RangePlace::Outside, _) => Affected::No,
        (RangePlace::Open, RangePlace::Outside) if ends_in_commit(&advisory.releases) => {
            Affected::No
        }
        (RangePlace::Open | RangePlace::Unclear, _) => Affected::Unknown,
    }
}

fn place<V: ParsedVersion>(version: &V, ranges: &[Range]) -> RangePlace {
    let mut place = RangePlace::Outside;
    for range in ranges {
        place = match (held(version, range), place) {
            (Some(HoldsVersion::Bounded), _) => return RangePlace::Bounded,
            (Some(HoldsVersion::Open), _) => RangePlace::Open,
            (None, RangePlace::Outside) => RangePlace::Unclear,
            (None | Some(HoldsVersion::Not), place) => place,
        };
    }
    place
}

/// Tells whether the last end that ranges name is a commit.
fn ends_in_commit(ranges: &[Range]) -> bool {
    let events = ranges.iter().flat_map(|range| &range.events).rev();
    let mut ends = events.filter_map(|event| match event {
        RangeEvent::Fixed(version) | RangeEvent::LastAffected(version) => Some(version),
        RangeEvent::Introduced(_) | RangeEvent::Limit(_) => None,
    });
    ends.next().is_some_and(|version| is_of_commit(version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matchers::ranges;
    use crate::testing;
    use crate::versions::go::GoVersion;

    /// Reads `from..to`, where no `to` is no end.
    fn range(text: &str) -> Vec<Range> {
        let mut events = Vec::new();
        for interval in text.split(' ').filter(|interval| !interval.is_empty()) {
            let (from, to) = interval.split_once("..").expect("an interval");
            events.push(RangeEvent::Introduced(from.into()));
            events.extend((!to.is_empty()).then(|| RangeEvent::Fixed(to.into())));
        }
        vec![Range { events }]
    }

    fn advisory(modules: &str, releases: &str) -> Advisory {
        Advisory {
            ranges: range(modules),
            releases: range(releases),
            ..testing::advisory("GO-1")
        }
    }

    #[test]
    fn what_has_no_end_in_one_list_is_decided_by_the_other() {
        use Affected::{No, Unknown, Yes};
        let commit = "v0.0.0-20240131120000-0123456789ab";
        for (modules, releases, version, wanted) in [
            ("0..", "0..8.5.14 9.0.0..9.1.8", "v12.4.0", No),
            ("0..", "0..8.5.14 9.0.0..9.1.8", "v9.1.0", Yes),
            ("5.0.0-beta1+incompatible..", "0..8.5.14", "v12.4.0", No),
            ("0..", "1.5.0..", "v1.4.0", No),
            ("0..", "1.5.0..", "v1.6.0", Yes),
            ("0..", "0..edge-24.6.2", "v1.0.0", Unknown),
            ("0..", "0..2.0.0", "12.4", No),
            // A module's own end counts beside that of other releases.
            ("0.11.0..1.16.3", "0..1.15.9", "v1.16.0", Yes),
            ("0.37.0..0.37.11", "0.34.0..0.34.34", "v0.34.1", Yes),
            ("0..3.1.3+incompatible", "2.6.1..", "v3.1.5", No),
            (
                "0..0.0.0-20250827065555-0494f5d47e41",
                "4.0.0..",
                "v4.0.1",
                Yes,
            ),
            // A commit's number is that of the last release that Go knows.
            ("0..", "8.0.0..9.1.8", commit, Unknown),
            ("0..", "0..9.1.8", commit, Yes),
            ("0..", "0..0.0.0-20231016150651-428517fef5b9", commit, No),
            (
                "0..0.0.0-20200819165540-8c1800b51550",
                "0..100.2.0",
                commit,
                No,
            ),
        ] {
            let advisories = [advisory(modules, releases)];
            assert_eq!(
                ranges::affected::<GoVersion>(version, &advisories),
                [wanted],
                "{modules} | {releases} | {version}"
            );
        }
    }

    #[test]
    fn a_fix_is_that_of_the_releases() {
        let grafana = advisory("0..", "0..8.5.14 9.0.0..9.1.8");
        let fix = |version| ranges::first_fix::<GoVersion>(version, &[&grafana]);
        assert_eq!(fix("v9.0.1").as_deref(), Some("9.1.8"));
        assert_eq!(fix("v8.0.0").as_deref(), Some("8.5.14"));
        let alone = Advisory {
            ranges: Vec::new(),
            ..grafana
        };
        let said = ranges::affected::<GoVersion>("v9.2.0", std::slice::from_ref(&alone));
        assert_eq!(said, [Affected::No]);
    }
}
