//! Memory for scans and judgements: a fixed amount for all of them together, in shares that are
//! waited for in the order of asking.
//!
//! Two lanes, so that whoever asks for much never keeps those waiting who ask for little. A share
//! is never held while bytes of an upstream are waited for, nor while another share is: a slow
//! upstream starves nobody, and nobody waits in a circle. Who needs more than a share has gives it
//! back first. One that alone wants more than there is gets all of it, alone.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One mebibyte, in bytes.
const MIB: u64 = 1024 * 1024;

/// Memory of everything that is small, in bytes.
const SMALL_LANE_BYTES: u64 = 40 * MIB;
/// The largest share that counts as small, in bytes: most images of distributions are below it.
const SMALL_BYTES: u64 = 16 * MIB;
/// Memory of everything else, in bytes.
const LARGE_LANE_BYTES: u64 = 128 * MIB;
/// Memory for layers' facts that wait for the other layers of their image, in bytes; what finds no
/// room is read from disk again.
const WAITING_BYTES: u64 = 24 * MIB;
/// Memory for what is shown in the API, in bytes: whoever reads slowly keeps only other readers
/// waiting.
const VIEWS_BYTES: u64 = 48 * MIB;

/// Bytes of one permit.
const UNIT_BYTES: u64 = 1024;

/// Shares memory out.
#[derive(Clone, Debug)]
pub struct Memory {
    small: Lane,
    large: Lane,
    waiting: Lane,
    views: Lane,
}

#[derive(Clone, Debug)]
struct Lane {
    free: Arc<Semaphore>,
    bytes: u64,
}

/// A part of the memory; it is given back when the share is dropped.
pub struct Share {
    bytes: u64,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// Tells whether so many bytes are within the share, or it is all that anybody gets.
    pub fn covers(&self, bytes: u64) -> bool {
        bytes.min(LARGE_LANE_BYTES) <= self.bytes
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Share").field(&self.bytes).finish()
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            small: Lane::of(SMALL_LANE_BYTES),
            large: Lane::of(LARGE_LANE_BYTES),
            waiting: Lane::of(WAITING_BYTES),
            views: Lane::of(VIEWS_BYTES),
        }
    }
}

impl Memory {
    /// Waits for memory to scan or judge in.
    pub async fn share(&self, bytes: u64) -> Share {
        if bytes <= SMALL_BYTES {
            self.small.take(bytes).await
        } else {
            self.large.take(bytes).await
        }
    }

    /// Gives memory to scan or judge in if it is free now, so that whoever holds a share may ask.
    pub fn share_at_once(&self, bytes: u64) -> Option<Share> {
        if bytes <= SMALL_BYTES {
            self.small.try_take(bytes)
        } else {
            self.large.try_take(bytes.min(LARGE_LANE_BYTES))
        }
    }

    /// Waits for all the memory that one scan or judgement can have.
    pub async fn largest_share(&self) -> Share {
        self.large.take(LARGE_LANE_BYTES).await
    }

    /// Gives memory for facts that wait for other layers; none where there is no room.
    pub fn room_to_wait(&self, bytes: u64) -> Option<Share> {
        self.waiting.try_take(bytes)
    }

    /// Waits for memory to show something in.
    pub async fn view(&self, bytes: u64) -> Share {
        self.views.take(bytes).await
    }
}

impl Lane {
    fn of(bytes: u64) -> Self {
        let permits = usize::try_from(bytes / UNIT_BYTES).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(permits)),
            bytes,
        }
    }

    async fn take(&self, bytes: u64) -> Share {
        let (bytes, permits) = self.clamped(bytes);
        let permit = Arc::clone(&self.free).acquire_many_owned(permits).await;
        // The semaphore is never closed.
        Share {
            bytes,
            _permit: permit.ok(),
        }
    }

    fn try_take(&self, bytes: u64) -> Option<Share> {
        if bytes > self.bytes {
            return None;
        }
        let (bytes, permits) = self.clamped(bytes);
        let permit = Arc::clone(&self.free).try_acquire_many_owned(permits);
        Some(Share {
            bytes,
            _permit: Some(permit.ok()?),
        })
    }

    fn clamped(&self, bytes: u64) -> (u64, u32) {
        let bytes = bytes.min(self.bytes);
        let permits = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        (bytes, permits)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn all_shares_together_stay_within_the_memory() {
        let memory = Memory::default();
        let first = memory.share(100 * MIB).await;
        let mut second = std::pin::pin!(memory.share(100 * MIB));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        assert!(second.await.covers(100 * MIB));
    }

    #[tokio::test]
    async fn who_asks_for_too_much_gets_everything_alone() {
        let memory = Memory::default();
        let all = memory.share(u64::MAX).await;
        assert!(all.covers(u64::MAX));
        assert!(memory.share(17 * MIB).now_or_never().is_none());
        drop(all);
        assert!(memory.share(17 * MIB).now_or_never().is_some());
    }

    #[tokio::test]
    async fn small_shares_never_wait_for_large_ones() {
        let memory = Memory::default();
        let _all = memory.largest_share().await;
        let mut waiting = std::pin::pin!(memory.share(50 * MIB));
        assert!(waiting.as_mut().now_or_never().is_none());
        for _ in 0..100 {
            assert!(memory.share(SMALL_BYTES).now_or_never().is_some());
        }
    }

    #[tokio::test]
    async fn a_large_one_is_not_overtaken_by_those_behind_it() {
        let memory = Memory::default();
        let held = memory.share(100 * MIB).await;
        let mut large = std::pin::pin!(memory.share(128 * MIB));
        assert!(large.as_mut().now_or_never().is_none());
        let mut behind = std::pin::pin!(memory.share(20 * MIB));
        let is_overtaken = behind.as_mut().now_or_never().is_some();
        assert!(!is_overtaken, "there was room, and somebody first");
        drop(held);
        drop(large.await);
        drop(behind.await);
    }

    #[test]
    fn facts_wait_only_where_there_is_room() {
        let memory = Memory::default();
        let most = memory.room_to_wait(20 * MIB).unwrap();
        assert!(memory.room_to_wait(5 * MIB).is_none());
        assert!(memory.room_to_wait(4 * MIB).is_some());
        drop(most);
        assert!(memory.room_to_wait(24 * MIB).is_some());
        assert!(memory.room_to_wait(25 * MIB).is_none());
    }
}
