//! Makes findings: one for each group of advisories that matched a component.
//!
//! Called by `judge`. It copies what advisories and feeds say; it never rates anything itself.

use jiff::Timestamp;
use sluicegate_model::advisory::{Advisory, RangeEvent, Triage};
use sluicegate_model::finding::{Finding, FindingKind, FindingPackage, FindingStatus};
use sluicegate_model::package::Component;

use super::groups::{Group, groups};
use super::presence::{self, Absence};
use super::question::Matched;
use super::severity::{self, Rated};
use super::triage;
use crate::feeds::{FeedIndex, shown_probability};
use crate::matchers::{Affected, Matcher, Side};

/// What is said of a finding on a package of which only the name is known.
const BY_NAME_ALONE: &str =
    "only the artifact's name is known, and the advisories know one group of it";

/// How the ids of records on malicious packages start. Source: OSV schema, "Defined databases".
const MALWARE: &str = "MAL-";

/// Makes the findings of one component, one after the other: there may be very many.
pub(super) fn of_component<'a>(
    matcher: &'a Matcher,
    component: &'a Component,
    matched: &'a [Matched<'a>],
    feeds: &'a FeedIndex,
) -> impl Iterator<Item = Finding> + use<'a> {
    let advisories: Vec<&Advisory> = matched.iter().map(|matched| matched.advisory).collect();
    groups(&advisories, &|name| feeds.cve_behind(name))
        .into_iter()
        .filter_map(move |group| {
            let members: Vec<&Matched<'_>> = group
                .members
                .iter()
                .filter_map(|member| matched.get(*member))
                .collect();
            finding(matcher, component, group, &members, feeds)
        })
}

