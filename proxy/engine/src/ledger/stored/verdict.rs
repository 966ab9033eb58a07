//! A verdict, as it is kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::artifact::ArtifactKind;
use sluicegate_model::coverage::Coverage;
use sluicegate_model::finding::Finding;
use sluicegate_model::form::{Each, Maybe};
use sluicegate_model::forms;
use sluicegate_model::package::{Distro, Ecosystem};
use sluicegate_model::signature::Signatures;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::{
    Decision, Grace, PolicyReference, Provenance, Reason, RuleId, Verdict,
};
use sluicegate_model::{Audience, Digest, Domain, Repository, Tag};

use super::finding::{StoredCoverage, StoredFinding};
use super::signatures::StoredSignatures;

#[derive(Serialize, Deserialize)]
#[serde(remote = "Verdict")]
pub(super) struct StoredVerdict {
    digest: Digest,
    repository: Repository,
    #[serde(default, skip_serializing_if = "Audience::is_everybody")]
    audience: Audience,
    #[serde(default, skip_serializing_if = "Domain::is_here")]
    domain: Domain,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read_by: Option<String>,
    tags: Vec<Tag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claimed_name: Option<String>,
    platform: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact: Option<ArtifactKind>,
    decision: Decision,
    #[serde(with = "StoredPolicyReference")]
    policy: PolicyReference,
    valid_until: Option<Timestamp>,
    #[serde(with = "Each::<StoredReason>")]
    reasons: Vec<Reason>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allowed_by: Vec<String>,
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "Each::<StoredGrace>"
    )]
    graces: Vec<Grace>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(with = "Each::<StoredFinding>")]
    findings: Vec<Finding>,
    #[serde(with = "StoredCoverage")]
    coverage: Coverage,
    #[serde(default, with = "Maybe::<StoredDistro>")]
    distro: Option<Distro>,
    packages: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_seen: Option<Timestamp>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "Maybe::<StoredSignatures>"
    )]
    signatures: Option<Signatures>,
    #[serde(with = "StoredProvenance")]
    provenance: Provenance,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Reason")]
pub(super) struct StoredReason {
    rule: RuleId,
    action: Decision,
    message: String,
    findings: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Grace")]
pub(super) struct StoredGrace {
    policy: String,
    rule: RuleId,
    since: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "PolicyReference")]
pub(in crate::ledger) struct StoredPolicyReference {
    name: String,
    digest: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Provenance")]
pub(in crate::ledger) struct StoredProvenance {
    scanner: String,
    feeds: SnapshotId,
    feed_time: Option<Timestamp>,
    scanned_at: Timestamp,
    decided_at: Timestamp,
    scan_ms: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Distro")]
pub(super) struct StoredDistro {
    id: String,
    version: String,
    ecosystem: Option<Ecosystem>,
}

forms! {
    StoredVerdict => Verdict,
    StoredReason => Reason,
    StoredGrace => Grace,
    StoredPolicyReference => PolicyReference,
    StoredProvenance => Provenance,
    StoredDistro => Distro,
}
