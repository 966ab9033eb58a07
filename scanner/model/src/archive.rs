//! Java archives that do not prove what they are, as an inventory keeps them for whoever knows digests.

use serde::{Deserialize, Serialize};

use crate::coverage::Gap;
use crate::digest::Digest;
use crate::hex_text::hex_text;
use crate::package::{Owner, Package};

/// The SHA-1 of an archive, by which repositories name it; written in hexadecimal.
///
/// It identifies what was published and proves nothing against somebody who makes two archives of one
/// digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha1Digest(pub [u8; 20]);

/// Says that a text is no SHA-1.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no SHA-1 in hexadecimal")]
pub struct NoSha1(String);

/// An archive that does not state what it is itself: its name, or nothing, says so.
///
/// *Shape*: at one path of one layer. What is known of digests is held against it whenever an image is
/// judged, so that no byte of it has to be read again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnprovenArchive {
    /// Its path in the image, as components have it.
    pub path: String,
    /// The layer that introduced it.
    pub layer: Digest,
    /// The digest of its bytes.
    pub sha1: Sha1Digest,
    /// What it is called: the component at its path that its digest may prove wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<Package>,
    /// The gap that it is, where nothing says what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Gap>,
    /// The package of the system that brought its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Box<Owner>>,
    /// Whether it lies in a cache, so that nothing runs from it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
}

hex_text!(Sha1Digest, 20, NoSha1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_as_they_are_written() {
        let text = "a9993e364706816aba3e25717850c26c9cd0d89d";
        let digest: Sha1Digest = text.parse().unwrap();
        assert_eq!(digest.to_string(), text);
        assert_eq!(serde_json::to_value(digest).unwrap(), text);
        let read: Sha1Digest = serde_json::from_value(text.into()).unwrap();
        assert_eq!(read, digest);
        for text in ["", "a9", &"0".repeat(41), &"x".repeat(40)] {
            assert!(text.parse::<Sha1Digest>().is_err(), "{text}");
        }
    }
}
