//! Makes findings: one for each group of advisories that matched a component.
//!
//! Called by `judge`. It copies what advisories and feeds say; it never rates anything itself.

use sluicegate_model::advisory::Advisory;
use sluicegate_model::finding::{Finding, FindingKind, FindingPackage, FindingStatus};
use sluicegate_model::package::{Component, Ecosystem};
use sluicegate_model::severity::Severity;

use super::Matched;
use super::groups::{Group, groups};
use super::matcher::Matcher;
use super::ranges::Affected;
use crate::feeds::FeedIndex;

/// Makes the findings of one component.
pub(super) fn of_component(
    matcher: &Matcher,
    component: &Component,
    ecosystem: &Ecosystem,
    matched: &[Matched<'_>],
    feeds: &FeedIndex,
) -> Vec<Finding> {
    let advisories: Vec<&Advisory> = matched.iter().map(|matched| matched.advisory).collect();
    groups(&advisories)
        .into_iter()
        .map(|group| {
            let members: Vec<&Matched<'_>> = group
                .members
                .iter()
                .filter_map(|member| matched.get(*member))
                .collect();
            finding(matcher, component, ecosystem, group, &members, feeds)
        })
        .collect()
}

fn finding(
    matcher: &Matcher,
    component: &Component,
    ecosystem: &Ecosystem,
    group: Group,
    members: &[&Matched<'_>],
    feeds: &FeedIndex,
) -> Finding {
    let advisories: Vec<&Advisory> = members.iter().map(|member| member.advisory).collect();
    let (severity, cvss) = rating(&advisories);
    let is_malware = std::iter::once(&group.id)
        .chain(&group.aliases)
        .any(|name| name.starts_with("MAL-"));
    let is_affected = members
        .iter()
        .any(|member| member.affected == Affected::Yes);
    let exploit_probability = group
        .cves
        .iter()
        .filter_map(|cve| feeds.exploit_probability(*cve))
        .max_by(f32::total_cmp);
    let mut ids: Vec<String> = advisories.iter().map(|a| a.id.clone()).collect();
    ids.sort();
    ids.dedup();
    Finding {
        advisories: ids,
        kind: if is_malware {
            FindingKind::Malware
        } else {
            FindingKind::Vulnerability
        },
        status: if is_affected {
            FindingStatus::Affected
        } else {
            FindingStatus::Unknown
        },
        severity,
        cvss,
        kev: group.cves.iter().any(|cve| feeds.is_known_exploited(*cve)),
        epss: exploit_probability.map(shown_probability),
        package: package(component),
        fixed: matcher.first_fix(matcher.version(&component.package), &advisories),
        source: ecosystem.to_string(),
        detail: None,
        exception: None,
        aliases: group.aliases.into_iter().collect(),
        id: group.id,
    }
}

/// Takes one record's rating, never the worst of several: GitHub's where there is one, else that of
/// the first record, by id, that has any.
fn rating(advisories: &[&Advisory]) -> (Severity, Option<f64>) {
    advisories
        .iter()
        .filter(|advisory| advisory.severity != Severity::Unknown)
        .min_by_key(|advisory| (!advisory.id.starts_with("GHSA-"), &advisory.id))
        .map_or((Severity::Unknown, None), |advisory| {
            (advisory.severity, advisory.cvss)
        })
}

/// Rounds to the five digits that EPSS publishes, which the stored single precision blurs.
fn shown_probability(score: f32) -> f64 {
    (f64::from(score) * 1e5).round() / 1e5
}

fn package(component: &Component) -> FindingPackage {
    FindingPackage {
        name: component.package.name.clone(),
        version: component.package.version.clone(),
        purl: component.purl.clone(),
        ecosystem: component.ecosystem.clone(),
        path: component.path.clone(),
        layer: component.layer.clone(),
    }
}
