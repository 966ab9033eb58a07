//! A verdict, but for its parts that have files of their own.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_model::artifact::ArtifactKind;
use sluicegate_model::coverage::Coverage;
use sluicegate_model::finding::Finding;
use sluicegate_model::form::{Each, Maybe};
use sluicegate_model::forms;
use sluicegate_model::package::Distro;
use sluicegate_model::schema::Instant;
use sluicegate_model::signature::Signatures;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::{
    Decision, Grace, PolicyReference, Provenance, Reason, RuleId, Verdict,
};
use sluicegate_model::{Audience, Digest, Domain, Repository, Tag};

use super::coverage::{CoverageAnswer, DistroAnswer};
use super::finding::FindingAnswer;
use super::signatures::SignaturesAnswer;

/// The decision on one image in one repository.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Verdict")]
pub struct VerdictAnswer {
    /// The manifest's digest.
    digest: Digest,
    /// The canonical repository.
    repository: Repository,
    /// For whom, where a binding names askers; everybody else where it is left out.
    #[serde(default, skip_serializing_if = "Audience::is_everybody")]
    #[schemars(skip)]
    audience: Audience,
    /// Whose word it is what the image holds, where it was not looked at here: `key:NAME` for an
    /// inventory that was reported, `scanner:NAME` for a linked scanner.
    #[serde(
        rename = "reported_by",
        default,
        skip_serializing_if = "Domain::is_here",
        serialize_with = "Domain::show"
    )]
    #[schemars(with = "Option<String>")]
    domain: Domain,
    /// The program that read the bytes, with its version and analyzers, where that was another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read_by: Option<String>,
    /// Tags under which it was pulled.
    tags: Vec<Tag>,
    /// What the archive calls the image, where it was read from one and says something else. Only
    /// shown: no policy goes by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claimed_name: Option<String>,
    /// `os/architecture[/variant]`.
    platform: String,
    /// The kind of artifact, where this is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact: Option<ArtifactKind>,
    /// What came out.
    decision: Decision,
    /// Which policy decided.
    #[serde(with = "PolicyReferenceAnswer")]
    policy: PolicyReference,
    /// The next instant at which something in the policy changes by itself.
    #[schemars(with = "Option<Instant>")]
    valid_until: Option<Timestamp>,
    /// The rules that spoke, strictest first.
    #[serde(with = "Each::<ReasonAnswer>")]
    reasons: Vec<Reason>,
    /// The exceptions, by name, the VEX documents, as `vex:` and their file, and the graces, as
    /// `grace:RULE`, without which a stricter decision would have come out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allowed_by: Vec<String>,
    /// The times that policies gave to it, as it had been served before a rule hit it; ended ones too.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "Each::<GraceAnswer>"
    )]
    graces: Vec<Grace>,
    /// What else its reader has to know, a line each: rules that need what the feeds do not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// What was found.
    #[serde(with = "Each::<FindingAnswer>")]
    findings: Vec<Finding>,
    /// What was looked at.
    #[serde(with = "CoverageAnswer")]
    coverage: Coverage,
    /// The distribution, where one was identified.
    #[serde(with = "Maybe::<DistroAnswer>")]
    distro: Option<Distro>,
    /// How many components were found.
    packages: u64,
    /// Since when the image is known in its repository; left out where nobody keeps that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Instant>")]
    first_seen: Option<Timestamp>,
    /// What was known of who signed the image; left out where no policy asks for it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "Maybe::<SignaturesAnswer>"
    )]
    signatures: Option<Signatures>,
    /// What the verdict rests on.
    #[serde(with = "ProvenanceAnswer")]
    provenance: Provenance,
}

/// One rule that spoke.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Reason")]
pub struct ReasonAnswer {
    /// The rule's id; built-in conditions are `inconclusive`, `stale-feeds`, `artifact`,
    /// `not-listed`.
    #[schemars(with = "String")]
    rule: RuleId,
    /// What the rule asked for; the verdict's decision is what came out.
    action: Decision,
    /// One line for a person.
    message: String,
    /// The ids of the findings that made the rule speak.
    findings: Vec<String>,
}

/// Time that a policy gave to an image which had been served before a rule hit it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Grace")]
pub struct GraceAnswer {
    /// The policy's name.
    policy: String,
    /// The rule's id.
    #[schemars(with = "String")]
    rule: RuleId,
    /// When it began. How long it is, the policy says.
    #[schemars(with = "Instant")]
    since: Timestamp,
}

/// Which policy decided.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "PolicyReference")]
pub struct PolicyReferenceAnswer {
    /// The policy's name; several that cover one image are joined by `+`.
    name: String,
    /// The digest of all documents that apply to the repository.
    digest: Digest,
}

/// What the verdict rests on.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Provenance")]
pub struct ProvenanceAnswer {
    /// Program, version and analyzer fingerprint.
    scanner: String,
    /// The feed snapshot's identity.
    #[schemars(with = "String")]
    feeds: SnapshotId,
    /// Up to when the advisories on its packages reach: the oldest of what is known of the
    /// ecosystems that it uses; none where it uses none that is loaded.
    #[schemars(with = "Option<Instant>")]
    feed_time: Option<Timestamp>,
    /// When the bytes were read.
    #[schemars(with = "Instant")]
    scanned_at: Timestamp,
    /// When the decision was made.
    #[schemars(with = "Instant")]
    decided_at: Timestamp,
    /// How long scanning took, in milliseconds.
    scan_ms: u64,
}

forms! {
    VerdictAnswer => Verdict,
    ReasonAnswer => Reason,
    GraceAnswer => Grace,
    PolicyReferenceAnswer => PolicyReference,
    ProvenanceAnswer => Provenance,
}
