//! Decides whether a version is affected, by OSV's rules, in the order of its ecosystem.
//!
//! A version is affected if the list of versions names it or any range holds it. What cannot be
//! compared is unknown and never "not affected". Pure. Called by the matchers. Source: OSV schema
//! 1.7, "Evaluation".

use sluicegate_model::advisory::{Advisory, RangeEvent};

use super::answer::Affected;
use super::interval::holds;
use super::releases;
use crate::versions::ParsedVersion;

/// Most questions of advisories about possible fixes of one weakness. Real weaknesses have a few
/// dozen of either; where there are more, the highest fix is taken.
const MAX_FIX_QUESTIONS: usize = 100_000;

/// Asks each advisory about one version, in the order of `V`.
pub(crate) fn affected<V: ParsedVersion>(version: &str, advisories: &[Advisory]) -> Vec<Affected> {
    let parsed = V::parse(version).ok();
    advisories
        .iter()
        .map(|advisory| ask(version, parsed.as_ref(), advisory))
        .collect()
}

/// Drops the listed versions that a range holds anyway; it changes no answer and most of the size.
pub(crate) fn drop_covered<V: ParsedVersion>(advisory: &mut Advisory) {
    let ranges = &advisory.ranges;
    if ranges.is_empty() || !advisory.releases.is_empty() {
        return;
    }
    advisory.versions.retain(|text| {
        let Ok(listed) = V::parse(text) else {
            return true;
        };
        !ranges
            .iter()
            .any(|range| holds(&listed, range) == Some(true))
    });
}

/// Finds the smallest version above the installed one at which none of the advisories applies any
/// more; where the advisories contradict each other, the smallest at which one of them ends.
pub(crate) fn first_fix<V: ParsedVersion>(
    version: &str,
    advisories: &[&Advisory],
) -> Option<String> {
    let installed = V::parse(version).ok()?;
    let mut fixes: Vec<(V, &str)> = advisories
        .iter()
        .flat_map(|advisory| advisory.ranges.iter().chain(&advisory.releases))
        .filter(|range| holds(&installed, range) == Some(true))
        .flat_map(|range| &range.events)
        .filter_map(|event| match event {
            RangeEvent::Fixed(fix) => Some((V::parse(fix).ok()?, fix.as_str())),
            RangeEvent::Introduced(_) | RangeEvent::LastAffected(_) | RangeEvent::Limit(_) => None,
        })
        .filter(|(fix, _)| *fix > installed)
        .collect();
    fixes.sort();
    if fixes.len().saturating_mul(advisories.len()) > MAX_FIX_QUESTIONS {
        return fixes.last().map(|(_, text)| (*text).to_owned());
    }
    let clean = fixes.iter().find(|(fix, text)| {
        !advisories
            .iter()
            .any(|advisory| ask(text, Some(fix), advisory) == Affected::Yes)
    });
    clean.or(fixes.first()).map(|(_, text)| (*text).to_owned())
}

fn ask<V: ParsedVersion>(text: &str, version: Option<&V>, advisory: &Advisory) -> Affected {
    if advisory.versions.iter().any(|listed| listed == text) {
        return Affected::Yes;
    }
    let has_ranges = !advisory.ranges.is_empty() || !advisory.releases.is_empty();
    if advisory.versions.is_empty() && !has_ranges {
        return Affected::NoRange;
    }
    let Some(version) = version else {
        return Affected::Unknown;
    };
    if !advisory.releases.is_empty() {
        return releases::decide(text, version, advisory);
    }
    let mut is_unknown = false;
    for range in &advisory.ranges {
        match holds(version, range) {
            Some(true) => return Affected::Yes,
            Some(false) => {}
            None => is_unknown = true,
        }
    }
    if is_unknown {
        return Affected::Unknown;
    }
    // Only where the list is all there is: another spelling of a listed version is that version.
    if advisory.ranges.is_empty() && lists(version, &advisory.versions) {
        return Affected::Yes;
    }
    Affected::No
}

fn lists<V: ParsedVersion>(version: &V, listed: &[String]) -> bool {
    listed
        .iter()
        .any(|text| V::parse(text).is_ok_and(|listed| listed == *version))
}

#[cfg(test)]
mod tests {
    use sluicegate_model::advisory::Range;

    use super::*;
    use crate::testing;
    use crate::versions::deb::DebVersion;
    use crate::versions::pep440::Pep440Version;

    use RangeEvent::{Fixed, Introduced, LastAffected, Limit};

    fn advisory(versions: &[&str], ranges: Vec<Vec<RangeEvent>>) -> Advisory {
        Advisory {
            versions: versions.iter().map(|text| (*text).to_owned()).collect(),
            ranges: ranges.into_iter().map(|events| Range { events }).collect(),
            ..testing::advisory("X-1")
        }
    }

    fn says(advisory: &Advisory, version: &str) -> Affected {
        affected::<Pep440Version>(version, std::slice::from_ref(advisory))[0]
    }

    fn check(advisory: &Advisory, yes: &[&str], no: &[&str]) {
        for version in yes {
            assert_eq!(says(advisory, version), Affected::Yes, "{version}");
        }
        for version in no {
            assert_eq!(says(advisory, version), Affected::No, "{version}");
        }
    }

