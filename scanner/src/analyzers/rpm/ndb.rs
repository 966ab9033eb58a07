//! rpm's own backend, `Packages.db`: slots at the start that point to blocks of headers.
//!
//! Source: rpm, `lib/backend/ndb/rpmpkg.c`. All numbers are little-endian.

use super::error::RpmError;
use super::records::RpmRecords;
use crate::read_at::{ByteOrder::Little, ReadAt, index};

/// First bytes of the file.
pub(super) const MAGIC: &[u8; 4] = b"RpmP";

const SLOT_MAGIC: &[u8; 4] = b"Slot";
const BLOB_MAGIC: &[u8; 4] = b"BlbS";

/// Slots lie in pages of this size; the first two slots of the first page are the header.
const PAGE_BYTES: usize = 4_096;
const SLOT_BYTES: usize = 16;
const HEADER_SLOTS: usize = 2;

/// Places of blobs are counted in blocks of this size, in bytes.
const BLOCK_BYTES: u64 = 16;

/// Bytes before and after a header within its blob.
const BLOB_HEAD_BYTES: u64 = 16;
const BLOB_TAIL_BYTES: u64 = 12;

/// Hands over every header; an error says why the file as a whole cannot be read.
pub(super) fn read(source: &dyn ReadAt, records: &mut RpmRecords) -> Result<(), RpmError> {
    let mut page = vec![0; PAGE_BYTES];
    source.read_at(0, &mut page)?;
    let version = Little.u32(&page, 4).unwrap_or_default();
    if version != 0 {
        return Err(RpmError::Version(version));
    }
    let pages = Little.u32(&page, 12).unwrap_or_default();
    let page_bytes = u64::try_from(PAGE_BYTES).unwrap_or(u64::MAX);
    for number in 0..u64::from(pages) {
        source.read_at(number * page_bytes, &mut page)?;
        let skipped = if number == 0 { HEADER_SLOTS } else { 0 };
        for slot in page.chunks_exact(SLOT_BYTES).skip(skipped) {
            match blob(source, slot, records) {
                Ok(Some(header)) => records.header(&header),
                Ok(None) => {}
                Err(why) => records.unreadable(why),
            }
        }
    }
    Ok(())
}

/// Gives the header that a slot points to; none where the slot is free.
fn blob(
    source: &dyn ReadAt,
    slot: &[u8],
    records: &mut RpmRecords,
) -> Result<Option<Vec<u8>>, RpmError> {
    let field = |bytes: &[u8], at| Little.u32(bytes, at).unwrap_or_default();
    if !slot.starts_with(SLOT_MAGIC) {
        return Err("a slot is damaged".into());
    }
    let package = field(slot, 4);
    if package == 0 {
        return Ok(None);
    }
    let misplaced = |wrong| RpmError::Slot {
        number: package,
        wrong,
    };
    let start = u64::from(field(slot, 8)) * BLOCK_BYTES;
    let room = u64::from(field(slot, 12)) * BLOCK_BYTES;
    let mut head = [0; 16];
    source.read_at(start, &mut head)?;
    let length = u64::from(field(&head, 12));
    let fits = BLOB_HEAD_BYTES + length + BLOB_TAIL_BYTES <= room;
    if !head.starts_with(BLOB_MAGIC) || field(&head, 4) != package || !fits {
        return Err(misplaced("is not in its place"));
    }
    records.admit(length)?;
    if start + BLOB_HEAD_BYTES + length > source.len() {
        return Err(misplaced("is cut off"));
    }
    let mut header = vec![0; index(length)];
    source.read_at(start + BLOB_HEAD_BYTES, &mut header)?;
    Ok(Some(header))
}
