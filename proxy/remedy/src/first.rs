//! The first step, from a verdict alone: what a refused client is told in a few words.
//!
//! It is the first of the steps of the whole remedy, to the highest of the fixes that the findings name;
//! where advisories on other weaknesses speak against that version, the whole remedy has a higher one.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use sluicegate_model::finding::{Finding, FindingKind};
use sluicegate_model::package::{Evidence, LayerOrigin, family_of};
use sluicegate_model::verdict::{Decision, Verdict};

use crate::shown::shown;

/// Compares two versions in the order of a type of packages, as package URLs name those.
pub type VersionOrder = fn(scheme: &str, one: &str, other: &str) -> Option<Ordering>;

/// Says the first step in a few words; none where no upgrade is known to mend any of what refuses.
pub fn first_step(verdict: &Verdict, order: VersionOrder) -> Option<String> {
    if verdict.decision != Decision::Refuse {
        return None;
    }
    let refusing = verdict
        .reasons
        .iter()
        .filter(|it| it.action == Decision::Refuse);
    let ids: BTreeSet<&str> = refusing
        .flat_map(|it| &it.findings)
        .map(String::as_str)
        .collect();
    let mut hits = verdict
        .findings
        .iter()
        .filter(|it| ids.contains(it.id.as_str()));
    let first = hits.find(|it| is_mendable(it))?;
    let same = verdict
        .findings
        .iter()
        .filter(|it| ids.contains(it.id.as_str()) && is_mendable(it) && unit(it) == unit(first));
    let scheme = first.package.purl.strip_prefix("pkg:")?.split('/').next()?;
    let fixes = same.filter_map(|it| it.fixed.as_deref());
    let to = fixes.reduce(|one, other| match order(scheme, one, other) {
        Some(Ordering::Less) => other,
        Some(Ordering::Equal | Ordering::Greater) | None => one,
    })?;
    let whose = match first.package.layer_origin {
        Some(LayerOrigin::Base) => " (the base image's)",
        Some(LayerOrigin::Own) | None => "",
    };
    let (name, _) = unit(first);
    // As the rest of the line names artifacts of Maven.
    let name = name.rsplit(':').next().unwrap_or(name);
    Some(format!(
        "upgrade {} to {} or later{whose}",
        shown(name),
        shown(to)
    ))
}

fn unit(finding: &Finding) -> (&str, &str) {
    let package = &finding.package;
    (
        package.source.as_deref().unwrap_or(&package.name),
        &package.version,
    )
}

/// Tells whether a version of its package mends a finding that nothing quiets.
fn is_mendable(finding: &Finding) -> bool {
    let own = finding.package.ecosystem.as_ref();
    let is_owners = own.is_some_and(|own| own.family() == family_of(&finding.source));
    let is_quiet = finding.exception.is_some()
        || finding
            .vex
            .iter()
            .any(|statement| !statement.policies.is_empty());
    let is_there = !matches!(
        finding.package.evidence,
        Evidence::Cached | Evidence::Historical
    );
    finding.bears()
        && !is_quiet
        && is_there
        && finding.kind == FindingKind::Vulnerability
        && finding.fixed.is_some()
        && (finding.attributed.is_none() || is_owners)
}
