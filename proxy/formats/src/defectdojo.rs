//! Findings as DefectDojo's "Generic Findings Import" takes them, of one image or of many.
//!
//! Source: DefectDojo, `dojo/tools/generic/json_parser.py` for the names of members, which refuses
//! any other, and `dojo/finding/models.py` for how long each may be.

use std::io::{self, Write};

use serde::Serialize;
use sluicegate_model::Digest;
use sluicegate_model::finding::{Finding, FindingKind, FindingStatus};
use sluicegate_model::package::Ecosystem;
use sluicegate_model::severity::Severity;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::vex::VexStatus;

use super::document::{advisory_url, publisher};
use super::json::write_compact;
use super::text::{name_of, printable};
use super::view::{said_of, why_not};

/// Longest title, in characters.
const MAX_TITLE: usize = 500;
/// Longest name of a component, in characters; DefectDojo before 2.40 took no more.
const MAX_COMPONENT: usize = 200;
/// Longest version of a component, in characters.
const MAX_VERSION: usize = 99;
/// Longest path, in characters.
const MAX_PATH: usize = 4_000;
/// Longest service, in characters.
const MAX_SERVICE: usize = 200;
/// Longest of any other text, in characters.
const MAX_TEXT: usize = 4_000;
/// Most ids of one finding.
const MAX_IDS: usize = 50;

/// What DefectDojo keeps of a finding.
#[derive(Serialize)]
struct Item {
    title: String,
    severity: &'static str,
    description: String,
    mitigation: String,
    references: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity_justification: Option<String>,
    component_name: String,
    component_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    file_path: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vulnerability_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cvssv3_score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epss_score: Option<f64>,
    #[serde(flatten)]
    standing: Standing,
    verified: bool,
    static_finding: bool,
    dynamic_finding: bool,
    service: String,
    unique_id_from_tool: String,
    vuln_id_from_tool: String,
    nb_occurences: u64,
    date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    publish_date: Option<String>,
    tags: Vec<String>,
}

/// What is to be done about a finding.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a member of its own there"
)]
#[derive(Serialize)]
struct Standing {
    active: bool,
    false_p: bool,
    risk_accepted: bool,
    under_review: bool,
    is_mitigated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mitigated: Option<String>,
}

/// Writes the findings of one image.
pub fn write(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let mut report = Report::begin(out)?;
    report.add(verdict)?;
    report.finish()
}

/// The findings of many images, written as they come.
pub struct Report<W: Write> {
    out: io::BufWriter<W>,
    is_first: bool,
}

impl<W: Write> Report<W> {
    /// Begins a report.
    pub fn begin(out: W) -> io::Result<Self> {
        let mut out = io::BufWriter::new(out);
        out.write_all(b"{\"findings\":[")?;
        let is_first = true;
        Ok(Self { out, is_first })
    }

    /// Writes the findings of one image, each a line.
    pub fn add(&mut self, verdict: &Verdict) -> io::Result<()> {
        for finding in &verdict.findings {
            let is_first = std::mem::take(&mut self.is_first);
            let between: &[u8] = if is_first { b"\n" } else { b",\n" };
            self.out.write_all(between)?;
            write_compact(&item(verdict, finding), &mut self.out)?;
        }
        Ok(())
    }

    /// Ends the report.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.write_all(b"\n]}\n")?;
        self.out.flush()
    }
}

fn item(verdict: &Verdict, finding: &Finding) -> Item {
    let package = &finding.package;
    let (name, version) = match finding.attributed.as_deref() {
        Some(own) => (&own.name, &own.version),
        None => (&package.name, &package.version),
    };
    let is_rated_by_cvss3 =
        |source: &&String| source.starts_with("CVSS:3") || source.contains(" CVSS:3");
    let rated = finding.severity_source.as_ref().filter(is_rated_by_cvss3);
    Item {
        title: cut(&format!("{} in {name} {version}", finding.id), MAX_TITLE),
        severity: severity(finding),
        description: description(verdict, finding),
        mitigation: match &finding.fixed {
            Some(fixed) => format!("Update to {} or later.", quoted(fixed)),
            None => "No fixed version is known.".to_owned(),
        },
        references: references(finding),
        severity_justification: finding
            .severity_source
            .as_ref()
            .map(|source| cut(&format!("Rated by {source}"), MAX_TEXT)),
        component_name: cut(name, MAX_COMPONENT),
        component_version: cut(version, MAX_VERSION),
        file_path: cut(&package.path, MAX_PATH),
        vulnerability_ids: ids(finding),
        cvssv3_score: rated.and(finding.cvss),
        epss_score: finding.epss,
        standing: standing(finding),
        verified: false,
        static_finding: true,
        dynamic_finding: false,
        service: cut(&verdict.repository.to_string(), MAX_SERVICE),
        unique_id_from_tool: identity(verdict, finding),
        vuln_id_from_tool: cut(&finding.id, MAX_SERVICE),
        nb_occurences: finding.copies,
        date: day(verdict.provenance.scanned_at),
        publish_date: finding.published.map(day),
        tags: tags(verdict, finding),
    }
}

