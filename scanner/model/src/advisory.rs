//! Advisories in the shape of OSV, reduced to what matching needs.
//!
//! Source: OSV schema 1.7, <https://ossf.github.io/osv-schema/>.

use serde::{Deserialize, Serialize};

use crate::severity::Severity;

/// One record of a feed as it concerns one package in one ecosystem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advisory {
    /// The record's id.
    pub id: String,
    /// Other names of the same weakness.
    pub aliases: Vec<String>,
    /// The weaknesses this record is about, where it is not one itself (DSA, USN).
    pub upstream: Vec<String>,
    /// How bad it is, as the vendor or the record's score says.
    pub severity: Severity,
    /// The CVSS base score, 0 to 10.
    pub cvss: Option<f64>,
    /// Exact versions that are affected.
    pub versions: Vec<String>,
    /// Ranges of versions that are affected. GIT ranges are left out.
    pub ranges: Vec<Range>,
}

/// A range of versions: events in the order of the ecosystem.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The events, as written.
    pub events: Vec<Event>,
}

/// A boundary in a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// From this version on the weakness is there; `0` sorts below all versions.
    Introduced(String),
    /// From this version on it is gone.
    Fixed(String),
    /// After this version it is gone.
    LastAffected(String),
    /// Versions from here on are not spoken of.
    Limit(String),
}
