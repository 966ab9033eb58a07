//! Products known by what their own binary carries: one pass for literals, then a pattern.
//!
//! `table.rs` reads which there are. An anchor is a literal that only the product's own binary has;
//! the version is looked for around it, or in the whole file where the product keeps it apart.

use std::collections::BTreeSet;

use regex::bytes::Captures;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType};

use self::table::{Product, VersionPlace};
use super::content::ProgramContent;
use super::layout::Layout;
use super::scan;
use crate::facts::Observations;

mod table;

pub use self::table::ProductTable;

/// How far from its anchor a version stands at most, in bytes.
const NEAR_BYTES: usize = 256;

/// Longest match of a version's pattern, in bytes.
const MATCH_BYTES: usize = 256;

/// Most places of one anchor looked at; programs have a few dozen at most.
const MAX_PLACES: u32 = 1_024;

/// Most versions of one product in one file; more are no versions.
const MAX_VERSIONS: usize = 8;

/// Most places of one version that stands anywhere; programs have one or two.
const MAX_MATCHES: u32 = 65_536;

/// What was seen of one product in one file.
#[derive(Clone, Default)]
struct SeenProduct {
    places: u32,
    versions: BTreeSet<String>,
    /// Not all of the file was looked at.
    is_cut: bool,
}

/// Records every product of the table that the program's content names, with its version.
///
/// Machine code is passed over: whoever can put a text there can as well leave it out.
pub(super) fn read(
    table: &ProductTable,
    content: &ProgramContent<'_>,
    layout: &Layout,
    path: &str,
    found: &mut Observations,
) {
    let mut seen = vec![SeenProduct::default(); table.products.len()];
    scan::pieces_outside(content, &layout.code, NEAR_BYTES, |start, piece| {
        for hit in table.anchors.find_iter(piece) {
            let (at, index) = (start + scan::offset(hit.start()), hit.pattern().as_usize());
            if let (Some(product), Some(seen)) = (table.products.get(index), seen.get_mut(index)) {
                near(content, at, product, seen);
            }
        }
    });
    for (product, seen) in table.products.iter().zip(&mut seen) {
        if seen.places == 0 {
            continue;
        }
        if product.place == VersionPlace::Anywhere {
            anywhere(content, product, seen);
        }
        if seen.versions.len() > MAX_VERSIONS
            || seen.versions.is_empty() && seen.places > MAX_PLACES
            || seen.is_cut
        {
            let detail = format!("it names {} too often to tell the version", product.name);
            let gap = Gap::partial(GapKind::VersionUnknown, detail);
            found.gaps.push(gap.at(path));
            continue;
        }
        for version in std::mem::take(&mut seen.versions) {
            found.add(Package {
                name: product.name.clone(),
                version,
                package_type: PackageType::Generic,
                architecture: None,
                source: None,
                licence: None,
            });
        }
    }
}

/// Looks for a version around an anchor.
fn near(content: &ProgramContent<'_>, at: u64, product: &Product, seen: &mut SeenProduct) {
    seen.places = seen.places.saturating_add(1);
    if product.place != VersionPlace::Near || seen.places > MAX_PLACES {
        return;
    }
    let from = at.saturating_sub(scan::offset(NEAR_BYTES));
    let Some(around) = content.read_up_to(from, 2 * NEAR_BYTES) else {
        return;
    };
    let versions = product.version.captures_iter(&around);
    seen.versions.extend(versions.filter_map(|it| version(&it)));
}

/// Looks for a version in the whole file.
fn anywhere(content: &ProgramContent<'_>, product: &Product, seen: &mut SeenProduct) {
    let mut matches = 0;
    scan::pieces(content, MATCH_BYTES, |_, piece| {
        for found in product.version.captures_iter(piece) {
            if seen.is_cut || seen.versions.len() > MAX_VERSIONS {
                break;
            }
            matches += 1;
            seen.is_cut = matches > MAX_MATCHES;
            seen.versions.extend(version(&found));
        }
    });
}

/// Joins the groups of a match by dots; none where they are empty.
fn version(found: &Captures<'_>) -> Option<String> {
    let groups = found.iter().skip(1).flatten();
    let parts: Vec<_> = groups
        .map(|group| String::from_utf8_lossy(group.as_bytes()))
        .collect();
    let version = parts.join(".");
    (!version.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests;
