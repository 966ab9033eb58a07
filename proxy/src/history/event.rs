//! An event, as programs are told of it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_engine::events::{
    BlockedPulls, Cause, Change, Decisions, Direction, Event, ExceptionChanges, ExceptionEnding,
    FindingChanges, FromTo, GraceEnding, Happening, Ids, LetThrough, ScannerLoss, StaleFeed,
};
use sluicegate_model::form::{Boxed, Maybe};
use sluicegate_model::forms;
use sluicegate_model::schema::Instant;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Domain, Repository, Tag};

use super::happening::{
    BlockedPullsAnswer, ExceptionEndingAnswer, GraceEndingAnswer, LetThroughAnswer,
    ScannerLossAnswer, StaleFeedAnswer,
};

/// Something that happened.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Event")]
pub(super) struct EventAnswer {
    /// Its number, from 1, without holes.
    seq: u64,
    /// Its name, which no other event ever has.
    id: String,
    /// When it happened: when the verdict was made, nothing more was heard, or it was noticed.
    #[schemars(with = "Instant")]
    time: Timestamp,
    /// What happened.
    #[serde(flatten, with = "HappeningAnswer")]
    happened: Happening,
}

/// What happened.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Happening", tag = "type")]
pub(super) enum HappeningAnswer {
    /// A verdict was replaced by one that decides otherwise or has other findings.
    #[serde(rename = "verdict.changed")]
    VerdictChanged(#[serde(with = "Boxed::<ChangeAnswer>")] Box<Change>),
    /// Nothing more comes from a linked scanner.
    #[serde(rename = "scanner.lost")]
    ScannerLost(#[serde(with = "ScannerLossAnswer")] ScannerLoss),
    /// Somebody let an image through for a while.
    #[serde(rename = "break-glass")]
    BreakGlass(#[serde(with = "LetThroughAnswer")] LetThrough),
    /// Pulls of a client were refused.
    #[serde(rename = "pull.blocked")]
    PullBlocked(#[serde(with = "BlockedPullsAnswer")] BlockedPulls),
    /// An exception ends soon.
    #[serde(rename = "exception.ending")]
    ExceptionEnding(#[serde(with = "ExceptionEndingAnswer")] ExceptionEnding),
    /// Advisories are too old.
    #[serde(rename = "feed.stale")]
    FeedStale(#[serde(with = "StaleFeedAnswer")] StaleFeed),
    /// The time that a policy gave to an image ends soon.
    #[serde(rename = "grace.ending")]
    GraceEnding(#[serde(with = "GraceEndingAnswer")] GraceEnding),
}

/// The difference between a verdict and the one that took its place.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Change")]
pub(super) struct ChangeAnswer {
    /// The manifest.
    digest: Digest,
    /// The canonical repository.
    repository: Repository,
    /// Whose word it is what the image holds, where it was not looked at here.
    #[serde(
        rename = "reported_by",
        default,
        skip_serializing_if = "Domain::is_here",
        serialize_with = "Domain::show"
    )]
    #[schemars(with = "Option<String>")]
    domain: Domain,
    /// Tags under which it was pulled, first ones.
    tags: Vec<Tag>,
    /// Which way it went.
    direction: Direction,
    /// What came out before and comes out now.
    #[serde(with = "DecisionsAnswer")]
    decision: Decisions,
    /// Findings that came and went.
    #[serde(with = "FindingChangesAnswer")]
    findings: FindingChanges,
    /// What changed outside the image.
    #[serde(with = "CauseAnswer")]
    cause: Cause,
}

/// The decisions of the two verdicts.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Decisions")]
pub(super) struct DecisionsAnswer {
    /// That of the verdict before.
    before: Decision,
    /// That of the verdict now.
    after: Decision,
}

/// What findings came and went.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "FindingChanges")]
pub(super) struct FindingChangesAnswer {
    /// Those that only the new verdict has.
    #[serde(with = "IdsAnswer")]
    added: Ids,
    /// Those that only the old verdict had.
    #[serde(with = "IdsAnswer")]
    removed: Ids,
}

/// Names of findings.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Ids")]
pub(super) struct IdsAnswer {
    /// How many findings.
    count: u64,
    /// The different ids among them, worst first, first ones.
    ids: Vec<String>,
}

/// What changed outside the image; nothing of it where only time has passed.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Cause")]
pub(super) struct CauseAnswer {
    /// The feed snapshots, where they differ.
    #[serde(with = "Maybe::<FromToAnswer>")]
    feeds: Option<FromTo>,
    /// The digests of the policies, where they differ.
    #[serde(with = "Maybe::<FromToAnswer>")]
    policy: Option<FromTo>,
    /// The programs with their analyzers, where they differ.
    #[serde(with = "Maybe::<FromToAnswer>")]
    scanner: Option<FromTo>,
    /// The exceptions that ended, were taken away or came, where any did.
    #[serde(default, with = "Maybe::<ExceptionChangesAnswer>")]
    exceptions: Option<ExceptionChanges>,
}

/// Exceptions that cover findings of only one of the two verdicts.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "ExceptionChanges")]
pub(super) struct ExceptionChangesAnswer {
    /// Those of the verdict before, by name.
    gone: Vec<String>,
    /// Those of the verdict now, by name.
    added: Vec<String>,
    /// The digest under which the texts of those before are kept, and so who answered for them.
    policies: Digest,
}

/// Two identities.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "FromTo")]
pub(super) struct FromToAnswer {
    /// That of the verdict before.
    from: String,
    /// That of the verdict now.
    to: String,
}

forms! {
    EventAnswer => Event,
    HappeningAnswer => Happening,
    ChangeAnswer => Change,
    DecisionsAnswer => Decisions,
    FindingChangesAnswer => FindingChanges,
    IdsAnswer => Ids,
    CauseAnswer => Cause,
    ExceptionChangesAnswer => ExceptionChanges,
    FromToAnswer => FromTo,
}
