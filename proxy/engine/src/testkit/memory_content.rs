//! Content in memory, for tests of what stands above the port.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use sluicegate_model::Digest;

use super::turns::{InTurn, Turns};
use crate::content::{
    BlobBytes, BlobWriter, Content, ContentError, DocumentKind, Incoming, PackedDocument, Pin,
    StoredBlob, StoredBytes,
};

/// Blobs and documents that are gone with the last copy of this.
#[derive(Clone, Debug)]
pub struct MemoryContent {
    shared: Arc<Mutex<Shared>>,
    capacity_bytes: u64,
    turns: InTurn,
}

#[derive(Debug, Default)]
struct Shared {
    /// Least recently used first.
    blobs: Vec<Blob>,
    /// Once for each guard.
    pins: Vec<Digest>,
    documents: HashMap<(DocumentKind, String), PackedDocument>,
}

#[derive(Clone, Debug)]
struct Blob {
    digest: Digest,
    buffer: Arc<Buffer>,
}

#[derive(Debug, Default)]
struct Buffer(Mutex<Vec<u8>>);

/// A blob that was there when it was asked for.
#[derive(Debug)]
struct Stored {
    content: MemoryContent,
    digest: Digest,
    len: u64,
}

#[derive(Debug)]
struct Arriving {
    content: MemoryContent,
    digest: Digest,
    buffer: Arc<Buffer>,
}

/// Takes a protection from eviction back when it is dropped.
struct Pinned(MemoryContent, Digest);

impl MemoryContent {
    /// Starts empty; `capacity_bytes` bounds the blobs.
    pub fn new(capacity_bytes: u64) -> Self {
        Self {
            shared: Arc::default(),
            capacity_bytes,
            turns: InTurn::default(),
        }
    }

    /// Has every call that may wait take a turn.
    pub fn in_turns(self, turns: Arc<dyn Turns>) -> Self {
        Self {
            turns: InTurn::of(turns),
            ..self
        }
    }

    /// Evicts a blob, as would be done for want of room: not where it is protected.
    pub fn evict(&self, digest: &Digest) {
        let mut shared = self.shared();
        if !shared.pins.contains(digest) {
            shared.take(digest);
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }

    fn admit(&self, digest: &Digest, buffer: Arc<Buffer>) -> StoredBlob {
        let mut shared = self.shared();
        shared.take(digest);
        let blob = Blob {
            digest: digest.clone(),
            buffer,
        };
        let stored = self.stored(&blob);
        shared.blobs.push(blob);
        while shared.used_bytes() > self.capacity_bytes {
            let Shared { blobs, pins, .. } = &mut *shared;
            let may_go = |blob: &Blob| blob.digest != *digest && !pins.contains(&blob.digest);
            let Some(oldest) = blobs.iter().position(may_go) else {
                break;
            };
            blobs.remove(oldest);
        }
        stored
    }

    fn stored(&self, blob: &Blob) -> StoredBlob {
        Arc::new(Stored {
            content: self.clone(),
            digest: blob.digest.clone(),
            len: blob.buffer.len(),
        })
    }

    fn find(&self, digest: &Digest) -> Option<Blob> {
        let mut shared = self.shared();
        let blob = shared.take(digest)?;
        shared.blobs.push(blob.clone());
        Some(blob)
    }
}

impl Shared {
    fn take(&mut self, digest: &Digest) -> Option<Blob> {
        let at = self.blobs.iter().position(|blob| blob.digest == *digest)?;
        Some(self.blobs.remove(at))
    }

    fn used_bytes(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.buffer.len()).sum()
    }
}

#[async_trait]
impl Content for MemoryContent {
    fn lookup(&self, digest: &Digest) -> Option<StoredBlob> {
        self.find(digest).map(|blob| self.stored(&blob))
    }

    fn begin(
        &self,
        digest: &Digest,
        expected_len: Option<u64>,
    ) -> Result<BlobWriter, ContentError> {
        self.turns.begun(digest);
        let arriving = Arriving {
            content: self.clone(),
            digest: digest.clone(),
            buffer: Arc::default(),
        };
        Ok(BlobWriter::new(digest, expected_len, Arc::new(arriving)))
    }

    async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<StoredBlob, ContentError> {
        self.turns.take(digest.as_str()).await;
        let mut writer = self.begin(digest, Some(bytes.len() as u64))?;
        writer.append(bytes).await?;
        writer.commit().await
    }

    async fn read(&self, digest: &Digest, max: usize) -> Result<Option<Bytes>, ContentError> {
        self.turns.take(digest.as_str()).await;
        let Some(blob) = self.find(digest) else {
            return Ok(None);
        };
        let (digest, len, max) = (digest.clone(), blob.buffer.len(), max as u64);
        if len > max {
            return Err(ContentError::TooLarge { digest, len, max });
        }
        let bytes = lock(&blob.buffer.0).clone();
        Ok(Some(bytes.into()))
    }

