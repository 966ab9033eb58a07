//! One entry's content: where it lies, and unpacking it, within a bound.
//!
//! Source: PKWARE APPNOTE 6.3.10, sections 4.3.7 and 4.4.5.

use std::io::{self, Read, Write};

use flate2::read::DeflateDecoder;

use super::directory::{Directory, Entry, u16_at};
use super::error::ZipError;
use super::inflater;
use super::member::HEAD_BYTES;
use super::source::Source;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const LOCAL_BYTES: u64 = 30;
/// The method of content that is not compressed.
pub(in crate::analyzers) const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Finds an entry's bytes, and holds the header before them against the directory's record.
pub(in crate::analyzers) fn place<'a>(
    directory: &Directory<'a>,
    entry: &Entry,
) -> Result<Source<'a>, ZipError> {
    let broken = |what: &str| ZipError::Broken(what.to_owned());
    let outside = || broken("it lies outside of the archive");
    if entry.encrypted {
        return Err(broken("it is encrypted"));
    }
    let source = &directory.source;
    let at = directory
        .shift
        .checked_add(entry.header_at)
        .ok_or_else(outside)?;
    let header: [u8; 30] = source.array(at).ok_or_else(outside)?;
    if !header.starts_with(&LOCAL) {
        return Err(broken("no entry is where the directory says"));
    }
    let name_bytes = u64::from(u16_at(&header, 26));
    let name_at = at + LOCAL_BYTES;
    let mut name = Vec::new();
    source
        .part(name_at, name_bytes)
        .ok_or_else(outside)?
        .reader()
        .read_to_end(&mut name)
        .map_err(|error| ZipError::Read(error.to_string()))?;
    if name != entry.raw_name || u16_at(&header, 8) != entry.method {
        return Err(broken("its header is not what the directory says"));
    }
    let content_at = name_at + name_bytes + u64::from(u16_at(&header, 28));
    source
        .part(content_at, entry.packed_bytes)
        .ok_or_else(outside)
}

/// Gives an entry's first bytes, whatever the header before them says of its name.
pub(in crate::analyzers) fn head(directory: &Directory<'_>, entry: &Entry) -> Option<Vec<u8>> {
    let source = &directory.source;
    let at = directory.shift.checked_add(entry.header_at)?;
    let header: [u8; 30] = source.array(at)?;
    if entry.encrypted || !header.starts_with(&LOCAL) {
        return None;
    }
    let lengths = u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28));
    let from = at.checked_add(LOCAL_BYTES + lengths)?;
    let room = source.bytes().checked_sub(from)?;
    let packed = source.part(from, entry.packed_bytes.min(room))?;
    match entry.method {
        STORED => Some(packed.up_to(0, HEAD_BYTES)),
        DEFLATED => Some(inflater::head(&packed, entry.bytes)),
        _ => None,
    }
}

/// Unpacks an entry, and proves its size and checksum; false where it has more than `most` bytes.
pub(in crate::analyzers) fn unpack_into(
    packed: Source<'_>,
    entry: &Entry,
    most: u64,
    into: &mut dyn Write,
) -> Result<bool, ZipError> {
    let reader = packed.reader();
    let mut into = Summing {
        into,
        crc: crc32fast::Hasher::new(),
    };
    let copied = match entry.method {
        STORED => io::copy(&mut reader.take(most.saturating_add(1)), &mut into),
        DEFLATED => {
            let inflated = DeflateDecoder::new(reader);
            io::copy(&mut inflated.take(most.saturating_add(1)), &mut into)
        }
        method => {
            let detail = format!("compression method {method} is not read");
            return Err(ZipError::Broken(detail));
        }
    };
    let bytes = copied.map_err(|error| ZipError::Read(error.to_string()))?;
    if bytes > most {
        return Ok(false);
    }
    if bytes != entry.bytes || into.crc.finalize() != entry.crc {
        let detail = "its size or checksum is not what the directory says";
        return Err(ZipError::Broken(detail.to_owned()));
    }
    Ok(true)
}

/// Passes bytes on and sums them up.
struct Summing<'a> {
    into: &'a mut dyn Write,
    crc: crc32fast::Hasher,
}

impl Write for Summing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.into.write(bytes)?;
        self.crc.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

/// Gives a length as a number of bytes.
pub(in crate::analyzers) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
