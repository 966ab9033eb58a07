//! What kind of archive bytes are, told by themselves.

use memchr::memmem;

use super::phar;
use crate::analyzers::entries::{HEAD_BYTES, Source};
use crate::ends::{TAIL_BYTES, ends_as_zip};

/// The first bytes of a zip archive's first entry.
pub(in crate::analyzers) const ZIP: &[u8] = b"PK\x03\x04";
/// The first bytes of a Java module, before its zip archive. Source: OpenJDK, `JmodFile`.
pub(in crate::analyzers) const JMOD: &[u8] = b"JM\x01\x00";
/// The first bytes of gzip with its only method. Source: RFC 1952.
pub(in crate::analyzers) const GZIP: &[u8] = b"\x1f\x8b\x08";
/// The first bytes of a Zstandard frame. Source: RFC 8878.
pub(in crate::analyzers) const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
/// The first bytes of an xz stream. Source: The .xz File Format 1.2.1, section 2.1.1.1.
pub(in crate::analyzers) const XZ: &[u8] = b"\xfd7zXZ\0";
/// The first bytes of a bzip2 stream. Source: bzip2, "blocksort".
pub(in crate::analyzers) const BZIP2: &[u8] = b"BZh";
/// Where a tar archive's first header says that it is one, and how it begins to.
pub(in crate::analyzers) const USTAR_AT: usize = 257;
pub(in crate::analyzers) const USTAR: &[u8] = b"ustar";
/// The first bytes of an Electron archive, and how its list of files begins.
/// Source: Electron, `asar`.
pub(in crate::analyzers) const ASAR: &[u8] = b"\x04\0\0\0";
pub(in crate::analyzers) const ASAR_LIST: &[u8] = b"{\"files\":";
/// How scripts start, which may have an archive at their end.
pub(in crate::analyzers) const SCRIPT: &[u8] = b"#!";
/// How PHP code starts, which may as well.
pub(super) const PHP: &[u8] = b"<?php";
/// How programs start, which may as well.
const OTHER_STARTS: [&[u8]; 3] = [b"MZ", b"\x7fELF", PHP];

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Compression {
    fn of(head: &[u8]) -> Option<Self> {
        let kinds = [
            (GZIP, Self::Gzip),
            (ZSTD, Self::Zstd),
            (XZ, Self::Xz),
            (BZIP2, Self::Bzip2),
        ];
        let mut starts = kinds
            .into_iter()
            .filter(|(start, _)| head.starts_with(start));
        starts.next().map(|(_, kind)| kind)
    }
}

/// A kind of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Zip,
    Tar,
    Compressed(Compression),
    Asar,
    /// Something else, with a zip archive or a PHP archive at its end perhaps.
    Preamble,
}

impl Shape {
    /// Tells from the first bytes; none for what is no archive of these kinds.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        if head.starts_with(ZIP) || head.starts_with(JMOD) {
            Some(Self::Zip)
        } else if let Some(compression) = Compression::of(head) {
            Some(Self::Compressed(compression))
        } else if head.starts_with(ASAR) && memmem::find(head, ASAR_LIST).is_some() {
            Some(Self::Asar)
        } else if is_tar(head) {
            Some(Self::Tar)
        } else {
            let starts = |start: &&[u8]| head.starts_with(start);
            let may_have_one = starts(&SCRIPT) || OTHER_STARTS.iter().any(starts);
            may_have_one.then_some(Self::Preamble)
        }
    }
}

/// What a whole file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    Zip,
    Phar,
}

/// Tells what lies behind a preamble.
pub(super) fn behind_preamble(source: &Source<'_>) -> Option<Whole> {
    if ends_as_zip(&source.tail(TAIL_BYTES)) {
        return Some(Whole::Zip);
    }
    let is_phar = phar::manifest_at(source).is_some() || phar::begins_late(source);
    is_phar.then_some(Whole::Phar)
}

/// Tells whether a block is the header of a tar archive, of the oldest form too.
fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.first_chunk::<HEAD_BYTES>() else {
        return false;
    };
    if block.get(USTAR_AT..USTAR_AT + USTAR.len()) == Some(USTAR) {
        return true;
    }
    let header = tar::Header::from_byte_slice(block);
    let sum: u32 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            if (148..156).contains(&at) {
                b' '
            } else {
                *byte
            }
        })
        .map(u32::from)
        .sum();
    // Names are never empty, so that a block of zeros and blanks is none.
    block.first().is_some_and(|byte| *byte != 0) && header.cksum().is_ok_and(|stated| stated == sum)
}
