//! Where a program keeps what: its sections by name, and which address lies at which offset.
//!
//! `elf.rs`, `pe.rs` and `macho.rs` make it. A header that leads nowhere leaves it empty: what is
//! found by content alone is found all the same.

use std::ops::Range;

use super::content::ByteOrder;

/// Most headers of a kind read; linkers write some dozens.
pub(super) const MAX_HEADERS: u64 = 4_096;

/// A program's map.
#[derive(Debug)]
pub(super) struct Layout {
    /// The order of bytes in its numbers.
    pub(super) order: ByteOrder,
    /// What it runs on, as Go names that, since Go's advisories do: `system/architecture`, each part
    /// empty where the headers do not say.
    pub(super) platform: String,
    pub(super) sections: Vec<Section>,
    /// Machine code, in the order of the file: sections that are nothing else and are loaded so.
    pub(super) code: Vec<Range<u64>>,
    pub(super) mappings: Vec<Mapping>,
}

/// A named part of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: Vec<u8>,
    pub(super) range: Range<u64>,
}

/// A part of the file that is loaded to an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) address: u64,
    pub(super) range: Range<u64>,
}

impl Layout {
    /// Makes a map on which nothing is.
    pub(super) fn empty() -> Self {
        Self {
            order: ByteOrder::Little,
            platform: String::new(),
            sections: Vec::new(),
            code: Vec::new(),
            mappings: Vec::new(),
        }
    }

    /// Gives the offset of what is loaded to an address.
    pub(super) fn offset_of(&self, address: u64) -> Option<u64> {
        self.mappings.iter().find_map(|mapping| {
            let into = address.checked_sub(mapping.address)?;
            let at = mapping.range.start.checked_add(into)?;
            (at < mapping.range.end).then_some(at)
        })
    }
}

/// Gives a range where it does not overflow.
pub(super) fn range(start: u64, length: u64) -> Option<Range<u64>> {
    Some(start..start.checked_add(length)?)
}
