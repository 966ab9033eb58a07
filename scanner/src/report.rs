//! Assembles a report: findings in their fixed order, gaps summed up, the feeds named.
//!
//! The same inventory and feeds give the same bytes. Called by `matching`, last.

use std::cmp::Reverse;
use std::collections::HashMap;

use jiff::Timestamp;
use sluicegate_model::Digest;
use sluicegate_model::coverage::{Coverage, Gap};
use sluicegate_model::finding::Finding;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::LayerOrigin;
use sluicegate_model::report::Report;

use crate::feeds::FeedIndex;
use crate::knowledge::Known;

/// Puts a report together.
pub(crate) fn assemble(
    inventory: &Inventory,
    feeds: &FeedIndex,
    mut findings: Vec<Finding>,
    mut gaps: Vec<Gap>,
    packages: usize,
    known: Known,
    valid_until: Option<Timestamp>,
) -> Report {
    let origins = origins(inventory);
    for finding in findings.iter_mut().filter(|finding| finding.copies == 1) {
        let origin = origins.get(&finding.package.layer).copied();
        finding.package.layer_origin = origin.flatten();
    }
    let mut findings = in_order(findings);
    findings.dedup();
    gaps.extend(known.gap);
    Report {
        findings,
        coverage: Coverage::from_gaps(gaps),
        distro: inventory.distro.clone(),
        packages: u64::try_from(packages).unwrap_or(u64::MAX),
        platform: inventory.platform.clone(),
        feeds: feeds.snapshot().clone(),
        feed_time: known.feed_time,
        knowledge: known.families,
        valid_until,
    }
}

/// Puts findings in their order, each moved once: they are too large to be sorted where they lie.
fn in_order(findings: Vec<Finding>) -> Vec<Finding> {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by(|one, other| {
        let (one, other) = (findings.get(*one), findings.get(*other));
        one.map(worst_first).cmp(&other.map(worst_first))
    });
    let mut findings: Vec<Option<Finding>> = findings.into_iter().map(Some).collect();
    let placed = order.into_iter();
    placed
        .filter_map(|at| findings.get_mut(at)?.take())
        .collect()
}

/// Tells whose each layer is; nothing of a blob that is both the base image's and the image's own.
pub(crate) fn origins(inventory: &Inventory) -> HashMap<&Digest, Option<LayerOrigin>> {
    let mut origins = HashMap::new();
    for layer in &inventory.layers {
        let known = origins.entry(&layer.digest).or_insert(layer.origin);
        *known = known.filter(|known| layer.origin == Some(*known));
    }
    origins
}

/// The order: what bears on the image, known exploited, severity, id, package, path; the rest only makes
/// it total.
fn worst_first(finding: &Finding) -> impl Ord + '_ {
    let package = &finding.package;
    (
        (!finding.bears(), !finding.kev),
        Reverse(finding.severity),
        &finding.id,
        &package.name,
        &package.path,
        (&package.version, &package.layer, &package.purl),
    )
}

#[cfg(test)]
mod tests {
    use sluicegate_model::inventory::BuiltLayer;

    use super::*;

    #[test]
    fn a_blob_in_both_parts_is_in_neither() {
        let layer = |name: &str, origin| BuiltLayer {
            digest: Digest::of(name.as_bytes()),
            created_by: None,
            origin,
        };
        let (base, own) = (Some(LayerOrigin::Base), Some(LayerOrigin::Own));
        let inventory = Inventory {
            layers: vec![
                layer("base", base),
                layer("both", base),
                layer("twice", base),
                layer("twice", base),
                layer("both", own),
                layer("own", own),
                layer("nobody", None),
            ],
            ..Inventory::default()
        };
        let origins = origins(&inventory);
        let wanted = [
            ("base", base),
            ("both", None),
            ("twice", base),
            ("own", own),
            ("nobody", None),
        ];
        for (name, wanted) in wanted {
            assert_eq!(origins[&Digest::of(name.as_bytes())], wanted, "{name}");
        }
    }
}
