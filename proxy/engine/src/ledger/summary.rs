//! What a list says of a verdict: all but its findings and gaps, which it counts.

use jiff::Timestamp;
use sluicegate_model::artifact::ArtifactKind;
use sluicegate_model::coverage::CoverageStatus;
use sluicegate_model::finding::Finding;
use sluicegate_model::package::Distro;
use sluicegate_model::severity::Severity;
use sluicegate_model::verdict::{Decision, PolicyReference, Provenance, Reason, Verdict};
use sluicegate_model::{Audience, Digest, Domain, Repository, Scope, Tag};

/// Most ids of findings that a reason names in a summary; its message counts them.
const MAX_REASON_IDS: usize = 10;
/// Most tags of a summary; the verdict has all of them.
const MAX_TAGS: usize = 256;
/// Longest text of a summary that images and policies choose, in characters.
const MAX_TEXT_CHARS: usize = 500;
/// Most rules of a summary, exceptions and warnings.
const MAX_REASONS: usize = 64;

/// A verdict without its findings and gaps.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The manifest's digest.
    pub digest: Digest,
    /// The canonical repository.
    pub repository: Repository,
    /// For whom, where a binding names askers; everybody else where it is left out.
    pub audience: Audience,
    /// Whose word it is what the image holds.
    pub domain: Domain,
    /// The program that read the bytes, where that was another one.
    pub read_by: Option<String>,
    /// Tags under which it was pulled.
    pub tags: Vec<Tag>,
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// The kind of artifact, where this is no image.
    pub artifact: Option<ArtifactKind>,
    /// What came out.
    pub decision: Decision,
    /// Whether a rule asked for a refusal that the policy's mode did not carry out.
    pub would_refuse: bool,
    /// Which policy decided.
    pub policy: PolicyReference,
    /// The next instant at which something in the policy changes by itself.
    pub valid_until: Option<Timestamp>,
    /// The rules that spoke, strictest first, each with its first ids.
    pub reasons: Vec<Reason>,
    /// The exceptions without which a stricter decision would have come out, by name.
    pub allowed_by: Vec<String>,
    /// What else its reader has to know, a line each.
    pub warnings: Vec<String>,
    /// How many findings there are, of what kinds.
    pub counts: Counts,
    /// The worst finding; none where there is none.
    pub worst: Option<Worst>,
    /// What was looked at.
    pub coverage: CoverageSummary,
    /// The distribution, where one was identified.
    pub distro: Option<Distro>,
    /// How many components were found.
    pub packages: u64,
    /// What the verdict rests on.
    pub provenance: Provenance,
}

/// How many findings there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them. Licences are counted here alone: nobody says how bad they are.
    pub findings: u64,
    /// Those that do not bear on the image: not affected, or quieted. The counts below leave them out.
    pub not_bearing: u64,
    /// Critical ones.
    pub critical: u64,
    /// High ones.
    pub high: u64,
    /// Medium ones.
    pub medium: u64,
    /// Low ones.
    pub low: u64,
    /// Negligible ones.
    pub negligible: u64,
    /// Those of which nobody said how bad they are.
    pub unknown: u64,
    /// Those with a fix.
    pub fixable: u64,
    /// Those known to be exploited.
    pub kev: u64,
}

/// The worst finding: one that is known to be exploited, else of the highest severity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worst {
    /// Its id.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it is known to be exploited.
    pub kev: bool,
    /// The package's name.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// The smallest version without it.
    pub fixed: Option<String>,
}

/// What was looked at, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoverageSummary {
    /// Whether it was everything.
    pub status: CoverageStatus,
    /// How many gaps there are.
    pub gap_count: u64,
}

