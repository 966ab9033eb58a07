//! Streams stored and growing blobs to clients, with what must not leave yet held back.
//!
//! Three bounds, the nearest wins: what has arrived, all but the last bytes until the digest is
//! proven, and the gate's [`TailHold`] until the verdict. It decides nothing: the gate hands it the
//! range.

use std::fmt;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::sync::watch;

use super::growing::{GrowingBlob, Growth};
use super::interest::Waiting;
use super::source::BlobSource;
use super::stored::{BlobBytes, StoredBlob, blocking};

/// Bytes read at a time from a stored blob: large enough that system calls cost nothing, small
/// enough for the processor's second-level cache, where the copy to the socket then finds them.
///
/// Measured over loopback: 0.17 CPU seconds per GiB with 128 and 256 KiB, 0.21 with 64 KiB.
const STORED_PIECE_BYTES: usize = 128 * 1024;
/// Bytes read at a time from a growing blob: a hundred cold pulls have three hundred such readers,
/// each with [`SPARE_PIECES`], beside three hundred writers.
const GROWING_PIECE_BYTES: usize = 64 * 1024;
/// Pieces that one body keeps for reuse: one being read, one or two in the connection's queue.
const SPARE_PIECES: usize = 3;
/// Most bytes withheld of a blob that is not proven yet.
const UNPROVEN_TAIL_BYTES: u64 = 64 * 1024;
/// Time between a refusal and the cut of the body, so that the reason, sent on the layer that is
/// held at its headers, is read first.
const REFUSED_CUT_AFTER: Duration = Duration::from_secs(2);

/// What may happen to a tail that is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// It waits for the verdict.
    Held,
    /// It may go.
    Released,
    /// It never goes; the body is cut.
    Refused,
}

/// Bytes from `from` on that wait for the gate. A sender that is gone counts as a refusal.
#[derive(Clone, Debug)]
pub struct TailHold {
    /// The first byte that waits, as an offset into the blob.
    pub from: u64,
    /// What the gate says.
    pub state: watch::Receiver<Tail>,
}

