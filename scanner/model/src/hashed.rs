//! Digests of an image's files, as an inventory keeps them for whoever knows which are malicious.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::hex_text::hex_text;

/// The first half of a SHA-256, by which files are looked up; written in hexadecimal.
///
/// Whoever makes another file with the first half of a listed one has only accused their own file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash(pub [u8; 16]);

/// Says that a text is no first half of a SHA-256.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no first half of a SHA-256 in hexadecimal")]
pub struct NoContentHash(String);

/// A file and the digest of its content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HashedFile {
    /// Where it is in the image; of one that a later layer hides, where its own layer has it.
    pub path: Box<str>,
    /// What its content hashes to.
    pub sha256: ContentHash,
    /// Whether a later layer replaces or removes it; its own still holds it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_hidden: bool,
}

/// The files of one layer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HashedLayer {
    /// The digest of the layer's blob.
    pub layer: Digest,
    /// By path. What is known of digests is held against them whenever the image is judged, so that no
    /// byte of it has to be read again.
    pub files: Vec<HashedFile>,
}

impl ContentHash {
    /// Takes the first half of a SHA-256.
    pub fn of(sha256: &[u8; 32]) -> Self {
        let mut first = [0; 16];
        first.copy_from_slice(sha256.split_at(16).0);
        Self(first)
    }
}

hex_text!(ContentHash, 16, NoContentHash);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_as_they_are_written() {
        let digest = Digest::of(b"abc");
        let mut whole = [0; 32];
        hex::decode_to_slice(digest.hex(), &mut whole).unwrap();
        let hash = ContentHash::of(&whole);
        assert!(digest.hex().starts_with(&hash.to_string()));
        let text = serde_json::to_value(hash).unwrap();
        assert_eq!(serde_json::from_value::<ContentHash>(text).unwrap(), hash);
        for text in ["", "a9", &"0".repeat(33), &"0".repeat(64), &"x".repeat(32)] {
            assert!(text.parse::<ContentHash>().is_err(), "{text}");
        }
    }
}