fn finding(
    matcher: &Matcher,
    component: &Component,
    group: Group,
    members: &[&Matched<'_>],
    feeds: &FeedIndex,
) -> Option<Finding> {
    let first = members.first()?;
    let by_name = first.by_name_alone;
    let advisories: Vec<&Advisory> = members.iter().map(|member| member.advisory).collect();
    let Rated {
        severity,
        source: severity_source,
        cvss,
    } = severity::rate(&component.package, &advisories, &group.cves, feeds);
    let kind = kind(&group, members);
    let parts = members.iter().map(|member| (member.parts, member.advisory));
    let (status, detail) = match presence::absence(component, parts) {
        Some(Absence::Elsewhere) => return None,
        Some(Absence::Part(detail)) if kind == FindingKind::Vulnerability => {
            (FindingStatus::NotAffected, Some(detail))
        }
        _ => (status(members), triage::said(members)),
    };
    let exploit_probability = group
        .cves
        .iter()
        .filter_map(|cve| feeds.exploit_probability(*cve))
        .max_by(f32::total_cmp);
    let mut ids: Vec<String> = advisories.iter().map(|a| a.id.clone()).collect();
    ids.sort();
    ids.dedup();
    let fixed = fix(matcher, component, members);
    Some(Finding {
        advisories: ids,
        published: advisories.iter().filter_map(|it| it.published).min(),
        fix_published: fix_published(fixed.as_deref(), &advisories),
        kind,
        status,
        severity,
        severity_source,
        cvss,
        kev: group.cves.iter().any(|cve| feeds.is_known_exploited(*cve)),
        epss: exploit_probability.map(shown_probability),
        package: package_called(component, by_name),
        fixed,
        source: first.ecosystem.to_string(),
        detail: detail.or_else(|| by_name.map(|_| BY_NAME_ALONE.to_owned())),
        exception: None,
        vex: Vec::new(),
        attributed: None,
        quieted_by: None,
        copies: 1,
        paths: Vec::new(),
        aliases: group.aliases.into_iter().collect(),
        id: group.id,
    })
}

/// Says whether the version is affected. Of a weakness that is here, a record on what is not says
/// nothing, and one of which the distribution has not found out whether it is here says that.
fn status(members: &[&Matched<'_>]) -> FindingStatus {
    let mut counting = members.iter().filter(|member| !member.parts.are_absent());
    let is_sure = |member: &&Matched<'_>| {
        member.affected == Affected::Yes && member.advisory.triage != Triage::Undetermined
    };
    if counting.any(is_sure) {
        FindingStatus::Affected
    } else {
        FindingStatus::Unknown
    }
}

/// Says what kind of thing a group is on. One record that calls it a weakness is enough.
fn kind(group: &Group, members: &[&Matched<'_>]) -> FindingKind {
    let mut names = std::iter::once(&group.id).chain(&group.aliases);
    if names.any(|name| name.starts_with(MALWARE)) {
        FindingKind::Malware
    } else if members.iter().all(|member| member.advisory.informational) {
        FindingKind::Informational
    } else {
        FindingKind::Vulnerability
    }
}

/// Finds the smallest version that ends what matched. Records that name the installed package know
/// its own versions; what is said of the source counts only without them.
fn fix(matcher: &Matcher, component: &Component, members: &[&Matched<'_>]) -> Option<String> {
    let of_installed = members.iter().any(|member| member.side == Side::Installed);
    let side = if of_installed {
        Side::Installed
    } else {
        Side::Source
    };
    let counting = members.iter().filter(|member| member.side == side);
    let advisories: Vec<&Advisory> = counting.map(|member| member.advisory).collect();
    let compared = members.iter().find(|member| member.side == side);
    let own = Matcher::version(&component.package, side);
    let version = compared.map_or(own, |member| member.version.as_ref());
    (matcher.order(side).first_fix)(version, &advisories)
}

/// Finds the oldest of the records that name a fix.
fn fix_published(fixed: Option<&str>, advisories: &[&Advisory]) -> Option<Timestamp> {
    let names_it =
        |event: &RangeEvent| matches!(event, RangeEvent::Fixed(at) if Some(at.as_str()) == fixed);
    let naming = advisories.iter().filter(|advisory| {
        let mut ranges = advisory.ranges.iter().chain(&advisory.releases);
        ranges.any(|range| range.events.iter().any(names_it))
    });
    naming.filter_map(|advisory| advisory.published).min()
}

/// Names the package of a finding: the owner's where it is reported under that.
pub(super) fn package(component: &Component, said: &Finding) -> FindingPackage {
    let mut own = plain_package(component);
    if component.package.is_without_group() {
        own.name.clone_from(&said.package.name);
    }
    let owner = component.standing.owner();
    match owner.filter(|_| said.attributed.is_some()) {
        Some(owner) => FindingPackage {
            name: owner.package.name.clone(),
            version: owner.package.version.clone(),
            purl: owner.purl.clone(),
            ecosystem: owner.ecosystem.clone(),
            ..own
        },
        None => own,
    }
}

/// Says the same of another package; that of what is said is not copied, for there are many findings.
pub(super) fn placed(said: &Finding, package: FindingPackage) -> Finding {
    Finding {
        id: said.id.clone(),
        aliases: said.aliases.clone(),
        advisories: said.advisories.clone(),
        kind: said.kind,
        status: said.status,
        severity: said.severity,
        severity_source: said.severity_source.clone(),
        cvss: said.cvss,
        kev: said.kev,
        epss: said.epss,
        package,
        fixed: said.fixed.clone(),
        published: said.published,
        fix_published: said.fix_published,
        source: said.source.clone(),
        detail: said.detail.clone(),
        exception: said.exception.clone(),
        vex: said.vex.clone(),
        attributed: said.attributed.clone(),
        quieted_by: said.quieted_by,
        copies: said.copies,
        paths: said.paths.clone(),
    }
}

/// Names the package as the advisories do, where its group is not known.
fn package_called(component: &Component, by_name_alone: Option<&str>) -> FindingPackage {
    let own = plain_package(component);
    FindingPackage {
        name: by_name_alone.map_or(own.name, str::to_owned),
        ..own
    }
}

pub(super) fn plain_package(component: &Component) -> FindingPackage {
    FindingPackage {
        name: component.package.name.clone(),
        version: component.package.version.clone(),
        purl: component.purl.clone(),
        ecosystem: component.ecosystem.clone(),
        source: None,
        path: component.path.clone(),
        layer: component.layer.clone(),
        layer_origin: None,
        evidence: component.evidence,
    }
}
