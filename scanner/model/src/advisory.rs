//! Advisories in the shape of OSV, reduced to what matching needs.
//!
//! Source: OSV schema 1.7, <https://ossf.github.io/osv-schema/>.

use jiff::Timestamp;
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
    /// The CVEs that an erratum names as related, which are those it mends. They are no names of it
    /// and give no findings; they tell which weaknesses a package's own advisories speak of.
    pub related: Vec<String>,
    /// How bad it is, as the vendor or the record's score says.
    pub severity: Severity,
    /// What the severity rests on; none where the record states none.
    pub basis: Option<SeverityBasis>,
    /// The CVSS base score, 0 to 10.
    pub cvss: Option<f64>,
    /// When the record was first published, to the second.
    #[serde(with = "jiff::fmt::serde::timestamp::second::optional")]
    pub published: Option<Timestamp>,
    /// Whether it tells of no weakness, but that a package is no longer tended, or asks for notice.
    pub informational: bool,
    /// How far its publisher has got with it, where that is a distribution that tells.
    pub triage: Triage,
    /// Which builds of the package it speaks of.
    pub scope: Scope,
    /// Exact versions that are affected.
    pub versions: Vec<String>,
    /// Ranges of versions that are affected. GIT ranges are left out.
    pub ranges: Vec<Range>,
    /// The same over the names of releases, where the versions of `ranges` leave them out: Go knows
    /// no `v12.4.0` of a module whose path has no `/v12`, and so no end of a range there.
    pub releases: Vec<Range>,
}

/// How far a distribution has got with a weakness of its package.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Triage {
    /// The versions say all there is.
    #[default]
    Settled,
    /// Nobody there has found out yet whether the package has it.
    Undetermined,
    /// The package has it, and is given no fixes any more.
    EndOfLife,
}

/// What a severity rests on, most trusted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SeverityBasis {
    /// The word of who published the record.
    Word,
    /// A vector of CVSS 4.0.
    CvssV4,
    /// A vector of CVSS 3.1.
    CvssV31,
    /// A vector of CVSS 3.0.
    CvssV30,
    /// A vector of CVSS 2.0.
    CvssV2,
}

impl SeverityBasis {
    /// Names the kind of vector, as vectors do; none for a word.
    pub const fn vector(self) -> Option<&'static str> {
        match self {
            Self::Word => None,
            Self::CvssV4 => Some("CVSS:4.0"),
            Self::CvssV31 => Some("CVSS:3.1"),
            Self::CvssV30 => Some("CVSS:3.0"),
            Self::CvssV2 => Some("CVSS:2.0"),
        }
    }
}

/// Which builds of a package a record speaks of. What is empty limits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The module streams, such as `nodejs:20`, of a record about packages built in modules.
    pub modules: Vec<String>,
    /// The installed packages, of a record that names a source package.
    pub binaries: Vec<String>,
    /// The processor architecture.
    pub architecture: Option<String>,
    /// The parts of the package that have the weakness.
    pub parts: Vec<Part>,
}

/// A part of a package, on platforms by operating system and processor architecture, in the words of
/// OCI image configs, which are Go's. A list that is empty limits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The import path of a package of Go's; none where all of the package is meant.
    pub path: Option<String>,
    /// The operating systems, such as `linux`.
    pub systems: Vec<String>,
    /// The architectures, such as `amd64`.
    pub architectures: Vec<String>,
}

/// A range of versions: events in the order of the ecosystem.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The events, as written.
    pub events: Vec<RangeEvent>,
}

/// A boundary in a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RangeEvent {
    /// From this version on the weakness is there; `0` sorts below all versions.
    Introduced(String),
    /// From this version on it is gone.
    Fixed(String),
    /// After this version it is gone.
    LastAffected(String),
    /// Versions from here on are not spoken of.
    Limit(String),
}
