//! How far a change of the advisories reaches: what of an image has to be there for it to be judged
//! otherwise by a later index than by an earlier one.
//!
//! Whatever cannot be shown to stay as it is counts as changed. How old the advisories may be is for
//! policy to say, and is not looked at here. Pure: the time is an argument. Called by the program when
//! another index comes in force.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sluicegate_model::package::family_of;
use sluicegate_model::report::Knowledge;

use crate::eol;
use crate::feeds::{EcosystemStatus, FeedError, FeedIndex};
use crate::hash_list::HashLists;
use crate::knowledge::is_silent;
use crate::matchers;
use crate::matching::{ARCHIVES_BY_DIGEST, FILES_BY_DIGEST};

/// How far a change reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It may change what is said of any image.
    Everything,
    /// It changes nothing for images none of whose components is asked about by one of these names
    /// ([`asked_names`](crate::matching::asked_names)), but for the age of what is known and for
    /// probabilities of exploitation.
    Packages(BTreeSet<String>),
}

/// Tells how far the change from one index to another reaches, where rules look at these probabilities
/// of exploitation.
///
/// *Errors*: one of the two could not be read, and nobody knows.
pub fn reach(
    earlier: &FeedIndex,
    later: &FeedIndex,
    thresholds: &[f64],
    now: Timestamp,
) -> Result<Reach, FeedError> {
    let have_same_support = earlier.support().content() == later.support().content();
    let lists = [earlier, later].map(FeedIndex::hash_lists);
    // Without a list it is nothing that nobody hashed the files of an image.
    let [were, are] = lists.map(HashLists::are_in_force);
    if !have_same_support
        || were != are
        || !are_same_loaded(earlier, later)
        || may_end_otherwise(earlier, later, now)
    {
        return Ok(Reach::Everything);
    }
    let mut names = earlier.differing(later, thresholds)?;
    // What their archives are is known by the index alone, and no list of names has it.
    if earlier.jars().or(later.jars()).is_some() {
        names.insert(ARCHIVES_BY_DIGEST.to_owned());
    }
    let [before, after] = lists.map(HashLists::content);
    if before != after {
        names.insert(FILES_BY_DIGEST.to_owned());
    }
    Ok(Reach::Packages(names))
}

/// Tells whether the same ecosystems answer, and what is known of the same families has an age.
fn are_same_loaded(earlier: &FeedIndex, later: &FeedIndex) -> bool {
    let answering = |index: &FeedIndex| -> Vec<String> {
        let all = index.ecosystems().iter();
        let answering = all.filter(|status| status.records > 0);
        answering.map(|status| status.name.clone()).collect()
    };
    let families = |index: &FeedIndex| -> Vec<String> {
        let all = index.all_knowledge(Timestamp::MIN).into_iter();
        all.map(|known| known.family).collect()
    };
    answering(earlier) == answering(later) && families(earlier) == families(later)
}

/// Tells whether something else may be said of releases whose advisories have ended with their support.
fn may_end_otherwise(earlier: &FeedIndex, later: &FeedIndex, now: Timestamp) -> bool {
    let ended = eol::last_end(later.support(), now);
    let (known, known_later) = (earlier.all_knowledge(now), later.all_knowledge(now));
    let names: BTreeSet<&str> = earlier
        .ecosystems()
        .iter()
        .chain(later.ecosystems())
        .map(|status| status.name.as_str())
        .collect();
    names.into_iter().any(|name| {
        let family = family_of(name);
        if !matchers::is_of_system(family) {
            // No distribution ends with it.
            return false;
        }
        let (Some(before), Some(after)) = (of(&known, family), of(&known_later, family)) else {
            return false;
        };
        let own = [earlier, later].map(|index| newest_own(index.ecosystems(), name));
        match own {
            [None, None] => false,
            [Some(own), Some(same)] if own == same => {
                is_silent(own, before) != is_silent(own, after)
            }
            [Some(own), Some(other)] => {
                let is_over =
                    |own, known| ended.is_some_and(|end| own < end) || is_silent(own, known);
                is_over(own, before) || is_over(other, after)
            }
            [Some(_), None] | [None, Some(_)] => true,
        }
    })
}

fn of<'a>(known: &'a [Knowledge], family: &str) -> Option<&'a Knowledge> {
    known.iter().find(|known| known.family == family)
}

fn newest_own(ecosystems: &[EcosystemStatus], name: &str) -> Option<Timestamp> {
    let status = ecosystems.iter().find(|status| status.name == name)?;
    status.newest_own
}
