//! What a connection is doing, and when it has done nothing for too long.
//!
//! The stream and the bodies report here; [`Activity::expired`] ends when a limit is passed. A
//! held request is no idleness: while an answer is owed, only a client that does not read what it
//! is sent runs out of time.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How long a connection may do nothing, by what it is in the middle of.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdleLimits {
    /// From the first byte of a request's head to its end; on HTTP/1.1 only.
    pub(super) head: Duration,
    /// Without a request.
    pub(super) idle: Duration,
    /// With bytes to send that the client does not take.
    pub(super) write: Duration,
}

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expired {
    /// A request's head did not end.
    Head,
    /// There was no request.
    Idle,
    /// The client did not read.
    Write,
}

/// One connection's account of itself.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    requests: usize,
    /// When the last request ended, or on HTTP/1.1 the last bytes of its answer left.
    idle_since: Instant,
    head_since: Option<Instant>,
    write_blocked_since: Option<Instant>,
    multiplexed: bool,
}

impl Activity {
    /// Starts the account of a new connection, whose first request is due.
    pub(super) fn new() -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Self {
            state: Mutex::new(State {
                requests: 0,
                idle_since: now,
                head_since: Some(now),
                write_blocked_since: None,
                multiplexed: false,
            }),
        })
    }

    /// Notes a request; it counts until the guard is gone.
    pub(super) fn request(self: &Arc<Self>) -> RequestGuard {
        let mut state = self.lock();
        state.requests = state.requests.saturating_add(1);
        state.head_since = None;
        RequestGuard(Arc::clone(self))
    }

    /// Notes HTTP/2, where bytes between requests are no request's head.
    pub(super) fn multiplexed(&self) {
        self.lock().multiplexed = true;
    }

    /// Ends when the connection has used up a limit.
    pub(super) async fn expired(&self, patience: IdleLimits) -> Expired {
        let shortest = patience.head.min(patience.idle).min(patience.write);
        let pause = (shortest / 10).clamp(Duration::from_millis(5), Duration::from_secs(1));
        loop {
            tokio::time::sleep(pause).await;
            if let Some(expired) = self.check(patience) {
                return expired;
            }
        }
    }

    fn check(&self, patience: IdleLimits) -> Option<Expired> {
        let state = self.lock();
        let over = |since: Option<Instant>, limit| since.is_some_and(|at| at.elapsed() > limit);
        if over(state.write_blocked_since, patience.write) {
            return Some(Expired::Write);
        }
        if state.requests > 0 {
            return None;
        }
        if !state.multiplexed && over(state.head_since, patience.head) {
            return Some(Expired::Head);
        }
        over(Some(state.idle_since), patience.idle).then_some(Expired::Idle)
    }

    fn read(&self) {
        let mut state = self.lock();
        if state.requests == 0 {
            state.head_since.get_or_insert_with(Instant::now);
        }
    }

    fn written<T>(&self, outcome: &Poll<io::Result<T>>) {
        let mut state = self.lock();
        if outcome.is_pending() {
            state.write_blocked_since.get_or_insert_with(Instant::now);
        } else {
            state.write_blocked_since = None;
            // Between requests HTTP/2 sends pings, which are no use of the connection.
            if !state.multiplexed {
                state.idle_since = Instant::now();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is complete in itself, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a request counted.
#[derive(Debug)]
pub(super) struct RequestGuard(Arc<Activity>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.requests = state.requests.saturating_sub(1);
        state.idle_since = Instant::now();
    }
}

/// A stream that reports its progress.
#[derive(Debug)]
pub(super) struct Watched<T> {
    pub(super) stream: T,
    pub(super) activity: Arc<Activity>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        if buffer.filled().len() > before {
            self.activity.read();
        }
        Poll::Ready(outcome)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.activity.written(&outcome);
        outcome
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.activity.written(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A response body that keeps its request counted until it is sent.
#[derive(Debug)]
pub(super) struct CountedBody<B> {
    pub(super) body: B,
    pub(super) _request: RequestGuard,
}

impl<B: Body<Data = Bytes> + Unpin> Body for CountedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
