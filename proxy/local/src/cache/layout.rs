//! Where content lies on disk, and how a file gets there so that it is whole or absent.
//!
//! `blobs/<algorithm>/<2 hex>/<hex>`, `incoming/` for what is not proven yet, and
//! `documents/<kind>/`. Blocking; callers run it off the async workers.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use sluicegate_engine::content::ContentError;
use sluicegate_machine::private;
use sluicegate_model::Digest;
use sluicegate_model::digest::Algorithm;

use super::blob_name::BlobName;
use crate::durable::Disk;

/// Most free bytes that the content store leaves to the verdict store and the decision log.
///
/// Both write a few KiB per pull; 64 MiB lasts for thousands of them.
const MAX_HEADROOM_BYTES: u64 = 64 * 1024 * 1024;
/// Share of a small filesystem that is headroom: one in twenty, as ext4 reserves for root.
const HEADROOM_SHARE: u64 = 20;

/// The directories of one content store.
#[derive(Debug)]
pub(super) struct Layout {
    root: PathBuf,
    /// The root's directory, open since before anything was written.
    open_root: File,
    disk: Disk,
    next_incoming: AtomicU64,
}

/// A file found on disk at start, called by a digest.
pub(super) struct FoundFile {
    pub(super) name: BlobName,
    pub(super) len: u64,
    pub(super) modified: SystemTime,
}

impl Layout {
    /// Creates the directories and deletes what an earlier process left half-written.
    pub(super) fn open(root: &Path, disk: Disk) -> Result<Self, ContentError> {
        for directory in ["blobs", "incoming", "documents"] {
            let path = root.join(directory);
            private::create_dir_all(&path)
                .map_err(|error| failed("creating directory", &path, error))?;
        }
        let open_root =
            File::open(root).map_err(|error| failed("opening directory", root, error))?;
        let layout = Self {
            root: root.to_owned(),
            open_root,
            disk,
            next_incoming: AtomicU64::new(0),
        };
        layout.sweep()?;
        layout.sync_directory(root)?;
        Ok(layout)
    }

    pub(super) fn blob(&self, digest: &Digest) -> PathBuf {
        self.blob_called(digest.algorithm(), digest.hex())
    }

    /// Names the file of a blob in memory.
    pub(super) fn blob_named(&self, name: &BlobName) -> PathBuf {
        self.blob_called(name.algorithm(), &name.hex())
    }

    fn blob_called(&self, algorithm: Algorithm, hex: &str) -> PathBuf {
        let shard = hex.get(..2).unwrap_or("00");
        let algorithm = algorithm.as_str();
        self.root
            .join("blobs")
            .join(algorithm)
            .join(shard)
            .join(hex)
    }

    pub(super) fn documents(&self, kind: &str) -> PathBuf {
        self.root.join("documents").join(kind)
    }

    /// Names a file that nobody else writes.
    pub(super) fn incoming(&self) -> PathBuf {
        let number = self.next_incoming.fetch_add(1, Ordering::Relaxed);
        self.incoming_dir().join(number.to_string())
    }

    /// Gives the directory of files that are not to outlive the process.
    pub(super) fn incoming_dir(&self) -> PathBuf {
        self.root.join("incoming")
    }

