//! One claimed file while its analyzers run: in memory, in a spool, or in both.
//!
//! `layer/walk.rs` fills it, `plugin_set.rs` hands it out.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::fs::FileExt;

use memchr::memmem;
use sluicegate_model::coverage::Gap;

use crate::analyzer::{SpooledFile, WantedFile};
use crate::ends::TAIL_BYTES;
use crate::facts::{FileDigests, Hashing, PARALLEL_BYTES};
use crate::limits::{Limits, MIB};

use super::packaged::may_be_owned;

/// Bytes from which a file is hashed while it arrives, where it most likely names packages: at its end
/// the digests would take longer than all that is left to do.
const EARLY_BYTES: u64 = 8 * MIB;

/// How archives of Java begin, and the note by which Go's programs are known, near their beginning.
const ARCHIVE: &[u8] = b"PK";
const NOTE_OF_GO: &[u8] = b"\x04\0\0\0Go\0\0";

/// The digests of a large file, made while it arrives.
#[derive(Default)]
pub(crate) struct EarlyDigests {
    /// None where the file is small, or nobody can own it.
    hashing: Option<Hashing>,
    taken_bytes: u64,
}

impl EarlyDigests {
    /// Begins a file, of which the beginning is at hand.
    pub(crate) fn of(path: &str, size_bytes: u64, head: &[u8]) -> Self {
        let names_packages =
            || head.starts_with(ARCHIVE) || memmem::find(head, NOTE_OF_GO).is_some();
        let is_worth_it = size_bytes >= EARLY_BYTES && may_be_owned(path) && names_packages();
        Self {
            hashing: is_worth_it.then(Hashing::default),
            taken_bytes: 0,
        }
    }

    /// Takes the next bytes.
    pub(crate) fn update(&mut self, piece: &[u8]) {
        if let Some(hashing) = &mut self.hashing {
            hashing.update(piece);
            self.taken_bytes += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        }
    }

    /// Gives the digests, where every byte of the file was taken.
    fn finish(&self, size_bytes: u64) -> Option<FileDigests> {
        let hashing = self.hashing.clone()?;
        (self.taken_bytes == size_bytes).then(|| hashing.finish())
    }
}

/// A whole file in each of the places that its claimants need.
pub(crate) struct ClaimedFile<'a> {
    pub(crate) path: &'a str,
    pub(crate) size_bytes: u64,
    pub(crate) memory: Option<&'a [u8]>,
    /// The gap says why it could not be spooled.
    pub(crate) spool: Option<Result<File, Gap>>,
    pub(crate) early: EarlyDigests,
    pub(crate) limits: &'a Limits,
}

impl<'a> ClaimedFile<'a> {
    pub(super) fn in_memory(&self, content: &'a [u8]) -> WantedFile<'a> {
        WantedFile {
            path: self.path,
            content,
            limits: self.limits,
        }
    }

    pub(super) fn spooled<'f>(&'f self, content: &'f File) -> SpooledFile<'f> {
        SpooledFile {
            path: self.path,
            content,
            size_bytes: self.size_bytes,
            limits: self.limits,
        }
    }

    /// Gives the last bytes; none where they cannot be read.
    pub(crate) fn tail(&self) -> Cow<'a, [u8]> {
        if let Some(content) = self.memory {
            let from = content.len().saturating_sub(TAIL_BYTES);
            return content.get(from..).unwrap_or(content).into();
        }
        let Some(Ok(content)) = &self.spool else {
            return Cow::default();
        };
        let most = u64::try_from(TAIL_BYTES).unwrap_or(u64::MAX);
        let bytes = self.size_bytes.min(most);
        let mut tail = vec![0; usize::try_from(bytes).unwrap_or(0)];
        let read = content.read_exact_at(&mut tail, self.size_bytes - bytes);
        read.map_or_else(|_| Cow::default(), |()| tail.into())
    }

    /// Hashes the content; none where the spool cannot be read, so that no owner is believed.
    pub(super) fn digests(&self) -> Option<FileDigests> {
        if let Some(digests) = self.early.finish(self.size_bytes) {
            return Some(digests);
        }
        if let Some(content) = self.memory {
            return Some(FileDigests::of(content));
        }
        let mut content = self.spool.as_ref()?.as_ref().ok()?;
        content.rewind().ok()?;
        let mut hashing = Hashing::default();
        let mut piece = vec![0; PARALLEL_BYTES];
        loop {
            let count = content.read(&mut piece).ok()?;
            if count == 0 {
                return Some(hashing.finish());
            }
            hashing.update(piece.get(..count).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_is_hashed_as_it_arrives_and_only_when_all_of_it_did() {
        let mut content = vec![3; usize::try_from(EARLY_BYTES).unwrap()];
        content[100..108].copy_from_slice(NOTE_OF_GO);
        let digests = |path, missing: usize| {
            let mut early = EarlyDigests::of(path, EARLY_BYTES, &content[..200]);
            let arrived = content.get(missing..).unwrap();
            arrived
                .chunks(700_000)
                .for_each(|piece| early.update(piece));
            early.finish(EARLY_BYTES)
        };
        assert_eq!(digests("usr/bin/x", 0), Some(FileDigests::of(&content)));
        assert_eq!(digests("usr/bin/x", 1), None);
        assert_eq!(digests("app/x", 0), None);
        for (size_bytes, head, wanted) in [
            (EARLY_BYTES, &b"PK\x03\x04"[..], true),
            (EARLY_BYTES, &b"\x7fELF"[..], false),
            (9, NOTE_OF_GO, false),
        ] {
            let early = EarlyDigests::of("usr/bin/x", size_bytes, head);
            assert_eq!(early.hashing.is_some(), wanted, "{head:?}");
        }
    }
}
