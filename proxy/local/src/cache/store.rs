//! The content store: what is there, what comes in, what goes.
//!
//! Called by `pull` and `verdicts` through the engine's port. The index is in memory; the directory
//! is the truth.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use sluicegate_engine::content::{
    BlobWriter, Content, ContentError, DocumentKind, PackedDocument, Pin, StoredBlob, off_worker,
};
use sluicegate_model::{Digest, DigestHasher};

use super::blob_name::BlobName;
use super::documents::{self, DocumentName};
use super::file::{IncomingFile, StoredFile};
use super::index::CacheIndex;
use super::layout::Layout;
use crate::durable::Disk;

/// Content by digest, on disk.
#[derive(Clone, Debug)]
pub struct ContentStore {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    layout: Layout,
    capacity_bytes: u64,
    blobs: Mutex<CacheIndex<BlobName>>,
    documents: Mutex<CacheIndex<DocumentName>>,
}

/// Takes a protection from eviction back when it is dropped.
struct Pinned {
    store: ContentStore,
    name: BlobName,
}

impl ContentStore {
    /// Opens the store under `root`: creates it, sweeps unfinished downloads, lists what is there.
    ///
    /// Blocks on the disk. `capacity_bytes` bounds blobs; documents have their own, smaller bound.
    pub fn open(root: &Path, capacity_bytes: u64) -> Result<Self, ContentError> {
        Self::open_on(root, capacity_bytes, Disk::default())
    }

    /// Does the same with this way of syncing.
    pub fn open_on(root: &Path, capacity_bytes: u64, disk: Disk) -> Result<Self, ContentError> {
        let layout = Layout::open(root, disk)?;
        let mut blobs = CacheIndex::new();
        for found in layout.list_blobs()? {
            // An earlier process stored it, and this one has not hashed it yet: disks rot and people
            // have editors.
            blobs.insert(found.name, found.len, false);
        }
        let documents = documents::index(&layout)?;
        let state = State {
            layout,
            capacity_bytes,
            blobs: Mutex::new(blobs),
            documents: Mutex::new(documents),
        };
        Ok(Self {
            state: Arc::new(state),
        })
    }

    /// Gives a directory for temporary files; what a process leaves there the next one deletes.
    pub fn spool_dir(&self) -> PathBuf {
        self.state.layout.incoming_dir()
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.state.layout
    }

    pub(super) fn documents(&self) -> MutexGuard<'_, CacheIndex<DocumentName>> {
        lock(&self.state.documents)
    }

    /// Tells whether this process has seen that the content is what its digest says.
    pub(super) fn is_proven(&self, digest: &Digest) -> bool {
        self.blobs().is_proven(&BlobName::of(digest))
    }

    pub(super) fn note_proven(&self, digest: &Digest) {
        self.blobs().note_proven(&BlobName::of(digest));
    }

    /// Takes up a file that lies under its digest, proven, and evicts what no longer fits.
    pub(super) fn admit(&self, digest: Digest, len: u64) -> StoredBlob {
        let name = BlobName::of(&digest);
        let victims = {
            let mut blobs = self.blobs();
            blobs.insert(name.clone(), len, true);
            blobs.overflow(self.state.capacity_bytes, &name)
        };
        for victim in &victims {
            delete_file(&self.layout().blob_named(victim));
        }
        if !victims.is_empty() {
            tracing::debug!(blobs = victims.len(), "cache evicted blobs");
        }
        Arc::new(self.stored(digest, len, true))
    }

    fn look_up(&self, digest: &Digest) -> Option<StoredFile> {
        let entry = self.blobs().touch(&BlobName::of(digest))?;
        Some(self.stored(digest.clone(), entry.len, entry.is_proven))
    }

    fn stored(&self, digest: Digest, len: u64, was_proven: bool) -> StoredFile {
        StoredFile {
            store: self.clone(),
            digest,
            len,
            was_proven,
        }
    }

    fn blobs(&self) -> MutexGuard<'_, CacheIndex<BlobName>> {
        lock(&self.state.blobs)
    }
}

