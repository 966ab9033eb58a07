//! From one archive to the next: opens each by its shape and hands its entries to those who look for
//! packages.

use std::io::BufReader;

use super::ZipError;
use super::holdings::Holdings;
use super::member::{HEAD_BYTES, Member};
use super::reading::Reading;
use super::shape::{Shape, Whole, behind_preamble};
use super::source::Source;
use super::{asar, phar, stream, tarball};

/// Endings that a stream's own name puts after that of what it inflates to.
const STREAM_ENDINGS: [&str; 8] = [
    ".gz", ".zst", ".xz", ".bz2", ".tgz", ".tzst", ".txz", ".tbz2",
];

/// Where an archive lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'p> {
    /// Its path, which may name it.
    pub(super) path: &'p str,
    /// Its path within the file, empty for the file itself.
    pub(super) inside: &'p str,
    /// How many archives it is in.
    pub(super) depth: u32,
}

impl<'p> Place<'p> {
    /// Gives the place of an archive in one that lies in so many.
    pub(super) fn inner(inside: &'p str, depth: u32) -> Self {
        Self {
            path: inside,
            inside,
            depth: depth + 1,
        }
    }

    /// Gives the place of what a stream inflates to; none where it is nested too deep, which is
    /// then a gap.
    pub(super) fn inflated(&self, reading: &mut Reading<'_>) -> Option<Self> {
        let ending = STREAM_ENDINGS
            .iter()
            .find_map(|ending| self.path.strip_suffix(ending));
        reading.may_nest(self.inside, self.depth).then_some(Self {
            path: ending.unwrap_or(self.path),
            depth: self.depth + 1,
            ..*self
        })
    }
}

/// What goes through the entries of one archive, handing each to whom it is given.
type Each<'e> = dyn FnMut(
        &mut Reading<'_>,
        &mut dyn FnMut(&mut Reading<'_>, &mut dyn Member),
    ) -> Result<(), ZipError>
    + 'e;

/// Reads one archive of any kind.
pub(super) fn archive(
    reading: &mut Reading<'_>,
    source: Source<'_>,
    place: &Place<'_>,
) -> Result<(), ZipError> {
    let shape = Shape::of(&source.up_to(0, HEAD_BYTES));
    let inside = place.inside;
    let zip = |reading: &mut Reading<'_>| {
        visit_members(reading, place, &mut |reading, visit| {
            reading.entries(source, inside, visit)
        })
    };
    match shape {
        Some(Shape::Zip) => zip(reading),
        Some(Shape::Tar) => visit_members(reading, place, &mut |reading, visit| {
            let mut stream = BufReader::new(source.reader());
            tarball::members(reading, &mut stream, inside, visit)
        }),
        Some(Shape::Compressed(by)) => stream::read(reading, source, by, place),
        Some(Shape::Asar) => visit_members(reading, place, &mut |reading, visit| {
            asar::members(reading, source, inside, visit)
        }),
        Some(Shape::Preamble) | None => match behind_preamble(&source) {
            Some(Whole::Zip) => zip(reading),
            Some(Whole::Phar) => visit_members(reading, place, &mut |reading, visit| {
                phar::members(reading, source, inside, visit)
            }),
            None => Err(ZipError::NoEnd),
        },
    }
}

/// Hands every entry of an archive to those who look for packages, and lets them conclude.
pub(super) fn visit_members(
    reading: &mut Reading<'_>,
    place: &Place<'_>,
    each: &mut Each<'_>,
) -> Result<(), ZipError> {
    let mut holdings = Holdings::new(place, reading);
    let outcome = each(reading, &mut |reading, member| {
        holdings.take(reading, member);
    });
    holdings.conclude(reading, outcome.is_ok());
    outcome
}
