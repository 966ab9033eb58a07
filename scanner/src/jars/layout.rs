//! The layout of an index of JARs, shared by its writer and its reader.
//!
//! ```text
//! header   336 bytes: magic, format, bits, counts, times, where it is from, checksums
//! records  24 bytes each, sorted: 16 bytes of the SHA-1, then the places of two texts
//! texts    each its length, its CRC-32 and itself: `group:artifact`, or a version
//! buckets  2^bits of 8 bytes: where the records end whose SHA-1 begins so, and their CRC-32
//! ```
//! Records are sorted as their bytes are, for the numbers in them are big-endian; all others are
//! little-endian. Every byte is under one checksum, which is looked at when the byte is read. Nothing
//! here reads or writes files.

use std::ops::Range;

/// The revision of layout and content.
const FORMAT: u32 = 1;

/// The first bytes of every index of JARs.
const MAGIC: [u8; 8] = *b"SLGJARS\0";

/// Bytes of the header.
pub(super) const HEADER_BYTES: usize = 336;

/// Bytes that the text on where an index is from has in the header.
const SOURCE_BYTES: usize = 256;

/// Bytes of a SHA-1 that are kept: by chance, two of a hundred million archives agree in them once in
/// 10^22 indexes.
pub(super) const KEY_BYTES: usize = 16;

/// Bytes of a record.
pub(super) const RECORD_BYTES: usize = KEY_BYTES + 8;

/// Bytes of a bucket.
pub(super) const BUCKET_BYTES: usize = 8;

/// Bytes that stand before a text: its length and its checksum.
pub(super) const TEXT_HEAD_BYTES: usize = 6;

/// Longest text, in bytes: the longest coordinates on Maven Central have some 200.
pub(super) const MAX_TEXT_BYTES: usize = 500;

/// Records that a bucket has on average, at most.
const USUAL_BUCKET: u64 = 64;

/// Most records of a bucket: digests are spread evenly, so that none has a tenth of that.
pub(super) const MAX_BUCKET: u32 = 4_096;

/// Most bits by which records are put into buckets: two million buckets.
const MAX_BITS: u32 = 21;

/// Most records.
pub(super) const MAX_RECORDS: u64 = USUAL_BUCKET << MAX_BITS;

/// Most artifacts of one digest: more of the same bytes, such as an empty archive, are nobody's.
pub(super) const MAX_SAME: usize = 8;

/// The start of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// By how many of its first bits a digest is put into a bucket.
    pub(super) bits: u32,
    pub(super) records: u64,
    pub(super) text_bytes: u64,
    /// Of what time the content is, in seconds since 1970.
    pub(super) of: i64,
    pub(super) buckets_crc: u32,
    /// SHA-256 of records, texts and buckets.
    pub(super) content: [u8; 32],
    /// Where the content is from, for people.
    pub(super) source: String,
}

impl Header {
    pub(super) fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend(self.bits.to_le_bytes());
        bytes.extend(self.records.to_le_bytes());
        bytes.extend(self.text_bytes.to_le_bytes());
        bytes.extend(self.of.to_le_bytes());
        bytes.extend(self.buckets_crc.to_le_bytes());
        bytes.extend(self.content);
        let mut source = cut(&self.source).as_bytes().to_vec();
        source.resize(SOURCE_BYTES, 0);
        bytes.extend(source);
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        let mut header = [0; HEADER_BYTES];
        for (place, byte) in header.iter_mut().zip(bytes) {
            *place = byte;
        }
        header
    }

    /// Reads a header; none where it is none of this format, or is damaged.
    pub(super) fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let (content, crc) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(content) != u32::from_le_bytes(*crc) {
            return None;
        }
        let mut rest = content;
        if take(&mut rest)? != MAGIC || u32::from_le_bytes(take(&mut rest)?) != FORMAT {
            return None;
        }
        let header = Self {
            bits: u32::from_le_bytes(take(&mut rest)?),
            records: u64::from_le_bytes(take(&mut rest)?),
            text_bytes: u64::from_le_bytes(take(&mut rest)?),
            of: i64::from_le_bytes(take(&mut rest)?),
            buckets_crc: u32::from_le_bytes(take(&mut rest)?),
            content: take(&mut rest)?,
            source: text_of_source(rest)?,
        };
        let is_bounded = header.bits <= MAX_BITS
            && header.records <= MAX_RECORDS
            && u32::try_from(header.text_bytes).is_ok();
        is_bounded.then_some(header)
    }

    /// Gives how many buckets there are.
    pub(super) fn buckets(&self) -> usize {
        1 << self.bits
    }

    pub(super) fn texts_at(&self) -> u64 {
        let records = self.records.saturating_mul(wide(RECORD_BYTES));
        records.saturating_add(wide(HEADER_BYTES))
    }

    pub(super) fn buckets_at(&self) -> u64 {
        self.texts_at().saturating_add(self.text_bytes)
    }

    /// Gives how many bytes the whole file has.
    pub(super) fn file_bytes(&self) -> u64 {
        let buckets = wide(self.buckets().saturating_mul(BUCKET_BYTES));
        self.buckets_at().saturating_add(buckets)
    }
}

