//! Where a blob's bytes come from, and reading them for the scanner.

use std::io::{self, Read};
use std::sync::Arc;

use super::error::BlobFailure;
use super::growing::{GrowingBlob, Growth};
use super::stored::{BlobBytes, StoredBlob};

/// Where a blob's bytes come from.
#[derive(Clone, Debug)]
pub enum BlobSource {
    /// Whole, from the store.
    Stored(StoredBlob),
    /// While it arrives.
    Growing(Arc<GrowingBlob>),
}

impl BlobSource {
    /// Gives the blob's length, in bytes; none where the upstream has not said.
    pub fn total_len(&self) -> Option<u64> {
        match self {
            Self::Stored(blob) => Some(blob.len()),
            Self::Growing(blob) => blob.expected_len(),
        }
    }

    /// Counts the bytes that are here.
    pub fn available(&self) -> u64 {
        match self {
            Self::Stored(blob) => blob.len(),
            Self::Growing(blob) => match blob.growth() {
                Growth::Filling { written } => written,
                Growth::Proven { len } | Growth::Complete { len } => len,
                Growth::Failed(_) => 0,
            },
        }
    }

    /// Tells whether it is known by now where the bytes end.
    pub fn end_is_known(&self) -> bool {
        match self {
            Self::Stored(_) => true,
            Self::Growing(blob) => blob.end_is_known(),
        }
    }

    /// Waits until the blob is whole and its digest proven. It may not be durable yet.
    pub async fn proven(&self) -> Result<(), Arc<BlobFailure>> {
        let Self::Growing(growing) = self else {
            return Ok(());
        };
        let mut growth = growing.watch();
        let has_ended = |growth: &Growth| !matches!(growth, Growth::Filling { .. });
        match growth.wait_for(has_ended).await.as_deref() {
            Ok(Growth::Failed(failure)) => Err(Arc::clone(failure)),
            Ok(Growth::Proven { .. } | Growth::Complete { .. } | Growth::Filling { .. }) => Ok(()),
            Err(_nobody_writes) => Err(Arc::new(BlobFailure::Abandoned)),
        }
    }

    /// Opens the bytes from the first on, for the scanner's thread: reading blocks while those are
    /// still to come, ends only when the digest is proven, and fails when the download fails.
    pub fn sync_reader(&self) -> io::Result<SyncTailReader> {
        let (bytes, growing) = match self {
            Self::Stored(blob) => (blob.open()?, None),
            Self::Growing(blob) => (Arc::clone(blob.bytes()), Some(Arc::clone(blob))),
        };
        Ok(SyncTailReader {
            bytes,
            growing,
            at: 0,
        })
    }
}

/// Reads a blob from its first byte, blocking the thread while it waits for more.
#[derive(Debug)]
pub struct SyncTailReader {
    bytes: Arc<dyn BlobBytes>,
    /// None where all bytes are here.
    growing: Option<Arc<GrowingBlob>>,
    at: u64,
}

impl Read for SyncTailReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wanted = buffer.len();
        if let Some(growing) = &self.growing {
            let Some(end) = growing.wait_past(self.at)? else {
                return Ok(0);
            };
            let readable = usize::try_from(end.saturating_sub(self.at)).unwrap_or(usize::MAX);
            wanted = wanted.min(readable);
        }
        let Some(window) = buffer.get_mut(..wanted).filter(|window| !window.is_empty()) else {
            return Ok(0);
        };
        let count = self.bytes.read_at(window, self.at)?;
        if count == 0 && self.growing.is_some() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }
}
