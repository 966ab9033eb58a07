//! How an image was judged, under which policy: SLSA's verification summary.
//!
//! Source: slsa.dev, "Verification Summary Attestation", version 1.1. No level of SLSA is claimed:
//! nobody looked at how the image was built. Attestations that policies asked for are not listed as
//! inputs, for a list has to be of all.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use sluicegate_model::coverage::{CoverageStatus, GapKind};
use sluicegate_model::verdict::{Decision, Verdict};

use super::super::document::{TOOL, policy_uri};
use super::{Digests, Judged, digests};

/// Who says so. Which instance it was, its key tells.
const VERIFIER: &str = "urn:sluicegate:verifier";

/// The predicate.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary<'a> {
    verifier: Verifier<'a>,
    time_verified: Timestamp,
    resource_uri: String,
    policy: Policy,
    verification_result: &'static str,
    verified_levels: [&'static str; 1],
    #[serde(flatten)]
    judged: Judged<'a>,
    #[serde(rename = "urn:sluicegate:coverage")]
    coverage: Coverage,
}

#[derive(Serialize)]
pub(super) struct Verifier<'a> {
    id: &'static str,
    version: BTreeMap<&'static str, &'a str>,
}

#[derive(Serialize)]
pub(super) struct Policy {
    uri: String,
    digest: Digests,
}

/// How much of the image was looked at; each gap is in the other statement.
#[derive(Serialize)]
struct Coverage {
    status: CoverageStatus,
    /// How many gaps there are of each kind.
    gaps: BTreeMap<String, usize>,
}

impl<'a> Summary<'a> {
    pub(super) fn of(verdict: &'a Verdict) -> Self {
        let judged = Judged::of(verdict);
        let (verification_result, level) = level_of(verdict.decision);
        Self {
            verifier: verifier_of(verdict),
            time_verified: verdict.provenance.decided_at,
            resource_uri: judged.image.clone(),
            policy: policy_of(verdict),
            verification_result,
            verified_levels: [level],
            coverage: Coverage {
                status: verdict.coverage.status,
                gaps: counted(verdict.coverage.gaps.iter().map(|gap| gap.kind)),
            },
            judged,
        }
    }
}

/// Gives the result and the level that a decision stands for.
pub(super) fn level_of(decision: Decision) -> (&'static str, &'static str) {
    match decision {
        Decision::Allow => ("PASSED", "SLUICEGATE_ALLOW"),
        Decision::Annotate => ("PASSED", "SLUICEGATE_ANNOTATE"),
        Decision::Refuse => ("FAILED", "FAILED"),
    }
}

pub(super) fn verifier_of(verdict: &Verdict) -> Verifier<'_> {
    Verifier {
        id: VERIFIER,
        version: [(TOOL, verdict.provenance.scanner.as_str())].into(),
    }
}

pub(super) fn policy_of(verdict: &Verdict) -> Policy {
    Policy {
        uri: policy_uri(&verdict.policy.name),
        digest: digests(&verdict.policy.digest),
    }
}

fn counted(kinds: impl Iterator<Item = GapKind>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for kind in kinds {
        let count = counts
            .entry(super::super::text::name_of(kind))
            .or_insert(0_usize);
        *count += 1;
    }
    counts
}
