//! What is told before it is over: exceptions and graces that end, advisories that are too old.

use jiff::Timestamp;
use sluicegate_model::access::Reach;
use sluicegate_model::verdict::RuleId;
use sluicegate_model::{Digest, Repository};

/// An exception that ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceptionEnding {
    /// Its name.
    pub exception: String,
    /// The weakness that it covers.
    pub vulnerability: String,
    /// The repositories that it holds in, as patterns; none = every one.
    pub images: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The file that it stands in.
    pub file: String,
    /// When it ends.
    pub ends: Timestamp,
    /// How many days before that this is told, at most.
    pub days_before: u32,
}

impl ExceptionEnding {
    /// Tells whether it may hold in a repository that somebody knows of.
    pub(super) fn is_within(&self, reach: &Reach) -> bool {
        let mut images = self.images.iter();
        reach.is_everything() || images.any(|image| reach.may_have(image))
    }

    /// Leaves nothing of what somebody does not know of.
    pub(super) fn cut(&mut self, reach: &Reach) {
        self.images.retain(|image| reach.may_have(image));
    }
}

/// A time that a policy gave to an image and that ends soon: from then on it is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraceEnding {
    /// The manifest.
    pub digest: Digest,
    /// The canonical repository.
    pub repository: Repository,
    /// The policy's name.
    pub policy: String,
    /// The rule that refuses.
    pub rule: RuleId,
    /// When it began.
    pub since: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
}

/// Advisories that are too old to say that an image is clean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleFeed {
    /// The family of ecosystems that they are on; none of an imported bundle.
    pub family: Option<String>,
    /// The newest that is known of it, where any says when it was made.
    pub newest: Option<Timestamp>,
    /// How old that may be, in seconds: by the strictest policy, or the family's own rhythm.
    pub at_most_seconds: Option<i64>,
    /// When the imported bundle expired.
    pub expired: Option<Timestamp>,
}

/// What stands for an imported bundle where a family is named.
pub(super) const BUNDLE: &str = "bundle";
