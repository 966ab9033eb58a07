//! Bytes that can be read at any place: memory, or a part of a file that lies in a spool.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use crate::analyzer::SpooledFile;

/// A run of bytes, read by position; copies are cheap and share the bytes.
#[derive(Clone, Copy, Debug)]
pub(in crate::analyzers) enum Source<'a> {
    /// Bytes in memory.
    Memory(&'a [u8]),
    /// A part of a file.
    File {
        /// The file.
        file: &'a File,
        /// Where the part begins in it.
        from: u64,
        /// How many bytes it has.
        bytes: u64,
    },
}

impl<'a> Source<'a> {
    /// Stands for a whole spooled file.
    pub(in crate::analyzers) fn of_spool(spooled: &SpooledFile<'a>) -> Self {
        Self::File {
            file: spooled.content,
            from: 0,
            bytes: spooled.size_bytes,
        }
    }

    /// Gives the number of bytes.
    pub(in crate::analyzers) fn bytes(&self) -> u64 {
        match self {
            Self::Memory(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::File { bytes, .. } => *bytes,
        }
    }

    /// Gives a part; none where it would reach past the end.
    pub(in crate::analyzers) fn part(&self, at: u64, bytes: u64) -> Option<Self> {
        let end = at.checked_add(bytes)?;
        if end > self.bytes() {
            return None;
        }
        match self {
            Self::Memory(all) => {
                let range = usize::try_from(at).ok()?..usize::try_from(end).ok()?;
                Some(Self::Memory(all.get(range)?))
            }
            Self::File { file, from, .. } => Some(Self::File {
                file,
                from: from.checked_add(at)?,
                bytes,
            }),
        }
    }

    /// Gives what follows a place; none where that is past the end.
    pub(in crate::analyzers) fn rest(&self, at: u64) -> Option<Self> {
        self.part(at, self.bytes().checked_sub(at)?)
    }

    /// Reads `N` bytes at a place; none where there are fewer, or the file fails.
    pub(in crate::analyzers) fn array<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        let wanted = u64::try_from(N).ok()?;
        self.part(at, wanted)?
            .reader()
            .read_exact(&mut bytes)
            .ok()?;
        Some(bytes)
    }

    /// Reads what there is from a place on, `most` bytes at most.
    pub(in crate::analyzers) fn up_to(&self, at: u64, most: usize) -> Vec<u8> {
        let left = self.bytes().saturating_sub(at);
        let bytes = left.min(u64::try_from(most).unwrap_or(u64::MAX));
        let mut read = Vec::new();
        if let Some(part) = self.part(at, bytes) {
            // A spool that fails leaves less, as an archive that ends early does.
            let _count = part.reader().read_to_end(&mut read);
        }
        read
    }

    /// Reads the last bytes, `most` at most.
    pub(in crate::analyzers) fn tail(&self, most: usize) -> Vec<u8> {
        let most_bytes = u64::try_from(most).unwrap_or(u64::MAX);
        self.up_to(self.bytes().saturating_sub(most_bytes), most)
    }

    /// Reads from the first byte to the last.
    pub(in crate::analyzers) fn reader(&self) -> SourceReader<'a> {
        SourceReader {
            source: *self,
            at: 0,
        }
    }
}

/// Reads a source in order.
pub(in crate::analyzers) struct SourceReader<'a> {
    source: Source<'a>,
    at: u64,
}

impl Read for SourceReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match self.source {
            Source::Memory(bytes) => {
                let at = usize::try_from(self.at).unwrap_or(usize::MAX);
                bytes.get(at..).unwrap_or_default().read(into)?
            }
            Source::File { file, from, bytes } => {
                let left = bytes.saturating_sub(self.at);
                let most = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let into = into.get_mut(..most).unwrap_or_default();
                file.read_at(into, from.saturating_add(self.at))?
            }
        };
        self.at = self
            .at
            .saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}
