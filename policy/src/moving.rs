//! What policies look at of what moves with every feed, though no record on an image does: how old the
//! advisories are, and how probable it is that a weakness is exploited.
//!
//! Asked when other advisories come in force, to tell which decisions stand.

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::report::Knowledge;

use crate::decide::FeedStanding;
use crate::rules::MaxAge;
use crate::set::PolicySet;

/// How old advisories are.
#[derive(Clone, Copy, Debug)]
pub struct Ages<'a> {
    /// What is known of every family that is loaded, by name.
    pub known: &'a [Knowledge],
    /// What of them ends beside their records.
    pub standing: &'a FeedStanding,
}

/// When something is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stale {
    At(Timestamp),
    Never,
}

impl PolicySet {
    /// Lists the probabilities of exploitation from which on rules hit.
    pub fn thresholds(&self) -> Vec<f64> {
        let rules = self.own_or_default().into_iter();
        let rules = rules.flat_map(|policy| &policy.rules);
        let blocks = rules.flat_map(|rule| rule.unless.iter().chain([&rule.when]));
        blocks.filter_map(|block| block.epss_at_least).collect()
    }

    /// Tells whether no decision under earlier advisories would be another one for the age of later
    /// ones: by no policy are those too old that differ in age, before or after, and none is sooner.
    pub fn ages_as_well(&self, earlier: Ages<'_>, later: Ages<'_>, now: Timestamp) -> bool {
        let policies = self.own_or_default().into_iter();
        let most: Vec<MaxAge> = policies
            .filter_map(|policy| policy.max_feed_age.map(|(most, _)| most))
            .collect();
        if most.is_empty() {
            return true;
        }
        let expires = |ages: Ages<'_>| ages.standing.expires.map_or(Stale::Never, Stale::At);
        if !stays_young(expires(earlier), expires(later), now) {
            return false;
        }
        if earlier.known.len() != later.known.len() {
            return false;
        }
        let pairs = earlier.known.iter().zip(later.known);
        let mut changed = pairs.filter(|(before, after)| before != after);
        changed.all(|(before, after)| {
            let stays = |most: &MaxAge| stays_young(stale(*most, before), stale(*most, after), now);
            before.family == after.family && most.iter().all(stays)
        })
    }
}

/// Advisories that are too old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooOld {
    /// The family that they are on; none of an imported bundle.
    pub family: Option<String>,
    /// The newest of them, where any says when it was made.
    pub newest: Option<Timestamp>,
    /// How old that may be; of a bundle nothing.
    pub at_most: Option<SignedDuration>,
    /// When the bundle expired.
    pub expired: Option<Timestamp>,
}

impl PolicySet {
    /// Lists the advisories that are too old for any of the policies; where none says how old they may
    /// be, each family goes by its own rhythm.
    pub fn too_old(&self, ages: Ages<'_>, now: Timestamp) -> Vec<TooOld> {
        let policies = self.own_or_default().into_iter();
        let most: Vec<MaxAge> = policies
            .filter_map(|policy| policy.max_feed_age.map(|(most, _)| most))
            .collect();
        let at_most = |known: &Knowledge| {
            let strictest = most.iter().map(|most| most.of(known)).min();
            strictest.unwrap_or_else(|| known.usual_silence())
        };
        let expired = ages.standing.expires.filter(|expires| *expires <= now);
        let bundle = expired.map(|expired| TooOld {
            family: None,
            newest: None,
            at_most: None,
            expired: Some(expired),
        });
        let families = ages.known.iter().filter_map(|known| {
            let most = at_most(known);
            // A time in the future would keep it young for longer than the policy says.
            let newest = known.newest.map(|newest| newest.min(now));
            let is_young = newest.is_some_and(|it| now.duration_since(it) < most);
            (!is_young).then(|| TooOld {
                family: Some(known.family.clone()),
                newest: known.newest,
                at_most: Some(most),
                expired: None,
            })
        });
        bundle.into_iter().chain(families).collect()
    }
}

fn stale(most: MaxAge, known: &Knowledge) -> Stale {
    match known.newest {
        None => Stale::At(Timestamp::MIN),
        Some(newest) => {
            let at = newest.checked_add(most.of(known));
            at.map_or(Stale::Never, Stale::At)
        }
    }
}

