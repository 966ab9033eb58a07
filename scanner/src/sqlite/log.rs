//! The write-ahead log beside a database: pages that are newer than the database's own.
//!
//! A frame counts if its salts are the log's, its checksums follow from the frames before it, and
//! a later frame commits it. What follows the last commit never happened.
//!
//! Source: SQLite, "Database File Format", section 4, "The Write-Ahead Log".

use std::collections::HashMap;

use super::error::SqliteError;
use crate::read_at::{ByteOrder, ByteOrder::Big, ReadAt, index};

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// Bytes of the header that its own checksum covers, and where the salts lie in them.
const SUMMED_BYTES: usize = 24;
const SALTS_AT: usize = 16;

/// Most pages that are applied; SQLite itself starts anew after a thousand.
const MAX_FRAMES: u32 = 200_000;

/// The magic number; its last bit says that checksums are over big-endian words.
const MAGIC: u32 = 0x377f_0682;

/// The committed pages of a log.
pub(crate) struct Log<'a> {
    pub(crate) source: &'a dyn ReadAt,
    pub(crate) page_bytes: u32,
    /// Where the newest content of each page lies in the log.
    places: HashMap<u32, u64>,
}

impl<'a> Log<'a> {
    /// Reads the frames; none where nothing is committed. An error says why they cannot be applied.
    pub(crate) fn read(source: &'a dyn ReadAt) -> Result<Option<Self>, SqliteError> {
        let mut header = [0; HEADER_BYTES];
        if source.read_at(0, &mut header).is_err() {
            return Ok(None);
        }
        let field = |at| Big.u32(&header, at).unwrap_or_default();
        let (magic, page_bytes) = (field(0), field(8));
        let (summed, sums) = header.split_at(SUMMED_BYTES);
        let mut sum = Checksum::of_log(magic);
        sum.add(summed);
        let is_log = magic & !1 == MAGIC && sums == sum.bytes();
        let has_pages = page_bytes.is_power_of_two() && (512..=65_536).contains(&page_bytes);
        if !is_log || !has_pages {
            // SQLite starts such a log anew.
            return Ok(None);
        }
        let mut log = Self {
            source,
            page_bytes,
            places: HashMap::new(),
        };
        log.frames(sum, summed.get(SALTS_AT..).unwrap_or_default())?;
        Ok((!log.places.is_empty()).then_some(log))
    }

    /// Gives the offset of a page's newest content.
    pub(crate) fn place(&self, page: u32) -> Option<u64> {
        self.places.get(&page).copied()
    }

    fn frames(&mut self, mut sum: Checksum, salts: &[u8]) -> Result<(), SqliteError> {
        let mut frame = vec![0; FRAME_HEADER_BYTES + index(self.page_bytes)];
        let frame_bytes = u64::try_from(frame.len()).unwrap_or(u64::MAX);
        let mut offset = u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX);
        let mut open = Vec::new();
        for _ in 0..MAX_FRAMES {
            if self.source.read_at(offset, &mut frame).is_err() {
                return Ok(());
            }
            let (header, page) = frame.split_at(FRAME_HEADER_BYTES);
            let field = |at| Big.u32(header, at).unwrap_or_default();
            sum.add(header.get(..8).unwrap_or_default());
            sum.add(page);
            let follows =
                header.get(8..16) == Some(salts) && header.get(16..) == Some(&sum.bytes());
            if !follows {
                return Ok(());
            }
            open.push((field(0), offset + 24));
            // The size of the database after the commit; zero where more frames belong to it.
            if field(4) != 0 {
                self.places.extend(open.drain(..));
            }
            offset += frame_bytes;
        }
        Err(SqliteError::LongLog { most: MAX_FRAMES })
    }
}

/// The running checksum of a log.
struct Checksum {
    order: ByteOrder,
    first: u32,
    second: u32,
}

impl Checksum {
    /// Starts for a log with this magic number.
    fn of_log(magic: u32) -> Self {
        Self {
            order: if magic & 1 == 1 {
                Big
            } else {
                ByteOrder::Little
            },
            first: 0,
            second: 0,
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            let word = |at| self.order.u32(pair, at).unwrap_or_default();
            let (left, right) = (word(0), word(4));
            self.first = self.first.wrapping_add(left).wrapping_add(self.second);
            self.second = self.second.wrapping_add(right).wrapping_add(self.first);
        }
    }

    fn bytes(&self) -> [u8; 8] {
        (u64::from(self.first) << 32 | u64::from(self.second)).to_be_bytes()
    }
}
