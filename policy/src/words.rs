//! How a decision is told to people: one line, printable, bounded.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::Digest;
use sluicegate_model::artifact::ArtifactKind;
use sluicegate_model::coverage::{Coverage, GapKind};
use sluicegate_model::finding::{Finding, FindingKind};
use sluicegate_model::report::Knowledge;
use sluicegate_model::severity::Severity;
use sluicegate_model::verdict::{Decision, PolicyReference, Reason, Verdict};

/// Longest line shown to a client, in bytes.
const MAX_LINE_BYTES: usize = 1_024;
/// Longest name, version or detail shown, in characters.
const MAX_WORD_CHARS: usize = 120;
/// Digits of a key's digest that are shown.
const KEY_DIGITS: usize = 16;
/// Findings and gaps named before "and N more".
const NAMED: usize = 3;

/// Gives the line that a refused client shows.
///
/// *Shape*: `sluicegate: refused by policy "P", rule "R": 1 finding: ID severity package version
/// (fix: V). First step: WHAT. Details: URL`. The rule is the one that decided; its own message follows the findings.
/// Where an index led to the image, `platform` stands before what was found: whoever asked for a
/// name of many images has to be told which one it is. `first` is what its author can begin with, where
/// that is known.
pub fn refusal_message(
    verdict: &Verdict,
    platform: Option<&str>,
    first: Option<&str>,
    api_url: &str,
) -> String {
    let policy = &verdict.policy.name;
    let which = platform.map_or_else(String::new, |platform| format!(": {}", word(platform)));
    let head = match verdict.reasons.first() {
        Some(reason) => format!(
            "sluicegate: refused by policy \"{policy}\", rule \"{}\"{which}: {}",
            reason.rule, reason.message
        ),
        None => format!("sluicegate: refused by policy \"{policy}\"{which}"),
    };
    let base = api_url.trim_end_matches('/');
    let first = first.map_or_else(String::new, |first| format!(". First step: {first}"));
    let details = format!(
        "{first}. Details: {base}/api/v1/verdicts/{}",
        verdict.digest
    );
    let details = one_line(&details);
    let room = MAX_LINE_BYTES.saturating_sub(details.len());
    shortened(
        &format!("{}{details}", shortened(&one_line(&head), room)),
        MAX_LINE_BYTES,
    )
}

/// Gives the text of the warning that comes with an annotated image.
pub fn warning_text(verdict: &Verdict) -> String {
    let what = substance(verdict);
    let unknown = verdict
        .findings
        .iter()
        .filter(|finding| finding.bears() && finding.severity == Severity::Unknown)
        .count();
    let apart = match unknown {
        0 => String::new(),
        count => format!(" ({count} of unknown severity)"),
    };
    let line = format!(
        "sluicegate: policy \"{}\" annotates: {what}{apart}",
        verdict.policy.name
    );
    shortened(&one_line(&line), MAX_LINE_BYTES)
}

/// Makes a text one line of printable ASCII; every other character becomes `?`.
pub fn one_line(text: &str) -> String {
    let printable = |c: char| {
        if c.is_ascii_graphic() || c == ' ' {
            c
        } else {
            '?'
        }
    };
    text.chars().map(printable).collect()
}

/// Says what asked for a note or more: findings, worst first, or the rules' own words.
fn substance(verdict: &Verdict) -> String {
    let asked = || {
        verdict
            .reasons
            .iter()
            .filter(|reason| reason.action >= Decision::Annotate)
    };
    let ids: HashSet<&str> = asked()
        .flat_map(|reason| reason.findings.iter().map(String::as_str))
        .collect();
    let hits: Vec<&Finding> = verdict
        .findings
        .iter()
        .filter(|finding| finding.exception.is_none() && finding.bears())
        .filter(|finding| !is_quiet(finding, &verdict.policy))
        .filter(|finding| ids.contains(finding.id.as_str()))
        .collect();
    let mut parts = Vec::new();
    if !hits.is_empty() {
        parts.push(findings(&hits));
    }
    // A verdict of very many findings comes without them: its rules have said what they found.
    let own_words = asked().filter(|reason| hits.is_empty() || reason.findings.is_empty());
    parts.extend(own_words.map(|reason| reason.message.clone()));
    parts.join("; ")
}

