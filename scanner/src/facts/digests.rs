//! Digests of a file's content, in the kinds that package databases keep.

use std::fmt;
use std::str::FromStr;
use std::thread;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

/// Bytes at a time from which a thread costs less than it saves: some 50 microseconds of 4,000.
pub(crate) const PARALLEL_BYTES: usize = 1024 * 1024;

/// One digest of a file's content; written `kind:hex`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContentDigest {
    /// MD5, as dpkg and old RPM databases keep it.
    Md5([u8; 16]),
    /// SHA-1, as apk keeps it.
    Sha1([u8; 20]),
    /// SHA-256, as RPM keeps it.
    Sha256([u8; 32]),
}

/// A file's digests of every kind in [`ContentDigest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDigests {
    /// MD5.
    pub md5: ContentDigest,
    /// SHA-1.
    pub sha1: ContentDigest,
    /// SHA-256.
    pub sha256: ContentDigest,
}

/// Says that a text is no digest that is known.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no md5, sha1 or sha256 digest in hexadecimal")]
pub struct DigestText(String);

/// The three digests of one file, made piece by piece.
#[derive(Clone, Default)]
pub(crate) struct Hashing {
    md5: md5::Md5,
    sha1: sha1::Sha1,
    sha256: sha2::Sha256,
}

impl Hashing {
    /// Takes the next bytes; of many, MD5 is made beside the two others, for it takes as long as
    /// both.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let Self { md5, sha1, sha256 } = self;
        if bytes.len() < PARALLEL_BYTES {
            md5.update(bytes);
            sha1.update(bytes);
            sha256.update(bytes);
            return;
        }
        thread::scope(|scope| {
            scope.spawn(|| md5.update(bytes));
            sha1.update(bytes);
            sha256.update(bytes);
        });
    }

    /// Gives the digests of all bytes taken.
    pub(crate) fn finish(self) -> FileDigests {
        FileDigests {
            md5: ContentDigest::Md5(self.md5.finalize().into()),
            sha1: ContentDigest::Sha1(self.sha1.finalize().into()),
            sha256: ContentDigest::Sha256(self.sha256.finalize().into()),
        }
    }
}

impl FileDigests {
    /// Hashes a whole file.
    pub fn of(content: &[u8]) -> Self {
        let mut hashing = Hashing::default();
        hashing.update(content);
        hashing.finish()
    }

    /// Tells whether the file's content has the digest that a database keeps.
    pub fn agree(&self, kept: &ContentDigest) -> bool {
        [self.md5, self.sha1, self.sha256].contains(kept)
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Md5(bytes) => write!(f, "md5:{}", hex::encode(bytes)),
            Self::Sha1(bytes) => write!(f, "sha1:{}", hex::encode(bytes)),
            Self::Sha256(bytes) => write!(f, "sha256:{}", hex::encode(bytes)),
        }
    }
}

impl FromStr for ContentDigest {
    type Err = DigestText;

    fn from_str(text: &str) -> Result<Self, DigestText> {
        let unknown = || DigestText(text.chars().take(80).collect());
        let (kind, digits) = text.split_once(':').ok_or_else(unknown)?;
        let bytes = hex::decode(digits).map_err(|_| unknown())?;
        let digest = match kind {
            "md5" => bytes.try_into().ok().map(Self::Md5),
            "sha1" => bytes.try_into().ok().map(Self::Sha1),
            "sha256" => bytes.try_into().ok().map(Self::Sha256),
            _ => None,
        };
        digest.ok_or_else(unknown)
    }
}

impl Serialize for ContentDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests_agree_and_are_read_as_they_are_written() {
        let digests = FileDigests::of(b"abc");
        for text in [
            "md5:900150983cd24fb0d6963f7d28e17f72",
            "sha1:a9993e364706816aba3e25717850c26c9cd0d89d",
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ] {
            let kept: ContentDigest = text.parse().unwrap();
            assert!(digests.agree(&kept), "{text}");
            assert!(!FileDigests::of(b"abd").agree(&kept), "{text}");
            assert_eq!(kept.to_string(), text);
        }
        let many = vec![7; 3 * PARALLEL_BYTES + 1];
        let mut pieces = Hashing::default();
        many.chunks(1_000).for_each(|piece| pieces.update(piece));
        assert_eq!(FileDigests::of(&many), pieces.finish());
        for text in ["", "md5", "md5:00", "crc:00", "sha1:zz"] {
            assert!(text.parse::<ContentDigest>().is_err(), "{text}");
        }
    }
}
