//! The keys of every record: a kind, then its parts, each ended by a zero byte.
//!
//! Names, digests and tags hold no zero byte, so that one part can never run into the next and a
//! prefix of whole parts selects exactly those records.

use crate::store::{Key, WHOLE_KEY};
use sluicegate_model::heard::VexMark;
use sluicegate_model::{Digest, Repository, Scope, Sighting, Tag};

use sluicegate_engine::ledger::RecordedImage;
use sluicegate_engine::ledger::term::Term;

/// The kinds of records. The letters are on disk.
#[derive(Clone, Copy)]
pub(super) enum RecordKind {
    Verdict,
    Text,
    VerdictByDigest,
    Summary,
    Logged,
    Block,
    WholeIndex,
    Member,
    Listing,
    BlobPresent,
    Released,
    Given,
    Tag,
    TagHistory,
    Platform,
    Event,
    EventHead,
    Delivered,
    Told,
    Parent,
    Image,
    NumberedImage,
    Basis,
    Step,
    Waiver,
    Word,
    WordCount,
    SpokenOf,
    Recorded,
    RecordRow,
    RecordPosition,
    WholeRecord,
    Pulled,
    PullsPosition,
}

impl RecordKind {
    const fn letter(self) -> u8 {
        match self {
            Self::Verdict => b'v',
            Self::Text => b'T',
            Self::VerdictByDigest => b'd',
            // `n` and `k` are of a time when lists looked at every verdict: removed when found.
            Self::Summary => b's',
            Self::Logged => b'q',
            Self::Block => b'x',
            Self::WholeIndex => b'f',
            // `m` and `b` are of a time when an upstream's word to HEAD was enough: not read.
            Self::Member => b'M',
            Self::Listing => b'l',
            Self::BlobPresent => b'B',
            Self::Released => b'r',
            Self::Given => b'g',
            Self::Tag => b't',
            Self::TagHistory => b'H',
            Self::Platform => b'p',
            Self::Event => b'e',
            Self::EventHead => b'h',
            Self::Delivered => b'w',
            Self::Told => b'y',
            Self::Parent => b'i',
            Self::Image => b'K',
            Self::NumberedImage => b'I',
            Self::Basis => b'o',
            Self::Step => b'j',
            Self::Waiver => b'W',
            Self::Word => b'a',
            Self::WordCount => b'u',
            Self::SpokenOf => b'c',
            Self::Recorded => b'N',
            Self::RecordRow => b'R',
            Self::RecordPosition => b'P',
            Self::WholeRecord => b'L',
            Self::Pulled => b'D',
            Self::PullsPosition => b'E',
        }
    }
}

pub(super) fn verdict(scope: &Scope, digest: &Digest) -> Key {
    let repository = scope.repository.as_str();
    for_whom(RecordKind::Verdict, [repository, digest.as_str()], scope)
}

/// Names the text of a verdict, where it is small.
pub(super) fn text(scope: &Scope, digest: &Digest) -> Key {
    let repository = scope.repository.as_str();
    for_whom(RecordKind::Text, [repository, digest.as_str()], scope)
}

pub(super) fn verdict_by_digest(digest: &Digest, scope: &Scope) -> Key {
    let repository = scope.repository.as_str();
    for_whom(
        RecordKind::VerdictByDigest,
        [digest.as_str(), repository],
        scope,
    )
}

/// Adds to a key for whom it is, where that is not everybody, and by whose word, where that is not
/// this machine's.
fn for_whom(kind: RecordKind, [one, other]: [&str; 2], scope: &Scope) -> Key {
    let audience = scope.audience.digest().map(Digest::as_str);
    match (audience, scope.domain.in_keys()) {
        (None, None) => key(kind, &[one, other]),
        (Some(audience), None) => key(kind, &[one, other, audience]),
        (audience, Some(domain)) => key(kind, &[one, other, audience.unwrap_or(""), &domain]),
    }
}

pub(super) fn verdicts_of(digest: &Digest) -> Key {
    key(RecordKind::VerdictByDigest, &[digest.as_str()])
}

pub(super) fn all_by_digest() -> Key {
    key(RecordKind::VerdictByDigest, &[])
}

/// Names what lists say of the verdict of a number.
pub(super) fn summary(number: u32) -> Key {
    key(RecordKind::Summary, &[&format!("{number:08x}")])
}

pub(super) fn all_summaries() -> Key {
    key(RecordKind::Summary, &[])
}

/// Gives the number that a [`summary`] key names.
pub(super) fn summarised(key: &Key) -> Option<u32> {
    u32::from_str_radix(last_part(key)?, 16).ok()
}

/// Names a row of changes that are not in the blocks yet, so that later ones sort last.
pub(super) fn logged(row: u64) -> Key {
    key(RecordKind::Logged, &[&format!("{row:016x}")])
}

