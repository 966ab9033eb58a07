//! Blobs that are here whole, and the bytes behind any blob, wherever an adapter has them.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use sluicegate_model::Digest;

/// The bytes of one blob, for as long as somebody reads them: neither publication nor eviction
/// takes them away.
pub trait BlobBytes: Send + Sync + Debug {
    /// Reads from an offset what is at hand, without waiting for anything. Gives how many bytes were
    /// read; none where that cannot be done now, or failed: a read that may block tells.
    fn read_at_hand(&self, window: &mut [u8], at: u64) -> Option<usize>;

    /// Reads from an offset, and may block. Gives how many bytes were read; 0 at the end.
    fn read_at(&self, window: &mut [u8], at: u64) -> io::Result<usize>;

    /// Fills the whole window from an offset, and may block. Fewer bytes are `UnexpectedEof`.
    fn read_exact_at(&self, window: &mut [u8], at: u64) -> io::Result<()> {
        let (mut rest, mut at) = (window, at);
        while !rest.is_empty() {
            match self.read_at(rest, at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    rest = rest.get_mut(count..).unwrap_or_default();
                    at = at.saturating_add(count as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What an adapter knows of one blob that it had when it was asked.
#[expect(
    clippy::len_without_is_empty,
    reason = "it is a size in bytes; nobody asks whether a blob is empty"
)]
pub trait StoredBytes: Send + Sync + Debug {
    /// Gives the content's digest.
    fn digest(&self) -> &Digest;

    /// Gives the length, in bytes.
    fn len(&self) -> u64;

    /// Opens the content; what is gone meanwhile is `NotFound`, what has another length is
    /// forgotten and `InvalidData`.
    fn open(&self) -> io::Result<Arc<dyn BlobBytes>>;

    /// Tells whether this process has seen that the content is what its digest says.
    fn is_proven(&self) -> bool;

    /// Hashes the whole content and evicts it when it is not what its digest says. Blocks.
    fn prove(&self) -> io::Result<()>;
}

/// A blob that was here whole when it was asked for.
pub type StoredBlob = Arc<dyn StoredBytes>;

impl dyn StoredBytes {
    /// Makes sure that this process has seen that the content is what its digest says. What is
    /// not is evicted, and an error.
    pub async fn prove_once(self: &Arc<Self>) -> io::Result<()> {
        if self.is_proven() {
            return Ok(());
        }
        let blob = Arc::clone(self);
        blocking(move || blob.prove()).await
    }
}

/// Reads in the blocking pool.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}
