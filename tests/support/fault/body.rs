//! Bodies that break as told and run no faster than told.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::Frame;
use tokio::time::Instant;

use super::{Fault, Shared};

/// A body that may fail half-way, which closes the connection.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Size of one piece: small against any blob that a test cuts.
const PIECE_BYTES: usize = 16 * 1024;
/// How long after its last bytes a connection is cut: nothing tells when they have reached whoever
/// reads them.
const BEFORE_A_CUT: Duration = Duration::from_millis(20);

/// A rate shared by all bodies of an upstream; 0 is no limit.
#[derive(Default)]
pub(super) struct Pace {
    bytes_per_second: AtomicU64,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn limit_to(&self, bytes_per_second: u64) {
        self.bytes_per_second
            .store(bytes_per_second, Ordering::Relaxed);
    }

    /// Waits until so many bytes may go out.
    async fn take(&self, bytes: usize) {
        let rate = self.bytes_per_second.load(Ordering::Relaxed);
        if rate == 0 {
            return;
        }
        let cost = Duration::from_secs_f64(bytes as f64 / rate as f64);
        let due = {
            let mut next = self.next.lock().expect("no panic while pacing");
            let due = next.map_or_else(Instant::now, |next| next.max(Instant::now()));
            *next = Some(due + cost);
            due
        };
        tokio::time::sleep_until(due).await;
    }
}

pub(super) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(super) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// Sends `bytes` piece by piece with a fault in them.
pub(super) fn send(
    bytes: Bytes,
    is_blob: bool,
    fault: Option<Fault>,
    shared: &Arc<Shared>,
) -> Body {
    let mut held = Bytes::new();
    let (bytes, end) = match fault {
        Some(Fault::HoldAt(at)) => {
            let first = up_to(&bytes, at);
            held = bytes.slice(first.len()..);
            (first, End::Hold)
        }
        Some(Fault::CorruptAt(at)) => (flip(&bytes, at), End::Whole),
        Some(Fault::CutAt(at)) => (up_to(&bytes, at), End::Cut),
        Some(Fault::StallAt(at)) => (up_to(&bytes, at), End::Stall),
        _ => (bytes, End::Whole),
    };
    let state = Sending {
        left: bytes,
        held,
        end,
        is_blob,
        shared: Arc::clone(shared),
    };
    StreamBody::new(futures_util::stream::unfold(state, Sending::next)).boxed_unsync()
}

#[derive(Clone, Copy)]
enum End {
    Whole,
    Cut,
    Stall,
    Hold,
}

struct Sending {
    left: Bytes,
    /// What follows once bodies are released.
    held: Bytes,
    end: End,
    is_blob: bool,
    shared: Arc<Shared>,
}

impl Sending {
    async fn next(mut self) -> Option<(io::Result<Frame<Bytes>>, Self)> {
        if self.left.is_empty() && matches!(self.end, End::Hold) {
            let mut released = self.shared.released.subscribe();
            released.wait_for(|released| *released).await.ok()?;
            self.left = std::mem::take(&mut self.held);
            self.end = End::Whole;
        }
        if self.left.is_empty() {
            return match self.end {
                End::Whole | End::Hold => None,
                End::Stall => std::future::pending().await,
                End::Cut => {
                    tokio::time::sleep(BEFORE_A_CUT).await;
                    Some((Err(io::Error::other("scripted cut")), self))
                }
            };
        }
        let piece = self.left.split_to(self.left.len().min(PIECE_BYTES));
        if self.is_blob {
            self.shared.pace.take(piece.len()).await;
            self.shared
                .body_bytes
                .fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        Some((Ok(Frame::data(piece)), self))
    }
}

fn up_to(bytes: &Bytes, at: u64) -> Bytes {
    bytes.slice(..bytes.len().min(usize::try_from(at).unwrap_or(usize::MAX)))
}

fn flip(bytes: &Bytes, at: u64) -> Bytes {
    let mut changed = bytes.to_vec();
    let at = usize::try_from(at)
        .unwrap_or(usize::MAX)
        .min(changed.len().saturating_sub(1));
    changed[at] ^= 1;
    changed.into()
}
