//! Passes over a whole program, whatever its headers say, so that none of them can hide a part.

use super::content::Content;

/// Bytes looked at in one piece.
const PIECE_BYTES: usize = 1024 * 1024;

/// Hands the content piece by piece, with the offset at which each starts.
///
/// Pieces overlap by `overlap` bytes, so what is no longer than that lies whole in one of them.
pub(super) fn pieces(content: &Content<'_>, overlap: usize, mut look: impl FnMut(u64, &[u8])) {
    let mut at = 0;
    while at < content.size_bytes() {
        let Some(piece) = content.read_up_to(at, PIECE_BYTES + overlap) else {
            return;
        };
        look(at, &piece);
        at = at.saturating_add(offset(PIECE_BYTES));
    }
}

/// Gives a position in a piece as an offset.
pub(super) fn offset(position: usize) -> u64 {
    u64::try_from(position).unwrap_or(u64::MAX)
}
