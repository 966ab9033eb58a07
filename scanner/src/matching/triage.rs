//! What a distribution's own state of a weakness means for a package: not looked into yet, or never to
//! be mended.
//!
//! Debian's tools tell what is undetermined ("may be vulnerable but needs to be checked") and leave out
//! what is at the end of its life; here both are listed, and the end of a package's support is a finding
//! of its own. Called by `finding` and `judge`.

use sluicegate_model::advisory::Triage;
use sluicegate_model::finding::{Finding, FindingKind, FindingPackage, FindingStatus};
use sluicegate_model::package::Component;
use sluicegate_model::severity::Severity;

use super::question::Matched;
use crate::matchers::Affected;

/// What is said of a weakness that nobody has looked into.
const UNDETERMINED: &str = "the distribution has not found out yet whether its package has this";

/// What is said of one in a package without support.
const UNSUPPORTED: &str = "the distribution mends this package no longer: no fix is to be expected";

/// Says what a person has to know of a weakness beside its range; nothing where any of the records that
/// matched is settled.
pub(super) fn said(members: &[&Matched<'_>]) -> Option<String> {
    let mut states = members.iter().map(|member| member.advisory.triage);
    let first = states.next()?;
    if states.any(|state| state != first) {
        return None;
    }
    match first {
        Triage::Settled => None,
        Triage::Undetermined => Some(UNDETERMINED.to_owned()),
        Triage::EndOfLife => Some(UNSUPPORTED.to_owned()),
    }
}

/// Gives the finding that a package is mended no longer, where its distribution says so of a weakness
/// in it.
pub(super) fn ended(
    component: &Component,
    matched: &[Matched<'_>],
    package: impl FnOnce(&Component) -> FindingPackage,
) -> Option<Finding> {
    let is_end =
        |it: &&Matched<'_>| it.advisory.triage == Triage::EndOfLife && it.affected == Affected::Yes;
    let first = matched.iter().find(is_end)?;
    let mut advisories: Vec<String> = matched
        .iter()
        .filter(is_end)
        .map(|it| it.advisory.id.clone())
        .collect();
    advisories.sort();
    advisories.dedup();
    let ecosystem = first.ecosystem.as_str();
    let source = component.package.source.as_ref();
    let name = source.map_or(&component.package.name, |source| &source.name);
    let release = ecosystem.to_ascii_lowercase().replace(':', "-");
    let family = first.ecosystem.family();
    Some(Finding {
        id: format!("EOL-{release}-{name}"),
        aliases: Vec::new(),
        advisories,
        kind: FindingKind::Eol,
        status: FindingStatus::Affected,
        severity: Severity::Unknown,
        severity_source: None,
        cvss: None,
        kev: false,
        epss: None,
        package: package(component),
        fixed: None,
        published: None,
        fix_published: None,
        source: ecosystem.to_owned(),
        detail: Some(format!("{family} mends {name} in {ecosystem} no longer")),
        exception: None,
        vex: Vec::new(),
        attributed: None,
        quieted_by: None,
        copies: 1,
        paths: Vec::new(),
    })
}
