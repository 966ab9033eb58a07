//! A verdict for a person: what was decided and why, the worst finding first with the fix beside
//! it, and what could not be looked at.
//!
//! Whatever the image says about itself is made printable first.

mod findings;
mod gaps;
mod layers;
mod signers;

use std::collections::HashSet;
use std::io::{self, Write};

use sluicegate_model::Digest;
use sluicegate_model::coverage::CoverageStatus;
use sluicegate_model::finding::{Finding, FindingKind};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::severity::Severity;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::{Decision, Reason, Verdict};

use super::appearance::{Appearance, Colour};
use super::grid::{broken, short_digest, to_the_second};
use super::text::{counted, printable};
use super::view::View;
use findings::Rows;

/// What stands before a line that goes on under the text of the one before.
const BELOW: &str = "          ";

/// Hexadecimal digits that tell an image's layers apart.
const SHORT_DIGEST: usize = 12;

/// Writes the verdict, with the findings that are to be seen.
///
/// Without an inventory it is not said which packages rest on a record that was removed or on an
/// SBOM alone, nor what the layers did.
pub fn write(
    verdict: &Verdict,
    inventory: &Inventory,
    view: &View,
    appearance: Appearance,
    out: &mut dyn Write,
) -> io::Result<()> {
    let out = &mut io::BufWriter::new(out);
    write_head(verdict, appearance, out)?;
    let rows = findings::write(verdict, inventory, view, appearance, out)?;
    layers::write(verdict, inventory, appearance, out)?;
    gaps::write(&verdict.coverage, appearance, out)?;
    write_summary(verdict, &rows, view, appearance, out)?;
    out.flush()
}

/// Gives as much of a layer's digest as a place shows: on a terminal what tells it apart.
fn layer_digest(layer: &Digest, appearance: Appearance) -> &str {
    let hex = layer.hex();
    match appearance.width {
        Some(_) => hex.get(..SHORT_DIGEST).unwrap_or(hex),
        None => layer.as_str(),
    }
}

/// Writes a line, on a terminal broken between words; what follows stands under its text.
fn write_line(
    label: &str,
    text: &str,
    appearance: Appearance,
    out: &mut dyn Write,
) -> io::Result<()> {
    let indent = label.chars().count();
    let lines = match appearance.width {
        Some(width) => broken(text, usize::from(width).saturating_sub(indent)),
        None => vec![text.to_owned()],
    };
    for (at, line) in lines.iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        writeln!(out, "{label:indent$}{line}")?;
    }
    Ok(())
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
    write_line("Image     ", &printable(&image), appearance, out)?;
    if let Some(claim) = &verdict.claimed_name {
        let claim = format!("claims to be {}; no policy goes by that", printable(claim));
        write_line(BELOW, &claim, appearance, out)?;
    }
    let digest = verdict.digest.as_str();
    let has_room = |width: u16| BELOW.len() + digest.len() <= width.into();
    let digest = if appearance.width.is_none_or(has_room) {
        digest
    } else {
        short_digest(digest)
    };
    writeln!(out, "Digest    {digest}")?;
    if let Some(kind) = verdict.artifact {
        writeln!(out, "Artifact  {}", kind.as_str())?;
    }
    let system = match &verdict.distro {
        Some(distro) => format!("{} {}", printable(&distro.id), printable(&distro.version)),
        None => "no distribution identified".into(),
    };
    let platform = format!("{}, {system}", printable(&verdict.platform));
    write_line("Platform  ", &platform, appearance, out)?;
    let (decision, colour) = match verdict.decision {
        Decision::Refuse => ("refused", Colour::Red),
        Decision::Annotate => ("allowed with a note", Colour::Yellow),
        Decision::Allow => ("allowed", Colour::Green),
    };
    let policy = printable(&verdict.policy.name);
    let decision = appearance.paint(decision, colour);
    writeln!(out, "Decision  {decision} by policy \"{policy}\"")?;
    for reason in &verdict.reasons {
        let asked = asked(reason, verdict.decision);
        let (rule, message) = (printable(reason.rule.as_str()), printable(&reason.message));
        let text = format!("rule \"{rule}\" {asked}: {message}");
        write_line(BELOW, &text, appearance, out)?;
    }
    for warning in &verdict.warnings {
        write_line("Warning   ", &printable(warning), appearance, out)?;
    }
    signers::write(verdict.signatures.as_ref(), appearance, out)
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

