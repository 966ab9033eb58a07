//! One header block of an archive: what its entry is, and whether every reader takes it alike.
//!
//! `archive.rs` is the only caller.
//!
//! Source: POSIX.1-2017, pax; GNU tar manual, "Basic Tar Format".

use std::io;

use tar::{EntryType, Header};

use super::archive::ArchiveError;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    /// A file; one that is stored without its holes is read with them.
    File,
    Symlink,
    Hardlink,
    /// A device that marks a removal in overlay file systems: character device 0, 0.
    OverlayWhiteout,
    /// A device or pipe.
    Special,
    /// A kind that no reader unpacks alike.
    Unknown(u8),
}

/// Decides what an entry is by its type and, for files of old archives, by its name.
pub(super) fn kind(header: &Header, name: &[u8]) -> Result<Kind, ArchiveError> {
    Ok(match header.entry_type() {
        EntryType::Regular if is_disputed_directory(header, name) => {
            return Err(ArchiveError::Disputed(
                "a file's name ends as a directory's",
            ));
        }
        EntryType::Regular if name.ends_with(b"/") => Kind::Directory,
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink,
        EntryType::Link => Kind::Hardlink,
        EntryType::Char if is_device_zero(header) => Kind::OverlayWhiteout,
        EntryType::Char | EntryType::Block | EntryType::Fifo => Kind::Special,
        other => Kind::Unknown(other.as_byte()),
    })
}

/// Checks the numbers that are of no use here, for other readers stop at a wrong one.
pub(super) fn has_sound_numbers(header: &Header) -> bool {
    let old = header.as_old();
    let devices = header
        .as_ustar()
        .map(|ustar| [&ustar.dev_major, &ustar.dev_minor]);
    let devices = devices.or(header.as_gnu().map(|gnu| [&gnu.dev_major, &gnu.dev_minor]));
    [&old.mode, &old.uid, &old.gid]
        .into_iter()
        .chain(devices.into_iter().flatten())
        .all(|field| is_number(field))
        && is_number(&old.mtime)
}

/// Tells whether a field is empty, octal, or the binary form of GNU tar.
fn is_number(field: &[u8]) -> bool {
    if field.first().is_some_and(|byte| byte & 0x80 != 0) {
        return field
            .first()
            .is_some_and(|byte| matches!(byte, 0x80 | 0xff));
    }
    let is_pad = |byte: &u8| matches!(byte, b' ' | 0);
    let mut digits = field.iter().skip_while(|byte| is_pad(byte));
    let mut rest = digits
        .by_ref()
        .skip_while(|byte| matches!(byte, b'0'..=b'7'));
    rest.all(is_pad)
}

/// Tells whether readers differ on a file being a directory.
///
/// Before ustar, a directory was a file without a type whose name ends with a slash. Some readers
/// look at the header's own name for that even where a longer one overrides it, some do it for
/// files with a type too.
fn is_disputed_directory(header: &Header, name: &[u8]) -> bool {
    let has_type = header.as_old().linkflag != [0];
    if has_type {
        name.ends_with(b"/")
    } else {
        name.ends_with(b"/") != header.path_bytes().ends_with(b"/")
    }
}

fn is_device_zero(header: &Header) -> bool {
    let zero = |number: io::Result<Option<u32>>| matches!(number, Ok(Some(0)));
    zero(header.device_major()) && zero(header.device_minor())
}

/// Tells whether a block is a tar header to some reader: its checksum is right, be it counted over
/// signed or unsigned bytes. Readers differ on what may stand around the number; the widest counts.
pub(super) fn has_right_checksum(block: &[u8; 512]) -> bool {
    let Some(stated) = block.get(148..156).and_then(stated_checksum) else {
        return false;
    };
    let unsigned = i64::from(checksum(block));
    // A byte past 127 counts 256 less where bytes are signed.
    let field = 148..156;
    let high = |(at, byte): &(usize, &u8)| **byte > 127 && !field.contains(at);
    let high = block.iter().enumerate().filter(high).count();
    let signed = unsigned - 256 * i64::try_from(high).unwrap_or_default();
    stated != 0 && (stated == unsigned || stated == signed)
}

/// Reads a checksum as octal digits, or in the binary form of GNU tar.
fn stated_checksum(field: &[u8]) -> Option<i64> {
    if field.first().is_some_and(|byte| byte & 0x80 != 0) {
        let low: [u8; 4] = *field.last_chunk()?;
        return Some(i64::from(u32::from_be_bytes(low)));
    }
    let is_pad = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    let digits = field.iter().skip_while(|byte| is_pad(byte));
    let digits = digits.take_while(|byte| matches!(byte, b'0'..=b'7'));
    digits.fold(None, |sum, digit| {
        Some(sum.unwrap_or(0) * 8 + i64::from(digit - b'0'))
    })
}

/// Sums a header's bytes, its own sum counted as spaces.
pub(super) fn checksum(block: &[u8; 512]) -> u32 {
    let field = 148..156;
    let sum = |(at, byte): (usize, &u8)| {
        if field.contains(&at) {
            u32::from(b' ')
        } else {
            u32::from(*byte)
        }
    };
    block.iter().enumerate().map(sum).sum()
}
