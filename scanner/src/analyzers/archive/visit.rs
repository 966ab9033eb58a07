//! One archive's entries, each handed to those who look for packages, who conclude at its end.

use crate::analyzers::entries::{Member, Reading, Source, ZipError};

use super::holdings::Holdings;
use super::place::{ArchivePlace, Open};

/// What goes through the entries of one archive, handing each to whom it is given.
type OnMember<'e> = dyn FnMut(
        &mut Reading<'_>,
        &mut dyn FnMut(&mut Reading<'_>, &mut dyn Member),
    ) -> Result<(), ZipError>
    + 'e;

/// Hands every entry of an archive to those who look for packages, and lets them conclude. `whole` is the
/// archive's bytes, where it is of a kind that is published by them.
pub(super) fn visit_members(
    reading: &mut Reading<'_>,
    place: &ArchivePlace<'_>,
    (open, whole): (Open, Option<Source<'_>>),
    each: &mut OnMember<'_>,
) -> Result<(), ZipError> {
    let mut holdings = Holdings::new(place, open, reading);
    let outcome = each(reading, &mut |reading, member| {
        holdings.take(reading, member);
    });
    holdings.conclude(reading, whole, outcome.is_ok());
    outcome
}
