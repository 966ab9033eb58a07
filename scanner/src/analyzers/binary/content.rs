//! A program's bytes, in memory or in a spool, read by offset with every bound checked.
//!
//! A read that leaves the file gives none, as a hostile header makes it do. A read that the disk
//! refuses gives none as well and is remembered, so that the analyzer can say so at its end.

use std::borrow::Cow;
use std::cell::Cell;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Where the bytes lie.
#[derive(Clone, Copy)]
enum Backing<'a> {
    Memory(&'a [u8]),
    Spool(&'a File),
}

/// A whole program.
pub(super) struct ProgramContent<'a> {
    place: Backing<'a>,
    size_bytes: u64,
    failure: Cell<Option<io::Error>>,
}

impl<'a> ProgramContent<'a> {
    pub(super) fn in_memory(content: &'a [u8]) -> Self {
        Self {
            place: Backing::Memory(content),
            size_bytes: u64::try_from(content.len()).unwrap_or(u64::MAX),
            failure: Cell::new(None),
        }
    }

    pub(super) fn spooled(content: &'a File, size_bytes: u64) -> Self {
        Self {
            place: Backing::Spool(content),
            size_bytes,
            failure: Cell::new(None),
        }
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Gives the error of the first read that the disk refused.
    pub(super) fn failure(&self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Reads exactly `length` bytes; the caller bounds the length.
    pub(super) fn read(&self, at: u64, length: usize) -> Option<Cow<'a, [u8]>> {
        let end = at.checked_add(u64::try_from(length).ok()?)?;
        if end > self.size_bytes {
            return None;
        }
        match self.place {
            Backing::Memory(content) => {
                let at = usize::try_from(at).ok()?;
                content.get(at..)?.get(..length).map(Cow::Borrowed)
            }
            Backing::Spool(file) => {
                let mut piece = vec![0; length];
                match file.read_exact_at(&mut piece, at) {
                    Ok(()) => Some(Cow::Owned(piece)),
                    Err(error) => {
                        self.failure.set(Some(error));
                        None
                    }
                }
            }
        }
    }

    /// Reads what there is from `at` on, `most` bytes at most.
    pub(super) fn read_up_to(&self, at: u64, most: usize) -> Option<Cow<'a, [u8]>> {
        let left = self.size_bytes.checked_sub(at)?;
        self.read(at, usize::try_from(left).unwrap_or(usize::MAX).min(most))
    }

    /// Reads a range of the file, which the caller bounds.
    pub(super) fn read_range(&self, range: &Range<u64>) -> Option<Cow<'a, [u8]>> {
        let length = range.end.checked_sub(range.start)?;
        self.read(range.start, usize::try_from(length).ok()?)
    }
}

/// The order of bytes in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// Reads an unsigned number of 1 to 8 bytes.
    pub(super) fn number(self, bytes: &[u8]) -> Option<u64> {
        if bytes.is_empty() || bytes.len() > 8 {
            return None;
        }
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(match self {
            Self::Big => bytes.iter().fold(0, join),
            Self::Little => bytes.iter().rev().fold(0, join),
        })
    }

    /// Reads the number of `width` bytes at an offset of a header.
    pub(super) fn field(self, header: &[u8], at: usize, width: usize) -> Option<u64> {
        self.number(header.get(at..)?.get(..width)?)
    }
}
