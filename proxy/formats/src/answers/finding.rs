//! A finding.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;
use sluicegate_model::finding::{
    Attributed, Finding, FindingKind, FindingPackage, FindingStatus, QuietedBy,
};
use sluicegate_model::form::{Boxed, Each, Maybe};
use sluicegate_model::forms;
use sluicegate_model::package::{Ecosystem, Evidence, LayerOrigin};
use sluicegate_model::schema::Instant;
use sluicegate_model::severity::Severity;
use sluicegate_model::vex::{VexJustification, VexStatement, VexStatus};

/// One component and one group of advisories about the same weakness.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Finding")]
pub struct FindingAnswer {
    /// The CVE where there is one, else the advisory's own id.
    id: String,
    /// Every other name of the weakness, sorted.
    aliases: Vec<String>,
    /// The records that matched, sorted.
    advisories: Vec<String>,
    /// What kind of thing was found.
    kind: FindingKind,
    /// Whether the advisory applies.
    status: FindingStatus,
    /// How bad it is.
    severity: Severity,
    /// Who said so: a record (`GHSA-…`), a vector of one (`CVSS:3.1 of PYSEC-…`), behind `alias`
    /// another record on the same weakness, or `NVD`; none where nobody did.
    #[serde(default)]
    severity_source: Option<String>,
    /// The CVSS base score the severity rests on, 0 to 10.
    cvss: Option<f64>,
    /// Whether it is known to be exploited (CISA KEV).
    kev: bool,
    /// The probability of exploitation within 30 days (EPSS), 0 to 1.
    epss: Option<f64>,
    /// The package concerned.
    #[serde(with = "FindingPackageAnswer")]
    package: FindingPackage,
    /// The smallest version without the weakness; none where there is no fix.
    fixed: Option<String>,
    /// When the weakness was first made public, by the oldest of the records that matched; none where
    /// none of them says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Instant>")]
    published: Option<Timestamp>,
    /// The same of the records that name `fixed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Instant>")]
    fix_published: Option<Timestamp>,
    /// The ecosystem of the feed that answered, with its suffix; of an end of life, the table and its
    /// date.
    source: String,
    /// What else a person has to know, in one line: of an end of life, when what ended; of what is not
    /// affected, how that is known.
    #[serde(default)]
    detail: Option<String>,
    /// The exception that covers it, by name; filled by policy.
    exception: Option<String>,
    /// What authors of VEX documents say for which policies quiet it: it stays listed, and rules of those
    /// policies do not see it.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "Each::<VexStatementAnswer>"
    )]
    vex: Vec<VexStatement>,
    /// What was found in a file that `package` owns: a language's package, under its own name.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "Maybe::<Boxed<AttributedAnswer>>"
    )]
    attributed: Option<Box<Attributed>>,
    /// Who says that it does not count. It stays listed, and a rule of policy sees it only where it
    /// asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quieted_by: Option<QuietedBy>,
    /// In how many places of the image the package and version are: 1, or more where an image has
    /// more findings than are listed one by one.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    copies: u64,
    /// Of several copies, the first paths, sorted; `package` is the first copy's. Empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    paths: Vec<String>,
}

/// The package of a finding.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "FindingPackage")]
pub struct FindingPackageAnswer {
    /// The installed package's name.
    name: String,
    /// The installed package's version.
    version: String,
    /// The package URL.
    purl: String,
    /// The OSV ecosystem.
    ecosystem: Option<Ecosystem>,
    /// The source (origin) package's name, where the package was built from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// The evidence's path in the image, without a leading slash.
    path: String,
    /// The layer that introduced the package.
    layer: Digest,
    /// Whose that layer is, the base image's or its own, by the history that the image's author
    /// wrote; absent where that does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    layer_origin: Option<LayerOrigin>,
    /// What its presence rests on.
    #[serde(default, skip_serializing_if = "Evidence::is_installed")]
    evidence: Evidence,
}

/// A package that was found in a file of another one.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Attributed")]
pub struct AttributedAnswer {
    /// Its own name.
    name: String,
    /// Its own version.
    version: String,
    /// Its package URL.
    purl: String,
    /// The OSV ecosystem whose advisories speak of it.
    ecosystem: Option<Ecosystem>,
}

/// What the author of a VEX document says of a finding.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "VexStatement")]
pub(super) struct VexStatementAnswer {
    /// `not_affected` or `fixed`.
    status: VexStatus,
    /// Why, in one of the words that everybody uses.
    justification: Option<VexJustification>,
    /// Why, in the author's words, shortened.
    statement: Option<String>,
    /// Who says so.
    author: String,
    /// The document's id, as its author gave it.
    document: String,
    /// The document's file, as policies name it; of one that is attached to the image the digest of
    /// what was signed. `allowed_by` cites it behind `vex:`.
    file: String,
    /// The key that signed the document, by the SHA-256 of its DER form; left out of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Digest>,
    /// Since when it is said.
    #[schemars(with = "Instant")]
    timestamp: Timestamp,
    /// For the rules of which policies it counts.
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
    FindingAnswer => Finding,
    FindingPackageAnswer => FindingPackage,
    AttributedAnswer => Attributed,
    VexStatementAnswer => VexStatement,
}
