//! Where an engine keeps its files, and how what it wrote becomes durable.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::durable::Disk;

/// The name of an engine's database within its directory. Source: sled 0.34, "Tree file structure";
/// redb leaves it to us.
pub(super) const DATABASE: &str = "db";

/// The directory of an engine.
#[derive(Debug)]
pub struct Home {
    pub(super) directory: PathBuf,
    /// Memory for the engine's cache, in bytes.
    pub(super) cache_bytes: u64,
    disk: Disk,
    /// Set when a sync failed: nobody knows what is on disk, whatever can be read.
    in_doubt: AtomicBool,
}

impl Home {
    pub(super) fn new(directory: &Path, cache_bytes: u64, disk: Disk) -> Self {
        Self {
            directory: directory.to_owned(),
            cache_bytes,
            disk,
            in_doubt: AtomicBool::new(false),
        }
    }

    /// Names the database's file.
    pub(super) fn database(&self) -> PathBuf {
        self.directory.join(DATABASE)
    }

    /// Makes a file of the engine durable.
    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        let synced = self.disk.sync_all(file);
        if synced.is_err() {
            self.in_doubt.store(true, Ordering::Release);
        }
        synced
    }

    /// Makes it durable that the directory is there, and what is in it.
    pub(super) fn sync_names(&self) -> io::Result<()> {
        let above = self.directory.parent().unwrap_or(&self.directory);
        self.disk.sync_directory(&self.directory)?;
        self.disk.sync_directory(above)
    }

    /// Writes everything anew if a sync has failed, so that what can be read is on disk.
    pub(super) fn settle(&self) -> io::Result<()> {
        if self.in_doubt.load(Ordering::Acquire) {
            self.disk.write_anew(&self.directory)?;
            self.in_doubt.store(false, Ordering::Release);
        }
        Ok(())
    }
}
