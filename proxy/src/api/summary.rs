//! What lists say of a verdict, as programs are told of it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_engine::ledger::{Counts, CoverageSummary, Summary, Worst};
use sluicegate_formats::answers::{
    DistroAnswer, PolicyReferenceAnswer, ProvenanceAnswer, ReasonAnswer,
};
use sluicegate_model::artifact::ArtifactKind;
use sluicegate_model::coverage::CoverageStatus;
use sluicegate_model::form::{Each, Maybe};
use sluicegate_model::forms;
use sluicegate_model::package::Distro;
use sluicegate_model::schema::Instant;
use sluicegate_model::severity::Severity;
use sluicegate_model::verdict::{Decision, PolicyReference, Provenance, Reason};
use sluicegate_model::{Audience, Digest, Domain, Repository, Tag};

/// A verdict without its findings and gaps.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Summary")]
pub(super) struct SummaryAnswer {
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
    /// `os/architecture[/variant]`.
    platform: String,
    /// The kind of artifact, where this is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact: Option<ArtifactKind>,
    /// What came out.
    decision: Decision,
    /// Whether a rule asked for a refusal that the policy's mode did not carry out.
    would_refuse: bool,
    /// Which policy decided.
    #[serde(with = "PolicyReferenceAnswer")]
    policy: PolicyReference,
    /// The next instant at which something in the policy changes by itself.
    #[schemars(with = "Option<Instant>")]
    valid_until: Option<Timestamp>,
    /// The rules that spoke, strictest first, each with its first ids.
    #[serde(with = "Each::<ReasonAnswer>")]
    reasons: Vec<Reason>,
    /// The exceptions, by name, and the VEX documents, as `vex:` and their file, without which a
    /// stricter decision would have come out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allowed_by: Vec<String>,
    /// What else its reader has to know, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// How many findings there are, of what kinds.
    #[serde(with = "CountsAnswer")]
    counts: Counts,
    /// The worst finding; none where there is none.
    #[serde(with = "Maybe::<WorstAnswer>")]
    worst: Option<Worst>,
    /// What was looked at.
    #[serde(with = "CoverageSummaryAnswer")]
    coverage: CoverageSummary,
    /// The distribution, where one was identified.
    #[serde(with = "Maybe::<DistroAnswer>")]
    distro: Option<Distro>,
    /// How many components were found.
    packages: u64,
    /// What the verdict rests on.
    #[serde(with = "ProvenanceAnswer")]
    provenance: Provenance,
}

/// How many findings there are.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Counts")]
pub(super) struct CountsAnswer {
    /// All of them.
    findings: u64,
    /// Those that do not bear on the image: not affected, or quieted. The counts below leave them out.
    #[serde(default)]
    not_bearing: u64,
    /// Critical ones.
    critical: u64,
    /// High ones.
    high: u64,
    /// Medium ones.
    medium: u64,
    /// Low ones.
    low: u64,
    /// Negligible ones.
    negligible: u64,
    /// Those of which nobody said how bad they are.
    unknown: u64,
    /// Those with a fix.
    fixable: u64,
    /// Those known to be exploited.
    kev: u64,
}

/// The worst finding: one that is known to be exploited, else of the highest severity.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Worst")]
pub(super) struct WorstAnswer {
    /// Its id.
    id: String,
    /// How bad it is.
    severity: Severity,
    /// Whether it is known to be exploited.
    kev: bool,
    /// The package's name.
    package: String,
    /// The package's version.
    version: String,
    /// The smallest version without it.
    fixed: Option<String>,
}

/// What was looked at, in short.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "CoverageSummary")]
pub(super) struct CoverageSummaryAnswer {
    /// Whether it was everything.
    status: CoverageStatus,
    /// How many gaps there are.
    gap_count: u64,
}

forms! {
    SummaryAnswer => Summary,
    CountsAnswer => Counts,
    WorstAnswer => Worst,
    CoverageSummaryAnswer => CoverageSummary,
}
