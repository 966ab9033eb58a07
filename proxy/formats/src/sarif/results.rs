//! One result for each finding: what is wrong, where, what mends it, and who excepted it.

use serde::Serialize;
use serde_json::{Value, json};
use sluicegate_model::Digest;
use sluicegate_model::finding::{Finding, FindingKind, FindingStatus};
use sluicegate_model::form::WrittenAs;
use sluicegate_model::package::Ecosystem;
use sluicegate_model::verdict::Verdict;

use super::super::answers::AttributedAnswer;
use super::super::document::path_reference;
use super::super::view::{said_of, why_not};
use super::{Level, Rules, level, message_text};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FindingResult<'a> {
    rule_id: &'a str,
    rule_index: Option<usize>,
    level: Level,
    message: Value,
    locations: [Value; 1],
    partial_fingerprints: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressions: Option<Value>,
    properties: Value,
}

/// Describes one finding.
pub(super) fn result<'a>(
    verdict: &Verdict,
    rules: &Rules<'_>,
    finding: &'a Finding,
) -> FindingResult<'a> {
    let excepted = finding
        .exception
        .as_ref()
        .map(|name| format!("covered by the policy exception {name}"));
    let suppressions = excepted
        .or_else(|| said_of(finding))
        .or_else(|| why_not(finding).map(str::to_owned))
        .map(|why| json!([{"kind": "external", "justification": why}]));
    FindingResult {
        rule_id: &finding.id,
        rule_index: rules.index(&finding.id),
        level: level(finding),
        message: json!({"text": message_text(&message(verdict, finding))}),
        locations: [location(finding)],
        partial_fingerprints: json!({"sluicegate/v1": fingerprint(finding)}),
        suppressions,
        properties: properties(finding),
    }
}

fn properties(finding: &Finding) -> Value {
    let package = &finding.package;
    let mut properties = json!({
        "purl": package.purl,
        "ecosystem": package.ecosystem,
        "layer": package.layer,
        "installed": package.version,
        "fixed": finding.fixed,
        "severity": finding.severity,
        "severitySource": finding.severity_source,
        "status": finding.status,
        "knownExploited": finding.kev,
        "epss": finding.epss,
        "advisories": finding.advisories,
        "source": finding.source,
    });
    if let (false, Some(members)) = (package.evidence.is_installed(), properties.as_object_mut()) {
        members.insert("evidence".into(), json!(package.evidence));
    }
    if let (Some(own), Some(members)) = (&finding.attributed, properties.as_object_mut()) {
        members.insert(
            "attributed".into(),
            json!(WrittenAs::<AttributedAnswer>(own)),
        );
    }
    if let (Some(by), Some(members)) = (finding.quieted_by, properties.as_object_mut()) {
        members.insert("quietedBy".into(), json!(by));
    }
    properties
}

fn message(verdict: &Verdict, finding: &Finding) -> String {
    let package = &finding.package;
    if finding.kind == FindingKind::Licence {
        let detail = finding.detail.as_deref().unwrap_or("declared licence");
        return format!(
            "{} is the licence of {} {} in {}: {detail}",
            finding.id, package.name, package.version, verdict.repository
        );
    }
    if let (Some(detail), true) = (&finding.detail, finding.bears()) {
        return format!("{} in {}: {detail}", finding.id, verdict.repository);
    }
    let concerns = match finding.status {
        FindingStatus::Affected => "affects",
        FindingStatus::Unknown => "may affect",
        FindingStatus::NotAffected => "does not affect",
    };
    let fix = match &finding.fixed {
        Some(fixed) => format!("fixed in {fixed}"),
        None => "no fix is known".into(),
    };
    let exploited = if finding.kev {
        ", known to be exploited"
    } else {
        ""
    };
    let copies = match finding.copies {
        1 => String::new(),
        copies => format!(", in {copies} places"),
    };
    format!(
        "{} ({}{exploited}) {concerns} {} {} in {}: {fix}{copies}",
        finding.id, finding.severity, package.name, package.version, verdict.repository
    )
}

fn location(finding: &Finding) -> Value {
    let package = &finding.package;
    let mut location = json!({"logicalLocations": [{
        "name": package.name,
        "fullyQualifiedName": package.purl,
        "kind": "package",
    }]});
    if !package.path.is_empty()
        && let Some(members) = location.as_object_mut()
    {
        // A package has no line; viewers that show nothing without one are given the first.
        let place = json!({
            "artifactLocation": {"uri": path_reference(&package.path)},
            "region": {"startLine": 1},
        });
        members.insert("physicalLocation".into(), place);
    }
    location
}

/// Names a finding across builds of an image: neither version nor layer belongs to it.
fn fingerprint(finding: &Finding) -> String {
    let package = &finding.package;
    let ecosystem = package.ecosystem.as_ref().map(Ecosystem::family);
    let parts = [
        finding.id.as_str(),
        ecosystem.unwrap_or_default(),
        &package.name,
        &package.path,
    ];
    Digest::of(parts.join("\0").as_bytes()).hex().to_owned()
}
