//! One entry of an archive of any kind, as those see it who look for packages.

use std::io::Write;

use super::ZipError;
use super::content::{self, STORED, unpack_into};
use super::directory::{Directory, Entry};
use super::source::Source;

/// How much of an entry is looked at to tell what it is: one block of a tar archive.
pub(super) const HEAD_BYTES: usize = 512;

/// One entry, whose content is read once at most.
pub(in crate::analyzers) trait Member {
    /// Gives the path in the archive.
    fn name(&self) -> &str;

    /// Gives the content's size, as stated.
    fn size_bytes(&self) -> u64;

    /// Gives the place of content that lies in the archive as it is.
    fn stored(&self) -> Option<Source<'_>> {
        None
    }

    /// Gives the first bytes, [`HEAD_BYTES`] at most; fewer or none where they cannot be read.
    fn head(&mut self) -> Vec<u8>;

    /// Unpacks the content; false where it has more than `most` bytes.
    fn copy(&mut self, most: u64, into: &mut dyn Write) -> Result<bool, ZipError>;
}

/// An entry of a zip archive.
pub(in crate::analyzers) struct ZipMember<'d, 'a> {
    pub(super) directory: &'d Directory<'a>,
    pub(super) entry: Entry,
}

impl Member for ZipMember<'_, '_> {
    fn name(&self) -> &str {
        &self.entry.name
    }

    fn size_bytes(&self) -> u64 {
        self.entry.bytes
    }

    fn stored(&self) -> Option<Source<'_>> {
        let is_stored = self.entry.method == STORED;
        is_stored.then(|| content::place(self.directory, &self.entry).ok())?
    }

    fn head(&mut self) -> Vec<u8> {
        content::head(self.directory, &self.entry).unwrap_or_default()
    }

    fn copy(&mut self, most: u64, into: &mut dyn Write) -> Result<bool, ZipError> {
        let packed = content::place(self.directory, &self.entry)?;
        unpack_into(packed, &self.entry, most, into)
    }
}
