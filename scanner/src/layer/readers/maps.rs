//! What libarchive makes of a sparse file's records where others see none.
//!
//! It reads the map and the size of the old GNU form in every header with GNU's magic, whatever the
//! entry's type, and Solaris' map and star's size in a pax header:
//!
//! - a map with a number that is no offset or length ends the archive;
//! - one that goes on takes the blocks after the header;
//! - the next header is looked for where the pieces end, and for a directory right behind its header;
//! - pieces lie where the map says, and the file is cut, or filled with zeros, to the size.
//!
//! A map that leaves the content as it is stored changes nothing, nor does a size past its end.
//!
//! Source: libarchive, `archive_read_support_format_tar.c`; what bsdtar 3.6.2 unpacks.

use std::ops::Range;

use super::numbers::{number, size_at};
use crate::facts::Reader;
use crate::layer::header::Block;
use crate::layer::pax::PaxRecords;

/// Where GNU's header has the pieces, whether more follow, and the size with holes.
const PIECES: Range<usize> = 386..482;
const CONTINUES: Range<usize> = 482..483;
const REAL_SIZE: Range<usize> = 483..495;

/// Tells whether libarchive goes on after the map of a header, if it reads one there.
pub(super) fn is_sound(block: &Block) -> bool {
    pieces(block).is_some()
}

/// Refuses an entry, which may be a directory to libarchive, where that has other content for it or
/// finds the next header at another place, and says why. It agrees else, or stops.
pub(in crate::layer) fn check(
    block: &Block,
    pax: &PaxRecords,
    is_directory: bool,
    size_bytes: u64,
) -> Result<(), &'static str> {
    let is_sparse = block.flag() == b'S';
    let pieces = pieces(block).filter(|_| !is_sparse).unwrap_or_default();
    if !pieces.is_empty() && is_set(block, CONTINUES) {
        return Err("a sparse map goes on past the header of what is not sparse");
    }
    let lengths = pieces.iter().map(|piece| piece.end - piece.start);
    let total = lengths.fold(pax.data_bytes.unwrap_or_default(), u64::saturating_add);
    if total >= i64::MAX.unsigned_abs() {
        return Err("a sparse map of what is not sparse has no end");
    }
    if size_bytes == 0 {
        return Ok(());
    }
    if is_directory {
        return Err("what is a directory to some has content");
    }
    // Content ends with the pieces of a sparse entry, so that a map after it has no use.
    let sun = pax.data_bytes.filter(|_| !is_sparse);
    let maps = [!pieces.is_empty(), sun.is_some(), pax.sparse.is_some()];
    if maps.into_iter().filter(|is| *is).count() > 1 {
        return Err("a file has two sparse maps");
    }
    let in_place = sun.or_else(|| (!pieces.is_empty()).then(|| bytes_in_place(&pieces)));
    if in_place.is_some_and(|bytes| bytes < size_bytes) {
        return Err("a sparse map moves the content of a file that is not sparse");
    }
    if is_cut(block, pax, size_bytes) {
        return Err("a file is cut to a size that not all readers know");
    }
    Ok(())
}

/// Gives the pieces of a header's map as libarchive reads them; none where it stops at one.
fn pieces(block: &Block) -> Option<Vec<Range<u64>>> {
    let mut pieces = Vec::new();
    // Extended headers are read for their content alone.
    if !block.is_gnu() || matches!(block.flag(), b'L' | b'K' | b'x' | b'g') {
        return Some(pieces);
    }
    for at in PIECES.step_by(24) {
        if !is_set(block, at..at + 12) {
            break;
        }
        let start = size_at(Reader::Libarchive, block, at..at + 12)?;
        let length = size_at(Reader::Libarchive, block, at + 12..at + 24)?;
        let end = start.checked_add(length);
        pieces.push(start..end.filter(|end| i64::try_from(*end).is_ok())?);
    }
    Some(pieces)
}

/// Tells whether libarchive takes a field for one that says something.
fn is_set(block: &Block, at: Range<usize>) -> bool {
    block.field(at).first().is_some_and(|first| *first != 0)
}

/// Counts the bytes from a file's beginning that pieces leave where they are stored.
fn bytes_in_place(pieces: &[Range<u64>]) -> u64 {
    let filled = pieces.iter().filter(|piece| !piece.is_empty());
    let mut end = 0;
    for piece in filled {
        if piece.start != end {
            break;
        }
        end = piece.end;
    }
    end
}

/// Tells whether the size that libarchive gives a file is less than that which others give it.
fn is_cut(block: &Block, pax: &PaxRecords, size_bytes: u64) -> bool {
    let in_header = number(Reader::Libarchive, block.field(REAL_SIZE));
    let in_header = in_header.filter(|_| block.is_gnu() && is_set(block, REAL_SIZE));
    let by_map = pax
        .sparse
        .as_ref()
        .and_then(|sparse| sparse.size_bytes)
        .map(i128::from);
    let wanted = by_map.or(in_header.filter(|_| block.flag() == b'S'));
    let given = pax.star_bytes.map(i128::from).or(by_map).or(in_header);
    given.is_some_and(|given| given < wanted.unwrap_or(i128::from(size_bytes)))
}

