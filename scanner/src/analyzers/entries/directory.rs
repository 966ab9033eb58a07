//! A zip archive's central directory: where it is, and its records one by one.
//!
//! It is what runtimes go by. Records are read in a stream, duplicates included, so that an archive
//! with a million of them takes no more memory than one.
//!
//! Source: PKWARE APPNOTE 6.3.10, sections 4.3.12 to 4.3.16 and 4.5.3.

use std::io::{BufReader, Read};

use super::error::ZipError;
use super::source::{Source, SourceReader};

const END: [u8; 4] = *b"PK\x05\x06";
const END_BYTES: u64 = 22;
const END64: [u8; 4] = *b"PK\x06\x06";
const END64_BYTES: u64 = 56;
const LOCATOR64: [u8; 4] = *b"PK\x06\x07";
const LOCATOR64_BYTES: u64 = 20;
const RECORD: [u8; 4] = *b"PK\x01\x02";
/// The end record and a comment of the longest kind.
const MAX_TAIL_BYTES: u64 = END_BYTES + 65_535;
/// Bit 0 of a record's flags: the content is encrypted.
const ENCRYPTED: u16 = 1;

/// Where an archive keeps its records.
#[derive(Clone, Copy, Debug)]
pub(in crate::analyzers) struct Directory<'a> {
    pub(in crate::analyzers) source: Source<'a>,
    /// How many bytes precede the archive's own first byte.
    pub(in crate::analyzers) shift: u64,
    records: Source<'a>,
    /// How many records the end states; of the plain form only the low 16 bits.
    stated: u64,
    /// Whether `stated` is of the zip64 form.
    wide: bool,
    /// Whether bytes follow the end record that are not its comment.
    pub(in crate::analyzers) tail: bool,
}

/// A record of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::analyzers) struct Entry {
    /// The name, with what is no UTF-8 replaced.
    pub(in crate::analyzers) name: String,
    pub(in crate::analyzers) raw_name: Vec<u8>,
    pub(in crate::analyzers) method: u16,
    /// Whether the content is encrypted.
    pub(in crate::analyzers) encrypted: bool,
    pub(in crate::analyzers) crc: u32,
    pub(in crate::analyzers) packed_bytes: u64,
    /// How many bytes the content has, as stated.
    pub(in crate::analyzers) bytes: u64,
    pub(in crate::analyzers) header_at: u64,
}

impl<'a> Directory<'a> {
    /// Finds the directory from the archive's end, whatever precedes its first byte.
    pub(in crate::analyzers) fn find(source: Source<'a>) -> Result<Self, ZipError> {
        let all = source.bytes();
        let tail_bytes = all.min(MAX_TAIL_BYTES);
        let tail_at = all - tail_bytes;
        let mut tail = Vec::new();
        source
            .part(tail_at, tail_bytes)
            .ok_or(ZipError::NoEnd)?
            .reader()
            .read_to_end(&mut tail)
            .map_err(|error| ZipError::Read(error.to_string()))?;
        let ends: Vec<u64> = tail
            .windows(END.len())
            .enumerate()
            .rev()
            .filter(|(_, window)| *window == END)
            .filter_map(|(at, _)| u64::try_from(at).ok())
            .collect();
        // The comment may hold the signature as well, so an end that fits exactly comes first.
        let fits = |at: &&u64| comment_end(&source, tail_at + **at) == Some(all);
        let exact = ends.iter().filter(fits);
        let mut in_turn = exact.chain(&ends);
        in_turn
            .find_map(|at| Self::at(source, tail_at + at))
            .ok_or(ZipError::NoEnd)
    }

    /// Reads an end record; none where no directory is where it says.
    fn at(source: Source<'a>, end_at: u64) -> Option<Self> {
        let end: [u8; 22] = source.array(end_at)?;
        let (mut stated, mut bytes, mut offset) = (
            u64::from(u16_at(&end, 10)),
            u64::from(u32_at(&end, 12)),
            u64::from(u32_at(&end, 16)),
        );
        let mut records_end = end_at;
        let full = u64::from(u32::MAX);
        let wants_wide = stated == u64::from(u16::MAX) || bytes == full || offset == full;
        let wide = wants_wide.then(|| end64(&source, end_at)).flatten();
        if let Some((at, end)) = wide {
            (stated, bytes, offset) = (u64_at(&end, 32), u64_at(&end, 40), u64_at(&end, 48));
            records_end = at;
        }
        // The records end where the end record begins; bytes before the archive shift all offsets.
        let adjacent = records_end.checked_sub(bytes);
        let places = [adjacent, Some(offset)].into_iter().flatten();
        let begins = |at: &u64| bytes == 0 || source.array(*at) == Some(RECORD);
        let at = places.filter(|at| *at >= offset).find(begins)?;
        Some(Self {
            source,
            shift: at - offset,
            records: source.part(at, bytes)?,
            stated,
            wide: wide.is_some(),
            tail: comment_end(&source, end_at) != Some(source.bytes()),
        })
    }

