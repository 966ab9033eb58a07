//! The content store: what is there, what comes in, what goes.
//!
//! Called by `pull` and `verdicts`. It keeps no verdict and no membership, so eviction loses
//! nothing that cannot be fetched again. The index is in memory; the directory is the truth.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sluicegate_machine::private;
use sluicegate_model::{Digest, DigestHasher};

use super::documents::{self, DocumentName};
use super::error::CacheError;
use super::growing::GrowingBlob;
use super::index::Index;
use super::layout::Layout;
use super::writer::BlobWriter;
use crate::durable::Disk;

/// Bytes read at a time when a stored blob is proven again.
const PROVE_PIECE_BYTES: usize = 256 * 1024;

/// Content by digest, on disk.
#[derive(Clone, Debug)]
pub struct ContentStore {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    layout: Layout,
    capacity_bytes: u64,
    blobs: Mutex<Index<Digest>>,
    documents: Mutex<Index<DocumentName>>,
    /// Blobs that an earlier process stored and this one has not hashed yet: disks rot and people
    /// have editors.
    unproven: Mutex<HashSet<Digest>>,
}

/// A blob that was in the store when it was asked for.
#[derive(Clone, Debug)]
pub struct StoredBlob {
    digest: Digest,
    len: u64,
    path: PathBuf,
    store: ContentStore,
}

/// Keeps one digest from being evicted, present or yet to come, while it is held.
#[derive(Debug)]
pub struct Pin {
    store: ContentStore,
    digest: Digest,
}

impl ContentStore {
    /// Opens the store under `root`: creates it, sweeps unfinished downloads, lists what is there.
    ///
    /// Blocks on the disk. `capacity_bytes` bounds blobs; documents have their own, smaller bound.
    pub fn open(root: &Path, capacity_bytes: u64) -> Result<Self, CacheError> {
        Self::open_on(root, capacity_bytes, Disk::default())
    }

    /// Does the same with this way of syncing.
    pub fn open_on(root: &Path, capacity_bytes: u64, disk: Disk) -> Result<Self, CacheError> {
        let layout = Layout::open(root, disk)?;
        let mut blobs = Index::new();
        let mut unproven = HashSet::new();
        for found in layout.list_blobs()? {
            unproven.insert(found.digest.clone());
            blobs.insert(found.digest, found.len);
        }
        let documents = documents::index(&layout)?;
        let state = State {
            layout,
            capacity_bytes,
            blobs: Mutex::new(blobs),
            documents: Mutex::new(documents),
            unproven: Mutex::new(unproven),
        };
        Ok(Self {
            state: Arc::new(state),
        })
    }

    /// Looks a digest up and makes it the most recently used one.
    pub fn lookup(&self, digest: &Digest) -> Option<StoredBlob> {
        let len = self.blobs().touch(digest)?;
        Some(self.stored(digest.clone(), len))
    }

    /// Starts a growing blob; a disk without room for `expected_len` is [`CacheError::Full`].
    pub fn begin(
        &self,
        digest: &Digest,
        expected_len: Option<u64>,
    ) -> Result<BlobWriter, CacheError> {
        self.check_room("starting a blob", expected_len.unwrap_or(0))?;
        let path = self.state.layout.incoming();
        let file =
            private::create_new(&path).map_err(|error| CacheError::io("creating", &path, error))?;
        let blob = GrowingBlob::new(digest.clone(), expected_len, Arc::new(file));
        Ok(BlobWriter::new(self.clone(), Arc::new(blob), path))
    }

    /// Stores small content whole, proven and durable.
    pub async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<StoredBlob, CacheError> {
        let (store, wanted) = (self.clone(), digest.clone());
        off_worker("storing content", move || {
            let mut hasher = DigestHasher::new(wanted.algorithm());
            hasher.update(&bytes);
            let got = hasher.finish();
            if got != wanted {
                return Err(CacheError::DigestMismatch { wanted, got });
            }
            let path = store.state.layout.blob(&wanted);
            store.state.layout.write_whole(&path, &bytes)?;
            Ok(store.admit(wanted, bytes.len() as u64))
        })
        .await
    }

    /// Reads small content and hashes it again: what is not what it was is evicted, and missing.
    pub async fn read(&self, digest: &Digest, max: usize) -> Result<Option<Bytes>, CacheError> {
        let Some(blob) = self.lookup(digest) else {
            return Ok(None);
        };
        let max = max as u64;
        if blob.len > max {
            let (digest, len) = (blob.digest, blob.len);
            return Err(CacheError::TooLarge { digest, len, max });
        }
        off_worker("reading content", move || blob.read_proven()).await
    }

    /// Protects a digest from eviction until the guard is dropped.
    pub fn pin(&self, digest: &Digest) -> Pin {
        self.blobs().pin(digest);
        Pin {
            store: self.clone(),
            digest: digest.clone(),
        }
    }

    /// Deletes content; readers that have it open keep it until they are done.
    pub fn remove(&self, digest: &Digest) {
        if self.blobs().remove(digest) {
            self.delete_file(digest);
        }
    }

    /// Counts the bytes of the stored blobs.
    pub fn used_bytes(&self) -> u64 {
        self.blobs().used_bytes()
    }

    /// Gives the bound on the stored blobs, in bytes.
    pub fn capacity_bytes(&self) -> u64 {
        self.state.capacity_bytes
    }

