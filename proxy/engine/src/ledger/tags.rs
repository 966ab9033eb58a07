//! Where tags pointed, and since when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;

/// Most manifests of one tag that are remembered.
pub const MAX_TAGGED: usize = 64;

/// Where a tag pointed when its upstream was last asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRecord {
    /// The manifest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// When the upstream said so.
    pub checked_at: Timestamp,
}

/// A manifest that a tag has pointed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tagged {
    /// The manifest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// When the upstream first said so.
    pub first: Timestamp,
    /// When it last did.
    pub last: Timestamp,
}

/// The manifests that a tag has pointed to, the newest first, each once, at most [`MAX_TAGGED`].
///
/// When the first of them was last confirmed changes all the time: it is kept beside the history, so
/// that a tag which points where it did writes one row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagHistory(Vec<Tagged>);

impl TagHistory {
    /// Takes in where a tag points now and what was known before; tells whether the history is
    /// another one now.
    pub fn note(&mut self, before: Option<&TagRecord>, now: &TagRecord) -> bool {
        let Self(tagged) = self;
        let newest = tagged.first();
        if newest.is_some_and(|newest| newest.digest == now.digest) {
            return false;
        }
        if let Some(before) = before {
            self.confirm(before);
        }
        self.confirm(now);
        true
    }

    /// Gives all of it, with when the newest was last confirmed.
    pub fn with(mut self, newest: Option<&TagRecord>) -> Vec<Tagged> {
        if let Some(newest) = newest {
            self.confirm(newest);
        }
        self.0
    }

    /// Puts a manifest first.
    fn confirm(&mut self, record: &TagRecord) {
        let Self(tagged) = self;
        let known = tagged.iter().position(|it| it.digest == record.digest);
        let known = known.map(|at| tagged.remove(at));
        let confirmed = Tagged {
            digest: record.digest.clone(),
            media_type: record.media_type.clone(),
            first: known.map_or(record.checked_at, |known| known.first),
            last: record.checked_at,
        };
        tagged.insert(0, confirmed);
        tagged.truncate(MAX_TAGGED);
    }
}
