//! What was found in an image, and how much of it was looked at.
//!
//! Source: in-toto/attestation `spec/predicates/vulns_02.md`. Only what bears on the image is listed,
//! and counted what does not. An annotation of each result is the finding as the API shows it.

use jiff::Timestamp;
use serde::Serialize;
use sluicegate_model::finding::{Finding, FindingKind};
use sluicegate_model::form::WrittenAs;
use sluicegate_model::verdict::Verdict;

use super::super::answers::{CoverageAnswer, FindingAnswer};
use super::super::document::{feeds_uri, scanner_uri};
use super::Judged;

/// The predicate.
#[derive(Serialize)]
pub(super) struct Scan<'a> {
    scanner: Scanner<'a>,
    metadata: Metadata,
    #[serde(flatten)]
    judged: Judged<'a>,
    #[serde(rename = "urn:sluicegate:coverage")]
    coverage: WrittenAs<'a, CoverageAnswer>,
    /// What bears on the image and is no vulnerability: secrets, configurations, licences.
    #[serde(rename = "urn:sluicegate:otherFindings")]
    others: Vec<Found<'a>>,
    /// How many findings are left out because they do not bear on the image.
    #[serde(rename = "urn:sluicegate:notAffected")]
    left_out: usize,
}

#[derive(Serialize)]
struct Scanner<'a> {
    uri: String,
    version: &'a str,
    db: Database<'a>,
    result: Vec<Found<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Database<'a> {
    uri: String,
    version: &'a str,
    /// Null where that is not known.
    last_update: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    scan_started_on: Timestamp,
    scan_finished_on: Timestamp,
}

#[derive(Serialize)]
struct Found<'a> {
    id: &'a str,
    severity: Vec<Severity>,
    annotations: [WrittenAs<'a, FindingAnswer>; 1],
}

#[derive(Serialize)]
struct Severity {
    method: &'static str,
    score: String,
}

impl<'a> Scan<'a> {
    pub(super) fn of(verdict: &'a Verdict) -> Self {
        let bearing = verdict.findings.iter().filter(|it| it.bears());
        let (result, others): (Vec<&Finding>, Vec<&Finding>) =
            bearing.partition(|it| is_vulnerability(it.kind));
        let left_out = verdict.findings.len() - result.len() - others.len();
        let provenance = &verdict.provenance;
        Self {
            scanner: Scanner {
                uri: scanner_uri(),
                version: &provenance.scanner,
                db: Database {
                    uri: feeds_uri(&provenance.feeds),
                    version: provenance.feeds.as_str(),
                    last_update: provenance.feed_time,
                },
                result: result.into_iter().map(found).collect(),
            },
            metadata: Metadata {
                scan_started_on: provenance.scanned_at,
                // The bytes may have been read long before what is known was held against them.
                scan_finished_on: provenance.decided_at.max(provenance.scanned_at),
            },
            judged: Judged::of(verdict),
            coverage: WrittenAs(&verdict.coverage),
            others: others.into_iter().map(found).collect(),
            left_out,
        }
    }
}

/// Tells whether a finding is a weakness of a package, or one that does harm itself.
fn is_vulnerability(kind: FindingKind) -> bool {
    match kind {
        FindingKind::Vulnerability
        | FindingKind::Malware
        | FindingKind::Eol
        | FindingKind::Informational => true,
        FindingKind::Secret | FindingKind::Configuration | FindingKind::Licence => false,
    }
}

fn found(finding: &Finding) -> Found<'_> {
    let mut severity = vec![Severity {
        method: "sluicegate",
        score: finding.severity.to_string(),
    }];
    for (method, score) in [("cvss_score", finding.cvss), ("epss", finding.epss)] {
        severity.extend(score.map(|score| Severity {
            method,
            score: score.to_string(),
        }));
    }
    Found {
        id: &finding.id,
        severity,
        annotations: [WrittenAs(finding)],
    }
}