    fn pin(&self, digest: &Digest) -> Pin {
        self.shared().pins.push(digest.clone());
        Pin::new(Pinned(self.clone(), digest.clone()))
    }

    fn remove(&self, digest: &Digest) {
        self.shared().take(digest);
    }

    fn used_bytes(&self) -> u64 {
        self.shared().used_bytes()
    }

    fn capacity_bytes(&self) -> u64 {
        self.capacity_bytes
    }

    async fn put_document(
        &self,
        kind: DocumentKind,
        key: &str,
        body: Vec<u8>,
    ) -> Result<(), ContentError> {
        let packed = PackedDocument::new(kind, key, &body)?;
        self.put_documents(vec![packed]).await
    }

    async fn put_documents(&self, documents: Vec<PackedDocument>) -> Result<(), ContentError> {
        let keys: Vec<&str> = documents.iter().map(PackedDocument::key).collect();
        self.turns.take(&format!("put {}", keys.join(" "))).await;
        let named = |document: PackedDocument| {
            let name = (document.kind(), document.key().to_owned());
            (name, document)
        };
        let named = documents.into_iter().map(named);
        self.shared().documents.extend(named);
        Ok(())
    }

    async fn document(
        &self,
        kind: DocumentKind,
        key: &str,
    ) -> Result<Option<Vec<u8>>, ContentError> {
        let name = (kind, key.to_owned());
        self.turns.take(key).await;
        let unseal = |kept: &PackedDocument| PackedDocument::unseal(kind, key, kept.sealed());
        Ok(self.shared().documents.get(&name).and_then(unseal))
    }

    async fn document_bytes(
        &self,
        kind: DocumentKind,
        key: &str,
    ) -> Result<Option<u64>, ContentError> {
        let name = (kind, key.to_owned());
        self.turns.take(key).await;
        let stated = |kept: &PackedDocument| PackedDocument::stated_bytes(kept.sealed());
        Ok(self.shared().documents.get(&name).and_then(stated))
    }

    async fn remove_document(&self, kind: DocumentKind, key: &str) -> Result<(), ContentError> {
        self.turns.take(key).await;
        self.shared().documents.remove(&(kind, key.to_owned()));
        Ok(())
    }
}

impl Buffer {
    fn len(&self) -> u64 {
        lock(&self.0).len() as u64
    }
}

impl BlobBytes for Buffer {
    fn read_at_hand(&self, window: &mut [u8], at: u64) -> Option<usize> {
        let read = self.read_at(window, at);
        read.ok().filter(|count| *count > 0)
    }

    fn read_at(&self, window: &mut [u8], at: u64) -> io::Result<usize> {
        let bytes = lock(&self.0);
        let from = usize::try_from(at).unwrap_or(usize::MAX);
        let rest = bytes.get(from..).unwrap_or_default();
        let count = rest.len().min(window.len());
        window[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

impl StoredBytes for Stored {
    fn digest(&self) -> &Digest {
        &self.digest
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn open(&self) -> io::Result<Arc<dyn BlobBytes>> {
        let found = self.content.find(&self.digest);
        let blob = found.ok_or(io::ErrorKind::NotFound)?;
        Ok(blob.buffer)
    }

    fn is_proven(&self) -> bool {
        true
    }

    fn prove(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Incoming for Arriving {
    fn bytes(&self) -> Arc<dyn BlobBytes> {
        Arc::clone(&self.buffer) as Arc<dyn BlobBytes>
    }

    fn check_room(&self) -> Result<(), ContentError> {
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], _at: u64) -> Result<(), ContentError> {
        lock(&self.buffer.0).extend_from_slice(bytes);
        Ok(())
    }

    fn sync_begun(&self) -> Result<(), ContentError> {
        Ok(())
    }

    fn publish(&self, _len: u64) -> Result<StoredBlob, ContentError> {
        let stored = self.content.admit(&self.digest, Arc::clone(&self.buffer));
        self.content.turns.ended(&self.digest);
        Ok(stored)
    }

    fn discard(&self) {
        lock(&self.buffer.0).clear();
        self.content.turns.ended(&self.digest);
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let mut shared = self.0.shared();
        if let Some(at) = shared.pins.iter().position(|pin| *pin == self.1) {
            shared.pins.remove(at);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(capacity_bytes: u64) -> ((), Arc<dyn Content>) {
        ((), Arc::new(MemoryContent::new(capacity_bytes)))
    }

    crate::content_suite!(made);
}