fn write_summary(
    verdict: &Verdict,
    rows: &Rows,
    view: &View,
    appearance: Appearance,
    out: &mut dyn Write,
) -> io::Result<()> {
    let findings = &verdict.findings;
    let bearing = || findings.iter().filter(|one| one.bears());
    let count = |wanted: fn(&Finding) -> bool| bearing().filter(|one| wanted(one)).count();
    let total = counted(bearing().count(), "finding");
    writeln!(out)?;
    if findings.is_empty() {
        writeln!(out, "{total}")?;
    } else {
        let by_severity = by_severity(bearing()).join(", ");
        let fixable = count(|one| one.fixed.is_some());
        let exploited = count(|one| one.kev);
        let listed = if by_severity.is_empty() {
            total
        } else {
            format!("{total} ({by_severity})")
        };
        let line = format!("{listed}, {fixable} with a fix, {exploited} known to be exploited");
        write_line("", &line, appearance, out)?;
        for line in why_counts_differ(verdict, rows, view) {
            write_line("", &line, appearance, out)?;
        }
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
        Some(time) => format!("advisories up to {}", to_the_second(&time.to_string())),
        None if provenance.feeds == SnapshotId::NO_FEEDS => "no advisories loaded".into(),
        None => "no dated advisories on its packages".into(),
    };
    let scan_ms = provenance.scan_ms;
    let line = format!("{packages}, {coverage}; {feeds}; scanned in {scan_ms} ms");
    write_line("", &line, appearance, out)?;
    match verdict.domain.shown() {
        Some(who) => {
            let reader = verdict.read_by.as_deref().unwrap_or("another program");
            let line = format!(
                "reported by {}; read by {}",
                printable(&who),
                printable(reader)
            );
            write_line("", &line, appearance, out)
        }
        None => Ok(()),
    }
}

/// Counts findings by how bad they are, worst first, and those of which nobody says.
fn by_severity<'a>(findings: impl Iterator<Item = &'a Finding> + Clone) -> Vec<String> {
    let of = |severity: Severity| {
        let findings = findings.clone();
        let count = findings.filter(|one| one.kind.has_severity() && one.severity == severity);
        Some((count.count(), severity)).filter(|(count, _)| *count > 0)
    };
    let counts = Severity::WORST_FIRST.into_iter().filter_map(of);
    let mut counts: Vec<String> = counts
        .map(|(count, severity)| format!("{count} {severity}"))
        .collect();
    let licences = findings.filter(|one| one.kind == FindingKind::Licence);
    let licences = licences.count();
    counts.extend((licences > 0).then(|| format!("{licences} on licences")));
    counts
}

/// Says why there are fewer rows than findings, and why rules count fewer.
fn why_counts_differ(verdict: &Verdict, rows: &Rows, view: &View) -> Vec<String> {
    let mut lines = Vec::new();
    let total = verdict.findings.len();
    let bearing = || verdict.findings.iter().filter(|finding| finding.bears());
    let others = total - bearing().count();
    if others > 0 {
        let more = counted(others, "more finding");
        lines.push(format!(
            "{more} listed that no rule counts: not affected, or quieted"
        ));
    }
    if rows.hidden > 0 {
        let hidden = counted(rows.hidden, "finding");
        let flags = view.flags().join(" ");
        lines.push(format!(
            "{hidden} not shown ({flags}); they count in the decision"
        ));
    }
    let shown = total.saturating_sub(rows.hidden);
    if rows.all < shown {
        let rows = counted(rows.all, "row");
        lines.push(format!(
            "{shown} in {rows}: packages of one source, and places of one version, share a row"
        ));
    }
    let told: HashSet<_> = bearing().map(as_rules_count).collect();
    if told.len() < total - others {
        let told = counted(told.len(), "finding");
        lines.push(format!(
            "rules count {told}: a version of a package once, in however many places it is"
        ));
    }
    lines
}

/// What makes two findings one in the words of a rule.
fn as_rules_count(finding: &Finding) -> (&str, &str, &str, Option<&str>) {
    let package = &finding.package;
    let fixed = finding.fixed.as_deref();
    (&finding.id, &package.name, &package.version, fixed)
}

#[cfg(test)]
mod tests;
