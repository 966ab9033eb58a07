//! Products known by what their own binary carries: one pass for literals, then a pattern.
//!
//! `table.rs` has the products. An anchor is a literal that only the product's own binary has;
//! the version is looked for around it, or in the whole file where the product keeps it apart.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::bytes::{Captures, Regex, RegexBuilder};
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType};

use self::table::{PRODUCTS, VersionPlace};
use super::content::ProgramContent;
use super::layout::Layout;
use super::scan;
use crate::facts::Observations;

mod table;

/// How far from its anchor a version stands at most, in bytes.
const NEAR_BYTES: usize = 256;

/// Longest match of a version's pattern, in bytes.
const MATCH_BYTES: usize = 256;

/// Most places of one anchor looked at; programs have a few dozen at most.
const MAX_PLACES: u32 = 1_024;

/// Most versions of one product in one file; more are no versions.
const MAX_VERSIONS: usize = 8;

struct Patterns {
    anchors: AhoCorasick,
    versions: Vec<Regex>,
}

/// What was seen of one product in one file.
#[derive(Clone, Default)]
struct SeenProduct {
    places: u32,
    versions: BTreeSet<String>,
}

/// Records every product that the program's content names, with its version.
///
/// Machine code is passed over: whoever can put a text there can as well leave it out.
pub(super) fn read(
    content: &ProgramContent<'_>,
    layout: &Layout,
    path: &str,
    found: &mut Observations,
) {
    let engine = engine();
    let mut seen = vec![SeenProduct::default(); PRODUCTS.len()];
    scan::pieces_outside(content, &layout.code, NEAR_BYTES, |start, piece| {
        for hit in engine.anchors.find_iter(piece) {
            engine.near(
                content,
                start + scan::offset(hit.start()),
                hit.pattern().as_usize(),
                &mut seen,
            );
        }
    });
    for (index, product) in PRODUCTS.iter().enumerate() {
        let Some(seen) = seen.get_mut(index).filter(|seen| seen.places > 0) else {
            continue;
        };
        if product.place == VersionPlace::Anywhere {
            engine.anywhere(content, index, seen);
        }
        if seen.versions.len() > MAX_VERSIONS
            || seen.versions.is_empty() && seen.places > MAX_PLACES
        {
            let detail = format!("it names {} too often to tell the version", product.name);
            let gap = Gap::partial(GapKind::VersionUnknown, detail);
            found.gaps.push(gap.at(path));
            continue;
        }
        for version in std::mem::take(&mut seen.versions) {
            found.add(Package {
                name: product.name.to_owned(),
                version,
                package_type: PackageType::Generic,
                architecture: None,
                source: None,
                licence: None,
            });
        }
    }
}

impl Patterns {
    /// Looks for a version around an anchor.
    fn near(&self, content: &ProgramContent<'_>, at: u64, index: usize, seen: &mut [SeenProduct]) {
        let (Some(product), Some(seen)) = (PRODUCTS.get(index), seen.get_mut(index)) else {
            return;
        };
        seen.places = seen.places.saturating_add(1);
        if product.place != VersionPlace::Near || seen.places > MAX_PLACES {
            return;
        }
        let from = at.saturating_sub(scan::offset(NEAR_BYTES));
        let Some(around) = content.read_up_to(from, 2 * NEAR_BYTES) else {
            return;
        };
        if let Some(pattern) = self.versions.get(index) {
            seen.versions
                .extend(pattern.captures_iter(&around).map(|found| version(&found)));
        }
    }

    /// Looks for a version in the whole file.
    fn anywhere(&self, content: &ProgramContent<'_>, index: usize, seen: &mut SeenProduct) {
        let Some(pattern) = self.versions.get(index) else {
            return;
        };
        scan::pieces(content, MATCH_BYTES, |_, piece| {
            for found in pattern.captures_iter(piece) {
                if seen.versions.len() <= MAX_VERSIONS {
                    seen.versions.insert(version(&found));
                }
            }
        });
    }
}

/// Joins the groups of a match by dots.
fn version(found: &Captures<'_>) -> String {
    let groups = found.iter().skip(1).flatten();
    let parts: Vec<_> = groups
        .map(|group| String::from_utf8_lossy(group.as_bytes()))
        .collect();
    parts.join(".")
}

fn engine() -> &'static Patterns {
    static ENGINE: LazyLock<Patterns> = LazyLock::new(|| Patterns {
        anchors: AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .match_kind(MatchKind::LeftmostFirst)
            .build(PRODUCTS.iter().map(|product| product.anchor))
            .expect("the anchors are few and short"),
        versions: PRODUCTS
            .iter()
            .map(|product| pattern(product.version))
            .collect(),
    });
    &ENGINE
}

fn pattern(text: &str) -> Regex {
    RegexBuilder::new(text)
        .unicode(false)
        .build()
        .expect("every pattern of the table is built by a test")
}

#[cfg(test)]
mod tests;