    /// Lists the blobs on disk, least recently written first; strange files are left alone.
    pub(super) fn list_blobs(&self) -> Result<Vec<FoundFile>, ContentError> {
        let mut found = Vec::new();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let directory = self.root.join("blobs").join(algorithm.as_str());
            for shard in list(&directory)? {
                for entry in list(&shard.path())? {
                    found.extend(FoundFile::of(algorithm, &entry));
                }
            }
        }
        found.sort_by_key(|blob| blob.modified);
        Ok(found)
    }

    /// Fails as full when `more` bytes would eat into the headroom.
    pub(super) fn check_room(&self, attempt: &'static str, more: u64) -> Result<(), ContentError> {
        let disk = rustix::fs::statvfs(&self.root)
            .map_err(|error| failed("asking the free space of", &self.root, error.into()))?;
        let total = disk.f_blocks.saturating_mul(disk.f_frsize);
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let headroom = MAX_HEADROOM_BYTES.min(total / HEADROOM_SHARE);
        if free < headroom.saturating_add(more) {
            return Err(ContentError::Full {
                attempt,
                place: shown(&self.root),
            });
        }
        Ok(())
    }

    /// Makes durable what has been written of a file so far.
    pub(super) fn sync_begun(&self, file: &File, path: &Path) -> Result<(), ContentError> {
        let synced = self.disk.sync_data(file);
        synced.map_err(|source| not_durable(path, source))
    }

    /// Makes a written file durable and visible under its final name.
    pub(super) fn publish(&self, file: &File, from: &Path, to: &Path) -> Result<(), ContentError> {
        let synced = self.disk.sync_all(file);
        synced.map_err(|source| not_durable(from, source))?;
        let directory = to.parent().unwrap_or(&self.root);
        self.create_durable_directory(directory)?;
        fs::rename(from, to).map_err(|error| failed("publishing", to, error))?;
        self.sync_directory(directory).inspect_err(|_| withdraw(to))
    }

    /// Writes a small file whole: it appears with all its bytes, durably, or not at all.
    pub(super) fn write_whole(&self, to: &Path, content: &[u8]) -> Result<(), ContentError> {
        self.write_as(content, |file, from| self.publish(file, from, to))
    }

    /// Does the same without waiting for the disk, for what carries a checksum and can be made again:
    /// a loss of power may take it, and nothing else does.
    pub(super) fn write_lightly(&self, to: &Path, content: &[u8]) -> Result<(), ContentError> {
        self.write_as(content, |_, from| {
            let directory = to.parent().unwrap_or(&self.root);
            self.create_durable_directory(directory)?;
            fs::rename(from, to).map_err(|error| failed("publishing", to, error))
        })
    }

    fn write_as(
        &self,
        content: &[u8],
        publish: impl FnOnce(&File, &Path) -> Result<(), ContentError>,
    ) -> Result<(), ContentError> {
        self.check_room("writing", content.len() as u64)?;
        let from = self.incoming();
        let written = write(&from, content).and_then(|file| publish(&file, &from));
        if written.is_err() {
            // The error is what matters; a leftover is swept at the next start.
            let _ = fs::remove_file(&from);
        }
        written
    }

    /// Writes small files as [`Self::write_whole`] does each, with one sync of the file system for
    /// all of them instead of two for each; none of them is there when it fails. A single one has
    /// its own two, for the file system's waits for all that others are writing meanwhile.
    pub(super) fn write_many(&self, files: &[(PathBuf, &[u8])]) -> Result<(), ContentError> {
        if let [(to, content)] = files {
            return self.write_whole(to, content);
        }
        let more = files.iter().map(|(_, content)| content.len() as u64).sum();
        self.check_room("writing", more)?;
        let moves: Vec<_> = files.iter().map(|(to, _)| (self.incoming(), to)).collect();
        let mut moved = 0;
        let written = self.write_all(files, &moves, &mut moved);
        if written.is_err() {
            for (number, (from, to)) in moves.iter().enumerate() {
                let left: &Path = if number < moved { to } else { from };
                withdraw(left);
            }
        }
        written
    }

    fn write_all(
        &self,
        files: &[(PathBuf, &[u8])],
        moves: &[(PathBuf, &PathBuf)],
        moved: &mut usize,
    ) -> Result<(), ContentError> {
        for ((_, content), (from, _)) in files.iter().zip(moves) {
            write(from, content)?;
        }
        let synced = self.disk.sync_file_system(&self.open_root);
        synced.map_err(|source| not_durable(&self.root, source))?;
        let mut directories = BTreeSet::new();
        for (from, to) in moves {
            let directory = to.parent().unwrap_or(&self.root);
            if directories.insert(directory) {
                self.create_durable_directory(directory)?;
            }
            fs::rename(from, to).map_err(|error| failed("publishing", to, error))?;
            *moved += 1;
        }
        let mut directories = directories.into_iter();
        directories.try_for_each(|directory| self.sync_directory(directory))
    }

    fn create_durable_directory(&self, path: &Path) -> Result<(), ContentError> {
        if path.is_dir() {
            return Ok(());
        }
        let parent = path.parent().unwrap_or(path);
        private::create_dir_all(path).map_err(|error| failed("creating directory", path, error))?;
        let mut above = parent.parent().into_iter().chain([parent]);
        // One that is there is taken for durable from then on.
        above
            .try_for_each(|directory| self.sync_directory(directory))
            .inspect_err(|_| drop(fs::remove_dir(path)))
    }

    /// Makes the entries of a directory durable.
    fn sync_directory(&self, path: &Path) -> Result<(), ContentError> {
        let synced = self.disk.sync_directory(path);
        synced.map_err(|source| not_durable(path, source))
    }

    fn sweep(&self) -> Result<(), ContentError> {
        let incoming = self.root.join("incoming");
        let mut swept = 0_u64;
        for entry in list(&incoming)? {
            let path = entry.path();
            fs::remove_file(&path).map_err(|error| failed("sweeping", &path, error))?;
            swept = swept.saturating_add(1);
        }
        if swept > 0 {
            tracing::info!(files = swept, "cache swept unfinished downloads");
        }
        Ok(())
    }
}

/// Lists a directory; one that does not exist is empty.
pub(super) fn list(path: &Path) -> Result<Vec<fs::DirEntry>, ContentError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("listing", path, error)),
    };
    entries
        .collect::<Result<_, _>>()
        .map_err(|error| failed("listing", path, error))
}

/// Takes back a file that could not be made durable: nothing may find it.
fn withdraw(path: &Path) {
    // The sync's error is what matters; what is left is hashed before its first use.
    let _ = fs::remove_file(path);
}

fn write(path: &Path, content: &[u8]) -> Result<File, ContentError> {
    let write = || {
        let mut file = private::create_new(path)?;
        file.write_all(content)?;
        Ok(file)
    };
    write().map_err(|error| failed("writing", path, error))
}

fn not_durable(path: &Path, source: io::Error) -> ContentError {
    ContentError::NotDurable {
        place: shown(path),
        source,
    }
}

/// Says what the disk answered for a path.
pub(super) fn failed(attempt: &'static str, path: &Path, source: io::Error) -> ContentError {
    ContentError::io(attempt, shown(path), source)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

impl FoundFile {
    /// Looks at a file; none where it is called by no digest.
    pub(super) fn of(algorithm: Algorithm, entry: &fs::DirEntry) -> Option<Self> {
        let name = entry.file_name();
        let digest = format!("{}:{}", algorithm.as_str(), name.to_str()?);
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(Self {
            name: BlobName::of(&digest.parse().ok()?),
            len: metadata.len(),
            modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        })
    }
}