    #[test]
    fn walks_several_intervals_of_one_range_in_any_order() {
        let events = vec![
            Fixed("3.2".into()),
            Introduced("3".into()),
            Introduced("0".into()),
            Fixed("1.5".into()),
        ];
        check(
            &advisory(&[], vec![events]),
            &["0.1", "1.4", "3", "3.1"],
            &["1.5", "2", "3.2", "9"],
        );
    }

    #[test]
    fn includes_the_last_affected_version() {
        let range = vec![Introduced("1".into()), LastAffected("1.4".into())];
        check(
            &advisory(&[], vec![range]),
            &["1", "1.4", "1.4.0"],
            &["0.9", "1.4.1"],
        );
    }

    #[test]
    fn says_nothing_past_a_limit() {
        let range = |limit: &str| vec![Introduced("0".into()), Limit(limit.into())];
        check(&advisory(&[], vec![range("2")]), &["1"], &["2", "3"]);
        check(&advisory(&[], vec![range("*")]), &["1", "3"], &[]);
    }

    #[test]
    fn takes_the_list_or_any_range() {
        let ranges = vec![
            vec![Introduced("0".into()), Fixed("1".into())],
            vec![Introduced("5".into()), Fixed("6".into())],
        ];
        check(
            &advisory(&["3.3"], ranges),
            &["0.5", "3.3", "5.5"],
            &["1", "3.4", "6"],
        );
        check(
            &advisory(&["1.0", "odd one"], Vec::new()),
            &["1.0", "1", "odd one"],
            &["1.1"],
        );
    }

    #[test]
    fn reads_a_fix_at_zero_as_never_affected() {
        let range = vec![Introduced("0".into()), Fixed("0".into())];
        check(&advisory(&[], vec![range]), &[], &["0", "0.dev1", "7"]);
    }

    #[test]
    fn reads_a_range_without_a_beginning_from_the_beginning() {
        check(
            &advisory(&[], vec![vec![Fixed("2".into())]]),
            &["1"],
            &["2"],
        );
    }

    #[test]
    fn never_calls_the_incomparable_unaffected() {
        let range = vec![Introduced("0".into()), Fixed("2".into())];
        let odd = vec![Introduced("0".into()), Fixed("two".into())];
        assert_eq!(
            says(&advisory(&[], vec![range.clone()]), "2004d"),
            Affected::Unknown
        );
        assert_eq!(
            says(&advisory(&["1.0"], Vec::new()), "2004d"),
            Affected::Unknown
        );
        assert_eq!(
            says(&advisory(&["2004d"], vec![range.clone()]), "2004d"),
            Affected::Yes
        );
        assert_eq!(
            says(&advisory(&[], vec![odd.clone()]), "9"),
            Affected::Unknown
        );
        assert_eq!(says(&advisory(&[], vec![odd, range]), "1"), Affected::Yes);
        assert_eq!(says(&advisory(&[], Vec::new()), "1"), Affected::NoRange);
    }

    #[test]
    fn compares_in_the_order_of_the_ecosystem() {
        let range = vec![Introduced("0".into()), Fixed("1:2.0-1~deb12u1".into())];
        let advisories = [advisory(&[], vec![range])];
        assert_eq!(
            affected::<DebVersion>("3.0-1", &advisories),
            [Affected::Yes]
        );
        assert_eq!(
            affected::<DebVersion>("1:2.0-1", &advisories),
            [Affected::No]
        );
    }

    #[test]
    fn answers_the_same_after_dropping_what_ranges_cover() {
        let range = vec![Introduced("1".into()), Fixed("2".into())];
        let full = advisory(&["1.0", "1.5", "2004d", "7"], vec![range]);
        let mut thin = full.clone();
        drop_covered::<Pep440Version>(&mut thin);
        assert_eq!(thin.versions, ["2004d", "7"]);
        for version in ["0.9", "1", "1.0", "1.5", "2", "2004d", "7", "odd"] {
            assert_eq!(says(&thin, version), says(&full, version), "{version}");
        }
        let mut listed = advisory(&["1.0"], Vec::new());
        drop_covered::<Pep440Version>(&mut listed);
        assert_eq!(listed.versions, ["1.0"]);
    }

    #[test]
    fn finds_the_smallest_fix_of_the_interval_that_matched() {
        let intervals = advisory(
            &[],
            vec![vec![
                Introduced("3".into()),
                Fixed("3.2".into()),
                Introduced("0".into()),
                Fixed("1.5".into()),
            ]],
        );
        let fix =
            |version, advisories: &[&Advisory]| first_fix::<Pep440Version>(version, advisories);
        assert_eq!(fix("1.2", &[&intervals]).as_deref(), Some("1.5"));
        assert_eq!(fix("3.1", &[&intervals]).as_deref(), Some("3.2"));
        let later = advisory(&[], vec![vec![Introduced("0".into()), Fixed("2".into())]]);
        assert_eq!(fix("1.2", &[&intervals, &later]).as_deref(), Some("2"));
        let never = advisory(&[], vec![vec![Introduced("0".into())]]);
        assert_eq!(fix("1.2", &[&never]), None);
        assert_eq!(fix("1.2", &[&never, &later]).as_deref(), Some("2"));
    }
}
