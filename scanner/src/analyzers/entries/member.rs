//! One entry of an archive of any kind, as those see it who look for packages.

use std::io::Write;

use super::error::ZipError;
use super::source::Source;

/// How much of an entry is looked at to tell what it is: one block of a tar archive.
pub(in crate::analyzers) const HEAD_BYTES: usize = 512;

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
