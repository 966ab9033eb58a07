//! An event, as it is kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::form::{Boxed, Maybe};
use sluicegate_model::forms;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Domain, Repository, Tag};

use super::happening::{
    StoredBlockedPulls, StoredExceptionEnding, StoredGraceEnding, StoredLetThrough,
    StoredScannerLoss, StoredStaleFeed,
};
use crate::events::{
    BlockedPulls, Cause, Change, Decisions, Direction, Event, ExceptionChanges, ExceptionEnding,
    FindingChanges, FromTo, GraceEnding, Happening, Ids, LetThrough, ScannerLoss, StaleFeed,
};

#[derive(Serialize, Deserialize)]
#[serde(remote = "Event")]
pub(super) struct StoredEvent {
    seq: u64,
    id: String,
    time: Timestamp,
    #[serde(flatten, with = "StoredHappening")]
    happened: Happening,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Happening", tag = "type")]
pub(super) enum StoredHappening {
    #[serde(rename = "verdict.changed")]
    VerdictChanged(#[serde(with = "Boxed::<StoredChange>")] Box<Change>),
    #[serde(rename = "scanner.lost")]
    ScannerLost(#[serde(with = "StoredScannerLoss")] ScannerLoss),
    #[serde(rename = "break-glass")]
    BreakGlass(#[serde(with = "StoredLetThrough")] LetThrough),
    #[serde(rename = "pull.blocked")]
    PullBlocked(#[serde(with = "StoredBlockedPulls")] BlockedPulls),
    #[serde(rename = "exception.ending")]
    ExceptionEnding(#[serde(with = "StoredExceptionEnding")] ExceptionEnding),
    #[serde(rename = "feed.stale")]
    FeedStale(#[serde(with = "StoredStaleFeed")] StaleFeed),
    #[serde(rename = "grace.ending")]
    GraceEnding(#[serde(with = "StoredGraceEnding")] GraceEnding),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Change")]
pub(super) struct StoredChange {
    digest: Digest,
    repository: Repository,
    #[serde(default, skip_serializing_if = "Domain::is_here")]
    domain: Domain,
    tags: Vec<Tag>,
    direction: Direction,
    #[serde(with = "StoredDecisions")]
    decision: Decisions,
    #[serde(with = "StoredFindingChanges")]
    findings: FindingChanges,
    #[serde(with = "StoredCause")]
    cause: Cause,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Decisions")]
pub(super) struct StoredDecisions {
    before: Decision,
    after: Decision,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "FindingChanges")]
pub(super) struct StoredFindingChanges {
    #[serde(with = "StoredIds")]
    added: Ids,
    #[serde(with = "StoredIds")]
    removed: Ids,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Ids")]
pub(super) struct StoredIds {
    count: u64,
    ids: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Cause")]
pub(super) struct StoredCause {
    #[serde(default, with = "Maybe::<StoredFromTo>")]
    feeds: Option<FromTo>,
    #[serde(default, with = "Maybe::<StoredFromTo>")]
    policy: Option<FromTo>,
    #[serde(default, with = "Maybe::<StoredFromTo>")]
    scanner: Option<FromTo>,
    #[serde(default, with = "Maybe::<StoredExceptionChanges>")]
    exceptions: Option<ExceptionChanges>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ExceptionChanges")]
pub(super) struct StoredExceptionChanges {
    gone: Vec<String>,
    added: Vec<String>,
    policies: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "FromTo")]
pub(super) struct StoredFromTo {
    from: String,
    to: String,
}

forms! {
    StoredEvent => Event,
    StoredHappening => Happening,
    StoredChange => Change,
    StoredDecisions => Decisions,
    StoredFindingChanges => FindingChanges,
    StoredIds => Ids,
    StoredCause => Cause,
    StoredExceptionChanges => ExceptionChanges,
    StoredFromTo => FromTo,
}