pub(super) fn all_logged() -> Key {
    key(RecordKind::Logged, &[])
}

/// Gives the row that a [`logged`] key names.
pub(super) fn logged_row(key: &Key) -> Option<u64> {
    u64::from_str_radix(last_part(key)?, 16).ok()
}

/// Names a block of the numbers that share a name.
pub(super) fn block(term: Term, block: u32) -> Key {
    key(
        RecordKind::Block,
        &[&term.to_string(), &format!("{block:06x}")],
    )
}

pub(super) fn blocks_of(term: Term) -> Key {
    key(RecordKind::Block, &[&term.to_string()])
}

/// Gives which block of its name a [`block`] key names.
pub(super) fn block_number(key: &Key) -> Option<u32> {
    u32::from_str_radix(last_part(key)?, 16).ok()
}

/// Names the mark that every verdict has its number.
pub(super) fn whole_index() -> Key {
    key(RecordKind::WholeIndex, &[])
}

/// Gives what begins the keys of lists that are not read any more.
pub(super) fn of_earlier_lists() -> [Key; 2] {
    [b"n\0".as_slice().into(), b"k\0".as_slice().into()]
}

pub(super) fn member(repository: &Repository, manifest: &Digest) -> Key {
    key(
        RecordKind::Member,
        &[repository.as_str(), manifest.as_str()],
    )
}

pub(super) fn listing(repository: &Repository, blob: &Digest, manifest: &Digest) -> Key {
    let parts = [repository.as_str(), blob.as_str(), manifest.as_str()];
    key(RecordKind::Listing, &parts)
}

pub(super) fn listings(repository: &Repository, blob: &Digest) -> Key {
    key(RecordKind::Listing, &[repository.as_str(), blob.as_str()])
}

/// Names an index that lists a manifest.
pub(super) fn parent(repository: &Repository, child: &Digest, index: &Digest) -> Key {
    let parts = [repository.as_str(), child.as_str(), index.as_str()];
    key(RecordKind::Parent, &parts)
}

pub(super) fn parents(repository: &Repository, child: &Digest) -> Key {
    key(RecordKind::Parent, &[repository.as_str(), child.as_str()])
}

pub(super) fn blob_present(repository: &Repository, blob: &Digest) -> Key {
    key(
        RecordKind::BlobPresent,
        &[repository.as_str(), blob.as_str()],
    )
}

pub(super) fn released(repository: &Repository, manifest: &Digest) -> Key {
    key(
        RecordKind::Released,
        &[repository.as_str(), manifest.as_str()],
    )
}

pub(super) fn waiver(repository: &Repository, digest: &Digest) -> Key {
    key(RecordKind::Waiver, &[repository.as_str(), digest.as_str()])
}

pub(super) fn all_waivers() -> Key {
    key(RecordKind::Waiver, &[])
}

/// Names what a key has said of a manifest on a product and a weakness, which are hashed: both can be
/// long.
pub(super) fn word(key: &Digest, manifest: &Digest, word: &VexMark) -> Key {
    let about = [word.product.as_str(), &word.vulnerability].join("\n");
    let about = Digest::of(about.as_bytes());
    self::key(
        RecordKind::Word,
        &[key.as_str(), manifest.as_str(), about.hex()],
    )
}

pub(super) fn words(key: &Digest, manifest: &Digest) -> Key {
    self::key(RecordKind::Word, &[key.as_str(), manifest.as_str()])
}

/// Names how many words of a key on a manifest there are.
pub(super) fn word_count(key: &Digest, manifest: &Digest) -> Key {
    self::key(RecordKind::WordCount, &[key.as_str(), manifest.as_str()])
}

/// Names how many manifests keys have spoken of.
pub(super) fn spoken_of() -> Key {
    key(RecordKind::SpokenOf, &[])
}

pub(super) fn given(repository: &Repository, manifest: &Digest) -> Key {
    key(RecordKind::Given, &[repository.as_str(), manifest.as_str()])
}

pub(super) fn tag(repository: &Repository, tag: &Tag) -> Key {
    key(RecordKind::Tag, &[repository.as_str(), tag.as_str()])
}

/// Names what a tag has pointed to.
pub(super) fn tag_history(repository: &Repository, tag: &Tag) -> Key {
    key(RecordKind::TagHistory, &[repository.as_str(), tag.as_str()])
}

pub(super) fn platform(repository: &Repository, platform: &str) -> Key {
    key(RecordKind::Platform, &[repository.as_str(), platform])
}

pub(super) fn platforms(repository: &Repository) -> Key {
    key(RecordKind::Platform, &[repository.as_str()])
}

/// Names an event so that newer ones sort first.
pub(super) fn event(seq: u64) -> Key {
    let distance = u64::MAX.saturating_sub(seq);
    key(RecordKind::Event, &[&format!("{distance:016x}")])
}

