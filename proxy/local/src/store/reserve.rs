//! Room that the verdict store keeps for its next start: engines write when they open, and a disk that
//! others have filled must not keep the images that are here from being served.
//!
//! One file beside the database, given up when it cannot be opened for want of room, and made again
//! once there is room. On Linux only a disk that is full to the last can make an opening fail.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::FallocateFlags;

use sluicegate_machine::private;

/// What an opening writes beside a snapshot, in bytes: at most one segment of 512 KiB, twice.
const SEGMENTS_BYTES: u64 = 1024 * 1024;
/// Share of a small file system that the reserve may take.
const SHARE: u64 = 32;
/// Free bytes below which a failed opening is the disk's fault.
const FULL_BELOW: u64 = SEGMENTS_BYTES;
/// Free bytes that making the reserve leaves, as a multiple of it.
const LEAVES: u64 = 4;

/// Tells whether the disk has no room for what an opening writes.
pub(super) fn is_needed(database: &Path) -> bool {
    room(database).is_ok_and(|(free, _)| free < FULL_BELOW)
}

/// Tells whether the disk has room for as much as the files of this directory once more, and leaves
/// as much again to others.
pub(super) fn has_room_for_another(database: &Path) -> bool {
    let bytes = bytes_of(database, |_name| true);
    room(database).is_ok_and(|(free, _)| free >= bytes.saturating_mul(2))
}

/// Gives the reserve up; tells whether there was one.
pub(super) fn release(database: &Path) -> bool {
    let released = fs::remove_file(place(database)).is_ok();
    if released {
        tracing::warn!(
            database = %database.display(),
            "disk is full; the verdict store uses the room kept for that"
        );
    }
    released
}

/// Makes the reserve if it is missing and there is room. Without one a start on a full disk fails,
/// so that a failure here is told but changes nothing; false then.
pub(super) fn keep(database: &Path) -> bool {
    let place = place(database);
    if place.exists() {
        return true;
    }
    if let Err(error) = make(database, &place) {
        tracing::warn!(%error, "no room kept for starting on a full disk");
        let _nothing_half_made = fs::remove_file(&place);
        return false;
    }
    true
}

fn make(database: &Path, place: &Path) -> io::Result<()> {
    let (free, total) = room(database)?;
    let bytes = (SEGMENTS_BYTES + 2 * snapshot_bytes(database)).min(total / SHARE);
    if free < bytes.saturating_mul(LEAVES) {
        return Ok(());
    }
    let mut file = private::create(place)?;
    if rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes).is_ok() {
        return Ok(());
    }
    // Some file systems cannot promise room; on those it is written.
    io::copy(&mut io::Read::take(io::repeat(b'r'), bytes), &mut file)?;
    file.flush()
}

/// Counts the bytes of sled's snapshots; the next one has about as many.
fn snapshot_bytes(database: &Path) -> u64 {
    bytes_of(database, |name| name.starts_with("snap."))
}

/// Counts the bytes of the files that are called so.
fn bytes_of(database: &Path, is_counted: impl Fn(&str) -> bool) -> u64 {
    let entries = fs::read_dir(database).into_iter().flatten().flatten();
    let counted = entries.filter(|entry| is_counted(&entry.file_name().to_string_lossy()));
    counted
        .filter_map(|entry| entry.metadata().ok())
        .map(|found| found.len())
        .sum()
}

/// Gives the free and the total bytes of the file system.
fn room(database: &Path) -> io::Result<(u64, u64)> {
    let disk = rustix::fs::statvfs(database)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    Ok((free, disk.f_blocks.saturating_mul(disk.f_frsize)))
}

fn place(database: &Path) -> PathBuf {
    let name = database.file_name().unwrap_or_default().to_string_lossy();
    database.with_file_name(format!("{name}.reserve"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_kept_once_and_given_up_once() {
        let home = tempfile::tempdir().unwrap();
        let database = home.path().join("verdicts");
        fs::create_dir(&database).unwrap();
        fs::write(database.join("snap.1"), [0; 1000]).unwrap();
        keep(&database);
        let reserve = home.path().join("verdicts.reserve");
        assert_eq!(reserve.metadata().unwrap().len(), SEGMENTS_BYTES + 2000);
        keep(&database);
        assert!(!is_needed(&database), "tests need a disk with room");
        assert!(release(&database) && !reserve.exists());
        assert!(!release(&database));
    }
}
