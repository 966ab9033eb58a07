//! What was looked at, and in which distribution.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;
use sluicegate_model::coverage::{Coverage, CoverageStatus, Gap, GapKind};
use sluicegate_model::form::Each;
use sluicegate_model::forms;
use sluicegate_model::package::{Distro, Ecosystem};

/// The status and every reason for it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Coverage")]
pub struct CoverageAnswer {
    /// The worst of what the gaps amount to.
    status: CoverageStatus,
    /// The gaps, sorted, without repeats.
    #[serde(with = "Each::<GapAnswer>")]
    gaps: Vec<Gap>,
}

/// Something that was not judged.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Gap")]
pub struct GapAnswer {
    /// What kind of gap.
    kind: GapKind,
    /// Where in the image, without a leading slash; none where it concerns more than one file.
    path: Option<String>,
    /// In which layer; none where it concerns the whole image.
    layer: Option<Digest>,
    /// One line for a person.
    detail: String,
    /// Whether the gap alone makes the image unscannable.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    fatal: bool,
}

/// A Linux distribution and release.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Distro")]
pub struct DistroAnswer {
    /// os-release's `ID`; CentOS Stream, which has that of CentOS, is `centos-stream`.
    id: String,
    /// os-release's `VERSION_ID`; empty where there is none.
    version: String,
    /// The OSV ecosystem of its packages, where OSV has one.
    ecosystem: Option<Ecosystem>,
}

forms! {
    CoverageAnswer => Coverage,
    GapAnswer => Gap,
    DistroAnswer => Distro,
}
