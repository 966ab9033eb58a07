//! Bytes read by offset, from memory or from a file, and integers at known places in them.
//!
//! Every reader of databases goes through it, so that one of any size takes one page of memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Says why bytes could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// Something lies beyond the end of the bytes.
    #[error("it points to byte {offset}, past its end at {length}")]
    PastEnd { offset: u64, length: u64 },
    /// The file does not give its bytes: this machine's fault.
    #[error("reading at {offset} of {length}: {source}")]
    File {
        offset: u64,
        length: u64,
        source: io::Error,
    },
}

/// Something of a known length that is read by offset.
pub(crate) trait ReadAt {
    /// Gives the length, in bytes.
    fn len(&self) -> u64;

    /// Fills `into` from `offset` on; fails where the bytes end before that.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), ReadError>;
}

impl ReadAt for &[u8] {
    fn len(&self) -> u64 {
        u64::try_from(<[u8]>::len(self)).unwrap_or(u64::MAX)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), ReadError> {
        let part = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(into.len())?))
            .ok_or(ReadError::PastEnd {
                offset,
                length: self.len(),
            })?;
        into.copy_from_slice(part);
        Ok(())
    }
}

/// A file with the length that it is said to have.
pub(crate) struct FileOf<'a> {
    pub(crate) file: &'a File,
    pub(crate) size_bytes: u64,
}

impl ReadAt for FileOf<'_> {
    fn len(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), ReadError> {
        self.file
            .read_exact_at(into, offset)
            .map_err(|source| ReadError::File {
                offset,
                length: self.size_bytes,
                source,
            })
    }
}

/// The order of the bytes of an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// Reads sixteen bits at `at`.
    pub(crate) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let raw = array(bytes, at)?;
        Some(match self {
            Self::Little => u16::from_le_bytes(raw),
            Self::Big => u16::from_be_bytes(raw),
        })
    }

    /// Reads thirty-two bits at `at`.
    pub(crate) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
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
pub(crate) fn index(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}
