//! The name of everything that is known at one time: what all feeds together say.
//!
//! It is compared and shown, never taken apart. Made by the advisory index.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The identity of a snapshot of the feeds.
///
/// *Shape*: `sha256:…`, written as that text; [`SnapshotId::NO_FEEDS`] where no feed is loaded.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SnapshotId(Cow<'static, str>);

// Messages quote it.
impl std::fmt::Debug for SnapshotId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.as_str(), f)
    }
}

impl SnapshotId {
    /// The identity of the snapshot of no feeds.
    pub const NO_FEEDS: Self = Self(Cow::Borrowed("none"));

    /// Names a snapshot by the SHA-256 of all that it knows.
    pub fn of_content(sha256: impl AsRef<[u8]>) -> Self {
        Self(Cow::Owned(format!("sha256:{}", hex::encode(sha256))))
    }

    /// Gives it as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for SnapshotId {
    fn default() -> Self {
        Self::NO_FEEDS
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_its_text_for_people_and_in_stores() {
        let id = SnapshotId::of_content([0xab; 32]);
        let text = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(id.as_str(), text);
        assert_eq!(serde_json::to_value(&id).unwrap(), text);
        let read: SnapshotId = serde_json::from_value("none".into()).unwrap();
        assert_eq!(read, SnapshotId::NO_FEEDS);
        assert_ne!(read, id);
    }
}
