//! An entry of a zip archive.

use std::io::Write;

use super::content::{self, STORED, unpack_into};
use super::directory::{Directory, Entry};
use super::error::ZipError;
use super::member::Member;
use super::source::Source;

/// An entry of a zip archive.
pub(in crate::analyzers) struct ZipMember<'d, 'a> {
    pub(in crate::analyzers) directory: &'d Directory<'a>,
    pub(in crate::analyzers) entry: Entry,
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