/// Tells whether what ages is not too old, before and after, and will not be sooner than before.
fn stays_young(before: Stale, after: Stale, now: Timestamp) -> bool {
    before == after || (before > Stale::At(now) && after > Stale::At(now) && after >= before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::SourceFile;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn set(feeds: &str) -> PolicySet {
        let text = format!(
            "{{apiVersion: sluicegate/v1, kind: Policy, metadata: {{name: p}}, spec: {{{feeds}}}}}"
        );
        let name = "p.yaml".into();
        PolicySet::parse(&[SourceFile { name, text }]).unwrap()
    }

    fn known(newest: Option<&str>, longest_gap_days: u32) -> Vec<Knowledge> {
        vec![Knowledge {
            family: "Debian".into(),
            newest: newest.map(at),
            longest_gap_days,
        }]
    }

    fn stays(set: &PolicySet, before: &[Knowledge], after: &[Knowledge]) -> bool {
        let standing = FeedStanding::default();
        let ages = |known| Ages {
            known,
            standing: &standing,
        };
        set.ages_as_well(ages(before), ages(after), at("2026-06-10T00:00:00Z"))
    }

    #[test]
    fn decisions_stand_where_what_is_known_is_young_and_none_is_sooner_too_old() {
        let (may, june) = (Some("2026-05-01T00:00:00Z"), Some("2026-06-09T00:00:00Z"));
        let later = Some("2026-06-09T12:00:00Z");
        for (before, after, wanted) in [
            (known(june, 1), known(june, 1), true),
            (known(june, 1), known(later, 1), true),
            // Records went, or the rhythm is a quicker one.
            (known(later, 1), known(june, 1), false),
            (known(june, 30), known(later, 5), false),
            (known(june, 5), known(later, 30), true),
            // It was too old, and is not any more.
            (known(may, 1), known(june, 1), false),
            (known(may, 1), known(may, 1), true),
            (known(None, 0), known(june, 1), false),
            (known(None, 0), known(None, 0), true),
            (known(june, 1), Vec::new(), false),
        ] {
            let auto = set("feeds: {maxAge: auto, onStale: refuse}");
            assert_eq!(
                stays(&auto, &before, &after),
                wanted,
                "{before:?} {after:?}"
            );
        }
    }

    #[test]
    fn a_bundle_that_ends_sooner_or_has_ended_changes_decisions() {
        let set = set("feeds: {maxAge: 7d, onStale: refuse}");
        let (early, late) = (Some("2026-06-12T00:00:00Z"), Some("2026-06-20T00:00:00Z"));
        let over = Some("2026-06-01T00:00:00Z");
        for (before, after, wanted) in [
            (early, late, true),
            (late, early, false),
            (over, late, false),
            (early, None, true),
            (None, early, false),
            (over, over, true),
        ] {
            let standing = |expires: Option<&str>| FeedStanding {
                expires: expires.map(at),
            };
            let (before, after) = (standing(before), standing(after));
            let ages = |standing| Ages {
                known: &[],
                standing,
            };
            let now = at("2026-06-10T00:00:00Z");
            let stays = set.ages_as_well(ages(&before), ages(&after), now);
            assert_eq!(stays, wanted, "{before:?} {after:?}");
        }
    }

    #[test]
    fn the_strictest_policy_says_what_is_too_old_and_without_any_the_family_s_own_rhythm() {
        let now = at("2026-06-10T00:00:00Z");
        let silent = known(Some("2026-06-01T00:00:00Z"), 1);
        let young = FeedStanding::default();
        let over = FeedStanding { expires: Some(now) };
        let strict = "feeds: {maxAge: 7d, onStale: annotate}";
        let lax = "feeds: {maxAge: 30d, onStale: refuse}";
        for (feeds, known, standing, wanted) in [
            (strict, &silent[..], &young, vec![Some("Debian")]),
            (lax, &silent[..], &young, vec![]),
            ("mode: enforce", &silent[..], &young, vec![Some("Debian")]),
            (
                "mode: enforce",
                &known(Some("2026-06-09T00:00:00Z"), 1)[..],
                &young,
                vec![],
            ),
            (lax, &known(None, 0)[..], &young, vec![Some("Debian")]),
            // What is of the future is of now.
            (
                lax,
                &known(Some("2027-01-01T00:00:00Z"), 1)[..],
                &young,
                vec![],
            ),
            (lax, &silent[..], &over, vec![None]),
        ] {
            let too_old = set(feeds).too_old(Ages { known, standing }, now);
            let families: Vec<Option<&str>> =
                too_old.iter().map(|it| it.family.as_deref()).collect();
            assert_eq!(families, wanted, "{feeds} {known:?} {standing:?}");
        }
    }

    #[test]
    fn thresholds_are_those_of_every_rule() {
        let rules = "rules: [{id: a, when: {epssAtLeast: 0.1}, action: refuse}, \
                     {id: b, when: {kev: true}, unless: {epssAtLeast: 0.2}, action: refuse}]";
        assert_eq!(set(rules).thresholds(), [0.1, 0.2]);
    }
}
