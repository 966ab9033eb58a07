//! What happened beside verdicts, as programs are told of it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_engine::events::{
    BlockedPulls, ExceptionEnding, GraceEnding, LetThrough, LossReason, ScannerLoss, StaleFeed,
};
use sluicegate_model::schema::Instant;
use sluicegate_model::verdict::RuleId;
use sluicegate_model::{Digest, Repository, Tag, forms};

/// An image that somebody let through for a while, against what policy says.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "LetThrough")]
pub(super) struct LetThroughAnswer {
    /// The manifest.
    digest: Digest,
    /// The canonical repository.
    repository: Repository,
    /// Who did it.
    by: String,
    /// Why.
    reason: String,
    /// When it ends by itself.
    #[schemars(with = "Instant")]
    until: Timestamp,
}

/// A linked scanner from which nothing more comes.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "ScannerLoss")]
pub(super) struct ScannerLossAnswer {
    /// What it is called.
    scanner: String,
    /// What it is told apart by from others that had its name.
    enrolment: String,
    /// Why nothing more comes.
    reason: LossReason,
    /// When it was there last, since the service started.
    #[schemars(with = "Option<Instant>")]
    last_seen: Option<Timestamp>,
    /// More about it, in words.
    detail: Option<String>,
}

/// Requests of one client for one image that were refused within a while; those of many clients for
/// many images, where they are too many to be told one by one.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "BlockedPulls")]
pub(super) struct BlockedPullsAnswer {
    /// The canonical repository; null where it is about many.
    repository: Option<Repository>,
    /// The tag asked for, where it was one.
    tag: Option<Tag>,
    /// The manifest; null where the name was refused before it was looked up.
    digest: Option<Digest>,
    /// The names of the policies that decided.
    policy: Option<String>,
    /// The rule that decided.
    #[schemars(with = "Option<String>")]
    rule: Option<RuleId>,
    /// What that says, cut.
    message: Option<String>,
    /// The client's address, or (other) for all that were too many to be told one by one.
    client: String,
    /// Who that is proven to be, where anything is.
    principal: Option<String>,
    /// How many requests were refused.
    count: u64,
    /// When the first of them was.
    #[schemars(with = "Instant")]
    first: Timestamp,
    /// When the last of them was.
    #[schemars(with = "Instant")]
    last: Timestamp,
}

/// An exception that ends soon.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "ExceptionEnding")]
pub(super) struct ExceptionEndingAnswer {
    /// Its name.
    exception: String,
    /// The weakness that it covers.
    vulnerability: String,
    /// The repositories that it holds in, as patterns; none = every one.
    images: Vec<String>,
    /// Who answers for it.
    owner: Option<String>,
    /// The file that it stands in.
    file: String,
    /// When it ends.
    #[schemars(with = "Instant")]
    ends: Timestamp,
    /// How many days before that this is told, at most.
    days_before: u32,
}

/// A time that a policy gave to an image and that ends soon: from then on it is refused.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "GraceEnding")]
pub(super) struct GraceEndingAnswer {
    /// The manifest.
    digest: Digest,
    /// The canonical repository.
    repository: Repository,
    /// The policy's name.
    policy: String,
    /// The rule that refuses.
    #[schemars(with = "String")]
    rule: RuleId,
    /// When it began.
    #[schemars(with = "Instant")]
    since: Timestamp,
    /// When it ends.
    #[schemars(with = "Instant")]
    ends: Timestamp,
}

/// Advisories that are too old to say that an image is clean.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "StaleFeed")]
pub(super) struct StaleFeedAnswer {
    /// The family of ecosystems that they are on; null of an imported bundle.
    family: Option<String>,
    /// The newest that is known of it, where any says when it was made.
    #[schemars(with = "Option<Instant>")]
    newest: Option<Timestamp>,
    /// How old that may be, in seconds: by the strictest policy, or the family's own rhythm.
    at_most_seconds: Option<i64>,
    /// When the imported bundle expired.
    #[schemars(with = "Option<Instant>")]
    expired: Option<Timestamp>,
}

forms! {
    ScannerLossAnswer => ScannerLoss,
    LetThroughAnswer => LetThrough,
    BlockedPullsAnswer => BlockedPulls,
    ExceptionEndingAnswer => ExceptionEnding,
    GraceEndingAnswer => GraceEnding,
    StaleFeedAnswer => StaleFeed,
}
