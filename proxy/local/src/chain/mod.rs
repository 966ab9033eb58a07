//! Files of lines of which each holds the hash of the one before: only ever appended to, durable
//! before anything rests on them, and provable from the first line to the last.
//!
//! What the lines say is the business of whoever has such a chain: it is a [`Chain`].

mod backwards;
mod follow;
mod forwards;
mod log;
mod open;
mod verify;

use serde::Serialize;
use sluicegate_model::Digest;

pub use follow::{Cursor, Followed, FollowedLine, LogReader, Position};
pub use log::{ChainLog, LogEnd, LogError};
pub use open::{OpenReport, TornTail};
pub use verify::{Fault, FaultKind, VerifyReport, verify};

pub(crate) use backwards::LinesBackwards;
pub(crate) use forwards::{LogPiece, next_line, number_of, offset_of};

/// Longest line, in bytes.
pub(crate) const MAX_LINE_BYTES: usize = 64 * 1024;
/// What stands between a line's other fields and its hash.
const HASH_FIELD: &[u8] = b",\"hash\":\"";
/// What stands after it.
const LINE_END: &[u8] = b"\"}";

/// What a chain is made of: JSON objects that begin with `seq` and end with `prev` and `hash`.
pub trait Chain: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// The name of its file.
    const FILE: &'static str;
    /// What it is called.
    const NAME: &'static str;
    /// What a line is made of.
    type Entry: Send + 'static;
    /// A line that is read.
    type Line: Clone + std::fmt::Debug + Send + 'static;

    /// Writes the line that follows `head`, newline included and no longer than a line may be, and
    /// gives the new head: `seal` does both.
    fn chain(entry: Self::Entry, head: &Head) -> Result<(Vec<u8>, Head), serde_json::Error>;

    /// Reads a line without its newline; none where it is no line or its hash does not fit it.
    fn read(bytes: &[u8]) -> Option<Self::Line>;

    /// Gives where the chain stood before a line, and where it stands after it.
    fn link(line: &Self::Line) -> Option<Link>;
}

/// Where the chain stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the last line; 0 before the first.
    pub seq: u64,
    /// Its hash; before the first line that of no bytes at all.
    pub hash: Digest,
}

/// A line's place in its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The hash of the line before.
    pub prev: Digest,
    /// Where the chain stands after it.
    pub head: Head,
}

impl Head {
    /// Gives the head of a chain without lines.
    pub fn before_the_first() -> Self {
        Self {
            seq: 0,
            hash: Digest::of(b""),
        }
    }
}

/// Writes a line that has its number and the hash before it and no hash of its own yet, with that
/// hash and a newline.
pub(crate) fn seal(seq: u64, line: &impl Serialize) -> Result<(Vec<u8>, Head), serde_json::Error> {
    let mut bytes = serde_json::to_vec(line)?;
    // Without its closing brace: the hash covers what stands before its own field.
    bytes.pop();
    let hash = Digest::of(&bytes);
    bytes.extend_from_slice(HASH_FIELD);
    bytes.extend_from_slice(hash.as_str().as_bytes());
    bytes.extend_from_slice(LINE_END);
    bytes.push(b'\n');
    Ok((bytes, Head { seq, hash }))
}

/// Tells whether the hash that a line states is that of the bytes before it.
pub(crate) fn is_sealed(line: &[u8], stated: &Digest) -> bool {
    let covered = line
        .strip_suffix(LINE_END)
        .and_then(|line| line.strip_suffix(stated.as_str().as_bytes()))
        .and_then(|line| line.strip_suffix(HASH_FIELD));
    covered.is_some_and(|covered| Digest::of(covered) == *stated)
}