    /// Gives the records in their order. An error is the last item.
    pub(in crate::analyzers) fn entries(&self) -> Entries<'a> {
        Entries {
            left: self.records.bytes(),
            records: BufReader::new(self.records.reader()),
            seen: 0,
            stated: self.stated,
            wide: self.wide,
        }
    }

    /// Gives a lower bound of the number of records, as stated.
    pub(in crate::analyzers) fn stated_entries(&self) -> u64 {
        self.stated
    }
}

/// The records of a directory.
pub(in crate::analyzers) struct Entries<'a> {
    records: BufReader<SourceReader<'a>>,
    left: u64,
    seen: u64,
    stated: u64,
    wide: bool,
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, ZipError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            let seen = self.seen;
            let count = if self.wide { seen } else { seen & 0xffff };
            let wrong = count != std::mem::replace(&mut self.stated, count);
            return wrong.then(|| {
                let detail = format!("its directory has {seen} entries and states another number");
                Err(ZipError::Broken(detail))
            });
        }
        let entry = self.record();
        if entry.is_ok() {
            self.seen += 1;
        } else {
            // The error is the last item.
            (self.left, self.stated, self.wide) = (0, self.seen, true);
        }
        Some(entry)
    }
}

impl Entries<'_> {
    fn record(&mut self) -> Result<Entry, ZipError> {
        let fixed = self.take(46)?;
        if !fixed.starts_with(&RECORD) {
            return Err(ZipError::Broken(
                "its directory has bytes that are no entry".to_owned(),
            ));
        }
        let raw_name = self.take(u16_at(&fixed, 28).into())?;
        let extra = self.take(u16_at(&fixed, 30).into())?;
        self.take(u16_at(&fixed, 32).into())?;
        let mut entry = Entry {
            name: String::from_utf8_lossy(&raw_name).into_owned(),
            raw_name,
            method: u16_at(&fixed, 10),
            encrypted: u16_at(&fixed, 8) & ENCRYPTED != 0,
            crc: u32_at(&fixed, 16),
            packed_bytes: u32_at(&fixed, 20).into(),
            bytes: u32_at(&fixed, 24).into(),
            header_at: u32_at(&fixed, 42).into(),
        };
        widen(&mut entry, &extra);
        Ok(entry)
    }

    /// Takes at most 64 KiB.
    fn take(&mut self, bytes: usize) -> Result<Vec<u8>, ZipError> {
        let mut taken = vec![0; bytes];
        let wanted = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(wanted).ok_or_else(cut)?;
        self.records.read_exact(&mut taken).map_err(|_| cut())?;
        Ok(taken)
    }
}

fn cut() -> ZipError {
    ZipError::Broken("its directory ends within an entry".to_owned())
}

/// Finds the zip64 end record, which a locator right before the end record points to.
fn end64(source: &Source<'_>, end_at: u64) -> Option<(u64, [u8; 56])> {
    let locator_at = end_at.checked_sub(LOCATOR64_BYTES)?;
    let locator: [u8; 20] = source.array(locator_at)?;
    if !locator.starts_with(&LOCATOR64) {
        return None;
    }
    // Bytes before the archive make the stated place wrong; the record lies before its locator.
    let places = [
        Some(u64_at(&locator, 8)),
        locator_at.checked_sub(END64_BYTES),
    ];
    places.into_iter().flatten().find_map(|at| {
        let end: [u8; 56] = source.array(at)?;
        end.starts_with(&END64).then_some((at, end))
    })
}

/// Gives where the comment of the end record at `end_at` ends.
fn comment_end(source: &Source<'_>, end_at: u64) -> Option<u64> {
    let end: [u8; 22] = source.array(end_at)?;
    Some(end_at + END_BYTES + u64::from(u16_at(&end, 20)))
}

/// Takes the sizes and the place that did not fit 32 bits from the zip64 extra field.
fn widen(entry: &mut Entry, extra: &[u8]) {
    let mut rest = extra;
    while let Some((head, tail)) = rest.split_at_checked(4) {
        let bytes = usize::from(u16_at(head, 2));
        let Some((field, after)) = tail.split_at_checked(bytes) else {
            return;
        };
        if u16_at(head, 0) == 1 {
            let mut values = field.chunks_exact(8).map(|value| u64_at(value, 0));
            let slots = [
                &mut entry.bytes,
                &mut entry.packed_bytes,
                &mut entry.header_at,
            ];
            for slot in slots {
                if *slot == u64::from(u32::MAX)
                    && let Some(value) = values.next()
                {
                    *slot = value;
                }
            }
            return;
        }
        rest = after;
    }
}

/// Reads a number; 0 where the bytes end before it, which no caller's record does.
pub(in crate::analyzers) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    number(bytes, at).map_or(0, u16::from_le_bytes)
}

/// Reads a number; 0 where the bytes end before it, which no caller's record does.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    number(bytes, at).map_or(0, u32::from_le_bytes)
}

/// Reads a number; 0 where the bytes end before it, which no caller's record does.
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    number(bytes, at).map_or(0, u64::from_le_bytes)
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
