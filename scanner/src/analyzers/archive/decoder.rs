//! Compressed streams as readers, within the memory and the budget that they may take.
//!
//! Source: RFC 1952; RFC 8878; The .xz File Format 1.2.1; bzip2 and libbzip2, "Memory management".

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use xz4rust::{XzDecoder, XzError};

use super::shape::Compression;
use crate::analyzers::entries::{Reading, Source, SourceReader, ZipError};

/// What a stream says whose budget ran out, of bytes or of memory.
pub(super) const SPENT: &str = "it inflates to more than is read";

/// How much room a Zstandard stream's window may take, in powers of two: 8 MiB, the most that
/// readers must support. Source: RFC 8878, section 3.1.1.1.2.
const WINDOW_LOG: u32 = 23;

/// How the library names a window over [`WINDOW_LOG`]. Source: zstd, `ZSTD_getErrorName`.
const WINDOW_ERROR: &str = "too much memory";

/// How much room an xz stream's dictionary may take, in bytes: what `xz -9` makes.
const MAX_DICTIONARY_BYTES: usize = 64 * 1024 * 1024;

type PackedSource<'a> = BufReader<SourceReader<'a>>;

/// Reads what a stream holds until the budget of all streams of a file is spent.
pub(super) struct Decoder<'a> {
    inner: Inner<'a>,
    left: Rc<Cell<u64>>,
}

enum Inner<'a> {
    Gzip(Box<MultiGzDecoder<PackedSource<'a>>>),
    Zstd(zstd::stream::read::Decoder<'static, PackedSource<'a>>),
    Xz(Xz<PackedSource<'a>>),
    Bzip2(MultiBzDecoder<PackedSource<'a>>),
}

impl<'a> Decoder<'a> {
    pub(super) fn new(
        reading: &Reading<'_>,
        source: Source<'a>,
        by: Compression,
    ) -> Result<Self, ZipError> {
        let packed = BufReader::new(source.reader());
        let inner = match by {
            Compression::Gzip => Inner::Gzip(Box::new(MultiGzDecoder::new(packed))),
            Compression::Bzip2 => Inner::Bzip2(MultiBzDecoder::new(packed)),
            Compression::Xz => {
                reading.ask_for(MAX_DICTIONARY_BYTES);
                Inner::Xz(Xz::new(packed))
            }
            Compression::Zstd => {
                let broken = |error: io::Error| ZipError::Read(error.to_string());
                let mut decoder =
                    zstd::stream::read::Decoder::with_buffer(packed).map_err(broken)?;
                decoder.window_log_max(WINDOW_LOG).map_err(broken)?;
                Inner::Zstd(decoder)
            }
        };
        let left = reading.stream_left();
        Ok(Self { inner, left })
    }
}

impl Read for Decoder<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.inner {
            Inner::Gzip(decoder) => decoder.read(into)?,
            Inner::Zstd(decoder) => decoder.read(into).map_err(window)?,
            Inner::Xz(decoder) => decoder.read(into)?,
            Inner::Bzip2(decoder) => decoder.read(into)?,
        };
        let bytes = u64::try_from(read).unwrap_or(u64::MAX);
        let left = self.left.get().checked_sub(bytes);
        self.left.set(left.ok_or_else(spent)?);
        Ok(read)
    }
}

fn spent() -> io::Error {
    io::Error::other(SPENT)
}

fn window(error: io::Error) -> io::Error {
    if error.to_string().contains(WINDOW_ERROR) {
        spent()
    } else {
        error
    }
}

/// Reads xz streams one after another.
struct Xz<R> {
    decoder: Box<XzDecoder<'static>>,
    packed: R,
    /// Between two streams, and before the first.
    is_between: bool,
}

impl<R: BufRead> Xz<R> {
    fn new(packed: R) -> Self {
        Self {
            decoder: XzDecoder::in_heap_with_alloc_dict_size(0, MAX_DICTIONARY_BYTES),
            packed,
            is_between: true,
        }
    }

    /// Passes over the zeros between two streams; tells whether one follows.
    fn begins(&mut self) -> io::Result<bool> {
        loop {
            let ahead = self.packed.fill_buf()?;
            let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
            if zeros < ahead.len() {
                self.packed.consume(zeros);
                self.decoder.reset();
                self.is_between = false;
                return Ok(true);
            }
            if zeros == 0 {
                return Ok(false);
            }
            self.packed.consume(zeros);
        }
    }
}

impl<R: BufRead> Read for Xz<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !into.is_empty() {
            if self.is_between && !self.begins()? {
                return Ok(0);
            }
            let ahead = self.packed.fill_buf()?;
            let step = self
                .decoder
                .decode(ahead, into)
                .map_err(|error| match error {
                    XzError::DictionaryTooLarge(_) => spent(),
                    error => io::Error::other(error),
                })?;
            let (taken, given) = (step.input_consumed(), step.output_produced());
            self.packed.consume(taken);
            self.is_between = step.is_end_of_stream();
            if given > 0 {
                return Ok(given);
            }
            // It ends early, or the decoder would ask for ever.
            if taken == 0 && !self.is_between {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}
