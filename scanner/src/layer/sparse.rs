//! Files stored without their holes: the map of what is stored, and the file as it reads.
//!
//! `archive.rs` gathers the numbers of a map, in whichever of the four forms they are written, and
//! asks an [`Expansion`] what the file goes on with: stored bytes or zeros. A map that readers take
//! differently is refused.
//!
//! Source: GNU tar manual, "Storing Sparse Files".

use std::ops::Range;

use crate::facts::Reader;

use super::header::Block;
use super::readers::size_at;

/// Most numbers of one map: 131,072 stored pieces, a file of 16 GiB with a hole every 64 KiB twice.
pub(super) const MAX_NUMBERS: usize = 262_144;

/// What a file goes on with, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// A hole.
    Zeros(u64),
    /// Bytes that are next in the archive.
    Stored(u64),
}

/// A sparse file being read from its beginning.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expansion {
    /// Beginning and end of each stored piece, in order.
    pieces: Vec<(u64, u64)>,
    next_piece: usize,
    at: u64,
    size_bytes: u64,
}

impl Expansion {
    /// Takes a map as offsets and lengths in turn; says what is wrong with one that does not fit.
    pub(super) fn new(
        numbers: &[u64],
        size_bytes: u64,
        stored_bytes: u64,
    ) -> Result<Self, &'static str> {
        let (pairs, rest) = numbers.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("a sparse map ends within a piece");
        }
        let mut pieces = Vec::with_capacity(pairs.len());
        let (mut at, mut stored) = (0, 0_u64);
        for [offset, length] in pairs {
            let end = offset.checked_add(*length).filter(|end| *end <= size_bytes);
            let Some(end) = end.filter(|_| *offset >= at) else {
                return Err("a sparse map has pieces that overlap or leave the file");
            };
            pieces.push((*offset, end));
            at = end;
            // Pieces do not overlap, so their sum is at most the file's size.
            stored = stored.saturating_add(*length);
        }
        if stored != stored_bytes {
            return Err("a sparse map tells of more or fewer bytes than are stored");
        }
        Ok(Self {
            pieces,
            next_piece: 0,
            at: 0,
            size_bytes,
        })
    }

    /// Gives the size of the file with its holes, in bytes.
    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Moves on by at most `most` bytes, more than none; gives nothing at the file's end.
    pub(super) fn next(&mut self, most: u64) -> Option<Run> {
        let run = match self.run()? {
            Run::Zeros(bytes) => Run::Zeros(bytes.min(most)),
            Run::Stored(bytes) => Run::Stored(bytes.min(most)),
        };
        self.at += run.bytes();
        Some(run)
    }

    /// Moves on over a hole to its last `all_but` bytes; tells whether that was any way.
    pub(super) fn pass_hole(&mut self, all_but: u64) -> bool {
        let Some(Run::Zeros(bytes)) = self.run() else {
            return false;
        };
        let passed = bytes.saturating_sub(all_but);
        self.at += passed;
        passed > 0
    }

    /// Gives what is left of the hole or piece at hand.
    fn run(&mut self) -> Option<Run> {
        let is_passed = |(_, end): &(u64, u64)| *end <= self.at;
        while self.pieces.get(self.next_piece).is_some_and(is_passed) {
            self.next_piece += 1;
        }
        match self.pieces.get(self.next_piece) {
            Some((start, _)) if self.at < *start => Some(Run::Zeros(start - self.at)),
            Some((_, end)) => Some(Run::Stored(end - self.at)),
            None if self.at < self.size_bytes => Some(Run::Zeros(self.size_bytes - self.at)),
            None => None,
        }
    }
}

impl Run {
    /// Counts its bytes.
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::Zeros(bytes) | Self::Stored(bytes) => bytes,
        }
    }
}

/// Reads what an old GNU header has of its map: the size with holes, the first pieces, and whether
/// more follow; none where some reader takes a number otherwise, or more for none.
pub(super) fn gnu_map(block: &Block) -> Option<(u64, Vec<u64>, bool)> {
    let mut numbers = Vec::new();
    add_pieces(block, 386..482, &mut numbers)?;
    let size_bytes = agreed(block, 483..495)?;
    let continues = block.field(482..483) != [0];
    // GNU tar goes on only where every piece here is used, libarchive where one is.
    (!continues || numbers.len() == 8).then_some((size_bytes, numbers, continues))
}

/// Reads a block that goes on with a map; tells whether another follows, none as above.
pub(super) fn gnu_map_goes_on(block: &Block, numbers: &mut Vec<u64>) -> Option<bool> {
    let before = numbers.len();
    add_pieces(block, 0..504, numbers)?;
    let continues = block.field(504..505) != [0];
    (!continues || numbers.len() - before == 42).then_some(continues)
}

/// Adds the pieces of one block, up to the first unused one.
fn add_pieces(block: &Block, at: Range<usize>, numbers: &mut Vec<u64>) -> Option<()> {
    for start in at.step_by(24) {
        if block.field(start..start + 1) == [0] {
            break;
        }
        // GNU tar takes a piece without a length for the first unused one.
        if block.field(start + 12..start + 13) == [0] {
            return None;
        }
        numbers.push(agreed(block, start..start + 12)?);
        numbers.push(agreed(block, start + 12..start + 24)?);
    }
    Some(())
}

fn agreed(block: &Block, at: Range<usize>) -> Option<u64> {
    let [first, rest @ ..] = Reader::ALL.map(|reader| size_at(reader, block, at.clone()));
    rest.iter().all(|other| *other == first).then_some(first?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_its_pieces_with_zeros_between() {
        let mut file = Expansion::new(&[2, 3, 5, 0, 8, 1], 10, 4).unwrap();
        let runs: Vec<_> = std::iter::from_fn(|| file.next(2)).collect();
        let wanted = [
            Run::Zeros(2),
            Run::Stored(2),
            Run::Stored(1),
            Run::Zeros(2),
            Run::Zeros(1),
            Run::Stored(1),
            Run::Zeros(1),
        ];
        assert_eq!(runs, wanted);
    }

    #[test]
    fn a_hole_is_passed_over_but_for_its_end() {
        let mut file = Expansion::new(&[100, 2], u64::MAX, 2).unwrap();
        assert!(file.pass_hole(3));
        assert_eq!(file.next(9), Some(Run::Zeros(3)));
        assert!(!file.pass_hole(1));
        assert_eq!(file.next(9), Some(Run::Stored(2)));
        assert!(file.pass_hole(7));
        assert!(!file.pass_hole(8));
        assert_eq!(file.next(9), Some(Run::Zeros(7)));
        assert!(!file.pass_hole(0));
        assert_eq!(file.next(9), None);
    }

    #[test]
    fn refuses_maps_that_do_not_fit() {
        for (numbers, size_bytes, stored_bytes) in [
            (&[0][..], 10, 0),
            (&[0, 11], 10, 11),
            (&[0, 4, 2, 4], 10, 8),
            (&[4, 2, 0, 2], 10, 4),
            (&[u64::MAX, 2], 10, 2),
            (&[0, 4], 10, 5),
            (&[], 10, 1),
        ] {
            let taken = Expansion::new(numbers, size_bytes, stored_bytes);
            assert!(taken.is_err(), "{numbers:?} was taken");
        }
        assert!(Expansion::new(&[], 10, 0).is_ok());
    }
}
