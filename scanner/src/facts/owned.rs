//! What files are to packages: owned by one, or a program of its own.

use serde::{Deserialize, Serialize};

use super::digests::ContentDigest;
use super::path_set::PathHash;

/// A file that a package database says belongs to one of its packages.
///
/// It is a claim until the file's own digest agrees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedFile {
    /// The installed package's name.
    pub package: Box<str>,
    /// The path as the database names it, without a leading slash.
    pub path: PathHash,
    /// The content's digest, where the database keeps one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<ContentDigest>,
}

/// A program, whatever its name and mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinaryFacts {
    /// Its size, in bytes.
    pub size_bytes: u64,
    /// Whether its content names a product or the modules it was built from.
    pub identified: bool,
    /// Whether its content is packed, so that nothing in it can be read.
    pub packed: bool,
    /// Whether it is a library: something else has to load it.
    #[serde(
        rename = "library",
        default,
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub is_library: bool,
}
