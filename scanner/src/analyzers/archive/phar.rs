//! PHP's own archives: code to run, then a list of files, then their bytes one after the other.
//!
//! Source: PHP manual, "Phar file format".

use std::io::{self, Read, Write};

use flate2::read::DeflateDecoder;
use memchr::memmem;

use super::asar::Plain;
use crate::analyzers::entries::{HEAD_BYTES, Member, Reading, Source, ZipError};
use crate::ends::PHAR_END;
use crate::limits::MIB;

/// What ends the code before the list.
const STUB_END: &[u8] = b"__HALT_COMPILER();";

/// How far the code before the list reaches at most, in bytes; real ones have a few thousand.
const MAX_STUB_BYTES: usize = 1024 * 1024;

/// Largest list of files that is read, in bytes.
const MAX_LIST_BYTES: u64 = 32 * MIB;

/// How an entry is compressed: a part of its flags.
const COMPRESSION: u32 = 0xf000;
const DEFLATED: u32 = 0x1000;

/// Tells whether an archive ends here whose list lies behind more code than is looked through.
pub(super) fn begins_late(source: &Source<'_>) -> bool {
    let most = u64::try_from(MAX_STUB_BYTES).unwrap_or(u64::MAX);
    let is_longer = source.bytes() > most;
    is_longer && source.tail(PHAR_END.len()) == PHAR_END
}

/// Finds where the list begins; none where there is no code that ends as it must.
pub(super) fn manifest_at(source: &Source<'_>) -> Option<u64> {
    let start = source.up_to(0, MAX_STUB_BYTES);
    let mut at = memmem::find(&start, STUB_END)? + STUB_END.len();
    for optional in [[&b" ?>"[..], b"?>"], [b"\r\n", b"\n"]] {
        let rest = start.get(at..).unwrap_or_default();
        let found = optional.into_iter().find(|form| rest.starts_with(form));
        at += found.map_or(0, <[u8]>::len);
    }
    let at = u64::try_from(at).ok()?;
    let list_bytes = u64::from(u32::from_le_bytes(source.array(at)?));
    let files = u32::from_le_bytes(source.array(at + 4)?);
    let fits = at.checked_add(list_bytes)? < source.bytes();
    (fits && list_bytes >= 18 && files > 0).then_some(at)
}

/// Hands every file of an archive to `visit`.
pub(super) fn members(
    reading: &mut Reading<'_>,
    source: Source<'_>,
    inside: &str,
    visit: &mut dyn FnMut(&mut Reading<'_>, &mut dyn Member),
) -> Result<(), ZipError> {
    let Some(at) = manifest_at(&source) else {
        reading.budget(inside, "more code before its list than is read");
        return Ok(());
    };
    let cut = || ZipError::Broken("its list of files ends within an entry".to_owned());
    let list_bytes = u64::from(source.array(at).map(u32::from_le_bytes).ok_or_else(cut)?);
    if list_bytes > MAX_LIST_BYTES {
        reading.budget(inside, "a longer list of files than is read");
        return Ok(());
    }
    let list = source.up_to(at + 4, usize::try_from(list_bytes).unwrap_or(0));
    let mut fields = PharFields(&list);
    let files = fields.number().ok_or_else(cut)?;
    // The version of the format and the archive's flags.
    fields.take(6).ok_or_else(cut)?;
    fields
        .text()
        .and_then(|_alias| fields.text())
        .ok_or_else(cut)?;
    let mut content_at = at + 4 + list_bytes;
    for _ in 0..files {
        let entry = fields.entry().ok_or_else(cut)?;
        if !reading.takes_entry(inside) {
            return Ok(());
        }
        let part = source.part(content_at, entry.packed_bytes);
        content_at = content_at.saturating_add(entry.packed_bytes);
        let plain = Plain {
            name: entry.name,
            size: entry.bytes,
            part,
        };
        match entry.flags & COMPRESSION {
            0 => visit(
                reading,
                &mut Plain {
                    size: entry.packed_bytes,
                    ..plain
                },
            ),
            compression => visit(reading, &mut PackedFile { plain, compression }),
        }
    }
    Ok(())
}

struct PharEntry {
    name: String,
    bytes: u64,
    packed_bytes: u64,
    flags: u32,
}

/// Reads a list field by field.
struct PharFields<'l>(&'l [u8]);

impl<'l> PharFields<'l> {
    fn take(&mut self, bytes: usize) -> Option<&'l [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        let bytes = self.take(4)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    }

    fn text(&mut self) -> Option<&'l [u8]> {
        let bytes = self.number()?;
        self.take(usize::try_from(bytes).ok()?)
    }

    fn entry(&mut self) -> Option<PharEntry> {
        let name = String::from_utf8_lossy(self.text()?);
        let name = name.trim_start_matches('/').to_owned();
        let bytes = self.number()?.into();
        let _time = self.number()?;
        let packed_bytes = self.number()?.into();
        let _checksum = self.number()?;
        let flags = self.number()?;
        self.text()?;
        Some(PharEntry {
            name,
            bytes,
            packed_bytes,
            flags,
        })
    }
}

/// A file that is compressed.
struct PackedFile<'a> {
    plain: Plain<'a>,
    compression: u32,
}

impl PackedFile<'_> {
    fn reader(&self) -> Result<impl Read, ZipError> {
        let broken = |what: &str| ZipError::Broken(what.to_owned());
        if self.compression != DEFLATED {
            return Err(broken("its compression is not read"));
        }
        let part = self.plain.part;
        let part = part.ok_or_else(|| broken("it lies outside of the archive"))?;
        Ok(DeflateDecoder::new(part.reader()))
    }
}

impl Member for PackedFile<'_> {
    fn name(&self) -> &str {
        &self.plain.name
    }

    fn size_bytes(&self) -> u64 {
        self.plain.size
    }

    fn head(&mut self) -> Vec<u8> {
        let mut head = Vec::new();
        if let Ok(reader) = self.reader() {
            let most = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
            // What is broken after the first bytes is said by whoever reads all of them.
            let _read = reader.take(most).read_to_end(&mut head);
        }
        head
    }

    fn copy(&mut self, most: u64, into: &mut dyn Write) -> Result<bool, ZipError> {
        let mut reader = self.reader()?.take(most.saturating_add(1));
        let copied = io::copy(&mut reader, into);
        let bytes = copied.map_err(|error| ZipError::Read(error.to_string()))?;
        Ok(bytes <= most)
    }
}
