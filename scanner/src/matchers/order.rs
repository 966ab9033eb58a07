//! An ecosystem's order of versions as one value: what `ranges` answers in it.
//!
//! Called by the matchers, which differ in little else.

use std::cmp::Ordering;

use sluicegate_model::advisory::Advisory;

use super::answer::Affected;
use super::ranges;
use crate::versions::ParsedVersion;

/// The questions that are asked in one order.
#[derive(Clone, Copy)]
pub(crate) struct Order {
    /// Asks each advisory about a version.
    pub(crate) affected: fn(&str, &[Advisory]) -> Vec<Affected>,
    /// Finds the smallest version that ends all of the advisories.
    pub(crate) first_fix: fn(&str, &[&Advisory]) -> Option<String>,
    /// Compares two versions; none where one of them is no version.
    pub(crate) compare: fn(&str, &str) -> Option<Ordering>,
    /// Makes an advisory smaller without changing an answer.
    pub(crate) drop_covered: fn(&mut Advisory),
}

impl Order {
    /// Gives the order of `V`.
    pub(crate) const fn of<V: ParsedVersion>() -> Self {
        Self {
            affected: ranges::affected::<V>,
            first_fix: ranges::first_fix::<V>,
            compare: compare::<V>,
            drop_covered: ranges::drop_covered::<V>,
        }
    }
}

fn compare<V: ParsedVersion>(one: &str, other: &str) -> Option<Ordering> {
    let (one, other) = (V::parse(one).ok()?, V::parse(other).ok()?);
    Some(one.cmp(&other))
}
