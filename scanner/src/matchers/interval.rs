//! Whether one range holds a version, and whether it ends above it.

use sluicegate_model::advisory::{Range, RangeEvent};

use crate::versions::ParsedVersion;

/// A boundary's place in the order.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Boundary<V> {
    /// Below all versions: how OSV writes "from the beginning".
    Beginning,
    At(V),
}

/// How a range holds a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HoldsVersion {
    Not,
    /// In an interval, above which the range has an end.
    Bounded,
    /// In an interval, above which it has none.
    Open,
}

/// Tells whether a range holds a version; none where a boundary cannot be compared.
pub(super) fn holds<V: ParsedVersion>(version: &V, range: &Range) -> Option<bool> {
    held(version, range).map(|held| held != HoldsVersion::Not)
}

/// Tells how a range holds a version; none where a boundary cannot be compared.
///
/// The highest boundary that the version has passed decides; of equal ones, the last.
pub(super) fn held<V: ParsedVersion>(version: &V, range: &Range) -> Option<HoldsVersion> {
    let mut limits = RangeLimits::default();
    let mut has_beginning = false;
    let mut has_end = false;
    let mut passed: Option<(Boundary<V>, bool)> = None;
    for event in &range.events {
        let begins = matches!(event, RangeEvent::Introduced(_));
        has_beginning |= begins;
        let place = match event {
            RangeEvent::Limit(text) => {
                limits.add(version, text)?;
                continue;
            }
            RangeEvent::Introduced(text) | RangeEvent::Fixed(text) if text == "0" => {
                Boundary::Beginning
            }
            RangeEvent::Introduced(text)
            | RangeEvent::Fixed(text)
            | RangeEvent::LastAffected(text) => Boundary::At(V::parse(text).ok()?),
        };
        let order = match &place {
            Boundary::Beginning => std::cmp::Ordering::Greater,
            Boundary::At(boundary) => version.cmp(boundary),
        };
        let is_passed = match event {
            RangeEvent::LastAffected(_) => order.is_gt(),
            RangeEvent::Introduced(_) | RangeEvent::Fixed(_) | RangeEvent::Limit(_) => {
                order.is_ge()
            }
        };
        has_end |= !begins && !is_passed;
        if is_passed && passed.as_ref().is_none_or(|(highest, _)| place >= *highest) {
            passed = Some((place, begins));
        }
    }
    // A range with no beginning is read as one from the beginning.
    let is_affected = passed.map_or(!has_beginning, |(_, begins)| begins);
    Some(if !is_affected || !limits.allow() {
        HoldsVersion::Not
    } else if has_end || limits.any {
        HoldsVersion::Bounded
    } else {
        HoldsVersion::Open
    })
}

/// The limits of a range: it speaks of versions below any of them.
#[derive(Default)]
struct RangeLimits {
    any: bool,
    below: bool,
}

impl RangeLimits {
    fn add<V: ParsedVersion>(&mut self, version: &V, limit: &str) -> Option<()> {
        self.any = true;
        self.below |= limit == "*" || *version < V::parse(limit).ok()?;
        Some(())
    }

    fn allow(&self) -> bool {
        !self.any || self.below
    }
}