pub(super) fn all_events() -> Key {
    key(RecordKind::Event, &[])
}

pub(super) fn event_head() -> Key {
    key(RecordKind::EventHead, &[])
}

/// Names what was delivered to a receiver. That of the setting `webhook` was for long the only one, and
/// has no name in its key.
pub(super) fn delivered_event(receiver: &str) -> Key {
    match receiver {
        "webhook" => key(RecordKind::Delivered, &[]),
        other => key(RecordKind::Delivered, &[other]),
    }
}

/// Names the mark that something was told that is told once.
pub(super) fn told(name: &Digest) -> Key {
    key(RecordKind::Told, &[name.as_str()])
}

pub(super) fn all_told() -> Key {
    key(RecordKind::Told, &[])
}

/// Names the newest basis.
pub(super) fn basis() -> Key {
    key(RecordKind::Basis, &[])
}

/// Names the mark that nothing was lost of what images are listed by.
pub(super) fn whole_lists() -> Key {
    Key::from(WHOLE_KEY)
}

/// Names a step between bases, in their order.
pub(super) fn step(number: usize) -> Key {
    key(RecordKind::Step, &[&format!("{number:08x}")])
}

pub(super) fn all_steps() -> Key {
    key(RecordKind::Step, &[])
}

/// Names the number under which an image's packages are listed.
pub(super) fn image(image: &Sighting) -> Key {
    let digest = image.digest.as_str();
    match image.domain.in_keys() {
        None => key(RecordKind::Image, &[digest]),
        Some(domain) => key(RecordKind::Image, &[digest, &domain]),
    }
}

pub(super) fn all_images() -> Key {
    key(RecordKind::Image, &[])
}

/// Names the image of a number.
pub(super) fn numbered_image(number: u32) -> Key {
    key(RecordKind::NumberedImage, &[&format!("{number:08x}")])
}

/// Names the number under which an image is recorded.
pub(super) fn recorded(image: &RecordedImage) -> Key {
    let (repository, digest) = (image.repository.as_str(), image.digest.as_str());
    match image.domain.in_keys() {
        None => key(RecordKind::Recorded, &[repository, digest]),
        Some(domain) => key(RecordKind::Recorded, &[repository, digest, &domain]),
    }
}

pub(super) fn all_recorded() -> Key {
    key(RecordKind::Recorded, &[])
}

/// Gives the image that a [`recorded`] key names.
pub(super) fn recorded_image(key: &Key) -> Option<RecordedImage> {
    let text = std::str::from_utf8(key.as_bytes()).ok()?;
    let mut parts = text.split('\0').skip(1);
    Some(RecordedImage {
        repository: parts.next()?.parse().ok()?,
        digest: parts.next()?.parse().ok()?,
        domain: parts.next().unwrap_or_default().parse().ok()?,
    })
}

/// Names what is recorded of the image of a number.
pub(super) fn record_row(number: u32) -> Key {
    key(RecordKind::RecordRow, &[&format!("{number:08x}")])
}

/// Names up to where the record was read.
pub(super) fn record_position() -> Key {
    key(RecordKind::RecordPosition, &[])
}

/// Names the mark that every verdict is in the record.
pub(super) fn whole_record() -> Key {
    key(RecordKind::WholeRecord, &[])
}

/// Names who pulled a manifest.
pub(super) fn pulled(repository: &Repository, manifest: &Digest) -> Key {
    key(
        RecordKind::Pulled,
        &[repository.as_str(), manifest.as_str()],
    )
}

pub(super) fn all_pulled() -> Key {
    key(RecordKind::Pulled, &[])
}

/// Names up to where the log of pulls was read.
pub(super) fn pulls_position() -> Key {
    key(RecordKind::PullsPosition, &[])
}

/// Gives a key's last part as text.
pub(super) fn last_part(key: &Key) -> Option<&str> {
    let bytes = key.as_bytes().strip_suffix(&[0])?;
    let part = bytes.rsplit(|byte| *byte == 0).next()?;
    std::str::from_utf8(part).ok()
}

/// Gives the digest and repository that a [`verdict_by_digest`] key names.
pub(super) fn named_by_digest(key: &Key) -> Option<(Digest, Repository)> {
    let text = std::str::from_utf8(key.as_bytes()).ok()?;
    let mut parts = text.split('\0').skip(1);
    let (digest, repository) = (parts.next()?, parts.next()?);
    Some((digest.parse().ok()?, repository.parse().ok()?))
}

fn key(kind: RecordKind, parts: &[&str]) -> Key {
    let mut bytes = vec![kind.letter(), 0];
    for part in parts {
        bytes.extend_from_slice(part.as_bytes());
        bytes.push(0);
    }
    Key(bytes.into())
}
