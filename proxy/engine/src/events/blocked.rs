//! Pulls that were refused, counted.

use jiff::Timestamp;
use sluicegate_model::verdict::RuleId;
use sluicegate_model::{Digest, Repository, Tag};

/// What stands for the clients of all that is told together.
pub const OTHERS: &str = "(other)";

/// Requests of one client for one image that were refused within a while; those of many clients for
/// many images, where they are too many to be told one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedPulls {
    /// The canonical repository; none where it is about many.
    pub repository: Option<Repository>,
    /// The tag asked for, where it was one.
    pub tag: Option<Tag>,
    /// The manifest; none where the name was refused before it was looked up.
    pub digest: Option<Digest>,
    /// The names of the policies that decided.
    pub policy: Option<String>,
    /// The rule that decided.
    pub rule: Option<RuleId>,
    /// What that says, cut.
    pub message: Option<String>,
    /// The client's address, or [`OTHERS`].
    pub client: String,
    /// Who that is proven to be, where anything is.
    pub principal: Option<String>,
    /// How many requests were refused.
    pub count: u64,
    /// When the first of them was.
    pub first: Timestamp,
    /// When the last of them was.
    pub last: Timestamp,
}

impl BlockedPulls {
    /// Names the image, or what stands for many.
    pub(super) fn subject(&self) -> String {
        match (&self.repository, &self.tag, &self.digest) {
            (_, _, Some(digest)) => digest.to_string(),
            (Some(repository), Some(tag), None) => format!("{repository}:{tag}"),
            (Some(repository), None, None) => repository.to_string(),
            (None, _, None) => OTHERS.to_owned(),
        }
    }
}
