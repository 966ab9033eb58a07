//! What the loaded feeds have nothing of, for policies that count on it. Called for each verdict, for
//! status, and when feeds or policies change.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::package::family_of;
use sluicegate_model::report::Knowledge;
use sluicegate_policy::Lacks;
use sluicegate_scanner::feeds::FeedIndex;

/// Share of records, in percent, without a severity from which on a family counts as unrated.
const UNRATED_PERCENT: u64 = 99;

/// Tells what is missing for every family that is loaded; nothing before anything is.
pub fn lacks(index: &FeedIndex) -> Lacks {
    if index.ecosystems().is_empty() {
        return Lacks::default();
    }
    let severities = if index.severities() > 0 {
        BTreeSet::new()
    } else {
        unrated(index)
    };
    Lacks {
        exploited: index.known_exploited() == 0,
        probabilities: index.exploit_scores() == 0,
        severities,
    }
}

/// Tells what is missing for an image that uses these families.
pub fn lacks_for(index: &FeedIndex, used: &[Knowledge]) -> Lacks {
    let mut lacks = lacks(index);
    let is_used = |family: &String| used.iter().any(|known| known.family == *family);
    lacks.severities.retain(is_used);
    lacks
}

fn unrated(index: &FeedIndex) -> BTreeSet<String> {
    let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for status in index.ecosystems() {
        let family = family_of(&status.name);
        let (all, without) = counts.entry(family).or_default();
        *all = all.saturating_add(status.records);
        *without = without.saturating_add(status.without_severity);
    }
    let is_unrated = |(all, without): (u64, u64)| {
        all > 0 && without.saturating_mul(100) >= all.saturating_mul(UNRATED_PERCENT)
    };
    let unrated = counts.into_iter().filter(|(_, counts)| is_unrated(*counts));
    unrated.map(|(family, _)| family.to_owned()).collect()
}
