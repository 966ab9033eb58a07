//! One header block of an archive: where its fields are, and its sum.
//!
//! What a field means differs from program to program; `readers.rs` knows that.
//!
//! Source: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format"; star's
//! manual, `star(4)`.

use std::ops::Range;

/// Size of a block, in bytes.
pub(super) const BLOCK: usize = 512;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    /// A file; one that is stored without its holes is read with them.
    File,
    Symlink,
    Hardlink,
    /// A device that marks a removal in overlay file systems: character device 0, 0.
    OverlayWhiteout,
    /// A device or pipe.
    Special,
    /// A kind that no reader unpacks alike.
    Unknown(u8),
}

/// A header block as it lies in the archive.
#[derive(Clone)]
pub(super) struct Block([u8; BLOCK]);

/// The fields that are numbers.
pub(super) const MODE: Range<usize> = 100..108;
pub(super) const UID: Range<usize> = 108..116;
pub(super) const GID: Range<usize> = 116..124;
pub(super) const SIZE: Range<usize> = 124..136;
pub(super) const MTIME: Range<usize> = 136..148;
pub(super) const SUM: Range<usize> = 148..156;
pub(super) const DEV_MAJOR: Range<usize> = 329..337;
pub(super) const DEV_MINOR: Range<usize> = 337..345;

/// Where a path's beginning is in ustar and in star; GNU tar has times and a sparse map there.
pub(super) const PREFIX: Range<usize> = 345..500;
pub(super) const STAR_PREFIX: Range<usize> = 345..476;
/// Times in GNU's form and in star's.
pub(super) const GNU_TIMES: [Range<usize>; 2] = [345..357, 357..369];
pub(super) const STAR_TIMES: [Range<usize>; 2] = [476..488, 488..500];

impl Block {
    pub(super) fn empty() -> Self {
        Self([0; BLOCK])
    }

    /// Gives the block that bytes begin with; none where they are fewer.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().copied().map(Self)
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8; BLOCK] {
        &mut self.0
    }

    pub(super) fn field(&self, at: Range<usize>) -> &[u8] {
        self.0.get(at).unwrap_or_default()
    }

    /// Gives a text up to its first zero.
    pub(super) fn text(&self, at: Range<usize>) -> &[u8] {
        until_nul(self.field(at))
    }

    pub(super) fn own_name(&self) -> &[u8] {
        self.text(0..100)
    }

    pub(super) fn link_name(&self) -> &[u8] {
        self.text(157..257)
    }

    pub(super) fn mode(&self) -> u32 {
        let digits = self.text(100..108).trim_ascii();
        let digits = std::str::from_utf8(digits).ok();
        let mode = digits.and_then(|digits| u32::from_str_radix(digits, 8).ok());
        // Whoever reads it otherwise may give every right.
        mode.unwrap_or(u32::MAX) & 0o7777
    }

    pub(super) fn flag(&self) -> u8 {
        self.0[156]
    }

    /// Gives magic and version.
    pub(super) fn magic(&self) -> &[u8] {
        self.field(257..265)
    }

    /// Tells whether the block has the magic of POSIX, whatever version.
    pub(super) fn is_ustar(&self) -> bool {
        self.magic().starts_with(b"ustar\0")
    }

    pub(super) fn is_gnu(&self) -> bool {
        self.magic() == b"ustar  \0"
    }

    /// Tells whether the block ends as star's do.
    pub(super) fn is_star(&self) -> bool {
        self.is_ustar() && self.field(508..512) == b"tar\0"
    }

    /// Tells whether the block is empty.
    pub(super) fn is_zero(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }

    /// Sums the bytes, taken as unsigned and as signed, the sum itself counted as spaces.
    pub(super) fn sums(&self) -> [i128; 2] {
        let (mut unsigned, mut high) = (0_i128, 0_i128);
        for (at, byte) in self.0.iter().enumerate() {
            if SUM.contains(&at) {
                unsigned += i128::from(b' ');
            } else {
                unsigned += i128::from(*byte);
                high += i128::from(*byte > 127);
            }
        }
        // A byte past 127 counts 256 less where bytes are signed.
        [unsigned, unsigned - 256 * high]
    }

    /// Tells whether the block is a header to some reader. They differ on what may stand around the
    /// sum; the widest counts.
    pub(super) fn has_right_sum(&self) -> bool {
        stated_sum(self.field(SUM))
            .is_some_and(|stated| stated != 0 && self.sums().contains(&stated))
    }
}

/// Reads a sum as octal digits, or in the binary form of GNU tar.
fn stated_sum(field: &[u8]) -> Option<i128> {
    if field.first().is_some_and(|byte| byte & 0x80 != 0) {
        let low: [u8; 4] = *field.last_chunk()?;
        return Some(i128::from(u32::from_be_bytes(low)));
    }
    let is_pad = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    let digits = field.iter().skip_while(|byte| is_pad(byte));
    let digits = digits.take_while(|byte| matches!(byte, b'0'..=b'7'));
    digits.fold(None, |sum, digit| {
        Some(sum.unwrap_or(0) * 8 + i128::from(digit - b'0'))
    })
}

/// Gives a text up to its first zero.
pub(super) fn until_nul(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte == 0);
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}
