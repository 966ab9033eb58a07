//! The one way in which what is acknowledged becomes durable.
//!
//! A sync that failed is never tried again on what it was for: the kernel may have dropped the bytes
//! and call them written, so that the next sync succeeds and nothing is on disk. Whoever is refused
//! here gives up what it wrote or writes it anew, and acknowledges nothing before that.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
#[cfg(any(test, feature = "failing"))]
use std::sync::Arc;
#[cfg(any(test, feature = "failing"))]
use std::sync::atomic::{AtomicBool, Ordering};

use sluicegate_machine::private;

/// Bytes that are read and written at a time when a file is written anew.
const PIECE_BYTES: usize = 1024 * 1024;

/// Syncs files; in tests it can be told to fail.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    #[cfg(any(test, feature = "failing"))]
    fails: Arc<AtomicBool>,
    #[cfg(any(test, feature = "failing"))]
    has_failed: Arc<AtomicBool>,
}

impl Disk {
    /// Makes a file's bytes durable, and its length.
    pub fn sync_data(&self, file: &File) -> io::Result<()> {
        self.may_sync()?;
        file.sync_data()
    }

    /// Makes a file durable with everything about it.
    pub fn sync_all(&self, file: &File) -> io::Result<()> {
        self.may_sync()?;
        file.sync_all()
    }

    /// Puts a whole file in the place of the one at a path, or makes it; durable on return.
    pub fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.may_sync()?;
        private::replace(path, content)
    }

    /// Makes the entries of a directory durable.
    pub fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.sync_all(&File::open(path)?)
    }

    /// Makes the whole file system of an open file durable. Errors since the file was opened are
    /// told, so it has to be open before what is to be synced is written. Source: syncfs(2).
    pub fn sync_file_system(&self, of: &File) -> io::Result<()> {
        self.may_sync()?;
        rustix::fs::syncfs(of).map_err(io::Error::from)
    }

    /// Writes every file below a directory anew, in its place and with the bytes that it has, so
    /// that what a failed sync left in doubt is on disk when this returns.
    pub fn write_anew(&self, directory: &Path) -> io::Result<()> {
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.write_anew(&entry.path())?;
            } else if kind.is_file() {
                let file = File::options().read(true).write(true).open(entry.path())?;
                write_file_anew(&file, 0, file.metadata()?.len())?;
                self.sync_all(&file)?;
            }
        }
        self.sync_directory(directory)
    }

    #[cfg(not(any(test, feature = "failing")))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "tests ask it"
    )]
    fn may_sync(&self) -> io::Result<()> {
        Ok(())
    }

    #[cfg(any(test, feature = "failing"))]
    fn may_sync(&self) -> io::Result<()> {
        if self.fails.load(Ordering::SeqCst) {
            self.has_failed.store(true, Ordering::SeqCst);
            return Err(io::Error::other("the test lets no sync succeed"));
        }
        Ok(())
    }

    /// Lets every sync fail from now on, or none.
    #[cfg(any(test, feature = "failing"))]
    pub fn let_fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Tells whether a sync was asked for and failed.
    #[cfg(any(test, feature = "failing"))]
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::SeqCst)
    }
}

/// Writes the bytes of a file from one place to another anew; whoever calls it syncs them.
pub fn write_file_anew(file: &File, from: u64, to: u64) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = from;
    while at < to {
        let left = usize::try_from(to - at).unwrap_or(PIECE_BYTES);
        let window = piece.get_mut(..left.min(PIECE_BYTES)).unwrap_or_default();
        file.read_exact_at(window, at)?;
        file.write_all_at(window, at)?;
        at = at.saturating_add(window.len() as u64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_written_anew_are_what_they_were() {
        let home = tempfile::tempdir().unwrap();
        let inner = home.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        let long: Vec<u8> = (0..PIECE_BYTES + 77).map(|n| n.to_le_bytes()[0]).collect();
        std::fs::write(inner.join("long"), &long).unwrap();
        std::fs::write(home.path().join("empty"), b"").unwrap();
        let disk = Disk::default();
        disk.write_anew(home.path()).unwrap();
        assert_eq!(std::fs::read(inner.join("long")).unwrap(), long);
        disk.let_fail(true);
        assert!(disk.write_anew(home.path()).is_err());
    }
}
