//! An archive of Java that does not state what it is itself, with the digest that may tell.

use serde::{Deserialize, Serialize};
use sluicegate_model::archive::Sha1Digest;
use sluicegate_model::package::Package;

/// An archive that is known by its name or by nothing, and that somebody may know by its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundArchive {
    /// Its path within the file; empty for the file itself.
    pub inside: String,
    /// The digest of its bytes.
    pub sha1: Sha1Digest,
    /// The package that it was recorded as, though it does not state it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<Package>,
    /// What its gap says, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
}
