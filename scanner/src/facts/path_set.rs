//! A compact set of paths: sixteen bytes each, whatever their length.
//!
//! The merge asks it whether a layer put something else where a directory was. It is a truncated
//! SHA-256, so nobody can craft a path that passes for another.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

/// The first sixteen bytes of a path's SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathHash([u8; 16]);

impl PathHash {
    /// Hashes a path.
    pub fn of(path: &str) -> Self {
        let whole: [u8; 32] = sha2::Sha256::digest(path.as_bytes()).into();
        Self(whole.first_chunk::<16>().copied().unwrap_or_default())
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

impl FromIterator<PathHash> for PathSet {
    fn from_iter<I: IntoIterator<Item = PathHash>>(hashes: I) -> Self {
        let mut sorted: Vec<_> = hashes.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        sorted.shrink_to_fit();
        Self(sorted)
    }
}

impl Serialize for PathSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|hash| hash.0).collect();
        serializer.serialize_str(&hex::encode(bytes))
    }
}

impl<'de> Deserialize<'de> for PathSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = hex::decode(text).map_err(serde::de::Error::custom)?;
        let (hashes, rest) = bytes.as_chunks::<16>();
        if !rest.is_empty() {
            return Err(serde::de::Error::custom("path set ends within a hash"));
        }
        Ok(hashes.iter().copied().map(PathHash).collect())
    }
}
