//! One claimed file while its analyzers run: in memory, in a spool, or in both.
//!
//! `layer/walk.rs` fills it, `dispatch.rs` hands it out.

use std::fs::File;
use std::io::{Read, Seek};

use sluicegate_model::coverage::Gap;

use crate::analyzer::{SpooledFile, WantedFile};
use crate::facts::{FileDigests, Hashing, PARALLEL_BYTES};
use crate::limits::Limits;

/// A whole file in each of the places that its claimants need.
pub(crate) struct ClaimedFile<'a> {
    pub(crate) path: &'a str,
    pub(crate) size_bytes: u64,
    pub(crate) memory: Option<&'a [u8]>,
    /// The gap says why it could not be spooled.
    pub(crate) spool: Option<Result<File, Gap>>,
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

    /// Hashes the content; none where the spool cannot be read, so that no owner is believed.
    pub(super) fn digests(&self) -> Option<FileDigests> {
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
