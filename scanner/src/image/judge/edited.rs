//! Databases that a later layer edited: packages that are there and are not listed as they were.
//!
//! Which those are comes from `image/history`. `inventory.rs` asks.

use std::collections::BTreeSet;

use sluicegate_model::coverage::{Gap, GapKind};

use crate::examples::examples;
use crate::image::merged::Merged;

/// Says how many packages a later layer took off or changed.
pub(crate) fn judge(merged: &Merged<'_>) -> Option<Gap> {
    let first = merged.edited.first()?;
    let names: BTreeSet<&str> = merged
        .edited
        .iter()
        .map(|gone| gone.found.package.name.as_str())
        .collect();
    let count = names.len();
    let detail = format!(
        "a later layer took {count} packages off the package database, or changed their versions, \
         while their files stayed as they were: {}",
        examples(names)
    );
    Some(Gap::partial(GapKind::DbTampered, detail).at(first.path.as_str()))
}
