//! Files too large for memory: written to temporary files without a name, one at a time.
//!
//! `walk.rs` asks for one when a claimed file is over its analyzers' bound in memory. The file is
//! gone as soon as it is closed, whatever becomes of the process.

use std::fs::File;
use std::io::{self, Write};

use sluicegate_model::coverage::{Gap, GapKind};

use crate::limits::{KIB, Limits};

use super::archive::{ArchiveError, Content};

/// Bytes passed from the archive to the disk at a time.
const PIECE_BYTES: u64 = 128 * KIB;

/// What one layer may still spool.
pub(super) struct Spool<'a> {
    limits: &'a Limits,
    left_bytes: u64,
}

impl<'a> Spool<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            left_bytes: limits.max_spooled_bytes,
        }
    }

    /// Writes `head` and the rest of the current entry to a file; a gap where that cannot be done.
    ///
    /// `size_bytes` is the entry's whole size; `on_piece` is shown what comes after `head`. The
    /// archive itself failing is an error.
    pub(super) fn take(
        &mut self,
        content: &mut dyn Content,
        head: &[u8],
        size_bytes: u64,
        on_piece: &mut dyn FnMut(&[u8]),
    ) -> Result<Result<File, Gap>, ArchiveError> {
        let Some(left) = self.left_bytes.checked_sub(size_bytes) else {
            let most = self.limits.max_spooled_bytes;
            let detail = format!("large files of the layer have more than {most} bytes in all");
            return Ok(Err(Gap::fatal(GapKind::Budget, detail)));
        };
        self.left_bytes = left;
        let mut file = match self.open(head) {
            Ok(file) => file,
            Err(error) => return Ok(Err(unwritten(&error))),
        };
        let mut piece = Vec::new();
        loop {
            piece.clear();
            content.read_content(&mut piece, PIECE_BYTES)?;
            if piece.is_empty() {
                return Ok(Ok(file));
            }
            on_piece(&piece);
            if let Err(error) = file.write_all(&piece) {
                return Ok(Err(unwritten(&error)));
            }
        }
    }

    /// Writes a file that is in memory; none where that cannot be done.
    pub(super) fn copy(&mut self, content: &[u8]) -> Option<File> {
        let size_bytes = u64::try_from(content.len()).ok()?;
        self.left_bytes = self.left_bytes.checked_sub(size_bytes)?;
        self.open(content).ok()
    }

    fn open(&self, head: &[u8]) -> io::Result<File> {
        let mut file = match &self.limits.spool_dir {
            Some(dir) => tempfile::tempfile_in(dir)?,
            None => tempfile::tempfile()?,
        };
        file.write_all(head)?;
        Ok(file)
    }
}

/// Says that the machine, not the image, is why the file was not read.
fn unwritten(error: &io::Error) -> Gap {
    let detail = format!("the file is too large for memory and could not be spooled: {error}");
    Gap::fatal(GapKind::Interrupted, detail)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};
    use std::path::PathBuf;

    use super::*;
    use crate::layer::archive::Archive;
    use crate::layer::chunks::channel;
    use crate::testing::Layer;

    /// Spools the files of an archive, of which `head` bytes were read, one after the other.
    fn spool_all(tar: &[u8], head: u64, limits: &Limits) -> Vec<Result<Vec<u8>, Gap>> {
        let (sender, mut reader) = channel();
        sender.send(tar.to_vec());
        drop(sender);
        let mut archive = Archive::new(&mut reader);
        let mut spool = Spool::new(limits);
        let mut spooled = Vec::new();
        while let Some(entry) = archive.next(limits).unwrap() {
            let mut read = Vec::new();
            archive.read_content(&mut read, head).unwrap();
            let mut shown = read.clone();
            let taken = spool
                .take(&mut archive, &read, entry.size_bytes, &mut |piece| {
                    shown.extend_from_slice(piece);
                })
                .unwrap();
            spooled.push(taken.map(|mut file| {
                let mut content = Vec::new();
                file.rewind().unwrap();
                file.read_to_end(&mut content).unwrap();
                assert_eq!(shown, content);
                content
            }));
        }
        spooled
    }

    #[test]
    fn files_come_whole_until_the_budget_runs_out() {
        let long = vec![7; 300_000];
        let tar = Layer::new()
            .file("a", &long)
            .file("b", "short")
            .file("c", &long)
            .tar();
        let limits = Limits {
            max_spooled_bytes: 300_005,
            ..Limits::default()
        };
        for head in [0, 3, 1_000_000] {
            let spooled = spool_all(&tar, head, &limits);
            let [Ok(first), Ok(second), Err(gap)] = spooled.as_slice() else {
                panic!("{spooled:?}");
            };
            assert!(*first == long && second == b"short");
            assert_eq!((gap.kind, gap.fatal), (GapKind::Budget, true));
        }
    }

    #[test]
    fn a_place_that_is_not_there_is_a_gap_and_the_archive_goes_on() {
        let tar = Layer::new().file("a", "x").file("b", "y").tar();
        let limits = Limits {
            spool_dir: Some(PathBuf::from("/nowhere/at/all")),
            ..Limits::default()
        };
        let spooled = spool_all(&tar, 0, &limits);
        assert_eq!(spooled.len(), 2);
        for taken in spooled {
            let gap = taken.unwrap_err();
            assert_eq!((gap.kind, gap.fatal), (GapKind::Interrupted, true));
        }
    }
}
