//! An event.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_model::access::Reach;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Domain, Repository, Tag};

use super::ahead::{BUNDLE, ExceptionEnding, GraceEnding, StaleFeed};
use super::blocked::BlockedPulls;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number, from 1, without holes.
    pub seq: u64,
    /// Its name, which no other event ever has.
    pub id: String,
    /// When it happened: when the verdict was made, nothing more was heard, or it was noticed.
    pub time: Timestamp,
    /// What happened.
    pub happened: Happening,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A verdict was replaced by one that decides otherwise or has other findings.
    VerdictChanged(Box<Change>),
    /// Nothing more comes from a linked scanner.
    ScannerLost(ScannerLoss),
    /// Somebody let an image through for a while.
    BreakGlass(LetThrough),
    /// Pulls of a client were refused.
    PullBlocked(BlockedPulls),
    /// An exception ends soon.
    ExceptionEnding(ExceptionEnding),
    /// Advisories are too old.
    FeedStale(StaleFeed),
    /// The time that a policy gave to an image ends soon.
    GraceEnding(GraceEnding),
}

impl Event {
    /// Numbers what happened.
    pub fn new(seq: u64, time: Timestamp, happened: Happening) -> Self {
        Self {
            seq,
            // Numbers begin again where the verdict store was lost; instants do not.
            id: format!("{}-{seq}", time.as_microsecond()),
            time,
            happened,
        }
    }

    /// Gives the kind of what happened.
    pub const fn kind(&self) -> EventKind {
        self.happened.kind()
    }

    /// Gives the difference that it tells of; none where it is not about a verdict.
    pub fn change(&self) -> Option<&Change> {
        match &self.happened {
            Happening::VerdictChanged(change) => Some(change),
            _ => None,
        }
    }

    /// Names what it is about: a manifest by its digest, a name that was refused, a scanner, an
    /// exception, or a family of advisories.
    pub fn subject(&self) -> String {
        match &self.happened {
            Happening::ScannerLost(loss) => loss.scanner.clone(),
            Happening::ExceptionEnding(ending) => ending.exception.clone(),
            Happening::FeedStale(stale) => {
                stale.family.clone().unwrap_or_else(|| BUNDLE.to_owned())
            }
            Happening::PullBlocked(blocked) => blocked.subject(),
            Happening::VerdictChanged(_) | Happening::BreakGlass(_) | Happening::GraceEnding(_) => {
                let digest = self.happened.digest();
                digest.map(ToString::to_string).unwrap_or_default()
            }
        }
    }

    /// Tells whether somebody who knows of these repositories hears of it. What is not about one of
    /// them is for those who know of all.
    pub fn is_within(&self, reach: &Reach) -> bool {
        match &self.happened {
            Happening::ExceptionEnding(ending) => ending.is_within(reach),
            other => other
                .repository()
                .map_or_else(|| reach.is_everything(), |it| reach.has(it)),
        }
    }

    /// Leaves nothing of it but what somebody may hear who knows of these repositories.
    pub fn cut(&mut self, reach: &Reach) {
        if let Happening::ExceptionEnding(ending) = &mut self.happened {
            ending.cut(reach);
        }
    }
}

impl Happening {
    /// Gives its kind.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::VerdictChanged(_) => EventKind::VerdictChanged,
            Self::ScannerLost(_) => EventKind::ScannerLost,
            Self::BreakGlass(_) => EventKind::BreakGlass,
            Self::PullBlocked(_) => EventKind::PullBlocked,
            Self::ExceptionEnding(_) => EventKind::ExceptionEnding,
            Self::FeedStale(_) => EventKind::FeedStale,
            Self::GraceEnding(_) => EventKind::GraceEnding,
        }
    }

    /// Gives the repository that it is about, where it is about one.
    pub fn repository(&self) -> Option<&Repository> {
        match self {
            Self::VerdictChanged(change) => Some(&change.repository),
            Self::BreakGlass(through) => Some(&through.repository),
            Self::PullBlocked(blocked) => blocked.repository.as_ref(),
            Self::GraceEnding(ending) => Some(&ending.repository),
            Self::ScannerLost(_) | Self::ExceptionEnding(_) | Self::FeedStale(_) => None,
        }
    }

    /// Gives the manifest that it is about, where it is about one.
    pub fn digest(&self) -> Option<&Digest> {
        match self {
            Self::VerdictChanged(change) => Some(&change.digest),
            Self::BreakGlass(through) => Some(&through.digest),
            Self::PullBlocked(blocked) => blocked.digest.as_ref(),
            Self::GraceEnding(ending) => Some(&ending.digest),
            Self::ScannerLost(_) | Self::ExceptionEnding(_) | Self::FeedStale(_) => None,
        }
    }
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EventKind {
    /// A verdict was replaced by one that decides otherwise or has other findings.
    #[serde(rename = "verdict.changed")]
    VerdictChanged,
    /// Nothing more comes from a linked scanner.
    #[serde(rename = "scanner.lost")]
    ScannerLost,
    /// Somebody let an image through for a while.
    #[serde(rename = "break-glass")]
    BreakGlass,
    /// Pulls of a client were refused.
    #[serde(rename = "pull.blocked")]
    PullBlocked,
    /// An exception ends soon.
    #[serde(rename = "exception.ending")]
    ExceptionEnding,
    /// Advisories are too old.
    #[serde(rename = "feed.stale")]
    FeedStale,
    /// The time that a policy gave to an image ends soon.
    #[serde(rename = "grace.ending")]
    GraceEnding,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::VerdictChanged,
        Self::ScannerLost,
        Self::BreakGlass,
        Self::PullBlocked,
        Self::ExceptionEnding,
        Self::FeedStale,
        Self::GraceEnding,
    ];

    /// Gives the name used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerdictChanged => "verdict.changed",
            Self::ScannerLost => "scanner.lost",
            Self::BreakGlass => "break-glass",
            Self::PullBlocked => "pull.blocked",
            Self::ExceptionEnding => "exception.ending",
            Self::FeedStale => "feed.stale",
            Self::GraceEnding => "grace.ending",
        }
    }
}