fn day(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// Rates a finding: what nobody rated is not taken for harmless, and what is no weakness is told.
fn severity(finding: &Finding) -> &'static str {
    match (finding.kind, finding.severity) {
        (FindingKind::Informational | FindingKind::Licence, _) => "Info",
        (_, Severity::Critical) | (FindingKind::Malware, _) => "Critical",
        (_, Severity::High) => "High",
        (_, Severity::Medium | Severity::Unknown) => "Medium",
        (_, Severity::Low) => "Low",
        (_, Severity::Negligible) => "Info",
    }
}

/// Says what policy and the authors of VEX documents make of a finding. Neither is left out: whoever
/// reads it there sees what was accepted, and why.
fn standing(finding: &Finding) -> Standing {
    let fixed = finding.vex.iter().find(|it| it.status == VexStatus::Fixed);
    let is_harmless = (!finding.vex.is_empty() && fixed.is_none()) || !finding.bears();
    let is_accepted = finding.exception.is_some();
    let active = !is_harmless && !is_accepted && fixed.is_none();
    Standing {
        active,
        false_p: is_harmless,
        risk_accepted: is_accepted && !is_harmless && fixed.is_none(),
        under_review: active && finding.status == FindingStatus::Unknown,
        is_mitigated: fixed.is_some(),
        mitigated: fixed.map(|said| said.timestamp.to_string()),
    }
}

/// Describes a finding in Markdown, without anything that changes from one scan to the next: it is
/// part of what duplicates are known by.
fn description(verdict: &Verdict, finding: &Finding) -> String {
    let package = &finding.package;
    let mut lines = vec![
        format!("Image: {}", quoted(&verdict.repository.to_string())),
        format!("Package: {}", quoted(&package.purl)),
        format!("Kind: {}", name_of(finding.kind)),
        format!("Status: {}", name_of(finding.status)),
    ];
    let details = [
        ("Detail", finding.detail.clone()),
        ("Policy exception", finding.exception.clone()),
        ("VEX", said_of(finding)),
        (
            "Does not bear on the image",
            why_not(finding).map(Into::into),
        ),
    ];
    for (title, detail) in details {
        lines.extend(detail.map(|detail| format!("{title}: {}", quoted(&detail))));
    }
    if finding.kev {
        lines.push("Known to be exploited (CISA KEV).".to_owned());
    }
    lines.join("\n\n")
}

/// Quotes foreign text so that it is no Markdown.
fn quoted(text: &str) -> String {
    format!("`{}`", cut(text, MAX_TEXT).replace('`', "'"))
}

/// Makes a text printable and cuts one that is longer than DefectDojo takes.
fn cut(text: &str, most: usize) -> String {
    printable(text).chars().take(most).collect()
}

fn references(finding: &Finding) -> String {
    if finding.advisories.is_empty() {
        return String::new();
    }
    let records = finding.advisories.iter().filter(|id| **id != finding.id);
    let pages = records.take(MAX_IDS).map(|id| advisory_url(id));
    let pages: Vec<String> = std::iter::once(publisher(&finding.id).1)
        .chain(pages)
        .collect();
    pages.join("\n")
}

/// Lists the weakness's names, the one that it goes by first.
fn ids(finding: &Finding) -> Vec<String> {
    if finding.advisories.is_empty() {
        return Vec::new();
    }
    let names = std::iter::once(&finding.id).chain(&finding.aliases);
    names.take(MAX_IDS).map(|id| cut(id, 50)).collect()
}

/// Names a finding across builds of an image: neither version nor layer belongs to it.
fn identity(verdict: &Verdict, finding: &Finding) -> String {
    let package = &finding.package;
    let ecosystem = package.ecosystem.as_ref().map(Ecosystem::family);
    let (repository, reporter) = (verdict.repository.to_string(), verdict.domain.shown());
    let parts = [
        repository.as_str(),
        &verdict.platform,
        reporter.as_deref().unwrap_or_default(),
        &finding.id,
        ecosystem.unwrap_or_default(),
        &package.name,
        &package.path,
    ];
    Digest::of(parts.join("\0").as_bytes()).hex().to_owned()
}

fn tags(verdict: &Verdict, finding: &Finding) -> Vec<String> {
    let mut tags = vec![
        format!("kind:{}", name_of(finding.kind)),
        format!("decision:{}", verdict.decision.as_str()),
    ];
    tags.extend(finding.kev.then(|| "known-exploited".to_owned()));
    let origin = finding.package.layer_origin;
    tags.extend(origin.map(|origin| format!("layer:{}", name_of(origin))));
    tags
}

#[cfg(test)]
mod tests;