#[cfg(test)]
mod tests {
    use crate::testing::Layer;
    use crate::{Limits, scan_layer};

    const NOTHING: [bool; 0] = [];

    /// Bytes put into a header, each text with its place, and the gaps that they lead to.
    type Case<'a> = (&'a [(usize, &'a str)], &'a [bool]);

    /// Scans an entry with bytes put into its header, a plain file after it; tells of each gap whether
    /// it is fatal.
    fn gaps(layer: Layer, bytes: &[(usize, &str)]) -> Vec<bool> {
        let mut tar = layer.file("next", "plain").tar();
        // The entry's header is the first one that is no extended header.
        let at = if tar[156] == b'x' { 1024 } else { 0 };
        let mut header = tar::Header::new_old();
        header.as_mut_bytes().copy_from_slice(&tar[at..at + 512]);
        header.as_mut_bytes()[257..265].copy_from_slice(b"ustar  \0");
        for (at, text) in bytes {
            header.as_mut_bytes()[*at..*at + text.len()].copy_from_slice(text.as_bytes());
        }
        header.set_cksum();
        tar[at..at + 512].copy_from_slice(header.as_bytes());
        let facts = scan_layer(tar.as_slice(), &Limits::default());
        facts.gaps.iter().map(|gap| gap.fatal).collect()
    }

    #[test]
    fn a_map_counts_for_what_it_does_to_content_and_to_the_next_header() {
        // Pieces from 386 on, whether they go on at 482, the size with holes at 483.
        let table: [Case<'_>; 14] = [
            (&[(386, "0"), (398, "7")], &NOTHING),
            (&[(386, "0"), (398, "777")], &NOTHING),
            (&[(386, "0"), (398, "3"), (410, "3"), (422, "4")], &NOTHING),
            (&[(386, "7"), (398, "0"), (410, "0"), (422, "7")], &NOTHING),
            (&[(398, "3"), (482, "1")], &NOTHING),
            (&[(483, "7")], &NOTHING),
            (&[(483, "777")], &NOTHING),
            (&[(386, "-1"), (398, "7")], &[false]),
            (&[(386, "0"), (398, "-1")], &[false]),
            (&[(386, "0"), (398, "6")], &[true]),
            (&[(386, "1"), (398, "7")], &[true]),
            (&[(386, "3"), (398, "4"), (410, "0"), (422, "3")], &[true]),
            (&[(386, "0"), (398, "7"), (482, "1")], &[true]),
            (&[(483, "6")], &[true]),
        ];
        for (bytes, wanted) in table {
            let found = gaps(Layer::new().file("file", "content"), bytes);
            assert_eq!(found, wanted, "{bytes:?}");
        }
    }

    #[test]
    fn a_map_in_the_header_of_what_has_no_content_counts_where_it_ends_or_moves_the_archive() {
        let table: [Case<'_>; 3] = [
            (&[(386, "7"), (398, "7"), (483, "7")], &NOTHING),
            (&[(386, "-1")], &[false]),
            (&[(386, "0"), (482, "1")], &[true]),
        ];
        for (bytes, wanted) in table {
            for layer in [
                Layer::new().file("file", ""),
                Layer::new().symlink("a", "b"),
            ] {
                assert_eq!(gaps(layer, bytes), wanted, "{bytes:?}");
            }
        }
    }

    #[test]
    fn maps_and_sizes_of_pax_that_only_libarchive_reads_count() {
        let table: [(&str, &str, &[bool]); 8] = [
            ("SUN.holesdata", " 0 7", &NOTHING),
            ("SUN.holesdata", " 0 512", &NOTHING),
            ("SUN.holesdata", " 0 6", &[true]),
            ("SUN.holesdata", " 7 14", &[true]),
            ("SUN.holesdata", " 0 3 7", &[true]),
            ("SCHILY.realsize", "7", &NOTHING),
            ("SCHILY.realsize", "6", &[true]),
            ("SCHILY.realsize", "6x", &[true]),
        ];
        for (key, value, wanted) in table {
            let found = gaps(Layer::new().pax(key, value).file("file", "content"), &[]);
            assert_eq!(found, wanted, "{key}={value}");
        }
        let both = Layer::new()
            .pax("SUN.holesdata", " 0 7")
            .file("file", "content");
        assert_eq!(gaps(both, &[(386, "0"), (398, "7")]), [true]);
        // A size of pax counts over that of the header.
        let both = Layer::new()
            .pax("SCHILY.realsize", "7")
            .file("file", "content");
        assert_eq!(gaps(both, &[(483, "6")]), NOTHING);
    }

    #[test]
    fn content_of_what_libarchive_takes_for_a_directory_is_headers_to_it() {
        for (content, wanted) in [("", [false]), ("content", [true])] {
            assert_eq!(gaps(Layer::new().file("dir/", content), &[]), wanted);
        }
    }
}
