//! What happened beside verdicts, as it is kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::verdict::RuleId;
use sluicegate_model::{Digest, Repository, Tag, forms};

use crate::events::{
    BlockedPulls, ExceptionEnding, GraceEnding, LetThrough, LossReason, ScannerLoss, StaleFeed,
};

#[derive(Serialize, Deserialize)]
#[serde(remote = "LetThrough")]
pub(super) struct StoredLetThrough {
    digest: Digest,
    repository: Repository,
    by: String,
    reason: String,
    until: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ScannerLoss")]
pub(super) struct StoredScannerLoss {
    scanner: String,
    enrolment: String,
    reason: LossReason,
    last_seen: Option<Timestamp>,
    detail: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "BlockedPulls")]
pub(super) struct StoredBlockedPulls {
    repository: Option<Repository>,
    tag: Option<Tag>,
    digest: Option<Digest>,
    policy: Option<String>,
    rule: Option<RuleId>,
    message: Option<String>,
    client: String,
    principal: Option<String>,
    count: u64,
    first: Timestamp,
    last: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ExceptionEnding")]
pub(super) struct StoredExceptionEnding {
    exception: String,
    vulnerability: String,
    images: Vec<String>,
    owner: Option<String>,
    file: String,
    ends: Timestamp,
    days_before: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "GraceEnding")]
pub(super) struct StoredGraceEnding {
    digest: Digest,
    repository: Repository,
    policy: String,
    rule: RuleId,
    since: Timestamp,
    ends: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "StaleFeed")]
pub(super) struct StoredStaleFeed {
    family: Option<String>,
    newest: Option<Timestamp>,
    at_most_seconds: Option<i64>,
    expired: Option<Timestamp>,
}

forms! {
    StoredScannerLoss => ScannerLoss,
    StoredLetThrough => LetThrough,
    StoredBlockedPulls => BlockedPulls,
    StoredExceptionEnding => ExceptionEnding,
    StoredGraceEnding => GraceEnding,
    StoredStaleFeed => StaleFeed,
}
