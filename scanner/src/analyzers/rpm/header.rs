//! One package's header as rpm's databases keep it: an index of tags over a store of values.
//!
//! `package.rs` asks for tags; nothing is copied. Every place in the blob is checked, so that a
//! damaged header has fewer values and never others' bytes beyond it.
//!
//! Source: rpm, "RPM V4 header format"; `rpmtag.h` for the numbers.

use crate::read_at::{ByteOrder, index};

/// Bytes of the two counts before the index.
const INTRO_BYTES: usize = 8;

/// Bytes of one entry of the index: tag, type, offset, count.
const ENTRY_BYTES: usize = 16;

const CHAR: u32 = 1;
const INT8: u32 = 2;
const INT16: u32 = 3;
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// The tags that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Tag {
    Name = 1000,
    Version = 1001,
    Release = 1002,
    Epoch = 1003,
    Vendor = 1011,
    License = 1014,
    Arch = 1022,
    FileStates = 1029,
    FileModes = 1030,
    FileDigests = 1035,
    SourceRpm = 1044,
    DirIndexes = 1116,
    BaseNames = 1117,
    DirNames = 1118,
    FileDigestAlgo = 5011,
    ModularityLabel = 5096,
}

/// A header whose index and store lie within its blob.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a> {
    entries: &'a [[u8; ENTRY_BYTES]],
    store: &'a [u8],
}

/// One tag's values: their type, how many, and the store from the first on.
struct Values<'a> {
    kind: u32,
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Header<'a> {
    /// Reads the index; none where the blob is no header.
    pub(super) fn parse(blob: &'a [u8]) -> Option<Self> {
        let entries = index(ByteOrder::Big.u32(blob, 0)?);
        let store_bytes = index(ByteOrder::Big.u32(blob, 4)?);
        let index_end = entries.checked_mul(ENTRY_BYTES)?.checked_add(INTRO_BYTES)?;
        let (entries, rest) = blob.get(INTRO_BYTES..index_end)?.as_chunks();
        let store = blob.get(index_end..index_end.checked_add(store_bytes)?)?;
        (rest.is_empty() && !entries.is_empty()).then_some(Self { entries, store })
    }

    /// Gives a tag's first text.
    pub(super) fn text(&self, tag: Tag) -> Option<&'a str> {
        let values = self.values(tag)?;
        matches!(values.kind, STRING | STRING_ARRAY | I18N_STRING)
            .then(|| std::str::from_utf8(values.bytes.split(|byte| *byte == 0).next()?).ok())?
    }

    /// Gives a tag's texts, in order; none for another type.
    pub(super) fn texts(&self, tag: Tag) -> impl Iterator<Item = &'a [u8]> {
        let values = self
            .values(tag)
            .filter(|values| matches!(values.kind, STRING_ARRAY | STRING | I18N_STRING));
        let (bytes, count) = values.map_or((&[][..], 0), |values| (values.bytes, values.count));
        // What follows the last NUL is no text.
        let ended = bytes.iter().rposition(|byte| *byte == 0).unwrap_or(0);
        bytes
            .get(..ended)
            .unwrap_or_default()
            .split(|byte| *byte == 0)
            .take(count)
    }

    /// Gives a tag's numbers, in order, whatever their width; none for another type.
    pub(super) fn numbers(&self, tag: Tag) -> impl Iterator<Item = u32> {
        let values = self.values(tag);
        let width = match values.as_ref().map(|values| values.kind) {
            Some(CHAR | INT8) => 1,
            Some(INT16) => 2,
            Some(INT32) => 4,
            _ => 0,
        };
        let (bytes, count) = values.map_or((&[][..], 0), |values| (values.bytes, values.count));
        let length = count.saturating_mul(width).min(bytes.len());
        let bytes = bytes.get(..length).unwrap_or_default();
        bytes
            .chunks_exact(width.max(1))
            .map(|raw| raw.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }

    /// Finds a tag. The last entry counts: what is added to a signed header replaces its values.
    fn values(&self, tag: Tag) -> Option<Values<'a>> {
        let wanted = (tag as u32).to_be_bytes();
        let entry = self
            .entries
            .iter()
            .rfind(|entry| entry.starts_with(&wanted))?;
        let field = |at| ByteOrder::Big.u32(entry, at);
        Some(Values {
            kind: field(4)?,
            count: index(field(12)?),
            bytes: self.store.get(index(field(8)?)..)?,
        })
    }
}
