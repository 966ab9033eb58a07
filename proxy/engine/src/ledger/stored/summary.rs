//! What lists say of a verdict, as it is kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::artifact::ArtifactKind;
use sluicegate_model::coverage::CoverageStatus;
use sluicegate_model::form::{Each, Maybe};
use sluicegate_model::forms;
use sluicegate_model::package::Distro;
use sluicegate_model::severity::Severity;
use sluicegate_model::verdict::{Decision, PolicyReference, Provenance, Reason};
use sluicegate_model::{Audience, Digest, Domain, Repository, Tag};

use super::verdict::{StoredDistro, StoredPolicyReference, StoredProvenance, StoredReason};
use crate::ledger::summary::{Counts, CoverageSummary, Summary, Worst};

#[derive(Serialize, Deserialize)]
#[serde(remote = "Summary")]
pub(super) struct StoredSummary {
    digest: Digest,
    repository: Repository,
    #[serde(default, skip_serializing_if = "Audience::is_everybody")]
    audience: Audience,
    #[serde(default, skip_serializing_if = "Domain::is_here")]
    domain: Domain,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read_by: Option<String>,
    tags: Vec<Tag>,
    platform: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact: Option<ArtifactKind>,
    decision: Decision,
    would_refuse: bool,
    #[serde(with = "StoredPolicyReference")]
    policy: PolicyReference,
    valid_until: Option<Timestamp>,
    #[serde(with = "Each::<StoredReason>")]
    reasons: Vec<Reason>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allowed_by: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(with = "StoredCounts")]
    counts: Counts,
    #[serde(default, with = "Maybe::<StoredWorst>")]
    worst: Option<Worst>,
    #[serde(with = "StoredCoverageSummary")]
    coverage: CoverageSummary,
    #[serde(default, with = "Maybe::<StoredDistro>")]
    distro: Option<Distro>,
    packages: u64,
    #[serde(with = "StoredProvenance")]
    provenance: Provenance,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Counts")]
pub(super) struct StoredCounts {
    findings: u64,
    #[serde(default)]
    not_bearing: u64,
    critical: u64,
    high: u64,
    medium: u64,
    low: u64,
    negligible: u64,
    unknown: u64,
    fixable: u64,
    kev: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Worst")]
pub(super) struct StoredWorst {
    id: String,
    severity: Severity,
    kev: bool,
    package: String,
    version: String,
    fixed: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "CoverageSummary")]
pub(super) struct StoredCoverageSummary {
    status: CoverageStatus,
    gap_count: u64,
}

forms! {
    StoredSummary => Summary,
    StoredCounts => Counts,
    StoredWorst => Worst,
    StoredCoverageSummary => CoverageSummary,
}
