//! The bounded channel between the thread that inflates and the thread that walks.
//!
//! The receiving end hashes every byte as it arrives, so the layer's identity covers what the
//! archive's walk never asks for. Used chunks travel back to be filled again.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel as unbounded, sync_channel};

use sluicegate_model::digest::{Algorithm, Digest, DigestHasher};

/// Size of one chunk, in bytes: large enough that passing it costs nothing beside inflating it.
pub(super) const CHUNK_BYTES: usize = 192 * 1024;

/// How many full chunks may wait, so that neither thread stalls on the other's hiccups.
const CHUNKS_AHEAD: usize = 4;

/// Opens a channel.
pub(super) fn channel() -> (ChunkSender, ChunkReader) {
    let (full, waiting) = sync_channel(CHUNKS_AHEAD);
    let (used, free) = unbounded();
    let sender = ChunkSender { full, free };
    let reader = ChunkReader {
        waiting,
        used,
        chunk: Vec::new(),
        at: 0,
        bytes: 0,
        hasher: DigestHasher::new(Algorithm::Sha256),
    };
    (sender, reader)
}

/// The inflating end.
pub(super) struct ChunkSender {
    full: SyncSender<Vec<u8>>,
    free: Receiver<Vec<u8>>,
}

impl ChunkSender {
    /// Gives an empty chunk of [`CHUNK_BYTES`] zeroed or stale bytes.
    pub(super) fn blank(&self) -> Vec<u8> {
        let mut chunk = self.free.try_recv().unwrap_or_default();
        chunk.resize(CHUNK_BYTES, 0);
        chunk
    }

    /// Passes a chunk on; false once nobody reads any more.
    pub(super) fn send(&self, chunk: Vec<u8>) -> bool {
        self.full.send(chunk).is_ok()
    }
}

/// The walking end.
pub(super) struct ChunkReader {
    waiting: Receiver<Vec<u8>>,
    used: Sender<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
    bytes: u64,
    hasher: DigestHasher,
}

/// What came through in all.
pub(super) struct Inflated {
    pub(super) digest: Digest,
    pub(super) bytes: u64,
}

impl ChunkReader {
    /// Gives the bytes at hand, or none at the end.
    pub(super) fn fill(&mut self) -> &[u8] {
        if self.at >= self.chunk.len() {
            self.next_chunk();
        }
        self.chunk.get(self.at..).unwrap_or_default()
    }

    /// Passes over `bytes` of what [`Self::fill`] gave.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.chunk.len());
    }

    /// Hashes what nobody read and gives the sums.
    pub(super) fn finish(mut self) -> Inflated {
        while self.next_chunk() {}
        Inflated {
            digest: self.hasher.finish(),
            bytes: self.bytes,
        }
    }

    fn next_chunk(&mut self) -> bool {
        let spent = std::mem::take(&mut self.chunk);
        self.at = 0;
        if spent.capacity() > 0 {
            // The other end may be gone already; then the chunk is simply freed.
            let _gone = self.used.send(spent);
        }
        let Ok(chunk) = self.waiting.recv() else {
            return false;
        };
        self.hasher.update(&chunk);
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        self.chunk = chunk;
        true
    }
}

impl Read for ChunkReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut at_hand = self.fill();
        let read = at_hand.read(into)?;
        self.consume(read);
        Ok(read)
    }
}
