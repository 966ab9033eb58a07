//! What is known about an image under one feed snapshot: findings and coverage, no decision.

use serde::{Deserialize, Serialize};

use crate::coverage::Coverage;
use crate::finding::Finding;
use crate::package::Distro;

/// The outcome of matching an inventory.
///
/// *Shape*: findings are ordered worst first (known exploited, severity, id, package, path).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was found.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub coverage: Coverage,
    /// The distribution, where one was identified.
    pub distro: Option<Distro>,
    /// How many components were matched or tried.
    pub packages: u64,
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// The feed snapshot's identity, such as `sha256:…`; `none` where no feed is loaded.
    pub feeds: String,
    /// The newest `modified` of the snapshot's records, RFC 3339.
    pub feed_time: Option<jiff::Timestamp>,
    /// The next instant at which the findings change by themselves: support ends.
    #[serde(default)]
    pub valid_until: Option<jiff::Timestamp>,
}