/// Tells whether a finding counts for none of the policies that decided.
fn is_quiet(finding: &Finding, policy: &PolicyReference) -> bool {
    let said = |name: &str| {
        let mut statements = finding.vex.iter();
        statements.any(|statement| statement.policies.iter().any(|it| it == name))
    };
    !finding.vex.is_empty() && policy.name.split('+').all(said)
}

/// Counts findings and names the worst.
pub(crate) fn findings(hits: &[&Finding]) -> String {
    // Alike are those of which the same is told.
    let mut seen = HashSet::new();
    let mut different = hits.to_vec();
    different.retain(|hit| {
        let package = &hit.package;
        seen.insert((
            &hit.id,
            degree(hit),
            called(hit),
            &package.version,
            &hit.fixed,
        ))
    });
    let plural = if different.len() == 1 {
        "finding"
    } else {
        "findings"
    };
    let named = different.iter().map(|hit| finding(hit));
    format!("{} {plural}: {}", different.len(), some_of(named))
}

/// Gives what a package is called without the group of a Maven artifact.
fn called(hit: &Finding) -> &str {
    let name = &hit.package.name;
    name.rsplit(':').next().unwrap_or(name)
}

fn finding(hit: &Finding) -> String {
    let (package, name) = (&hit.package, called(hit));
    if matches!(hit.kind, FindingKind::Secret | FindingKind::Configuration) {
        return format!("{} {} {}", word(&hit.id), degree(hit), word(&package.path));
    }
    if hit.kind == FindingKind::Licence {
        let (id, version) = (word(&hit.id), word(&package.version));
        return format!("licence {id} of {} {version}", word(name));
    }
    let fix = match &hit.fixed {
        Some(version) => format!("fix: {}", word(version)),
        None => "no fix".to_owned(),
    };
    let (id, version) = (word(&hit.id), word(&package.version));
    format!("{id} {} {} {version} ({fix})", degree(hit), word(name))
}

/// Gives the severity, or what the finding is where it is no weakness of its package.
fn degree(hit: &Finding) -> &'static str {
    match hit.kind {
        FindingKind::Vulnerability | FindingKind::Secret | FindingKind::Configuration => {
            hit.severity.as_str()
        }
        FindingKind::Malware => "malware",
        FindingKind::Eol => "end-of-life",
        FindingKind::Informational => "informational",
        FindingKind::Licence => "licence",
    }
}

/// Says what was not looked at.
pub(crate) fn coverage(coverage: &Coverage) -> String {
    let status = match coverage.status {
        sluicegate_model::coverage::CoverageStatus::Complete => "complete",
        sluicegate_model::coverage::CoverageStatus::Partial => "partial",
        sluicegate_model::coverage::CoverageStatus::Unscannable => "unscannable",
    };
    let mut gaps: Vec<_> = coverage.gaps.iter().collect();
    gaps.sort_by_key(|gap| !gap.fatal);
    let named = gaps.iter().map(|gap| {
        let kind = gap_kind(gap.kind);
        format!("{kind} ({})", word(&gap.detail))
    });
    format!(
        "the image could not be judged in full ({status}): {}",
        some_of(named)
    )
}

pub(crate) fn expired(at: Timestamp) -> String {
    format!("the imported feed bundle is past its time: it expired at {at}")
}