#[async_trait]
impl Content for ContentStore {
    fn lookup(&self, digest: &Digest) -> Option<StoredBlob> {
        Some(Arc::new(self.look_up(digest)?))
    }

    fn begin(
        &self,
        digest: &Digest,
        expected_len: Option<u64>,
    ) -> Result<BlobWriter, ContentError> {
        let room = expected_len.unwrap_or(0);
        self.layout().check_room("starting a blob", room)?;
        let incoming = IncomingFile::create(self.clone(), digest.clone())?;
        Ok(BlobWriter::new(digest, expected_len, Arc::new(incoming)))
    }

    async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<StoredBlob, ContentError> {
        let (store, wanted) = (self.clone(), digest.clone());
        off_worker("storing content", move || {
            let mut hasher = DigestHasher::new(wanted.algorithm());
            hasher.update(&bytes);
            let got = hasher.finish();
            if got != wanted {
                return Err(ContentError::DigestMismatch { wanted, got });
            }
            let layout = store.layout();
            layout.write_whole(&layout.blob(&wanted), &bytes)?;
            Ok(store.admit(wanted, bytes.len() as u64))
        })
        .await
    }

    async fn read(&self, digest: &Digest, max: usize) -> Result<Option<Bytes>, ContentError> {
        let Some(blob) = self.look_up(digest) else {
            return Ok(None);
        };
        let max = max as u64;
        if blob.len > max {
            let (digest, len) = (blob.digest, blob.len);
            return Err(ContentError::TooLarge { digest, len, max });
        }
        off_worker("reading content", move || blob.read_proven()).await
    }

    fn pin(&self, digest: &Digest) -> Pin {
        let name = BlobName::of(digest);
        self.blobs().pin(&name);
        let store = self.clone();
        Pin::new(Pinned { store, name })
    }

    fn remove(&self, digest: &Digest) {
        if self.blobs().remove(&BlobName::of(digest)) {
            delete_file(&self.layout().blob(digest));
        }
    }

    fn used_bytes(&self) -> u64 {
        self.blobs().used_bytes()
    }

    fn capacity_bytes(&self) -> u64 {
        self.state.capacity_bytes
    }

    /// Packs and stores in one trip to the blocking pool: every layer of every cold pull makes it.
    async fn put_document(
        &self,
        kind: DocumentKind,
        key: &str,
        body: Vec<u8>,
    ) -> Result<(), ContentError> {
        let (store, key) = (self.clone(), key.to_owned());
        off_worker("storing a document", move || {
            store.write_documents(&[PackedDocument::new(kind, &key, &body)?])
        })
        .await
    }

    /// One sync is for all of them.
    async fn put_documents(&self, documents: Vec<PackedDocument>) -> Result<(), ContentError> {
        if documents.is_empty() {
            return Ok(());
        }
        let store = self.clone();
        off_worker("storing documents", move || {
            store.write_documents(&documents)
        })
        .await
    }

    async fn document(
        &self,
        kind: DocumentKind,
        key: &str,
    ) -> Result<Option<Vec<u8>>, ContentError> {
        let (store, key) = (self.clone(), key.to_owned());
        off_worker("reading a document", move || {
            store.read_document(kind, &key)
        })
        .await
    }

    async fn document_bytes(
        &self,
        kind: DocumentKind,
        key: &str,
    ) -> Result<Option<u64>, ContentError> {
        let (store, name) = (self.clone(), DocumentName::new(kind, key));
        off_worker("looking at a document", move || store.stated_bytes(&name)).await
    }

    async fn remove_document(&self, kind: DocumentKind, key: &str) -> Result<(), ContentError> {
        let (store, name) = (self.clone(), DocumentName::new(kind, key));
        off_worker("deleting a document", move || store.delete_document(&name)).await
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.store.blobs().unpin(&self.name);
    }
}

fn delete_file(blob: &Path) {
    match fs::remove_file(blob) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            let blob = blob.display();
            tracing::warn!(%blob, %error, "cache could not delete a blob; it is listed again at the next start");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
