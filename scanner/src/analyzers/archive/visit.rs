//! One archive's entries, each handed to those who look for packages, who conclude at its end.

use crate::analyzers::entries::{Member, Reading, ZipError};

use super::holdings::Holdings;
use super::place::{ArchivePlace, Open};

/// What goes through the entries of one archive, handing each to whom it is given.
type OnMember<'e> = dyn FnMut(
        &mut Reading<'_>,
        &mut dyn FnMut(&mut Reading<'_>, &mut dyn Member),
    ) -> Result<(), ZipError>
    + 'e;

/// Hands every entry of an archive to those who look for packages, and lets them conclude.
pub(super) fn visit_members(
    reading: &mut Reading<'_>,
    place: &ArchivePlace<'_>,
    open: Open,
    each: &mut OnMember<'_>,
) -> Result<(), ZipError> {
    let mut holdings = Holdings::new(place, open, reading);
    let outcome = each(reading, &mut |reading, member| {
        holdings.take(reading, member);
    });
    holdings.conclude(reading, outcome.is_ok());
    outcome
}
