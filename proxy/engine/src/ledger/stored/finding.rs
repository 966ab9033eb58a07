//! Findings and gaps, as they are kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;
use sluicegate_model::coverage::{Coverage, CoverageStatus, Gap, GapKind};
use sluicegate_model::finding::{
    Attributed, Finding, FindingKind, FindingPackage, FindingStatus, QuietedBy,
};
use sluicegate_model::form::{Boxed, Each, Maybe};
use sluicegate_model::forms;
use sluicegate_model::package::{Ecosystem, Evidence, LayerOrigin};
use sluicegate_model::severity::Severity;
use sluicegate_model::vex::{VexJustification, VexStatement, VexStatus};

#[derive(Serialize, Deserialize)]
#[serde(remote = "Coverage")]
pub(super) struct StoredCoverage {
    status: CoverageStatus,
    #[serde(with = "Each::<StoredGap>")]
    gaps: Vec<Gap>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Gap")]
pub(super) struct StoredGap {
    kind: GapKind,
    path: Option<String>,
    layer: Option<Digest>,
    detail: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    fatal: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Finding")]
pub(super) struct StoredFinding {
    id: String,
    aliases: Vec<String>,
    advisories: Vec<String>,
    kind: FindingKind,
    status: FindingStatus,
    severity: Severity,
    #[serde(default)]
    severity_source: Option<String>,
    cvss: Option<f64>,
    kev: bool,
    epss: Option<f64>,
    #[serde(with = "StoredFindingPackage")]
    package: FindingPackage,
    fixed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    published: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fix_published: Option<Timestamp>,
    source: String,
    #[serde(default)]
    detail: Option<String>,
    exception: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "Each::<StoredVexStatement>"
    )]
    vex: Vec<VexStatement>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "Maybe::<Boxed<StoredAttributed>>"
    )]
    attributed: Option<Box<Attributed>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quieted_by: Option<QuietedBy>,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    copies: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    paths: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "FindingPackage")]
pub(super) struct StoredFindingPackage {
    name: String,
    version: String,
    purl: String,
    ecosystem: Option<Ecosystem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    path: String,
    layer: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    layer_origin: Option<LayerOrigin>,
    #[serde(default, skip_serializing_if = "Evidence::is_installed")]
    evidence: Evidence,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Attributed")]
pub(super) struct StoredAttributed {
    name: String,
    version: String,
    purl: String,
    ecosystem: Option<Ecosystem>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "VexStatement")]
pub(super) struct StoredVexStatement {
    status: VexStatus,
    justification: Option<VexJustification>,
    statement: Option<String>,
    author: String,
    document: String,
    file: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Digest>,
    timestamp: Timestamp,
    policies: Vec<String>,
}

fn one() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_one(copies: &u64) -> bool {
    *copies == 1
}

forms! {
    StoredCoverage => Coverage,
    StoredGap => Gap,
    StoredFinding => Finding,
    StoredFindingPackage => FindingPackage,
    StoredAttributed => Attributed,
    StoredVexStatement => VexStatement,
}
