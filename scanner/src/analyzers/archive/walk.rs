//! From one archive to the next: opens each by its shape and hands its entries to those who look for
//! packages.

use std::io::BufReader;

use super::place::ArchivePlace;
use super::shape::{Shape, Whole, behind_preamble};
use super::visit::visit_members;
use super::{asar, phar, stream, tarball};
use crate::analyzers::entries::{HEAD_BYTES, Reading, Source, ZipError};

/// Reads one archive of any kind.
pub(super) fn archive(
    reading: &mut Reading<'_>,
    source: Source<'_>,
    place: &ArchivePlace<'_>,
) -> Result<(), ZipError> {
    let shape = Shape::of(&source.up_to(0, HEAD_BYTES));
    let inside = place.inside;
    let zip = |reading: &mut Reading<'_>| {
        visit_members(
            reading,
            place,
            (archive, Some(source)),
            &mut |reading, visit| reading.entries(source, inside, visit),
        )
    };
    match shape {
        Some(Shape::Zip) => zip(reading),
        Some(Shape::Tar) => {
            visit_members(reading, place, (archive, None), &mut |reading, visit| {
                let mut stream = BufReader::new(source.reader());
                tarball::members(reading, &mut stream, inside, visit)
            })
        }
        Some(Shape::Compressed(by)) => stream::read(reading, source, by, place, archive),
        Some(Shape::Asar) => {
            visit_members(reading, place, (archive, None), &mut |reading, visit| {
                asar::members(reading, source, inside, visit)
            })
        }
        Some(Shape::Preamble) | None => match behind_preamble(&source) {
            Some(Whole::Zip) => zip(reading),
            Some(Whole::Phar) => {
                visit_members(reading, place, (archive, None), &mut |reading, visit| {
                    phar::members(reading, source, inside, visit)
                })
            }
            None => Err(ZipError::NoEnd),
        },
    }
}
