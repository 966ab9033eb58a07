//! Turns a layer's stored bytes into its tar stream, whatever its media type says.
//!
//! The format is chosen by content, as runtimes do: a media type that says otherwise means nothing to
//! them and is no gap. All gzip members and all zstd frames are read, and the tables of contents that
//! some tools append are skippable frames or plain entries, never believed. Anything else after a
//! stream's end is an error. The source is always read to its end.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use zstd::stream::raw::{InBuffer, Operation, OutBuffer};

use crate::limits::Limits;

use super::chunks::{CHUNK_BYTES, ChunkSender};
use super::decompress_error::DecompressError;
use super::zstd_window::{self, FrameDecoder, ZSTD_MAGIC};

/// First bytes of a gzip member with deflate content. Source: RFC 1952, section 2.3.
const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];

/// Last three bytes of a skippable zstd frame's magic; the first is 0x50 to 0x5f.
/// Source: RFC 8878, section 3.1.2.
const ZSTD_SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];

/// Bytes that tell what a layer is compressed by.
pub const MAGIC_BYTES: usize = 4;

/// Tells whether a layer that begins so is compressed in a way that is read; of one that is not, the
/// diffID is the digest of the stored bytes.
pub fn is_compressed(head: &[u8]) -> bool {
    head.starts_with(&GZIP_MAGIC) || is_zstd(head)
}

/// How much of the source is read at once, in bytes.
const SOURCE_BUFFER_BYTES: usize = 128 * 1024;

/// Inflates `content` into `sink`.
pub(super) fn run(
    content: impl Read,
    limits: &Limits,
    sink: &ChunkSender,
) -> Result<(), DecompressError> {
    let mut source = CountedSource::new(content);
    let outcome = inflate(&mut source, limits, sink);
    let drained = source.drain();
    outcome.and(drained)
}

fn inflate<R: Read>(
    source: &mut CountedSource<R>,
    limits: &Limits,
    sink: &ChunkSender,
) -> Result<(), DecompressError> {
    let head = source.peek(MAGIC_BYTES)?;
    let mut output = Output {
        sink,
        limits,
        chunk: sink.blank(),
        filled: 0,
        total: 0,
    };
    let outcome = if head.starts_with(&GZIP_MAGIC) {
        gunzip(source, &mut output)
    } else if is_zstd(head) {
        unzstd(source, &mut output)
    } else {
        copy(source, &mut output)
    };
    output.flush();
    outcome
}

