//! Opens a chain for writing: finds where the chain stands and sets a torn end aside.
//!
//! Only what a crash can leave is repaired: bytes after the last whole line. Whatever is wrong
//! before that stays as it is, for `verify` to find.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::fs::FallocateFlags;
use sluicegate_machine::private;

use super::backwards::LinesBackwards;
use super::log::LogError;
use super::{Chain, Head};
use crate::durable::Disk;

/// Most bytes at the end that a crash can have torn: the largest batch, with room to spare.
const MAX_TORN_BYTES: usize = 16 * 1024 * 1024;

/// Room claimed for lines to come, in bytes: about two thousand of them.
const RESERVE_BYTES: u64 = 1024 * 1024;

/// What was found when a chain was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenReport {
    /// The number of the last whole line; 0 in an empty log.
    pub last_seq: u64,
    /// What stood behind it, if anything.
    pub torn: Option<TornTail>,
}

impl fmt::Display for OpenReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lines", self.last_seq)?;
        match &self.torn {
            None => Ok(()),
            Some(TornTail { bytes, kept_at }) => {
                let kept_at = kept_at.display();
                write!(
                    f,
                    "; {bytes} bytes behind them were no whole line and lie at {kept_at}"
                )
            }
        }
    }
}

/// Bytes at the end of the log that were no whole line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// How many bytes.
    pub bytes: u64,
    /// Where they were set aside.
    pub kept_at: PathBuf,
}

/// The file of a chain, positioned for appending.
pub(super) struct OpenLog {
    pub(super) file: File,
    pub(super) path: PathBuf,
    /// Bytes of whole lines.
    pub(super) len: u64,
    pub(super) head: Head,
    /// Whether bytes of a failed batch may stand behind `len`.
    pub(super) is_dirty: bool,
    /// Up to where the disk has promised room.
    pub(super) reserved: u64,
    /// Whether the last sync failed, so that nobody knows what is on disk; those who ask see it.
    pub(super) in_doubt: Arc<AtomicBool>,
    pub(super) disk: Disk,
}

/// Opens or creates the chain in `directory` and claims it for this process.
pub(super) fn open<C: Chain>(
    directory: &Path,
    disk: &Disk,
) -> Result<(OpenLog, OpenReport), LogError> {
    let path = directory.join(C::FILE);
    let failed = |error| LogError::io::<C>("opening", &path, error);
    private::create_dir_all(directory).map_err(failed)?;
    let file = private::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed)?;
    file.try_lock()
        .map_err(|_| LogError::InUse(C::NAME, path.clone()))?;
    let (head, len) = whole_part::<C>(&file, &path)?;
    let (torn, is_dirty) = match set_aside::<C>(&file, &path, len, disk) {
        Ok(torn) => (torn, false),
        // They were never answered for, and the next line takes their place; images that are here
        // are worth more than a copy of them.
        Err(error) if is_full(&error) => {
            tracing::error!(
                path = %path.display(),
                "{} has a torn end and the disk no room to keep it",
                C::NAME
            );
            (None, true)
        }
        Err(error) => return Err(failed(error)),
    };
    for durable in [directory, directory.parent().unwrap_or(directory)] {
        disk.sync_directory(durable).map_err(failed)?;
    }
    let report = OpenReport {
        last_seq: head.seq,
        torn,
    };
    let mut log = OpenLog {
        file,
        path,
        len,
        head,
        is_dirty,
        reserved: len,
        in_doubt: Arc::default(),
        disk: disk.clone(),
    };
    log.reserve();
    Ok((log, report))
}

impl OpenLog {
    /// Claims room for the lines to come while there is some, so that images that are here can
    /// still be pulled when the disk is full. File systems that cannot do that go without.
    pub(super) fn reserve(&mut self) {
        if self.reserved.saturating_sub(self.len) > RESERVE_BYTES / 2 {
            return;
        }
        let flags = FallocateFlags::KEEP_SIZE;
        if rustix::fs::fallocate(&self.file, flags, self.len, RESERVE_BYTES).is_ok() {
            self.reserved = self.len.saturating_add(RESERVE_BYTES);
        }
    }
}

/// Gives where the chain stands after a line; none where that is none.
pub(super) fn head_of<C: Chain>(line: &[u8]) -> Option<Head> {
    let link = C::link(&C::read(line)?)?;
    Some(link.head)
}

/// Finds the last line whose hash fits, and where it ends.
fn whole_part<C: Chain>(file: &File, path: &Path) -> Result<(Head, u64), LogError> {
    let failed = |error| LogError::io::<C>("reading", path, error);
    let total = file.metadata().map_err(failed)?.len();
    let (lines, _) = LinesBackwards::new(file, MAX_TORN_BYTES).map_err(failed)?;
    for line in lines {
        let (start, bytes) = line.map_err(failed)?;
        if let Some(head) = head_of::<C>(&bytes) {
            let end = start.saturating_add(bytes.len() as u64).saturating_add(1);
            return Ok((head, end));
        }
        if total.saturating_sub(start) > MAX_TORN_BYTES as u64 {
            return Err(LogError::Damaged(C::NAME, path.to_owned()));
        }
    }
    Ok((Head::before_the_first(), 0))
}

fn set_aside<C: Chain>(
    mut file: &File,
    path: &Path,
    len: u64,
    disk: &Disk,
) -> io::Result<Option<TornTail>> {
    let bytes = file.metadata()?.len().saturating_sub(len);
    if bytes == 0 {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(len))?;
    let mut torn = Vec::new();
    file.take(MAX_TORN_BYTES as u64).read_to_end(&mut torn)?;
    let kept_at = free_name::<C>(path)?;
    let kept = private::create_new(&kept_at).and_then(|mut kept| {
        kept.write_all(&torn)?;
        disk.sync_all(&kept)
    });
    if let Err(error) = kept {
        // Half of it would pass for all of it.
        let _ = std::fs::remove_file(&kept_at);
        return Err(error);
    }
    file.set_len(len)?;
    disk.sync_all(file)?;
    tracing::warn!(
        bytes,
        kept_at = %kept_at.display(),
        "{} had a torn end; it was set aside",
        C::NAME
    );
    Ok(Some(TornTail { bytes, kept_at }))
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

fn free_name<C: Chain>(path: &Path) -> io::Result<PathBuf> {
    (1..=1000_u32)
        .map(|number| path.with_file_name(format!("{}.torn-{number}", C::FILE)))
        .find(|path| !path.exists())
        .ok_or_else(|| io::Error::other("too many torn ends lie beside it"))
}