/// An image that somebody let through for a while, against what policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetThrough {
    /// The manifest.
    pub digest: Digest,
    /// The canonical repository.
    pub repository: Repository,
    /// Who did it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// A linked scanner from which nothing more comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannerLoss {
    /// What it is called.
    pub scanner: String,
    /// What it is told apart by from others that had its name.
    pub enrolment: String,
    /// Why nothing more comes.
    pub reason: LossReason,
    /// When it was there last, since the service started.
    pub last_seen: Option<Timestamp>,
    /// More about it, in words.
    pub detail: Option<String>,
}

/// Why nothing more comes from a scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum LossReason {
    /// It has been silent for too long.
    Away,
    /// It said what is not so, and nothing is taken of it any more.
    Suspended,
}

/// The difference between a verdict and the one that took its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The manifest.
    pub digest: Digest,
    /// The canonical repository.
    pub repository: Repository,
    /// Whose word it is what the image holds.
    pub domain: Domain,
    /// Tags under which it was pulled, first ones.
    pub tags: Vec<Tag>,
    /// Which way it went.
    pub direction: Direction,
    /// What came out before and comes out now.
    pub decision: Decisions,
    /// Findings that came and went.
    pub findings: FindingChanges,
    /// What changed outside the image.
    pub cause: Cause,
}

/// Which way a verdict went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Direction {
    /// It is stricter, or equally strict with more findings and none less.
    Worse,
    /// It is less strict, or equally strict with less findings and none more.
    Better,
    /// It is neither.
    Other,
}

impl Direction {
    /// Gives the name used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Other => "other",
        }
    }
}

/// The decisions of the two verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decisions {
    /// That of the verdict before.
    pub before: Decision,
    /// That of the verdict now.
    pub after: Decision,
}

/// What findings came and went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingChanges {
    /// Those that only the new verdict has.
    pub added: Ids,
    /// Those that only the old verdict had.
    pub removed: Ids,
}

/// Names of findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// How many findings.
    pub count: u64,
    /// The different ids among them, worst first, first ones.
    pub ids: Vec<String>,
}

/// What changed outside the image; nothing of it where only time has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The feed snapshots, where they differ.
    pub feeds: Option<FromTo>,
    /// The digests of the policies, where they differ.
    pub policy: Option<FromTo>,
    /// The programs with their analyzers, where they differ.
    pub scanner: Option<FromTo>,
    /// The exceptions that ended, were taken away or came, where any did.
    pub exceptions: Option<ExceptionChanges>,
}

/// Exceptions that cover findings of only one of the two verdicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceptionChanges {
    /// Those of the verdict before, by name.
    pub gone: Vec<String>,
    /// Those of the verdict now, by name.
    pub added: Vec<String>,
    /// The digest under which the texts of those before are kept, and so who answered for them.
    pub policies: Digest,
}

/// What can have changed outside the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum CauseKind {
    /// Advisories.
    Feeds,
    /// Policy files.
    Policy,
    /// The program or its analyzers.
    Scanner,
    /// Exceptions that came or went.
    Exceptions,
    /// None of it: something ended.
    Time,
}

impl CauseKind {
    const ALL: [Self; 5] = [
        Self::Feeds,
        Self::Policy,
        Self::Scanner,
        Self::Exceptions,
        Self::Time,
    ];

    /// Gives the name used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Feeds => "feeds",
            Self::Policy => "policy",
            Self::Scanner => "scanner",
            Self::Exceptions => "exceptions",
            Self::Time => "time",
        }
    }
}

impl Cause {
    /// Lists what changed; only time where nothing did.
    pub fn kinds(&self) -> Vec<CauseKind> {
        let changed = |kind: &CauseKind| match kind {
            CauseKind::Feeds => self.feeds.is_some(),
            CauseKind::Policy => self.policy.is_some(),
            CauseKind::Scanner => self.scanner.is_some(),
            CauseKind::Exceptions => self.exceptions.is_some(),
            CauseKind::Time => false,
        };
        let kinds: Vec<CauseKind> = CauseKind::ALL.into_iter().filter(changed).collect();
        if kinds.is_empty() {
            return vec![CauseKind::Time];
        }
        kinds
    }
}

/// Two identities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromTo {
    /// That of the verdict before.
    pub from: String,
    /// That of the verdict now.
    pub to: String,
}
