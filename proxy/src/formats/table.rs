//! A verdict for a person: what was decided and why, the worst finding first with the fix beside
//! it, and what could not be looked at.
//!
//! Whatever the image says about itself is made printable first.

mod findings;
mod gaps;
mod layers;

use std::io::{self, Write};

use sluicegate_model::Digest;
use sluicegate_model::coverage::CoverageStatus;
use sluicegate_model::finding::Finding;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::severity::Severity;
use sluicegate_model::verdict::{Decision, Reason, Verdict};

use super::appearance::{Appearance, Colour};
use super::text::{counted, shown};

/// Worst first, as the summary counts them.
const SEVERITIES: [Severity; 6] = [
    Severity::Critical,
    Severity::High,
    Severity::Medium,
    Severity::Low,
    Severity::Negligible,
    Severity::Unknown,
];

/// What stands for the snapshot where no feed is loaded.
const NO_FEEDS: &str = "none";

/// Hexadecimal digits that tell an image's layers apart.
const SHORT_DIGEST: usize = 12;

/// Writes the verdict; an empty inventory only leaves packages of one source apart.
pub fn write(
    verdict: &Verdict,
    inventory: &Inventory,
    appearance: Appearance,
    out: &mut dyn Write,
) -> io::Result<()> {
    let out = &mut io::BufWriter::new(out);
    write_head(verdict, appearance, out)?;
    findings::write(verdict, inventory, appearance, out)?;
    layers::write(verdict, inventory, out)?;
    gaps::write(&verdict.coverage, appearance, out)?;
    write_summary(verdict, out)?;
    out.flush()
}

/// Gives as much of a layer's digest as tells it apart.
fn short_digest(layer: &Digest) -> &str {
    let hex = layer.hex();
    hex.get(..SHORT_DIGEST).unwrap_or(hex)
}

fn write_head(verdict: &Verdict, appearance: Appearance, out: &mut dyn Write) -> io::Result<()> {
    let image = match verdict.tags.as_slice() {
        [] => verdict.repository.to_string(),
        [tag] => format!("{}:{tag}", verdict.repository),
        tags => {
            let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
            format!("{} ({})", verdict.repository, tags.join(", "))
        }
    };
    writeln!(out, "Image     {}", shown(&image))?;
    if let Some(claim) = &verdict.claimed_name {
        writeln!(
            out,
            "          claims to be {}; no policy goes by that",
            shown(claim)
        )?;
    }
    writeln!(out, "Digest    {}", verdict.digest)?;
    if let Some(kind) = verdict.artifact {
        writeln!(out, "Artifact  {}", kind.as_str())?;
    }
    let system = match &verdict.distro {
        Some(distro) => format!("{} {}", shown(&distro.id), shown(&distro.version)),
        None => "no distribution identified".into(),
    };
    writeln!(out, "Platform  {}, {system}", shown(&verdict.platform))?;
    let (decision, colour) = match verdict.decision {
        Decision::Refuse => ("refused", Colour::Red),
        Decision::Annotate => ("allowed with a note", Colour::Yellow),
        Decision::Allow => ("allowed", Colour::Green),
    };
    let policy = shown(&verdict.policy.name);
    let decision = appearance.paint(decision, colour);
    writeln!(out, "Decision  {decision} by policy \"{policy}\"")?;
    for reason in &verdict.reasons {
        let asked = asked(reason, verdict.decision);
        let (rule, message) = (shown(&reason.rule), shown(&reason.message));
        writeln!(out, "          rule \"{rule}\" {asked}: {message}")?;
    }
    Ok(())
}

/// Says what a rule asked for; a policy that only watches lets more through than its rules would.
fn asked(reason: &Reason, decision: Decision) -> &'static str {
    match (reason.action, decision) {
        (Decision::Refuse, Decision::Refuse) => "refuses",
        (Decision::Refuse, Decision::Allow | Decision::Annotate) => "would refuse",
        (Decision::Annotate, _) => "notes",
        (Decision::Allow, _) => "allows",
    }
}

fn write_summary(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let findings = &verdict.findings;
    let of = |severity: Severity| {
        let count = findings.iter().filter(|one| one.severity == severity);
        Some((count.count(), severity)).filter(|(count, _)| *count > 0)
    };
    let by_severity: Vec<String> = SEVERITIES
        .into_iter()
        .filter_map(of)
        .map(|(count, severity)| format!("{count} {severity}"))
        .collect();
    let count = |wanted: fn(&Finding) -> bool| findings.iter().filter(|one| wanted(one)).count();
    let total = counted(findings.len(), "finding");
    if findings.is_empty() {
        writeln!(out, "\n{total}")?;
    } else {
        let by_severity = by_severity.join(", ");
        let fixable = count(|one| one.fixed.is_some());
        let exploited = count(|one| one.kev);
        writeln!(
            out,
            "\n{total} ({by_severity}), {fixable} with a fix, {exploited} known to be exploited"
        )?;
    }
    let coverage = match verdict.coverage.status {
        CoverageStatus::Complete => "everything was looked at",
        CoverageStatus::Partial => "not everything could be looked at",
        CoverageStatus::Unscannable => "too little could be looked at to say anything",
    };
    let provenance = &verdict.provenance;
    let packages = usize::try_from(verdict.packages).unwrap_or(usize::MAX);
    let packages = counted(packages, "package");
    let feeds = match provenance.feed_time {
        Some(time) => format!("advisories up to {time}"),
        None if provenance.feeds == NO_FEEDS => "no advisories loaded".into(),
        None => "no dated advisories on its packages".into(),
    };
    let scan_ms = provenance.scan_ms;
    writeln!(
        out,
        "{packages}, {coverage}; {feeds}; scanned in {scan_ms} ms"
    )
}

#[cfg(test)]
mod tests;
