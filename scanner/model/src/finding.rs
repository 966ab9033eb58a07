//! A package and an advisory that concerns it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::package::{Ecosystem, Evidence, LayerOrigin};
use crate::severity::Severity;
use crate::vex::VexStatement;

/// What kind of thing was found.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum FindingKind {
    /// A known weakness.
    Vulnerability,
    /// A package published to do harm.
    Malware,
    /// Software that its maker no longer mends.
    Eol,
    /// No weakness: a package that nobody tends any more, or that its users should know something of.
    /// A rule of policy sees it only where it asks for the kind.
    Informational,
    /// A key, token or password in the image, of which only the place and a salted hash are told. A rule
    /// of policy sees it only where it asks for the kind.
    Secret,
    /// How the image is set up makes harm easier: as whom it runs, what its files let everybody do. A
    /// rule of policy sees it only where it asks for the kind.
    Configuration,
    /// The licence that a package declares, whatever it is. A rule of policy sees it only where it asks
    /// for the kind, and what no rule hits is not listed.
    Licence,
}

impl FindingKind {
    /// Tells whether a rule of policy sees it where it names no kind.
    pub const fn is_seen_unasked(self) -> bool {
        match self {
            Self::Vulnerability | Self::Malware | Self::Eol => true,
            Self::Informational | Self::Secret | Self::Configuration | Self::Licence => false,
        }
    }

    /// Tells whether anybody may say how bad it is: of a licence nobody can.
    pub const fn has_severity(self) -> bool {
        !matches!(self, Self::Licence)
    }
}

/// Whether the advisory applies.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FindingStatus {
    /// The installed version is in the advisory's range.
    Affected,
    /// The advisory names the package, but version or range cannot be compared.
    Unknown,
    /// The version is in the range, and the part of the package that has the weakness is not there;
    /// `detail` says how that is known. A rule of policy sees it only where it asks for the status.
    NotAffected,
}

impl FindingStatus {
    /// Tells whether a rule of policy sees it where it names no status.
    pub const fn is_seen_unasked(self) -> bool {
        match self {
            Self::Affected | Self::Unknown => true,
            Self::NotAffected => false,
        }
    }
}

/// Who says that a finding does not count.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum QuietedBy {
    /// The distribution, whose package owns the file: its advisories name the weakness as fixed at
    /// or below the installed version.
    Owner,
}

impl QuietedBy {
    /// Gives the word that is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
        }
    }
}

/// One component and one group of advisories about the same weakness.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The CVE where there is one, else the advisory's own id. Of a licence, the expression as SPDX
    /// writes it, what is declared where that is none, or `NOASSERTION` where nothing is.
    pub id: String,
    /// Every other name of the weakness, sorted.
    pub aliases: Vec<String>,
    /// The records that matched, sorted.
    pub advisories: Vec<String>,
    /// What kind of thing was found.
    pub kind: FindingKind,
    /// Whether the advisory applies.
    pub status: FindingStatus,
    /// How bad it is.
    pub severity: Severity,
    /// Who said so: a record (`GHSA-…`), a vector of one (`CVSS:3.1 of PYSEC-…`), behind `alias`
    /// another record on the same weakness, or `NVD`; none where nobody did.
    pub severity_source: Option<String>,
    /// The CVSS base score the severity rests on, 0 to 10.
    pub cvss: Option<f64>,
    /// Whether it is known to be exploited (CISA KEV).
    pub kev: bool,
    /// The probability of exploitation within 30 days (EPSS), 0 to 1.
    pub epss: Option<f64>,
    /// The package concerned.
    pub package: FindingPackage,
    /// The smallest version without the weakness; none where there is no fix.
    pub fixed: Option<String>,
    /// When the weakness was first made public, by the oldest of the records that matched; none where
    /// none of them says.
    pub published: Option<Timestamp>,
    /// The same of the records that name a fix, which may have come later than they: no fix of the
    /// weakness is known for longer.
    pub fix_published: Option<Timestamp>,
    /// The ecosystem of the feed that answered, with its suffix; of an end of life, the table and its
    /// date; of a licence, who declares it.
    pub source: String,
    /// What else a person has to know, in one line: of an end of life, when what ended; of what is not
    /// affected, how that is known; of a licence, how it is declared where that is not its id.
    pub detail: Option<String>,
    /// The exception that covers it, by name; filled by policy.
    pub exception: Option<String>,
    /// What authors of VEX documents say for which policies quiet it; filled by policy.
    pub vex: Vec<VexStatement>,
    /// What was found in a file that `package` owns: a language's package, under its own name.
    pub attributed: Option<Box<Attributed>>,
    /// Who says that it does not count. It stays listed, and a rule of policy sees it only where it
    /// asks for it.
    pub quieted_by: Option<QuietedBy>,
    /// In how many places of the image the package and version are: 1, or more where an image has
    /// more findings than are listed one by one.
    pub copies: u64,
    /// Of several copies, the first paths, sorted; `package` is the first copy's. Empty otherwise.
    pub paths: Vec<String>,
}

/// Most paths that are named of one finding's copies.
pub const MAX_PATHS: usize = 10;

impl Finding {
    /// Names the places that are known of, one at least.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        let own = self.paths.is_empty().then_some(&self.package.path);
        own.into_iter().chain(&self.paths).map(String::as_str)
    }

    /// Tells whether it bears on the image: nobody says that it does not.
    pub fn bears(&self) -> bool {
        self.status != FindingStatus::NotAffected && self.quieted_by.is_none()
    }

    /// Gives the package URL of the component that it is about: of what was found in the file of
    /// `package`, where that is another.
    pub fn found_as(&self) -> &str {
        let own = self.attributed.as_deref();
        own.map_or(&self.package.purl, |own| &own.purl)
    }

    /// Tells whether [`Self::places`] are all there are.
    pub fn names_every_place(&self) -> bool {
        let named = self.places().count();
        u64::try_from(named).is_ok_and(|named| named >= self.copies)
    }
}

/// A package that was found in a file of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributed {
    /// Its own name.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Its package URL.
    pub purl: String,
    /// The OSV ecosystem whose advisories speak of it.
    pub ecosystem: Option<Ecosystem>,
}

/// The package of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingPackage {
    /// The installed package's name.
    pub name: String,
    /// The installed package's version.
    pub version: String,
    /// The package URL.
    pub purl: String,
    /// The OSV ecosystem.
    pub ecosystem: Option<Ecosystem>,
    /// The source (origin) package's name, where the package was built from one.
    pub source: Option<String>,
    /// The evidence's path in the image, without a leading slash.
    pub path: String,
    /// The layer that introduced the package.
    pub layer: Digest,
    /// Whose that layer is; none where nobody tells.
    pub layer_origin: Option<LayerOrigin>,
    /// What its presence rests on.
    pub evidence: Evidence,
}
