//! Compressed streams: what they inflate to, within the budget that all streams of a file share.

use std::cell::Cell;
use std::io::{self, BufReader, Read, Write};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use super::ZipError;
use super::inflater;
use super::member::HEAD_BYTES;
use super::reading::{Held, Reading};
use super::shape::Shape;
use super::source::{Source, SourceReader};
use super::tarball;
use super::walk::{Place, visit_members};

/// What a stream says whose budget ran out.
const SPENT: &str = "it inflates to more than is read";

/// How much room a stream's window may take, in powers of two: 8 MiB, the most that readers of
/// Zstandard must support. Source: RFC 8878, section 3.1.1.1.2.
const WINDOW_LOG: u32 = 23;

/// Reads what a compressed stream holds: a tar archive, or one archive of another kind.
pub(super) fn read(
    reading: &mut Reading<'_>,
    source: Source<'_>,
    shape: Shape,
    place: &Place<'_>,
) -> Result<(), ZipError> {
    let is_known = |head: &[u8]| Shape::of(head).is_some();
    if shape == Shape::Gzip && inflater::gzip_head(&source).is_some_and(|head| !is_known(&head)) {
        return Ok(());
    }
    let left = reading.stream_left();
    let mut stream = BufReader::new(Metered {
        inner: decoder(source, shape)?,
        left,
    });
    let mut head = Vec::new();
    let most = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
    let begun = (&mut stream).take(most).read_to_end(&mut head);
    begun.map_err(|error| ZipError::Read(error.to_string()))?;
    let mut whole = head.as_slice().chain(stream);
    match Shape::of(&head) {
        None => Ok(()),
        Some(Shape::Tar) => {
            let outcome = visit_members(reading, place, &mut |reading, visit| {
                tarball::members(reading, &mut whole, place.inside, visit)
            });
            spent_is_a_budget(reading, place, outcome)
        }
        Some(_) => archive(reading, &mut whole, place),
    }
}

/// Holds an archive of another kind, which is read by position.
fn archive(
    reading: &mut Reading<'_>,
    stream: &mut dyn Read,
    place: &Place<'_>,
) -> Result<(), ZipError> {
    let Some(inner) = place.inflated(reading) else {
        return Ok(());
    };
    let mut copy = |most: u64, into: &mut dyn Write| {
        let copied = io::copy(&mut stream.take(most.saturating_add(1)), into);
        let bytes = copied.map_err(|error| ZipError::Read(error.to_string()))?;
        Ok(bytes <= most)
    };
    let held = reading.held(u64::MAX, &mut copy, &mut |reading, source| {
        super::walk::archive(reading, source, &inner)
    });
    match held {
        Ok(()) => Ok(()),
        Err(Held::Read(error) | Held::Gap(Err(error))) => {
            spent_is_a_budget(reading, place, Err(error))
        }
        Err(Held::Gap(Ok(()))) => {
            reading.budget(place.inside, "contents larger than are read");
            Ok(())
        }
    }
}

fn spent_is_a_budget(
    reading: &mut Reading<'_>,
    place: &Place<'_>,
    outcome: Result<(), ZipError>,
) -> Result<(), ZipError> {
    match outcome {
        Err(ZipError::Read(detail)) if detail == SPENT => {
            reading.budget(place.inside, "contents larger than are read");
            Ok(())
        }
        other => other,
    }
}

fn decoder(source: Source<'_>, shape: Shape) -> Result<Decoder<'_>, ZipError> {
    let packed = BufReader::new(source.reader());
    if shape != Shape::Zstd {
        return Ok(Decoder::Gzip(Box::new(MultiGzDecoder::new(packed))));
    }
    let broken = |error: io::Error| ZipError::Read(error.to_string());
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(broken)?;
    decoder.window_log_max(WINDOW_LOG).map_err(broken)?;
    Ok(Decoder::Zstd(decoder))
}

enum Decoder<'a> {
    Gzip(Box<MultiGzDecoder<BufReader<SourceReader<'a>>>>),
    Zstd(zstd::stream::read::Decoder<'static, BufReader<SourceReader<'a>>>),
}

impl Read for Decoder<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(into),
            Self::Zstd(decoder) => decoder.read(into),
        }
    }
}

/// Passes on what a decoder gives until the budget is spent.
struct Metered<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        let bytes = u64::try_from(read).unwrap_or(u64::MAX);
        let left = self.left.get().checked_sub(bytes);
        self.left.set(left.ok_or_else(|| io::Error::other(SPENT))?);
        Ok(read)
    }
}
