//! What a verdict says, as statements that somebody signs: in-toto, of two predicates; and what those
//! of an index's images say of it.
//!
//! The same verdict gives the same bytes. What its reader has to know beside the predicate's own
//! fields stands in fields whose names are URIs, as the predicates ask for. Sources:
//! in-toto/attestation `spec/v1/statement.md`, and those of each predicate.

mod index;
mod summary;
mod vulnerabilities;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use sluicegate_model::Digest;
use sluicegate_model::form::WrittenAs;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::{Decision, Reason, Verdict};

pub use index::{IndexedImage, index_statement};

use super::answers::ReasonAnswer;
use super::document::image_by_digest;
use super::json::compact;

/// The predicate that says how an image was judged, under which policy.
pub const VERIFICATION_SUMMARY: &str = "https://slsa.dev/verification_summary/v1";
/// The predicate that lists what was found in it.
pub const VULNERABILITIES: &str = "https://in-toto.io/attestation/vulns/v0.2";

const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// One of the predicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// [`VERIFICATION_SUMMARY`].
    VerificationSummary,
    /// [`VULNERABILITIES`].
    Vulnerabilities,
}

impl Predicate {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::VerificationSummary, Self::Vulnerabilities];

    /// Gives its type.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::VerificationSummary => VERIFICATION_SUMMARY,
            Self::Vulnerabilities => VULNERABILITIES,
        }
    }
}

/// Writes what a verdict says, in one line.
pub fn statement(predicate: Predicate, verdict: &Verdict) -> serde_json::Result<Vec<u8>> {
    match predicate {
        Predicate::VerificationSummary => compact(&Statement::of(
            predicate,
            verdict,
            summary::Summary::of(verdict),
        )),
        Predicate::Vulnerabilities => compact(&Statement::of(
            predicate,
            verdict,
            vulnerabilities::Scan::of(verdict),
        )),
    }
}

/// A statement on one image.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Statement<P> {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: [Subject; 1],
    predicate_type: &'static str,
    predicate: P,
}

impl<P> Statement<P> {
    fn of(predicate: Predicate, verdict: &Verdict, said: P) -> Self {
        let subject = Subject {
            name: verdict.repository.to_string(),
            digest: digests(&verdict.digest),
        };
        Self {
            kind: STATEMENT,
            subject: [subject],
            predicate_type: predicate.uri(),
            predicate: said,
        }
    }
}

#[derive(Serialize)]
struct Subject {
    name: String,
    digest: Digests,
}

/// A digest as in-toto writes it: by its algorithm.
type Digests = BTreeMap<&'static str, String>;

fn digests(digest: &Digest) -> Digests {
    [(digest.algorithm().as_str(), digest.hex().to_owned())].into()
}

/// How the image was judged and on what that rests: the same under both predicates.
#[derive(Serialize)]
struct Judged<'a> {
    #[serde(rename = "urn:sluicegate:image")]
    image: String,
    #[serde(rename = "urn:sluicegate:platform")]
    platform: &'a str,
    #[serde(rename = "urn:sluicegate:decision")]
    decision: Decision,
    #[serde(rename = "urn:sluicegate:reasons")]
    reasons: Vec<WrittenAs<'a, ReasonAnswer>>,
    /// Without which a stricter decision would have come out.
    #[serde(rename = "urn:sluicegate:allowedBy")]
    allowed_by: &'a [String],
    /// The exceptions that cover findings, with whose.
    #[serde(rename = "urn:sluicegate:exceptions")]
    exceptions: BTreeMap<&'a str, Vec<&'a str>>,
    #[serde(rename = "urn:sluicegate:feeds")]
    feeds: Feeds<'a>,
    #[serde(rename = "urn:sluicegate:validUntil")]
    valid_until: Option<Timestamp>,
    #[serde(rename = "urn:sluicegate:warnings")]
    warnings: &'a [String],
    /// For whom, where not for everybody.
    #[serde(rename = "urn:sluicegate:audience")]
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    audience: &'a [String],
    /// Whose word it is, where the image was not looked at here.
    #[serde(rename = "urn:sluicegate:reportedBy")]
    #[serde(skip_serializing_if = "Option::is_none")]
    reported_by: Option<String>,
    #[serde(rename = "urn:sluicegate:readBy")]
    #[serde(skip_serializing_if = "Option::is_none")]
    read_by: Option<&'a str>,
}

/// By which advisories it was judged.
#[derive(Serialize)]
struct Feeds<'a> {
    snapshot: &'a SnapshotId,
    /// Up to when they reach; null where that is not known.
    time: Option<Timestamp>,
}

impl<'a> Judged<'a> {
    fn of(verdict: &'a Verdict) -> Self {
        let mut exceptions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for finding in &verdict.findings {
            let Some(exception) = &finding.exception else {
                continue;
            };
            let covered = exceptions.entry(exception).or_default();
            if !covered.contains(&finding.id.as_str()) {
                covered.push(&finding.id);
            }
        }
        let written = |reason: &'a Reason| WrittenAs::<ReasonAnswer>(reason);
        Self {
            image: image_by_digest(verdict),
            platform: &verdict.platform,
            decision: verdict.decision,
            reasons: verdict.reasons.iter().map(written).collect(),
            allowed_by: &verdict.allowed_by,
            exceptions,
            feeds: Feeds {
                snapshot: &verdict.provenance.feeds,
                time: verdict.provenance.feed_time,
            },
            valid_until: verdict.valid_until,
            warnings: &verdict.warnings,
            audience: verdict.audience.bindings(),
            reported_by: verdict.domain.shown(),
            read_by: verdict.read_by.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests;
