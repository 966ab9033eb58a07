//! The decision on one image in one repository, with everything it rests on.

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::artifact::ArtifactKind;
use crate::audience::{Audience, Scope};
use crate::coverage::Coverage;
use crate::digest::Digest;
use crate::domain::{Domain, Sighting};
use crate::finding::Finding;
use crate::image::{Repository, Tag};
use crate::package::Distro;
use crate::signature::Signatures;
use crate::snapshot::SnapshotId;

/// What comes out. Later ones are stricter.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Served.
    Allow,
    /// Served, with a note.
    Annotate,
    /// Not served.
    Refuse,
}

impl Decision {
    /// Gives the name used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Annotate => "annotate",
            Self::Refuse => "refuse",
        }
    }
}

impl std::fmt::Display for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The id of a rule: of a policy's own, or of a condition that is built in.
///
/// *Shape*: written as its text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(Cow<'static, str>);

impl RuleId {
    /// Not all of the image could be looked at.
    pub const INCONCLUSIVE: Self = Self(Cow::Borrowed("inconclusive"));
    /// What is known is too old.
    pub const STALE_FEEDS: Self = Self(Cow::Borrowed("stale-feeds"));
    /// It is an artifact that no policy names.
    pub const ARTIFACT: Self = Self(Cow::Borrowed("artifact"));
    /// It is on no list of what is allowed.
    pub const NOT_LISTED: Self = Self(Cow::Borrowed("not-listed"));
    /// Somebody let it through for a while.
    pub const BREAK_GLASS: Self = Self(Cow::Borrowed("break-glass"));
    /// Those that no rule of a policy may have.
    pub const BUILT_IN: [Self; 5] = [
        Self::INCONCLUSIVE,
        Self::STALE_FEEDS,
        Self::ARTIFACT,
        Self::NOT_LISTED,
        Self::BREAK_GLASS,
    ];
    /// No policy spoke: the manifest left before its verdict.
    pub const VERDICT_PENDING: Self = Self(Cow::Borrowed("verdict-pending"));
    /// No policy spoke: the registry is not configured.
    pub const NOT_CONFIGURED: Self = Self(Cow::Borrowed("not-configured"));

    /// Gives it as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for RuleId {
    fn from(id: String) -> Self {
        Self(Cow::Owned(id))
    }
}

// Messages quote it.
impl std::fmt::Debug for RuleId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.as_str(), f)
    }
}

impl std::fmt::Display for RuleId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// One rule that spoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The rule's id; built-in conditions are `inconclusive`, `stale-feeds`, `artifact`,
    /// `not-listed`.
    pub rule: RuleId,
    /// What the rule asked for; the verdict's decision is what came out.
    pub action: Decision,
    /// One line for a person.
    pub message: String,
    /// The ids of the findings that made the rule speak.
    pub findings: Vec<String>,
}

/// Time that a policy gave to an image which had been served before a rule hit it.
///
/// It begins once, with the first change of the feeds that makes the rule hit, and is kept when it has
/// ended: it never begins again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grace {
    /// The policy's name.
    pub policy: String,
    /// The rule's id.
    pub rule: RuleId,
    /// When it began. How long it is, the policy says.
    pub since: Timestamp,
}

impl Grace {
    /// Tells whether another one is of the same rule.
    pub fn is_of_same(&self, other: &Self) -> bool {
        self.policy == other.policy && self.rule == other.rule
    }
}

/// Which policy decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PolicyReference {
    /// The policy's name; several that cover one image are joined by `+`.
    pub name: String,
    /// The digest of all documents that apply to the repository.
    pub digest: Digest,
}

/// What the verdict rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Program, version and analyzer fingerprint.
    pub scanner: String,
    /// The feed snapshot's identity.
    pub feeds: SnapshotId,
    /// Up to when the advisories on its packages reach: the oldest of what is known of the
    /// ecosystems that it uses; none where it uses none that is loaded.
    pub feed_time: Option<Timestamp>,
    /// When the bytes were read.
    pub scanned_at: Timestamp,
    /// When the decision was made.
    pub decided_at: Timestamp,
    /// How long scanning took, in milliseconds.
    pub scan_ms: u64,
}

/// The decision on one image in one repository.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The manifest's digest.
    pub digest: Digest,
    /// The canonical repository.
    pub repository: Repository,
    /// For whom, where a binding names askers; everybody else where it is left out.
    pub audience: Audience,
    /// Whose word it is what the image holds.
    pub domain: Domain,
    /// The program that read the bytes, with its version and analyzers, where that was another one.
    pub read_by: Option<String>,
    /// Tags under which it was pulled.
    pub tags: Vec<Tag>,
    /// What the archive calls the image, where it was read from one and says something else. Only
    /// shown: no policy goes by it.
    pub claimed_name: Option<String>,
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// The kind of artifact, where this is no image.
    pub artifact: Option<ArtifactKind>,
    /// What came out.
    pub decision: Decision,
    /// Which policy decided.
    pub policy: PolicyReference,
    /// The next instant at which something in the policy changes by itself.
    pub valid_until: Option<Timestamp>,
    /// The rules that spoke, strictest first.
    pub reasons: Vec<Reason>,
    /// The exceptions, by name, the VEX documents, as `vex:` and their file, and the graces, as
    /// `grace:RULE`, without which a stricter decision would have come out.
    pub allowed_by: Vec<String>,
    /// The times that policies gave to it, ended ones too.
    pub graces: Vec<Grace>,
    /// What else its reader has to know, a line each: rules that need what the feeds do not have.
    pub warnings: Vec<String>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub coverage: Coverage,
    /// The distribution, where one was identified.
    pub distro: Option<Distro>,
    /// How many components were found.
    pub packages: u64,
    /// Since when the image is known in its repository; none where nobody keeps that.
    pub first_seen: Option<Timestamp>,
    /// What was known of who signed the image; none where no policy asks for it, or nobody could look.
    pub signatures: Option<Signatures>,
    /// What the verdict rests on.
    pub provenance: Provenance,
}

impl Verdict {
    /// Names the image, by whose word it was judged.
    pub fn sighting(&self) -> Sighting {
        Sighting {
            domain: self.domain.clone(),
            digest: self.digest.clone(),
        }
    }

    /// Gives where it was made, and for whom.
    pub fn scope(&self) -> Scope {
        Scope {
            repository: self.repository.clone(),
            audience: self.audience.clone(),
            domain: self.domain.clone(),
        }
    }
}
