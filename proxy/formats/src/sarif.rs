//! SARIF 2.1.0: findings as results, weaknesses as rules, gaps as notifications of the tool.
//!
//! Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; for
//! `security-severity` and what is needed beside it, GitHub, "SARIF support for code scanning".

mod results;
mod rules;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};
use sluicegate_model::coverage::{CoverageStatus, Gap};
use sluicegate_model::finding::{Finding, FindingKind};
use sluicegate_model::form::{self, WrittenAs};
use sluicegate_model::severity::Severity;
use sluicegate_model::verdict::Verdict;

use super::answers::{PolicyReferenceAnswer, ReasonAnswer};
use super::document::{TOOL, TOOL_VERSION, key, path_reference, second};
use super::json::{Each, write_compact, write_document};
use super::text::name_of;
use rules::Rules;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

const VERSION: &str = "2.1.0";

#[derive(Serialize)]
struct Log<R> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [R; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<T, N, R> {
    tool: T,
    automation_details: Value,
    invocations: [Invocation<N>; 1],
    results: R,
    properties: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<N> {
    execution_successful: bool,
    end_time_utc: String,
    tool_execution_notifications: N,
}

/// How much a result asks of its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Note,
    Warning,
    Error,
}

/// Writes the verdict as one run.
///
/// A run counts as successful unless the image is unscannable; every gap is a notification, so
/// that a run without results is not taken for a clean image.
pub fn write(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let rules = Rules::of(&verdict.findings);
    let log = Log {
        schema: SCHEMA,
        version: VERSION,
        runs: [run(verdict, &rules, &verdict.repository.to_string())],
    };
    write_document(&log, out)
}

/// Describes the run that looked at one image; `name` tells it apart from those on others.
fn run<'a>(verdict: &'a Verdict, rules: &'a Rules<'a>, name: &str) -> impl Serialize + 'a {
    let gaps = &verdict.coverage.gaps;
    Run {
        tool: json!({"driver": {
            "name": TOOL,
            "version": TOOL_VERSION,
            "semanticVersion": TOOL_VERSION,
            "properties": {"scanner": verdict.provenance.scanner},
            "rules": rules.described(),
        }}),
        automation_details: json!({"id": format!("{TOOL}/{name}/")}),
        invocations: [Invocation {
            execution_successful: verdict.coverage.status != CoverageStatus::Unscannable,
            end_time_utc: second(verdict.provenance.decided_at),
            tool_execution_notifications: Each(|| gaps.iter().map(notification)),
        }],
        results: Each(|| {
            let findings = verdict.findings.iter();
            findings.map(|finding| results::result(verdict, rules, finding))
        }),
        properties: properties(verdict),
    }
}

/// A log of many images, a run for each, written as they come.
pub struct Runs<W: Write> {
    out: io::BufWriter<W>,
    is_first: bool,
}

impl<W: Write> Runs<W> {
    /// Begins a log.
    pub fn begin(out: W) -> io::Result<Self> {
        let mut out = io::BufWriter::new(out);
        write!(
            out,
            r#"{{"$schema":"{SCHEMA}","version":"{VERSION}","runs":["#
        )?;
        let is_first = true;
        Ok(Self { out, is_first })
    }

    /// Writes the run that looked at one image.
    pub fn add(&mut self, verdict: &Verdict) -> io::Result<()> {
        let rules = Rules::of(&verdict.findings);
        let mut name = format!("{}@{}", verdict.repository, verdict.digest);
        if verdict.audience.digest().is_some() || !verdict.domain.is_here() {
            name = format!("{name}/{}", key(verdict));
        }
        let between = if std::mem::take(&mut self.is_first) {
            "\n"
        } else {
            ",\n"
        };
        self.out.write_all(between.as_bytes())?;
        write_compact(&run(verdict, &rules, &name), &mut self.out)
    }

    /// Ends the log.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.write_all(b"\n]}\n")?;
        self.out.flush()
    }
}

fn notification(gap: &Gap) -> Value {
    let kind = name_of(gap.kind);
    let level = if gap.fatal {
        Level::Error
    } else {
        Level::Warning
    };
    let mut notification = json!({
        "descriptor": {"id": kind},
        "level": level,
        "message": {"text": message_text(&format!("not looked at: {}", gap.detail))},
    });
    let path = gap.path.as_deref().unwrap_or_default();
    if !path.is_empty()
        && let Some(members) = notification.as_object_mut()
    {
        let place =
            json!([{"physicalLocation": {"artifactLocation": {"uri": path_reference(path)}}}]);
        members.insert("locations".into(), place);
    }
    notification
}

/// Keeps foreign text from becoming a placeholder or a link.
///
/// Source: SARIF 2.1.0, sections 3.11.5 and 3.11.6.
fn message_text(text: &str) -> String {
    let text = text.replace('{', "{{").replace('}', "}}");
    if text.contains("](") {
        return text.replace('[', "\\[").replace(']', "\\]");
    }
    text
}

fn properties(verdict: &Verdict) -> Value {
    let mut properties = json!({
        "image": verdict.repository,
        "digest": verdict.digest,
        "imageTags": verdict.tags,
        "platform": verdict.platform,
        "decision": verdict.decision,
        "policy": WrittenAs::<PolicyReferenceAnswer>(&verdict.policy),
        "reasons": WrittenAs::<form::Each<ReasonAnswer>>(&verdict.reasons),
        "coverage": verdict.coverage.status,
        "feeds": verdict.provenance.feeds,
    });
    if let (Some(claim), Some(members)) = (&verdict.claimed_name, properties.as_object_mut()) {
        members.insert("claimedName".to_owned(), json!(claim));
    }
    properties
}

/// Rates a finding: what is exploited or meant to do harm is an error whatever its score, and what
/// nobody rated is not taken for harmless.
fn level(finding: &Finding) -> Level {
    if finding.kev || finding.kind == FindingKind::Malware {
        return Level::Error;
    }
    if finding.kind == FindingKind::Informational {
        return Level::Note;
    }
    match finding.severity {
        Severity::Critical | Severity::High => Level::Error,
        Severity::Medium | Severity::Unknown => Level::Warning,
        Severity::Low | Severity::Negligible => Level::Note,
    }
}

#[cfg(test)]
mod tests;
