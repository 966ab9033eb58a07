//! The keys of every record: a kind, then its parts, each ended by a zero byte.
//!
//! Names, digests and tags hold no zero byte, so that one part can never run into the next and a
//! prefix of whole parts selects exactly those records.

use jiff::Timestamp;
use sluicegate_model::{Digest, Repository, Tag};

use super::store::Key;

/// The kinds of records. The letters are on disk.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Verdict,
    VerdictByDigest,
    VerdictByTime,
    Member,
    Listing,
    BlobPresent,
    Released,
    Tag,
    Platform,
    Event,
    EventHead,
    Delivered,
    Marks,
    Parent,
}

impl Kind {
    const fn letter(self) -> u8 {
        match self {
            Self::Verdict => b'v',
            Self::VerdictByDigest => b'd',
            Self::VerdictByTime => b'n',
            // `m` and `b` are of a time when an upstream's word to HEAD was enough: not read.
            Self::Member => b'M',
            Self::Listing => b'l',
            Self::BlobPresent => b'B',
            Self::Released => b'r',
            Self::Tag => b't',
            Self::Platform => b'p',
            Self::Event => b'e',
            Self::EventHead => b'h',
            Self::Delivered => b'w',
            Self::Marks => b'k',
            Self::Parent => b'i',
        }
    }
}

pub(super) fn verdict(repository: &Repository, digest: &Digest) -> Key {
    key(Kind::Verdict, &[&repository.to_string(), digest.as_str()])
}

pub(super) fn verdict_by_digest(digest: &Digest, repository: &Repository) -> Key {
    let parts = [digest.as_str(), &repository.to_string()];
    key(Kind::VerdictByDigest, &parts)
}

pub(super) fn verdicts_of(digest: &Digest) -> Key {
    key(Kind::VerdictByDigest, &[digest.as_str()])
}

pub(super) fn all_by_digest() -> Key {
    key(Kind::VerdictByDigest, &[])
}

/// Names a verdict so that newer ones sort first.
pub(super) fn verdict_by_time(at: Timestamp, repository: &Repository, digest: &Digest) -> Key {
    let parts = [&newest_first(at), &repository.to_string(), digest.as_str()];
    key(Kind::VerdictByTime, &parts)
}

pub(super) fn all_by_time() -> Key {
    key(Kind::VerdictByTime, &[])
}

/// Gives the key just before every verdict that is as old as `at` or older.
pub(super) fn by_time_from(at: Timestamp) -> Key {
    key(Kind::VerdictByTime, &[&newest_first(at)])
}

/// Gives a key just after every verdict that is as young as `at` or younger.
pub(super) fn by_time_until(at: Timestamp) -> Key {
    let mut bytes = by_time_from(at).0.into_vec();
    bytes.push(u8::MAX);
    Key(bytes.into())
}

pub(super) fn member(repository: &Repository, manifest: &Digest) -> Key {
    key(Kind::Member, &[&repository.to_string(), manifest.as_str()])
}

pub(super) fn listing(repository: &Repository, blob: &Digest, manifest: &Digest) -> Key {
    let parts = [&repository.to_string(), blob.as_str(), manifest.as_str()];
    key(Kind::Listing, &parts)
}

pub(super) fn listings(repository: &Repository, blob: &Digest) -> Key {
    key(Kind::Listing, &[&repository.to_string(), blob.as_str()])
}

/// Names an index that lists a manifest.
pub(super) fn parent(repository: &Repository, child: &Digest, index: &Digest) -> Key {
    let parts = [&repository.to_string(), child.as_str(), index.as_str()];
    key(Kind::Parent, &parts)
}

pub(super) fn parents(repository: &Repository, child: &Digest) -> Key {
    key(Kind::Parent, &[&repository.to_string(), child.as_str()])
}

pub(super) fn blob_present(repository: &Repository, blob: &Digest) -> Key {
    key(Kind::BlobPresent, &[&repository.to_string(), blob.as_str()])
}

pub(super) fn released(repository: &Repository, manifest: &Digest) -> Key {
    key(
        Kind::Released,
        &[&repository.to_string(), manifest.as_str()],
    )
}

pub(super) fn tag(repository: &Repository, tag: &Tag) -> Key {
    key(Kind::Tag, &[&repository.to_string(), tag.as_str()])
}

pub(super) fn platform(repository: &Repository, platform: &str) -> Key {
    key(Kind::Platform, &[&repository.to_string(), platform])
}

pub(super) fn platforms(repository: &Repository) -> Key {
    key(Kind::Platform, &[&repository.to_string()])
}

/// Names an event so that newer ones sort first.
pub(super) fn event(seq: u64) -> Key {
    let distance = u64::MAX.saturating_sub(seq);
    key(Kind::Event, &[&format!("{distance:016x}")])
}

pub(super) fn all_events() -> Key {
    key(Kind::Event, &[])
}

pub(super) fn event_head() -> Key {
    key(Kind::EventHead, &[])
}

pub(super) fn delivered_event() -> Key {
    key(Kind::Delivered, &[])
}

/// Names a row of the marks of an image's packages.
pub(super) fn marks(digest: &Digest, number: u32) -> Key {
    key(Kind::Marks, &[digest.as_str(), &format!("{number:08x}")])
}

/// Gives the key just before every row of an image's marks.
pub(super) fn marks_of(digest: &Digest) -> Key {
    key(Kind::Marks, &[digest.as_str()])
}

/// Gives a key just after every row of an image's marks.
pub(super) fn marks_end(digest: &Digest) -> Key {
    let mut bytes = marks_of(digest).0.into_vec();
    bytes.push(u8::MAX);
    Key(bytes.into())
}

pub(super) fn all_marks() -> Key {
    key(Kind::Marks, &[])
}

/// Gives the digest that a [`marks`] key names.
pub(super) fn marked(key: &Key) -> Option<Digest> {
    let (digest, _number) = last_two_parts(key)?;
    digest.parse().ok()
}

/// Gives a key's last part as text.
pub(super) fn last_part(key: &Key) -> Option<&str> {
    let bytes = key.as_bytes().strip_suffix(&[0])?;
    let part = bytes.rsplit(|byte| *byte == 0).next()?;
    std::str::from_utf8(part).ok()
}

/// Gives the repository and digest that a [`verdict_by_time`] key names.
pub(super) fn named_by_time(key: &Key) -> Option<(Repository, Digest)> {
    let (repository, digest) = last_two_parts(key)?;
    Some((repository.parse().ok()?, digest.parse().ok()?))
}

/// Gives the digest and repository that a [`verdict_by_digest`] key names.
pub(super) fn named_by_digest(key: &Key) -> Option<(Digest, Repository)> {
    let (digest, repository) = last_two_parts(key)?;
    Some((digest.parse().ok()?, repository.parse().ok()?))
}

fn last_two_parts(key: &Key) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(key.as_bytes()).ok()?;
    let mut parts = text.strip_suffix('\0')?.rsplit('\0');
    let last = parts.next()?;
    Some((parts.next()?, last))
}

fn key(kind: Kind, parts: &[&str]) -> Key {
    let mut bytes = vec![kind.letter(), 0];
    for part in parts {
        bytes.extend_from_slice(part.as_bytes());
        bytes.push(0);
    }
    Key(bytes.into())
}

/// Writes an instant so that later ones sort first: hexadecimal of its distance to the last one.
fn newest_first(at: Timestamp) -> String {
    let distance = i64::MAX.abs_diff(at.as_microsecond());
    format!("{distance:016x}")
}