/// Says which families of ecosystems are known of too little, and since when; none where none is.
pub(crate) fn stale(old: &[(&Knowledge, SignedDuration)], now: Timestamp) -> Option<String> {
    let told = old.iter().map(|(known, most)| {
        let family = word(&known.family);
        match known.newest {
            Some(newest) => format!(
                "the newest on {family} is of {newest}, {} ago (at most {})",
                span(now.duration_since(newest)),
                span(*most)
            ),
            None => format!("none on {family} says when it was made"),
        }
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| format!("advisories are too old: {}", some_of(told.into_iter())))
}

/// What is said of an image that is on no list of what is allowed.
pub(crate) const UNLISTED: &str = "no rule of the policy allows it";

/// Says what rules ask of an image that hit it, and why that is not known where it is not.
pub(crate) fn image(asked: &str, is_known: bool, why: Option<&str>) -> String {
    let unknown = match (is_known, why) {
        (true, _) => String::new(),
        (false, None) => ", or nobody knows".to_owned(),
        (false, Some(why)) => format!(", or nobody knows: {}", word(why)),
    };
    format!("the image {asked}{unknown}")
}

/// Names a key by as much of its digest as tells it from others.
pub(crate) fn key(id: &Digest) -> String {
    let digits: String = id.hex().chars().take(KEY_DIGITS).collect();
    format!("{}:{digits}", id.algorithm().as_str())
}

/// Names the first of several of which one is enough, and how many more there are.
pub(crate) fn one_of(named: impl ExactSizeIterator<Item = String>) -> String {
    match named.len() {
        0 | 1 => some_of(named),
        _ => format!("one of {}", some_of(named)),
    }
}

/// Gives the line that a client shows which was refused by the name that it asked for.
///
/// *Shape*: as that of [`refusal_message`], without details: there is no verdict.
pub(crate) fn refused_name(policy: &PolicyReference, reasons: &[Reason]) -> String {
    let policy = &policy.name;
    let line = match reasons.first() {
        Some(reason) => format!(
            "sluicegate: refused by policy \"{policy}\", rule \"{}\": {}",
            reason.rule, reason.message
        ),
        None => format!("sluicegate: refused by policy \"{policy}\""),
    };
    shortened(&one_line(&line), MAX_LINE_BYTES)
}

/// Gives the text of the warning that comes with what is noted for its name.
pub(crate) fn noted_name(policy: &PolicyReference, reasons: &[Reason]) -> String {
    let said: Vec<String> = reasons.iter().map(|it| it.message.clone()).collect();
    let (policy, said) = (&policy.name, said.join("; "));
    let line = format!("sluicegate: policy \"{policy}\" annotates: {said}");
    shortened(&one_line(&line), MAX_LINE_BYTES)
}

/// Gives the name of a kind of gaps.
pub(crate) fn gap_kind(kind: GapKind) -> String {
    let kind = serde_json::to_value(kind).ok();
    let kind = kind.as_ref().and_then(serde_json::Value::as_str);
    kind.unwrap_or("gap").to_owned()
}

/// Words a span of time by a unit that leaves it a small number: `100 days`, `36 h`, `90 min`.
pub(crate) fn span(time: SignedDuration) -> String {
    let (hours, minutes) = (time.as_hours(), time.as_mins());
    match (hours / 24, hours, minutes) {
        (2.., ..) => format!("{} days", hours / 24),
        (_, 3.., _) => format!("{hours} h"),
        (_, _, 3..) => format!("{minutes} min"),
        _ => format!("{} s", time.as_secs()),
    }
}

pub(crate) fn artifact(kind: ArtifactKind) -> String {
    let kind = match kind {
        ArtifactKind::Signature => "signatures",
        ArtifactKind::Sbom => "SBOMs",
        ArtifactKind::Attestation => "attestations",
        ArtifactKind::Helm => "Helm charts",
        ArtifactKind::Other => "artifacts of this kind",
    };
    format!("{kind} are not allowed here")
}

/// Names the first of several, and how many more there are.
pub(crate) fn some_of(mut named: impl ExactSizeIterator<Item = String>) -> String {
    let shown: Vec<String> = named.by_ref().take(NAMED).collect();
    let shown = shown.join(", ");
    match named.len() {
        0 => shown,
        more => format!("{shown}, ... and {more} more"),
    }
}

pub(crate) fn word(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_WORD_CHARS).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}

fn shortened(text: &str, room: usize) -> String {
    if text.len() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(3)).collect();
    format!("{kept}...")
}