/// Starts a body for `range` of a blob.
///
/// # Errors
/// A stored blob that has been evicted since its lookup is `NotFound`: fetch it again. A range past
/// the known length is `InvalidInput`.
pub fn stream(
    source: BlobSource,
    range: Range<u64>,
    tail: Option<TailHold>,
) -> io::Result<BlobBody> {
    let too_far = source.total_len().is_some_and(|len| range.end > len);
    if too_far || range.start > range.end {
        let message = format!(
            "range {range:?} is not within {:?} bytes",
            source.total_len()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let client = Waiting::default();
    if let BlobSource::Growing(blob) = &source {
        blob.readers().join(client.seen_from_afar());
    }
    let (bytes, origin) = match source {
        BlobSource::Stored(blob) => {
            let bytes = blob.open()?;
            let unproven = (!blob.is_proven()).then_some(blob);
            (bytes, BodyOrigin::Stored { unproven })
        }
        BlobSource::Growing(blob) => {
            let growth = blob.watch();
            (
                Arc::clone(blob.bytes()),
                BodyOrigin::Growing { blob, growth },
            )
        }
    };
    let reader = Reader {
        bytes,
        origin,
        at: range.start,
        end: range.end,
        tail,
        spare: Vec::new(),
    };
    Ok(BlobBody {
        left: range.end.saturating_sub(range.start),
        reader: Some(reader),
        waiting: None,
        client,
    })
}

/// The bytes of a blob as they may leave, piece by piece.
pub struct BlobBody {
    left: u64,
    /// None while `waiting` has it, and after an error.
    reader: Option<Reader>,
    waiting: Option<Advance>,
    /// Whom the bytes are for.
    client: Waiting,
}

type Advance = Pin<Box<dyn Future<Output = (Reader, io::Result<Bytes>)> + Send>>;

impl BlobBody {
    /// Gives whom the bytes are for, who waits as long as this body is there.
    pub fn client(&self) -> &Waiting {
        &self.client
    }

    /// Counts the bytes that are still to come, where nothing fails.
    pub fn left_bytes(&self) -> u64 {
        self.left
    }

    fn give(&mut self, piece: Bytes) -> Poll<Option<io::Result<Bytes>>> {
        self.left = self.left.saturating_sub(piece.len() as u64);
        Poll::Ready(Some(Ok(piece)))
    }
}

impl Stream for BlobBody {
    type Item = io::Result<Bytes>;

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        let body = self.get_mut();
        if body.left == 0 {
            return Poll::Ready(None);
        }
        if let Some(piece) = body.reader.as_mut().and_then(Reader::piece_at_hand) {
            return body.give(piece);
        }
        if let Some(reader) = body.reader.take() {
            body.waiting = Some(Box::pin(reader.advance()));
        }
        let Some(waiting) = &mut body.waiting else {
            return Poll::Ready(None);
        };
        let (reader, piece) = ready!(waiting.as_mut().poll(context));
        body.waiting = None;
        match piece {
            Ok(piece) => {
                body.reader = Some(reader);
                body.give(piece)
            }
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }
}

impl fmt::Debug for BlobBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobBody")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// One reader's place in a blob.
struct Reader {
    bytes: Arc<dyn BlobBytes>,
    origin: BodyOrigin,
    at: u64,
    end: u64,
    tail: Option<TailHold>,
    /// Pieces given away earlier; those that the connection has dropped are written over.
    spare: Vec<Bytes>,
}

enum BodyOrigin {
    Stored {
        /// The blob, until this process has hashed it once.
        unproven: Option<StoredBlob>,
    },
    Growing {
        blob: Arc<GrowingBlob>,
        growth: watch::Receiver<Growth>,
    },
}

impl Reader {
    /// Gives the next piece if it may go and is at hand, so that nothing blocks.
    fn piece_at_hand(&mut self) -> Option<Bytes> {
        let wanted = self.wanted(self.allowed().ok()?)?;
        let mut buffer = self.buffer();
        let window = buffer.get_mut(..wanted)?;
        let count = self.bytes.read_at_hand(window, self.at)?;
        Some(self.hand_out(buffer, count))
    }

    /// Waits for the next piece to be allowed, then reads it in the blocking pool.
    async fn advance(mut self) -> (Self, io::Result<Bytes>) {
        let piece = self.next_piece().await;
        (self, piece)
    }

    async fn next_piece(&mut self) -> io::Result<Bytes> {
        if let BodyOrigin::Stored { unproven } = &mut self.origin
            && let Some(blob) = unproven.take()
        {
            blob.prove_once().await?;
        }
        loop {
            if let Some(wanted) = self.wanted(self.allowed()?) {
                return self.read(wanted).await;
            }
            self.change().await?;
        }
    }

    async fn read(&mut self, wanted: usize) -> io::Result<Bytes> {
        let (bytes, at, mut buffer) = (Arc::clone(&self.bytes), self.at, self.buffer());
        let (buffer, count) = blocking(move || {
            let window = buffer.get_mut(..wanted).unwrap_or_default();
            let count = bytes.read_at(window, at)?;
            Ok((buffer, count))
        })
        .await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(self.hand_out(buffer, count))
    }

    /// Waits until more may have become allowed.
    async fn change(&mut self) -> io::Result<()> {
        let grown = async {
            match &mut self.origin {
                BodyOrigin::Growing { growth, .. } => growth.changed().await.is_ok(),
                BodyOrigin::Stored { .. } => std::future::pending().await,
            }
        };
        let held = |tail: &&mut TailHold| *tail.state.borrow() != Tail::Released;
        let Some(tail) = self.tail.as_mut().filter(held) else {
            // What is missing is being made durable; whoever released the tail may be gone.
            return if grown.await { Ok(()) } else { Err(cut()) };
        };
        let waits_for_gate = self.at >= tail.from;
        if waits_for_gate && *tail.state.borrow() == Tail::Refused {
            tokio::time::sleep(REFUSED_CUT_AFTER).await;
            return Err(cut());
        }
        tokio::select! {
            true = grown => Ok(()),
            told = tail.state.changed() => {
                if told.is_ok() {
                    return Ok(());
                }
                // Nobody is left to release the tail.
                tokio::time::sleep(REFUSED_CUT_AFTER).await;
                Err(cut())
            }
        }
    }

    /// Gives the offset up to which bytes may go out now.
    fn allowed(&self) -> io::Result<u64> {
        let arrived = match &self.origin {
            BodyOrigin::Stored { unproven: None } => self.end,
            BodyOrigin::Stored { unproven: Some(_) } => 0,
            BodyOrigin::Growing { blob, growth } => match &*growth.borrow() {
                Growth::Filling { written } | Growth::Proven { len: written } => {
                    provisional(*written, blob.announced_len())
                }
                Growth::Complete { len } if *len < self.end => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Growth::Complete { len } => *len,
                Growth::Failed(failure) => return Err(io::Error::other(Arc::clone(failure))),
            },
        };
        let held = match &self.tail {
            Some(tail) if *tail.state.borrow() != Tail::Released => tail.from,
            _ => u64::MAX,
        };
        Ok(arrived.min(held).min(self.end))
    }

    fn wanted(&self, allowed: u64) -> Option<usize> {
        let wanted = allowed.checked_sub(self.at).filter(|wanted| *wanted > 0)?;
        let most = match self.origin {
            BodyOrigin::Stored { .. } => STORED_PIECE_BYTES,
            BodyOrigin::Growing { .. } => GROWING_PIECE_BYTES,
        };
        Some(usize::try_from(wanted).map_or(most, |wanted| wanted.min(most)))
    }

    /// Gives a buffer of a piece's length; a used one where possible, for clearing a new one costs
    /// as much as the read.
    fn buffer(&mut self) -> BytesMut {
        let len = self.wanted(self.end).unwrap_or_default();
        let free = |piece: &Bytes| piece.is_unique() && piece.len() >= len;
        if let Some(place) = self.spare.iter().position(free)
            && let Ok(buffer) = self.spare.swap_remove(place).try_into_mut()
        {
            return buffer;
        }
        BytesMut::zeroed(len)
    }

    fn hand_out(&mut self, buffer: BytesMut, count: usize) -> Bytes {
        let whole = buffer.freeze();
        let piece = whole.slice(..count);
        if self.spare.len() >= SPARE_PIECES {
            self.spare.remove(0);
        }
        self.spare.push(whole);
        self.at = self.at.saturating_add(count as u64);
        piece
    }
}

/// Gives what of an unproven blob may go out: never its last bytes.
///
/// Where the length is not known, any byte may be among the last ones.
fn provisional(written: u64, len: Option<u64>) -> u64 {
    match len {
        Some(len) => {
            let withheld = UNPROVEN_TAIL_BYTES.min(len / 4).max(1);
            written.min(len.saturating_sub(withheld))
        }
        None => written.saturating_sub(UNPROVEN_TAIL_BYTES),
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the rest is not released")
}
