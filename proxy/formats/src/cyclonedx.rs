//! CycloneDX 1.6 as JSON: what is in the image, what concerns it, and what was not looked at.
//!
//! Source: OWASP and ECMA-424, "CycloneDX Bill of materials specification", JSON, version 1.6.

mod components;
mod many;
mod vulnerabilities;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};
use sluicegate_model::coverage::{CoverageStatus, Gap};
use sluicegate_model::finding::Finding;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Verdict;

use super::document::{TOOL, TOOL_VERSION, image_purl, second, uuid};
use super::json::{Each, write_document};
use super::text::name_of;
use components::{Named, References};
pub use many::Images;

const SCHEMA: &str = "http://cyclonedx.org/schema/bom-1.6.schema.json";
const FORMAT: &str = "CycloneDX";
const SPEC_VERSION: &str = "1.6";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom<C, V> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    #[serde(rename = "bomFormat")]
    format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: Value,
    components: C,
    compositions: [Value; 1],
    vulnerabilities: V,
}

/// One of the named values that CycloneDX leaves to each tool.
#[derive(Serialize)]
struct Property {
    name: &'static str,
    value: String,
}

impl Property {
    fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self {
            name,
            value: value.into(),
        }
    }
}

/// Writes what the image holds and what was found in it.
///
/// What lockfiles name is listed with the scope `excluded`: it explains, and may not be there.
pub fn write(verdict: &Verdict, inventory: &Inventory, out: &mut dyn Write) -> io::Result<()> {
    let references = References::of(inventory, Named::alone());
    let groups = vulnerabilities::groups(verdict);
    let bom = Bom {
        schema: SCHEMA,
        format: FORMAT,
        spec_version: SPEC_VERSION,
        serial_number: format!("urn:uuid:{}", uuid(verdict, inventory)?),
        version: 1,
        metadata: metadata(verdict),
        components: Each(|| components::all(inventory, references.named())),
        compositions: [composition(verdict, references.named())],
        vulnerabilities: Each(|| {
            let groups = groups.iter();
            groups.map(|group| vulnerabilities::vulnerability(group, &references))
        }),
    };
    write_document(&bom, out)
}

/// Says whether all that the image holds is listed.
fn composition(verdict: &Verdict, named: &Named) -> Value {
    let aggregate = match verdict.coverage.status {
        CoverageStatus::Complete => "complete",
        CoverageStatus::Partial | CoverageStatus::Unscannable => "incomplete",
    };
    json!({"aggregate": aggregate, "assemblies": [named.image()]})
}

fn metadata(verdict: &Verdict) -> Value {
    json!({
        "timestamp": second(verdict.provenance.decided_at),
        "tools": tools(),
        "component": {
            "bom-ref": Named::alone().image(),
            "type": "container",
            "name": verdict.repository,
            "version": verdict.digest,
            "purl": image_purl(verdict),
        },
        "properties": properties(verdict),
    })
}

fn tools() -> Value {
    json!({"components": [{"type": "application", "name": TOOL, "version": TOOL_VERSION}]})
}

/// Lists what was decided, by what, and what stands beside packages and vulnerabilities.
fn properties(verdict: &Verdict) -> Vec<Property> {
    let mut properties = vec![
        Property::new("sluicegate:platform", &verdict.platform),
        Property::new("sluicegate:decision", verdict.decision.as_str()),
        Property::new("sluicegate:policy", &verdict.policy.name),
        Property::new("sluicegate:coverage", name_of(verdict.coverage.status)),
        Property::new("sluicegate:feeds", verdict.provenance.feeds.as_str()),
        Property::new("sluicegate:scanner", &verdict.provenance.scanner),
    ];
    let claim = verdict.claimed_name.iter();
    properties.extend(claim.map(|claim| Property::new("sluicegate:claimed-name", claim)));
    let tags = verdict.tags.iter();
    properties.extend(tags.map(|tag| Property::new("sluicegate:tag", tag.to_string())));
    properties.extend(verdict.coverage.gaps.iter().map(gap));
    let findings = verdict.findings.iter();
    properties.extend(findings.filter_map(beside));
    properties
}

fn gap(gap: &Gap) -> Property {
    let place = gap.path.as_deref().map(|path| format!(" {path}"));
    let place = place.unwrap_or_default();
    let value = format!("{}{place}: {}", name_of(gap.kind), gap.detail);
    Property::new("sluicegate:not-looked-at", value)
}

/// Says of what is no vulnerability of a component which it is and where it stands.
fn beside(finding: &Finding) -> Option<Property> {
    let name = vulnerabilities::beside(finding)?;
    let places: Vec<&str> = finding.places().collect();
    let severity = finding.severity.as_str();
    let detail = finding.detail.as_deref().unwrap_or_default();
    let value = format!("{} {severity} {}: {detail}", finding.id, places.join(", "));
    Some(Property::new(name, value))
}

#[cfg(test)]
mod tests;