impl Summary {
    /// Sums up a verdict.
    pub fn of(verdict: &Verdict) -> Self {
        let allowed_by = verdict.allowed_by.iter().take(MAX_REASONS);
        let warnings = verdict.warnings.iter().take(MAX_REASONS);
        let ids = |reason: &Reason| -> Vec<String> {
            let ids = reason.findings.iter().take(MAX_REASON_IDS);
            ids.map(|id| short(id)).collect()
        };
        let reasons = verdict
            .reasons
            .iter()
            .take(MAX_REASONS)
            .map(|reason| Reason {
                rule: short(reason.rule.as_str()).into(),
                action: reason.action,
                message: short(&reason.message),
                findings: ids(reason),
            });
        let distro = verdict.distro.as_ref().map(|distro| Distro {
            id: short(&distro.id),
            version: short(&distro.version),
            ecosystem: distro.ecosystem.clone(),
        });
        Self {
            digest: verdict.digest.clone(),
            repository: verdict.repository.clone(),
            audience: verdict.audience.clone(),
            domain: verdict.domain.clone(),
            read_by: verdict.read_by.as_deref().map(short),
            tags: verdict.tags.iter().take(MAX_TAGS).cloned().collect(),
            platform: short(&verdict.platform),
            artifact: verdict.artifact,
            decision: verdict.decision,
            would_refuse: would_refuse(verdict),
            policy: verdict.policy.clone(),
            valid_until: verdict.valid_until,
            reasons: reasons.collect(),
            allowed_by: allowed_by.map(|name| short(name)).collect(),
            warnings: warnings.map(|line| short(line)).collect(),
            counts: Counts::of(&verdict.findings),
            worst: Worst::of(&verdict.findings),
            coverage: CoverageSummary {
                status: verdict.coverage.status,
                gap_count: verdict.coverage.gaps.len() as u64,
            },
            distro,
            packages: verdict.packages,
            provenance: verdict.provenance.clone(),
        }
    }
    /// Gives where the verdict was made, and for whom.
    pub fn scope(&self) -> Scope {
        Scope {
            repository: self.repository.clone(),
            audience: self.audience.clone(),
            domain: self.domain.clone(),
        }
    }
}

/// Cuts a text without end.
fn short(text: &str) -> String {
    let mut chars = text.chars();
    let mut short: String = chars.by_ref().take(MAX_TEXT_CHARS).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

/// Tells whether a rule asked for a refusal and something else came out.
fn would_refuse(verdict: &Verdict) -> bool {
    let mut asked = verdict.reasons.iter().map(|reason| reason.action);
    verdict.decision != Decision::Refuse && asked.any(|action| action == Decision::Refuse)
}

impl Counts {
    fn of(findings: &[Finding]) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            counts.findings += 1;
            if !finding.bears() {
                counts.not_bearing += 1;
                continue;
            }
            if !finding.kind.has_severity() {
                continue;
            }
            *match finding.severity {
                Severity::Critical => &mut counts.critical,
                Severity::High => &mut counts.high,
                Severity::Medium => &mut counts.medium,
                Severity::Low => &mut counts.low,
                Severity::Negligible => &mut counts.negligible,
                Severity::Unknown => &mut counts.unknown,
            } += 1;
            counts.fixable += u64::from(finding.fixed.is_some());
            counts.kev += u64::from(finding.kev);
        }
        counts
    }
}

impl Worst {
    fn of(findings: &[Finding]) -> Option<Self> {
        let worst = findings
            .iter()
            .rev()
            .filter(|finding| finding.bears() && finding.kind.has_severity())
            .max_by_key(|finding| (finding.kev, finding.severity))?;
        Some(Self {
            id: short(&worst.id),
            severity: worst.severity,
            kev: worst.kev,
            package: short(&worst.package.name),
            version: short(&worst.package.version),
            fixed: worst.fixed.as_deref().map(short),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::stored;
    use crate::testkit::ledger_suite::{finding, verdict};

    #[test]
    fn a_summary_is_short_whatever_an_image_says() {
        let long = "x".repeat(1 << 20);
        let mut verdict = verdict("app", "image", 0, vec![finding(&long, &long)]);
        verdict.platform = long.clone();
        verdict.reasons = vec![Reason {
            rule: long.clone().into(),
            action: Decision::Refuse,
            message: long.clone(),
            findings: vec![long; 100],
        }];
        let text = stored::summary_text(&Summary::of(&verdict)).unwrap();
        assert!(text.len() < 16 * 1024, "{}", text.len());
    }
}
