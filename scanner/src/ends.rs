//! Files that end as an archive does, whatever they start with: runtimes read them from the end.
//!
//! Source: PKWARE APPNOTE 6.3.10, sections 4.3.15 and 4.3.16; PHP manual, "Phar Signature format".

use memchr::memmem;

const END: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const LOCATOR64: &[u8] = b"PK\x06\x07";
const LOCATOR64_BYTES: usize = 20;
const RECORD: &[u8] = b"PK\x01\x02";

/// The last bytes of a PHP archive, which are there unless its reader is told to do without.
pub(crate) const PHAR_END: &[u8] = b"GBMB";

/// How much of a file's end is looked at, in bytes: an end record with the longest comment.
pub(crate) const TAIL_BYTES: usize = END_BYTES + 65_535;

/// Tells whether `tail`, the last bytes of a file, is the end of an archive.
pub(crate) fn is_archive(tail: &[u8]) -> bool {
    tail.ends_with(PHAR_END) || ends_as_zip(tail)
}

/// Tells whether `tail`, the last bytes of a file, holds an end record with a directory before it.
///
/// A directory that begins before `tail` is believed.
pub(crate) fn ends_as_zip(tail: &[u8]) -> bool {
    let from = tail.len().saturating_sub(TAIL_BYTES);
    let last = tail.get(from..).unwrap_or(tail);
    let mut ends = memmem::find_iter(last, END).map(|at| from + at);
    ends.any(|at| has_directory(tail, at).unwrap_or(false))
}

fn has_directory(tail: &[u8], end_at: usize) -> Option<bool> {
    let end = tail.get(end_at..)?.first_chunk::<END_BYTES>()?;
    let before = tail.get(..end_at)?;
    let locator_at = end_at.checked_sub(LOCATOR64_BYTES);
    let is_wide = locator_at.is_some_and(|at| before.get(at..at + 4) == Some(LOCATOR64));
    let bytes = u32::from_le_bytes(*end.get(12..)?.first_chunk()?);
    let bytes = usize::try_from(bytes).ok()?;
    let starts = |at: usize| before.get(at..at + RECORD.len()) == Some(RECORD);
    // The end record of an archive without entries proves nothing, and holds nothing.
    Some(is_wide || (bytes > 0 && end_at.checked_sub(bytes).is_none_or(starts)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::zip;

    #[test]
    fn only_an_end_with_a_directory_is_one() {
        let archive = zip(&[("a", b"content")]);
        let behind = [b": ignored\n".repeat(9_000).as_slice(), &archive].concat();
        let commented = [archive.as_slice(), &[b' '; 300]].concat();
        let at = archive.len() - END_BYTES;
        let cut = behind.get(behind.len() - 30..).unwrap();
        for (tail, wanted) in [
            (archive.as_slice(), true),
            (&behind, true),
            (&commented, true),
            (cut, true),
            (archive.get(at..).unwrap(), true),
            (&[END, &[0; 18]].concat(), false),
            (
                &[b"text".repeat(50), END.to_vec(), [9, 0, 0, 0].repeat(5)].concat(),
                false,
            ),
            (END, false),
            (b"", false),
        ] {
            assert_eq!(ends_as_zip(tail), wanted, "{} bytes", tail.len());
        }
    }
}