    /// Gives a directory for temporary files; what a process leaves there the next one deletes.
    pub fn spool_dir(&self) -> PathBuf {
        self.state.layout.incoming_dir()
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.state.layout
    }

    pub(super) fn documents(&self) -> MutexGuard<'_, Index<DocumentName>> {
        lock(&self.state.documents)
    }

    pub(super) fn check_room(&self, attempt: &'static str, more: u64) -> Result<(), CacheError> {
        self.state.layout.check_room(attempt, more)
    }

    /// Makes durable what has been written of a blob that is still arriving.
    pub(super) fn sync_begun(&self, file: &File, path: &Path) -> Result<(), CacheError> {
        self.state.layout.sync_begun(file, path)
    }

    /// Makes a proven file durable and visible, then evicts what no longer fits.
    pub(super) async fn publish(
        &self,
        digest: Digest,
        file: Arc<File>,
        from: PathBuf,
        len: u64,
    ) -> Result<StoredBlob, CacheError> {
        let store = self.clone();
        off_worker("publishing a blob", move || {
            let to = store.state.layout.blob(&digest);
            store.state.layout.publish(&file, &from, &to)?;
            Ok(store.admit(digest, len))
        })
        .await
    }

    fn admit(&self, digest: Digest, len: u64) -> StoredBlob {
        lock(&self.state.unproven).remove(&digest);
        let victims = {
            let mut blobs = self.blobs();
            blobs.insert(digest.clone(), len);
            blobs.overflow(self.state.capacity_bytes, &digest)
        };
        for victim in &victims {
            self.delete_file(victim);
        }
        if !victims.is_empty() {
            tracing::debug!(blobs = victims.len(), "cache evicted blobs");
        }
        self.stored(digest, len)
    }

    fn delete_file(&self, digest: &Digest) {
        let path = self.state.layout.blob(digest);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(%digest, %error, "cache could not delete a blob; it is listed again at the next start");
            }
        }
    }

    fn stored(&self, digest: Digest, len: u64) -> StoredBlob {
        StoredBlob {
            path: self.state.layout.blob(&digest),
            digest,
            len,
            store: self.clone(),
        }
    }

    fn blobs(&self) -> MutexGuard<'_, Index<Digest>> {
        lock(&self.state.blobs)
    }
}

impl StoredBlob {
    /// Gives the content's digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Gives the length, in bytes.
    #[expect(
        clippy::len_without_is_empty,
        reason = "it is a size in bytes; nobody asks whether a blob is empty"
    )]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Opens the content; a file that is gone or has another length is forgotten and an error.
    pub fn open_file(&self) -> io::Result<File> {
        let opened = File::open(&self.path).and_then(|file| {
            let len = file.metadata()?.len();
            if len == self.len {
                Ok(file)
            } else {
                let message = format!("{} is {len} bytes long, wanted {}", self.digest, self.len);
                Err(io::Error::new(io::ErrorKind::InvalidData, message))
            }
        });
        opened.inspect_err(|error| {
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::InvalidData
            ) {
                self.store.remove(&self.digest);
            }
        })
    }

    /// Makes sure that this process has seen that the content is what its digest says. What is
    /// not is evicted, and an error.
    pub async fn prove_once(&self) -> io::Result<()> {
        if self.is_proven() {
            return Ok(());
        }
        let blob = self.clone();
        tokio::task::spawn_blocking(move || blob.prove())
            .await
            .map_err(io::Error::other)?
    }

    /// Tells whether this process has seen that the content is what its digest says.
    pub(super) fn is_proven(&self) -> bool {
        !lock(&self.store.state.unproven).contains(&self.digest)
    }

    /// Hashes the whole content and evicts it when it is not what its digest says. Blocks.
    pub(super) fn prove(&self) -> io::Result<()> {
        let mut file = self.open_file()?;
        let mut hasher = DigestHasher::new(self.digest.algorithm());
        let mut piece = vec![0; PROVE_PIECE_BYTES];
        loop {
            let count = file.read(&mut piece)?;
            if count == 0 {
                break;
            }
            hasher.update(piece.get(..count).unwrap_or_default());
        }
        self.settle(&hasher.finish())
    }

    fn read_proven(&self) -> Result<Option<Bytes>, CacheError> {
        let mut bytes = Vec::new();
        let read = self
            .open_file()
            .and_then(|file| file.take(self.len).read_to_end(&mut bytes));
        match read {
            Ok(_) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::InvalidData
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(CacheError::io("reading", &self.path, error)),
        }
        let mut hasher = DigestHasher::new(self.digest.algorithm());
        hasher.update(&bytes);
        Ok(self.settle(&hasher.finish()).is_ok().then(|| bytes.into()))
    }

    fn settle(&self, got: &Digest) -> io::Result<()> {
        if *got == self.digest {
            lock(&self.store.state.unproven).remove(&self.digest);
            return Ok(());
        }
        tracing::error!(digest = %self.digest, %got, "cache found a damaged blob and evicted it");
        self.store.remove(&self.digest);
        let message = format!("content of {} hashes to {got}", self.digest);
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.store.blobs().unpin(&self.digest);
    }
}

/// Runs blocking work in the blocking pool.
pub(super) async fn off_worker<T: Send + 'static>(
    attempt: &'static str,
    work: impl FnOnce() -> Result<T, CacheError> + Send + 'static,
) -> Result<T, CacheError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| CacheError::Interrupted { attempt })?
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
