//! Findings as vulnerabilities: those that say the same of several packages are one.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};
use sluicegate_model::finding::{Finding, FindingKind, FindingStatus};
use sluicegate_model::severity::Severity;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::vex::{VexJustification, VexStatement, VexStatus};

use super::super::document::{advisory_url, finding_url, publisher};
use super::super::text::name_of;
use super::super::view;
use super::Property;
use super::components::References;

/// Source: MITRE, CWE-506 "Embedded Malicious Code".
const CWE_MALICIOUS: u32 = 506;
/// Source: MITRE, CWE-1104 "Use of Unmaintained Third Party Components".
const CWE_UNMAINTAINED: u32 = 1104;

#[derive(Serialize)]
pub(super) struct Vulnerability<'a> {
    id: &'a str,
    source: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Value>,
    ratings: [Value; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cwes: Vec<u32>,
    recommendation: String,
    advisories: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    analysis: Option<Value>,
    affects: Vec<Value>,
    properties: Vec<Property>,
}

type VulnerabilityKey<'a> = (
    (&'a str, &'a str, FindingKind, FindingStatus),
    ((Severity, Option<&'a str>), Option<u64>, bool),
    (
        Option<&'a str>,
        Option<&'a str>,
        (&'a [String], Option<&'a str>, &'a [VexStatement]),
    ),
);

/// Joins findings that differ only in their package. Licences are none of them: components have theirs.
///
/// *Shape*: no group is empty; groups are in the order of their first findings.
pub(super) fn groups(verdict: &Verdict) -> Vec<Vec<&Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    let mut positions: HashMap<VulnerabilityKey<'_>, usize> = HashMap::new();
    // What is no vulnerability of a component is told beside the gaps, but for licences.
    let is_told = |it: &Finding| it.kind != FindingKind::Licence && beside(it).is_none();
    let findings = verdict.findings.iter();
    for finding in findings.filter(|finding| is_told(finding)) {
        let position = *positions.entry(key(finding)).or_insert(groups.len());
        match groups.get_mut(position) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

fn key(finding: &Finding) -> VulnerabilityKey<'_> {
    (
        (&finding.id, &finding.source, finding.kind, finding.status),
        (
            (finding.severity, finding.severity_source.as_deref()),
            finding.cvss.map(f64::to_bits),
            finding.kev,
        ),
        (
            finding.fixed.as_deref(),
            finding.exception.as_deref(),
            (&finding.advisories, view::why_not(finding), &finding.vex),
        ),
    )
}

/// Names what a finding is that is no vulnerability of a component; none of one that is.
pub(super) fn beside(finding: &Finding) -> Option<&'static str> {
    match finding.kind {
        FindingKind::Secret => Some("sluicegate:secret"),
        FindingKind::Configuration => Some("sluicegate:configuration"),
        FindingKind::Vulnerability
        | FindingKind::Malware
        | FindingKind::Eol
        | FindingKind::Informational
        | FindingKind::Licence => None,
    }
}

/// Describes one group; none for an empty one.
pub(super) fn vulnerability<'a>(
    group: &[&'a Finding],
    references: &References<'_>,
) -> Option<Vulnerability<'a>> {
    let finding = *group.first()?;
    let link = |id: &String| json!({"id": id, "source": published(id)});
    let page = |id: &String| json!({"title": id, "url": advisory_url(id)});
    Some(Vulnerability {
        id: &finding.id,
        source: source(finding),
        references: finding.aliases.iter().map(link).collect(),
        ratings: [rating(finding)],
        cwes: match finding.kind {
            FindingKind::Vulnerability
            | FindingKind::Informational
            | FindingKind::Secret
            | FindingKind::Configuration
            | FindingKind::Licence => Vec::new(),
            FindingKind::Malware => vec![CWE_MALICIOUS],
            FindingKind::Eol => vec![CWE_UNMAINTAINED],
        },
        recommendation: match &finding.fixed {
            Some(fixed) => format!("Update to {fixed} or later."),
            None => match &finding.detail {
                Some(_) if !finding.bears() => "Nothing is to be done.".into(),
                Some(detail) if finding.kind != FindingKind::Eol => {
                    format!("No fixed version is known: {detail}.")
                }
                Some(detail) => format!("Move to a release that is mended: {detail}."),
                None => "No fixed version is known.".into(),
            },
        },
        advisories: finding.advisories.iter().map(page).collect(),
        analysis: analysis(finding),
        affects: group
            .iter()
            .flat_map(|finding| affected(finding, references))
            .collect(),
        properties: properties(finding),
    })
}

