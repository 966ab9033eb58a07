//! What requests are answered from: a verdict, without its lists where those are very long.
//!
//! Verdicts of requests under way and of those to come are in memory without a share. What decided
//! and what people are told of it is in the reasons; whoever wants the findings reads the store.

use std::mem::size_of;

use sluicegate_model::coverage::Gap;
use sluicegate_model::finding::Finding;
use sluicegate_model::verdict::Verdict;

/// Bytes in memory for each byte of a stored verdict while it is read, text included.
const READING_IN_MEMORY: u64 = 4;
/// What reading a verdict takes beside that, in bytes.
const READING_BYTES: u64 = 256 * 1024;

/// Most findings, and gaps, of a verdict that keeps them.
const MAX_LISTED: usize = 1_000;
/// Most memory that they take in a verdict that keeps them, in bytes.
const MAX_BYTES: usize = 2 * 1024 * 1024;
/// Most ids of findings that a reason keeps beside its message then.
const MAX_IDS: usize = 100;

/// Leaves out findings and gaps where there are very many.
pub(super) fn brief(mut verdict: Verdict) -> Verdict {
    let listed = verdict.findings.len().max(verdict.coverage.gaps.len());
    if listed <= MAX_LISTED && bytes(&verdict) <= MAX_BYTES {
        return verdict;
    }
    verdict.findings = Vec::new();
    verdict.coverage.gaps = Vec::new();
    for reason in &mut verdict.reasons {
        reason.findings.truncate(MAX_IDS);
        reason.findings.shrink_to_fit();
    }
    verdict
}

/// Tells what a verdict takes in memory, in bytes, as far as caches can count.
pub(super) fn weight(verdict: &Verdict) -> u32 {
    u32::try_from(bytes(verdict)).unwrap_or(u32::MAX)
}

fn bytes(verdict: &Verdict) -> usize {
    let findings: usize = verdict.findings.iter().map(finding).sum();
    let gaps: usize = verdict.coverage.gaps.iter().map(gap).sum();
    let ids = verdict.reasons.iter().flat_map(|reason| &reason.findings);
    let ids: usize = ids.map(|id| text(id)).sum();
    let signatures = verdict.signatures.as_ref();
    let heard = signatures.and_then(|it| it.vex.as_ref());
    let documents = heard.iter().flat_map(|it| &it.documents);
    let heard: usize = documents.map(|it| it.text.len() + 500).sum();
    size_of::<Verdict>() + 1_024 + findings + gaps + ids + heard
}

fn finding(finding: &Finding) -> usize {
    let package = &finding.package;
    let texts = [
        &package.name,
        &package.version,
        &package.purl,
        &package.path,
    ];
    let texts = texts.into_iter().chain([&finding.id, &finding.source]);
    let lists = finding.aliases.iter().chain(&finding.advisories);
    let listed: usize = lists.chain(&finding.paths).map(|name| text(name)).sum();
    size_of::<Finding>() + texts.map(String::len).sum::<usize>() + listed + 200
}

fn gap(gap: &Gap) -> usize {
    size_of::<Gap>() + gap.detail.len() + gap.path.as_ref().map_or(0, String::len) + 100
}

fn text(text: &str) -> usize {
    size_of::<String>() + text.len() + 16
}

/// Tells what reading a stored verdict of so many bytes takes, and writing it again.
pub(super) fn reading_bytes(bytes: u64) -> u64 {
    bytes.saturating_mul(READING_IN_MEMORY) + READING_BYTES
}

#[cfg(test)]
mod tests {
    use sluicegate_model::samples;
    use sluicegate_model::verdict::{Decision, Reason};

    use super::*;

    #[test]
    fn usual_verdicts_stay_whole_and_long_ones_keep_what_decided() {
        let usual = samples::verdict();
        assert_eq!(brief(usual.clone()), usual);
        let mut long = usual;
        let finding = long.findings.first().unwrap().clone();
        long.findings = vec![finding; MAX_LISTED + 1];
        long.reasons = vec![Reason {
            rule: "known-exploited".to_owned().into(),
            action: Decision::Refuse,
            message: "1001 findings".to_owned(),
            findings: (0..5_000).map(|n| format!("CVE-2026-{n:04}")).collect(),
        }];
        let short = brief(long.clone());
        assert!(short.findings.is_empty());
        assert_eq!(short.decision, long.decision);
        assert_eq!(short.coverage.status, long.coverage.status);
        assert_eq!(short.reasons[0].message, long.reasons[0].message);
        assert_eq!(short.reasons[0].findings.len(), MAX_IDS);
        assert!(weight(&short) < 20_000, "{}", weight(&short));
    }

    #[test]
    fn few_findings_of_long_texts_are_long_as_well() {
        let mut verdict = samples::verdict();
        let mut finding = verdict.findings.first().unwrap().clone();
        finding.aliases = vec!["A".repeat(1_000); 3_000];
        verdict.findings = vec![finding];
        assert!(brief(verdict).findings.is_empty());
    }
}
