//! Assembles a report: findings in their fixed order, gaps summed up, the feeds named.
//!
//! The same inventory and feeds give the same bytes. Called by `matching`, last.

use std::cmp::Reverse;

use jiff::Timestamp;
use sluicegate_model::coverage::{Coverage, Gap};
use sluicegate_model::finding::Finding;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::report::Report;

use crate::feeds::FeedIndex;
use crate::knowledge::Known;

/// Puts a report together.
pub(crate) fn assemble(
    inventory: &Inventory,
    feeds: &FeedIndex,
    mut findings: Vec<Finding>,
    mut gaps: Vec<Gap>,
    known: Known,
    valid_until: Option<Timestamp>,
) -> Report {
    findings.sort_by(|a, b| worst_first(a).cmp(&worst_first(b)));
    findings.dedup();
    gaps.extend(known.gap);
    Report {
        findings,
        coverage: Coverage::from_gaps(gaps),
        distro: inventory.distro.clone(),
        packages: u64::try_from(inventory.components.len()).unwrap_or(u64::MAX),
        platform: inventory.platform.clone(),
        feeds: feeds.snapshot().clone(),
        feed_time: known.feed_time,
        knowledge: known.families,
        valid_until,
    }
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