/// Names who publishes the weakness; where no record speaks of it, who says it.
fn source(finding: &Finding) -> Value {
    match finding_url(finding) {
        Some(_) => published(&finding.id),
        None => json!({"name": finding.source}),
    }
}

fn published(id: &str) -> Value {
    let (name, url) = publisher(id);
    json!({"name": name, "url": url})
}

/// Rates a finding. The vector is not kept, so the method of the score is not told.
fn rating(finding: &Finding) -> Value {
    let severity = match finding.severity {
        Severity::Negligible => "info".to_owned(),
        other => other.to_string(),
    };
    let mut rating = match finding.cvss {
        Some(score) => json!({"score": score, "severity": severity, "method": "other"}),
        None => json!({"severity": severity}),
    };
    if let (Some(source), Some(members)) = (&finding.severity_source, rating.as_object_mut()) {
        members.insert("source".into(), json!({"name": source}));
    }
    rating
}

/// Says who excepted the finding, and what could not be compared. An exception is a decision of
/// policy, not a claim that the weakness is harmless.
fn analysis(finding: &Finding) -> Option<Value> {
    if let (Some(first), Some(said)) = (finding.vex.first(), view::said_of(finding)) {
        return Some(claimed(first, &said));
    }
    match (&finding.exception, finding.status) {
        (Some(name), _) => {
            Some(json!({"detail": format!("covered by the policy exception {name}")}))
        }
        (None, FindingStatus::NotAffected) => Some(json!({
            "state": "not_affected",
            "justification": "code_not_present",
            "detail": view::why_not(finding),
        })),
        (None, _) if !finding.bears() => Some(json!({
            "state": "not_affected",
            "detail": view::why_not(finding),
        })),
        (None, FindingStatus::Unknown) => Some(json!({
            "state": "in_triage",
            "detail": finding.detail.as_deref().unwrap_or(
                "the installed version could not be compared with the advisory's range",
            ),
        })),
        (None, FindingStatus::Affected) => None,
    }
}

/// Says what the author of a VEX document claims, in CycloneDX' words where there is one.
fn claimed(statement: &VexStatement, said: &str) -> Value {
    let state = match statement.status {
        VexStatus::Fixed => "resolved",
        _ => "not_affected",
    };
    let justification = statement.justification.and_then(|why| match why {
        VexJustification::ComponentNotPresent | VexJustification::VulnerableCodeNotPresent => {
            Some("code_not_present")
        }
        VexJustification::VulnerableCodeNotInExecutePath => Some("code_not_reachable"),
        VexJustification::InlineMitigationsAlreadyExist => Some("protected_by_mitigating_control"),
        VexJustification::VulnerableCodeCannotBeControlledByAdversary => None,
    });
    let mut analysis = json!({"state": state, "detail": said});
    if let (Some(justification), Some(members)) = (justification, analysis.as_object_mut()) {
        members.insert("justification".into(), json!(justification));
    }
    analysis
}

/// Names a status as CycloneDX does.
fn status(status: FindingStatus) -> &'static str {
    match status {
        FindingStatus::Affected => "affected",
        FindingStatus::Unknown => "unknown",
        FindingStatus::NotAffected => "unaffected",
    }
}

fn affected(finding: &Finding, references: &References<'_>) -> Vec<Value> {
    let own = finding.attributed.as_deref();
    let version = own.map_or(&finding.package.version, |own| &own.version);
    let of = |reference: String| {
        json!({
            "ref": reference,
            "versions": [{"version": version, "status": status(finding.status)}],
        })
    };
    let affected = references.of_finding(finding).into_iter();
    affected.map(of).collect()
}

fn properties(finding: &Finding) -> Vec<Property> {
    let mut properties = vec![
        Property::new("sluicegate:kind", name_of(finding.kind)),
        Property::new("sluicegate:known-exploited", finding.kev.to_string()),
        Property::new("sluicegate:feed", &finding.source),
    ];
    if let Some(epss) = finding.epss {
        properties.push(Property::new("sluicegate:epss", epss.to_string()));
    }
    if finding.copies > 1 {
        let copies = finding.copies.to_string();
        properties.push(Property::new("sluicegate:copies", copies));
    }
    properties
}
