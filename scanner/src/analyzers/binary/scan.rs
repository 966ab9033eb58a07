//! Passes over a program piece by piece, whatever its headers say of the rest.

use std::ops::Range;

use super::content::ProgramContent;

/// Bytes looked at in one piece.
const PIECE_BYTES: usize = 1024 * 1024;

/// Hands the whole content piece by piece, with the offset at which each starts.
///
/// Pieces overlap by `overlap` bytes, so what is no longer than that lies whole in one of them.
pub(super) fn pieces(content: &ProgramContent<'_>, overlap: usize, look: impl FnMut(u64, &[u8])) {
    pieces_outside(content, &[], overlap, look);
}

/// Does so for all that lies outside of some ranges, which are in the order of the file.
pub(super) fn pieces_outside(
    content: &ProgramContent<'_>,
    ranges: &[Range<u64>],
    overlap: usize,
    mut look: impl FnMut(u64, &[u8]),
) {
    let mut from = 0;
    let end = content.size_bytes();
    for skipped in ranges.iter().chain([&(end..end)]) {
        let until = skipped.start.min(end);
        let mut at = from;
        while at < until {
            let most = usize::try_from(until - at).unwrap_or(usize::MAX);
            let length = most.min(PIECE_BYTES).saturating_add(overlap);
            let Some(piece) = content.read_up_to(at, length) else {
                return;
            };
            look(at, &piece);
            at = at.saturating_add(offset(PIECE_BYTES));
        }
        from = from.max(skipped.end);
    }
}

/// Gives a position in a piece as an offset.
pub(super) fn offset(position: usize) -> u64 {
    u64::try_from(position).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_outside_of_the_ranges_is_handed_out() {
        let bytes = vec![1; 3 << 20];
        let content = ProgramContent::in_memory(&bytes);
        let end = 3 << 20;
        for (spans, wanted) in [
            (&[][..], end),
            (&[(10, 20)], end - 10),
            (&[(0, 2_000_000)], end - 2_000_000),
            (&[(0, end)], 0),
            (&[(0, u64::MAX)], 0),
            (&[(5, 50), (10, 20), (40, 60)], end - 55),
        ] {
            let ranges: Vec<_> = spans.iter().map(|(start, end)| *start..*end).collect();
            let mut seen = 0;
            pieces_outside(&content, &ranges, 0, |_, piece| seen += offset(piece.len()));
            assert_eq!(seen, wanted, "{ranges:?}");
        }
    }
}
