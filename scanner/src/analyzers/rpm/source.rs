//! Bytes read by offset, from memory or from a file, and integers at known places in them.
//!
//! Every backend reads through it, so that a database of any size takes one page of memory.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::error::RpmError;

/// Something of a known length that is read by offset.
pub(super) trait ReadAt {
    /// Gives the length, in bytes.
    fn len(&self) -> u64;

    /// Fills `into` from `offset` on; fails where the bytes end before that.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), RpmError>;
}

impl ReadAt for &[u8] {
    fn len(&self) -> u64 {
        u64::try_from(<[u8]>::len(self)).unwrap_or(u64::MAX)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), RpmError> {
        let part = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(into.len())?))
            .ok_or(RpmError::PastEnd {
                offset,
                length: self.len(),
            })?;
        into.copy_from_slice(part);
        Ok(())
    }
}

/// A file with the length that it was said to have.
pub(super) struct RpmSpool<'a> {
    pub(super) file: &'a File,
    pub(super) size_bytes: u64,
}

impl ReadAt for RpmSpool<'_> {
    fn len(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), RpmError> {
        self.file
            .read_exact_at(into, offset)
            .map_err(|source| RpmError::Spool {
                offset,
                length: self.size_bytes,
                source,
            })
    }
}

/// The order of the bytes of an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// Reads sixteen bits at `at`.
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let raw = array(bytes, at)?;
        Some(match self {
            Self::Little => u16::from_le_bytes(raw),
            Self::Big => u16::from_be_bytes(raw),
        })
    }

    /// Reads thirty-two bits at `at`.
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let raw = array(bytes, at)?;
        Some(match self {
            Self::Little => u32::from_le_bytes(raw),
            Self::Big => u32::from_be_bytes(raw),
        })
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Converts a number of the format for use as an index.
pub(super) fn index(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}
