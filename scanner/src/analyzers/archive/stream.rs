//! Compressed streams: what they inflate to, within the budget that all streams of a file share.

use std::io::{self, BufReader, Read, Write};

use super::decoder::{Decoder, SPENT};
use super::place::{ArchivePlace, Open};
use super::shape::{Compression, Shape};
use super::tarball;
use super::visit::visit_members;
use crate::analyzers::entries::{HEAD_BYTES, Held, Reading, Source, ZipError, gzip_head};

/// Reads what a compressed stream holds: a tar archive, or one archive of another kind.
pub(super) fn read(
    reading: &mut Reading<'_>,
    source: Source<'_>,
    by: Compression,
    place: &ArchivePlace<'_>,
    open: Open,
) -> Result<(), ZipError> {
    let is_known = |head: &[u8]| Shape::of(head).is_some();
    if by == Compression::Gzip && gzip_head(&source).is_some_and(|head| !is_known(&head)) {
        return Ok(());
    }
    let mut stream = BufReader::new(Decoder::new(reading, source, by)?);
    let mut head = Vec::new();
    let most = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
    let begun = (&mut stream).take(most).read_to_end(&mut head);
    let begun = begun.map_err(|error| ZipError::Read(error.to_string()));
    if let Err(error) = begun {
        return spent_is_a_budget(reading, place, Err(error));
    }
    let mut whole = head.as_slice().chain(stream);
    match Shape::of(&head) {
        None => Ok(()),
        Some(Shape::Tar) => {
            let outcome = visit_members(reading, place, (open, None), &mut |reading, visit| {
                tarball::members(reading, &mut whole, place.inside, visit)
            });
            spent_is_a_budget(reading, place, outcome)
        }
        Some(_) => archive(reading, &mut whole, place, open),
    }
}

/// Holds an archive of another kind, which is read by position.
fn archive(
    reading: &mut Reading<'_>,
    stream: &mut dyn Read,
    place: &ArchivePlace<'_>,
    open: Open,
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
        open(reading, source, &inner)
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
    place: &ArchivePlace<'_>,
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