fn gunzip<R: Read>(
    source: &mut CountedSource<R>,
    output: &mut Output<'_>,
) -> Result<(), DecompressError> {
    loop {
        let mut member = GzDecoder::new(&mut *source);
        let ended = loop {
            match member.read(output.room()) {
                Ok(0) => break Ok(()),
                Ok(read) => {
                    let compressed = member.get_ref().taken;
                    output.advance(read, compressed)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        drop(member);
        if let Err(cause) = ended {
            return Err(source.blame("gzip", cause));
        }
        let head = source.peek(4)?;
        if head.is_empty() {
            return Ok(());
        }
        if !head.starts_with(&GZIP_MAGIC) {
            return Err(DecompressError::Garbage(
                "bytes follow the layer's gzip stream".to_owned(),
            ));
        }
    }
}

fn unzstd<R: Read>(
    source: &mut CountedSource<R>,
    output: &mut Output<'_>,
) -> Result<(), DecompressError> {
    let corrupt = |cause| DecompressError::Corrupt {
        format: "zstd",
        cause,
    };
    let mut decoder = FrameDecoder::new().map_err(corrupt)?;
    let mut between_frames = true;
    loop {
        if between_frames {
            let head = source.peek(zstd_window::MAX_HEADER_BYTES)?;
            if head.is_empty() {
                return Ok(());
            }
            if !is_zstd(head) {
                return Err(DecompressError::Garbage(
                    "bytes follow the layer's zstd stream".to_owned(),
                ));
            }
            decoder.prepare(head, output.limits)?;
        }
        let input = source.fill_buf().map_err(DecompressError::Source)?;
        let at_end = input.is_empty();
        let mut from = InBuffer::around(input);
        let mut into = OutBuffer::around(output.room());
        let hint = decoder.raw().run(&mut from, &mut into).map_err(corrupt)?;
        let (read, written) = (from.pos(), into.pos());
        source.consume(read);
        output.advance(written, source.taken)?;
        between_frames = hint == 0;
        if at_end && written == 0 && !between_frames {
            return Err(corrupt(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

fn copy<R: Read>(
    source: &mut CountedSource<R>,
    output: &mut Output<'_>,
) -> Result<(), DecompressError> {
    loop {
        let read = source
            .read(output.room())
            .map_err(DecompressError::Source)?;
        if read == 0 {
            return Ok(());
        }
        output.advance(read, source.taken)?;
    }
}

pub(super) fn is_zstd(head: &[u8]) -> bool {
    head.starts_with(&ZSTD_MAGIC)
        || matches!(head, [0x50..=0x5f, rest @ ..] if rest.starts_with(&ZSTD_SKIPPABLE))
}

/// The stored bytes, counted, with the first few in sight.
struct CountedSource<R> {
    inner: BufReader<R>,
    /// Bytes looked at but not taken, where a buffer's end cut them.
    held: [u8; zstd_window::MAX_HEADER_BYTES],
    held_at: usize,
    held_end: usize,
    taken: u64,
    failed: bool,
}

impl<R: Read> CountedSource<R> {
    fn new(content: R) -> Self {
        Self {
            inner: BufReader::with_capacity(SOURCE_BUFFER_BYTES, content),
            held: [0; zstd_window::MAX_HEADER_BYTES],
            held_at: 0,
            held_end: 0,
            taken: 0,
            failed: false,
        }
    }

    /// Gives the next `wanted` bytes without taking them, or more; fewer only at the end.
    fn peek(&mut self, wanted: usize) -> Result<&[u8], DecompressError> {
        if self.held_at == self.held_end {
            (self.held_at, self.held_end) = (0, 0);
        }
        // What is held is shifted to the front, so that there is room.
        self.held.copy_within(self.held_at..self.held_end, 0);
        self.held_end -= self.held_at;
        self.held_at = 0;
        while self.held_end < wanted.min(self.held.len()) {
            let room = self.held.get_mut(self.held_end..wanted).unwrap_or_default();
            match self.inner.read(room) {
                Ok(0) => break,
                Ok(read) => self.held_end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = true;
                    return Err(DecompressError::Source(error));
                }
            }
        }
        Ok(self.held.get(..self.held_end).unwrap_or_default())
    }

    /// Says whether a decoder's error was the source's.
    fn blame(&self, format: &'static str, cause: io::Error) -> DecompressError {
        if self.failed {
            DecompressError::Source(cause)
        } else {
            DecompressError::Corrupt { format, cause }
        }
    }

    /// Reads what is left, so that whoever feeds the source comes to its end.
    fn drain(&mut self) -> Result<(), DecompressError> {
        if self.failed {
            return Ok(());
        }
        loop {
            match self.fill_buf() {
                Ok([]) => return Ok(()),
                Ok(left) => {
                    let length = left.len();
                    self.consume(length);
                }
                Err(error) => return Err(DecompressError::Source(error)),
            }
        }
    }
}

impl<R: Read> BufRead for CountedSource<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.held_at < self.held_end {
            return Ok(self
                .held
                .get(self.held_at..self.held_end)
                .unwrap_or_default());
        }
        loop {
            match self.inner.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = true;
                    return Err(error);
                }
            }
        }
        Ok(self.inner.buffer())
    }

    fn consume(&mut self, bytes: usize) {
        self.taken = self
            .taken
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if self.held_at < self.held_end {
            self.held_at = self.held_at.saturating_add(bytes).min(self.held_end);
        } else {
            self.inner.consume(bytes);
        }
    }
}

impl<R: Read> Read for CountedSource<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

/// The chunk being filled, and the budgets.
struct Output<'a> {
    sink: &'a ChunkSender,
    limits: &'a Limits,
    chunk: Vec<u8>,
    filled: usize,
    total: u64,
}

impl Output<'_> {
    fn room(&mut self) -> &mut [u8] {
        self.chunk.get_mut(self.filled..).unwrap_or_default()
    }

    fn advance(&mut self, written: usize, compressed: u64) -> Result<(), DecompressError> {
        self.filled = self.filled.saturating_add(written);
        self.total = self
            .total
            .saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
        if self.filled >= CHUNK_BYTES {
            self.flush();
        }
        if self.limits.stop.is_requested() {
            return Err(DecompressError::Stopped);
        }
        let Limits {
            max_uncompressed_bytes,
            max_ratio,
            ratio_free_bytes,
            ..
        } = *self.limits;
        if self.total > max_uncompressed_bytes {
            return Err(DecompressError::Budget(format!(
                "the layer expands past {max_uncompressed_bytes} bytes"
            )));
        }
        if self.total > ratio_free_bytes && self.total / compressed.max(1) > max_ratio {
            return Err(DecompressError::Budget(format!(
                "the layer expands more than {max_ratio} times"
            )));
        }
        Ok(())
    }

    fn flush(&mut self) {
        if self.filled == 0 {
            return;
        }
        let mut full = std::mem::replace(&mut self.chunk, self.sink.blank());
        full.truncate(self.filled);
        self.filled = 0;
        // The walking side only ends early by a panic, which it reports itself.
        let _gone = self.sink.send(full);
    }
}
