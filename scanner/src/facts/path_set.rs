//! A compact set of paths: sixteen bytes each, whatever their length.
//!
//! The merge asks it whether a layer put something else where a directory was. It is a truncated
//! SHA-256, so nobody can craft a path that passes for another. Two bits of it are a mark that the
//! walk uses, so that two million paths and what each one was take 31 MiB.

use std::io::{self, Read, Write};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

/// The bits of a hash's last byte that are not the path's but a mark.
const MARK: u8 = 0b11;

/// The first 126 bits of a path's SHA-256, and a mark of two bits that is zero unless it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathHash([u8; 16]);

impl PathHash {
    /// Hashes a path.
    pub fn of(path: &str) -> Self {
        let whole: [u8; 32] = sha2::Sha256::digest(path.as_bytes()).into();
        Self(whole.first_chunk::<16>().copied().unwrap_or_default()).marked(0)
    }

    /// Gives the hash with another mark, below four; hashes of one path stand together in order.
    pub(crate) fn marked(mut self, mark: u8) -> Self {
        self.0[15] = self.0[15] & !MARK | mark & MARK;
        self
    }

    /// Gives the mark.
    pub(crate) fn mark(self) -> u8 {
        self.0[15] & MARK
    }
}

impl Serialize for PathHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for PathHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut hash = Self([0; 16]);
        hex::decode_to_slice(text, &mut hash.0).map_err(serde::de::Error::custom)?;
        Ok(hash)
    }
}

/// A sorted set of path hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathSet(Vec<PathHash>);

impl PathSet {
    /// Tells whether a path is in the set.
    pub fn contains(&self, path: PathHash) -> bool {
        self.0.binary_search(&path).is_ok()
    }

    /// Tells whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts the paths.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl PathSet {
    /// Takes hashes in any order, whatever their marks, without a copy.
    pub(crate) fn of(mut hashes: Vec<PathHash>) -> Self {
        for hash in &mut hashes {
            *hash = hash.marked(0);
        }
        hashes.sort_unstable();
        hashes.dedup();
        hashes.shrink_to_fit();
        Self(hashes)
    }

    /// Writes the set: how many hashes, then each.
    pub(crate) fn write(&self, into: &mut impl Write) -> io::Result<()> {
        let count = u64::try_from(self.0.len()).unwrap_or(u64::MAX);
        into.write_all(&count.to_le_bytes())?;
        self.0.iter().try_for_each(|hash| into.write_all(&hash.0))
    }

    /// Reads what [`Self::write`] wrote.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut count = [0; 8];
        from.read_exact(&mut count)?;
        let mut hashes = Vec::new();
        for _ in 0..u64::from_le_bytes(count) {
            let mut hash = [0; 16];
            from.read_exact(&mut hash)?;
            hashes.push(PathHash(hash));
        }
        Ok(Self::of(hashes))
    }
}
