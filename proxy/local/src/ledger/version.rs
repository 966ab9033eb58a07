//! The version that stands before a row: each that was ever written is read for ever.
//!
//! It counts for all that is in the row, also for the text of a verdict, be it a document. Whoever
//! changes any of that raises [`CURRENT`] and has readers take the older form as well; the test that
//! pins the rows of each version notices. Rows that are one number, one digest, a block of numbers
//! or nothing have no version: another form of those takes another letter of the keys.

/// What stands before a version. No row of version 0, which stands alone, begins so: the first is a
/// brace, or a number or length, and postcard ends none that has two bytes with a zero.
const MARK: [u8; 2] = [0x80, 0];
/// The version that is written. 1 differs from 0 in saying so; since 2 the row of a verdict has the
/// number of its basis.
const CURRENT: u8 = 2;
/// The first version whose rows of verdicts have the number of a basis.
const WITH_BASES: u8 = 2;

/// Begins a row.
pub(super) fn begin() -> Vec<u8> {
    [&MARK[..], &[CURRENT]].concat()
}

/// Gives what follows the version; none where that is a later one, of which nothing is known.
pub(super) fn content(row: &[u8]) -> Option<&[u8]> {
    let Some(versioned) = row.strip_prefix(&MARK) else {
        return Some(row);
    };
    let (version, content) = versioned.split_first()?;
    if *version <= CURRENT {
        return Some(content);
    }
    tracing::warn!(
        version,
        "verdict store holds a record of a later version; taken for missing"
    );
    None
}

/// Tells whether the row of a verdict has the number of its basis.
pub(super) fn has_bases(row: &[u8]) -> bool {
    let version = row.strip_prefix(&MARK).and_then(|rest| rest.first());
    version.is_some_and(|version| *version >= WITH_BASES)
}