/// Where the records of a bucket end, and their checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) end: u32,
    pub(super) crc: u32,
}

impl Bucket {
    pub(super) fn to_bytes(self) -> [u8; BUCKET_BYTES] {
        (u64::from(self.crc) << 32 | u64::from(self.end)).to_le_bytes()
    }

    pub(super) fn from_bytes(bytes: [u8; BUCKET_BYTES]) -> Self {
        let [a, b, c, d, crc @ ..] = bytes;
        Self {
            end: u32::from_le_bytes([a, b, c, d]),
            crc: u32::from_le_bytes(crc),
        }
    }
}

/// An archive: the start of its digest, and where its artifact and its version stand in the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    pub(super) key: [u8; KEY_BYTES],
    pub(super) artifact: u32,
    pub(super) version: u32,
}

impl Record {
    pub(super) fn to_bytes(self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        let fields = self.key.into_iter();
        let fields = fields.chain(self.artifact.to_be_bytes());
        let fields = fields.chain(self.version.to_be_bytes());
        for (place, byte) in bytes.iter_mut().zip(fields) {
            *place = byte;
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let mut rest = bytes.as_slice();
        Some(Self {
            key: take(&mut rest)?,
            artifact: u32::from_be_bytes(take(&mut rest)?),
            version: u32::from_be_bytes(take(&mut rest)?),
        })
    }
}

/// Tells by how many bits so many records are put into buckets.
pub(super) fn bits_for(records: u64) -> u32 {
    let mut bits = 0;
    while bits < MAX_BITS && records > USUAL_BUCKET << bits {
        bits += 1;
    }
    bits
}

/// Gives the bucket of a digest, by its first bits.
pub(super) fn bucket_of(key: &[u8; KEY_BYTES], bits: u32) -> usize {
    let first = key.first_chunk().copied().unwrap_or_default();
    let first = u64::from(u32::from_be_bytes(first)) << bits;
    usize::try_from(first >> 32).unwrap_or_default()
}

/// Gives where some bytes of a text stand that begins at a place, as far as it may reach.
pub(super) fn text_window(at: u32, text_bytes: u64) -> Range<u64> {
    let start = u64::from(at).min(text_bytes);
    let most = wide(TEXT_HEAD_BYTES + MAX_TEXT_BYTES);
    start..start.saturating_add(most).min(text_bytes)
}

/// Writes a text; none where it is empty or too long to be one.
pub(super) fn write_text(text: &str) -> Option<Vec<u8>> {
    let length = u16::try_from(text.len()).ok()?;
    if text.is_empty() || text.len() > MAX_TEXT_BYTES {
        return None;
    }
    let crc = crc32fast::hash(text.as_bytes());
    let head = length.to_le_bytes().into_iter().chain(crc.to_le_bytes());
    Some(head.chain(text.bytes()).collect())
}

/// Reads the text at the start of some bytes; none where it is cut off or damaged.
pub(super) fn read_text(mut bytes: &[u8]) -> Option<&str> {
    let length = u16::from_le_bytes(take(&mut bytes)?);
    let crc = u32::from_le_bytes(take(&mut bytes)?);
    let text = bytes.get(..usize::from(length))?;
    let is_whole = crc32fast::hash(text) == crc && !text.is_empty();
    std::str::from_utf8(text).ok().filter(|_| is_whole)
}

pub(super) fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Shortens the text on where an index is from to what the header has room for.
fn cut(source: &str) -> &str {
    let mut end = source.len().min(SOURCE_BYTES);
    while !source.is_char_boundary(end) {
        end -= 1;
    }
    source.get(..end).unwrap_or_default()
}

fn text_of_source(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?.trim_end_matches('\0');
    (!text.contains('\0')).then(|| text.to_owned())
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*first)
}
