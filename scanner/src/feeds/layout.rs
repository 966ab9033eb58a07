//! The layout of an index file, shared by its writer and its reader.
//!
//! ```text
//! preamble   magic, format, where the three sections lie, their CRC-32, its own CRC-32
//! blocks     one for each (ecosystem, package): postcard of [`AdvisoryBlock`]
//! severities sorted [`Rating`](super::severities::Rating)s, 8 bytes each, little-endian
//! tables     postcard of [`Tables`]
//! keys       sorted [`KeyEntry`]s, 24 bytes each, little-endian
//! ```
//! Every byte after the preamble is under exactly one checksum. Nothing here reads or writes files.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use sluicegate_model::advisory::Advisory;
use sluicegate_model::snapshot::SnapshotId;

use super::cve::CveNumber;
use super::names::NameTables;
use super::status::{EcosystemStatus, FeedProblem};
use super::times::FamilyTimes;

/// The revision of layout and content; a file of another one is built again.
pub(crate) const FORMAT: u32 = 11;

/// The first bytes of every index file.
const MAGIC: [u8; 8] = *b"SLGFEEDS";

/// Bytes of the preamble.
pub(super) const PREAMBLE_BYTES: usize = 76;

/// Bytes of one [`KeyEntry`] on disk.
pub(super) const KEY_BYTES: usize = 24;

/// A section of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct IndexSection {
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) crc: u32,
}

/// The start of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Preamble {
    pub(super) tables: IndexSection,
    pub(super) keys: IndexSection,
    pub(super) severities: IndexSection,
}

impl Preamble {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PREAMBLE_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(FORMAT.to_le_bytes());
        for section in [self.tables, self.keys, self.severities] {
            bytes.extend(section.offset.to_le_bytes());
            bytes.extend(section.length.to_le_bytes());
            bytes.extend(section.crc.to_le_bytes());
        }
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// Reads a preamble; none where it is not one of this format, or is damaged.
    pub(super) fn from_bytes(bytes: &[u8; PREAMBLE_BYTES]) -> Option<Self> {
        let (content, crc) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(content) != u32::from_le_bytes(*crc) {
            return None;
        }
        let mut rest = content;
        if take(&mut rest)? != MAGIC || u32::from_le_bytes(take(&mut rest)?) != FORMAT {
            return None;
        }
        let mut section = || {
            Some(IndexSection {
                offset: u64::from_le_bytes(take(&mut rest)?),
                length: u64::from_le_bytes(take(&mut rest)?),
                crc: u32::from_le_bytes(take(&mut rest)?),
            })
        };
        Some(Self {
            tables: section()?,
            keys: section()?,
            severities: section()?,
        })
    }
}

/// What is held in memory, apart from the keys.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tables {
    /// Over everything that matching reads.
    pub(super) snapshot: SnapshotId,
    pub(super) source_fingerprint: String,
    pub(super) ecosystems: Vec<EcosystemStatus>,
    /// Sorted by name.
    pub(super) families: Vec<FamilyTimes>,
    pub(super) problems: Vec<FeedProblem>,
    /// Sorted.
    pub(super) known_exploited: Vec<CveNumber>,
    /// The day of that list, where it names one.
    pub(super) known_exploited_of: Option<Date>,
    /// Sorted by CVE.
    pub(super) exploit_scores: Vec<(CveNumber, f32)>,
    /// The day of those scores, where they name one.
    pub(super) exploit_scores_of: Option<Date>,
    /// The newest day of a change in NVD's files, where there are any.
    pub(super) severities_of: Option<Date>,
    /// What all records together know of weaknesses.
    pub(super) names: NameTables,
    /// How many of the keys are of names without their groups.
    pub(super) groupless_keys: usize,
}

/// Where a block lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyEntry {
    /// [`key_hash`] of the block's package. Two packages may share one.
    pub(super) hash: u64,
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) crc: u32,
}

impl KeyEntry {
    pub(super) fn to_bytes(self) -> [u8; KEY_BYTES] {
        let mut bytes = [0; KEY_BYTES];
        let fields = self
            .hash
            .to_le_bytes()
            .into_iter()
            .chain(self.offset.to_le_bytes())
            .chain(self.length.to_le_bytes())
            .chain(self.crc.to_le_bytes());
        for (place, byte) in bytes.iter_mut().zip(fields) {
            *place = byte;
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Option<Self> {
        let mut rest = bytes.as_slice();
        Some(Self {
            hash: u64::from_le_bytes(take(&mut rest)?),
            offset: u64::from_le_bytes(take(&mut rest)?),
            length: u32::from_le_bytes(take(&mut rest)?),
            crc: u32::from_le_bytes(take(&mut rest)?),
        })
    }
}

/// The advisories on one package. The builder writes the list from parts, so its shape on disk is
/// that of a postcard sequence: the count, then each advisory.
#[derive(Debug, Deserialize)]
pub(super) struct AdvisoryBlock<'a> {
    pub(super) ecosystem: &'a str,
    pub(super) name: &'a str,
    pub(super) advisories: Vec<Advisory>,
}

/// Hashes the key by which a package is found whose group is not known.
pub(super) fn groupless_hash(ecosystem: &str, name: &str) -> u64 {
    key_hash(ecosystem, &format!(":{name}"))
}

/// Hashes a package's key. A cryptographic hash, so that nobody can make names collide cheaply.
pub(super) fn key_hash(ecosystem: &str, name: &str) -> u64 {
    let mut hasher = sha2::Sha256::new();
    hasher.update(ecosystem);
    hasher.update([0]);
    hasher.update(name);
    let hash = hasher.finalize();
    hash.first_chunk::<8>()
        .map_or(0, |first| u64::from_le_bytes(*first))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*first)
}
