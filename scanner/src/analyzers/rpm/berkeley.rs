//! The Berkeley DB backend, `Packages`: a hash table whose values are headers.
//!
//! Keys do not matter but for zero, which counts packages, so pages are read in the file's order
//! and no bucket is looked up. Headers larger than a page lie in chains of overflow pages.
//!
//! Source: Berkeley DB 5.3, `dbinc/db_page.h`.

use std::collections::HashSet;

use super::error::RpmError;
use super::records::RpmRecords;
use crate::read_at::{ByteOrder, ReadAt, index};

/// The magic number of a hash table, at [`MAGIC_AT`] in either byte order.
const MAGIC: u32 = 0x0006_1561;
const MAGIC_AT: usize = 12;

/// Bytes of a page's header, and where its fields lie.
const PAGE_HEADER_BYTES: usize = 26;
const NEXT_PAGE_AT: usize = 16;
const ENTRIES_AT: usize = 20;
const FREE_OFFSET_AT: usize = 22;
const TYPE_AT: usize = 25;

/// Types of pages.
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;

/// Types of items on a hash page.
const KEY_DATA: u8 = 1;
const OFF_PAGE: u8 = 3;

/// Tells in which byte order a hash table is written; none where it is no hash table.
pub(super) fn byte_order(head: &[u8]) -> Option<ByteOrder> {
    [ByteOrder::Little, ByteOrder::Big]
        .into_iter()
        .find(|order| order.u32(head, MAGIC_AT) == Some(MAGIC))
}

/// Hands over every header; an error says why the file as a whole cannot be read.
pub(super) fn read(source: &dyn ReadAt, records: &mut RpmRecords) -> Result<(), RpmError> {
    let mut head = [0; 72];
    source.read_at(0, &mut head)?;
    let order = byte_order(&head).ok_or("it is no hash table")?;
    let page_bytes = order.u32(&head, 20).unwrap_or_default();
    if !page_bytes.is_power_of_two() || !(512..=65_536).contains(&page_bytes) {
        return Err(RpmError::PageBytes(page_bytes));
    }
    if head.get(24) != Some(&0) {
        return Err("it is encrypted".into());
    }
    let mut table = Table {
        source,
        order,
        page_bytes: u64::from(page_bytes),
        used: HashSet::new(),
    };
    let mut page = vec![0; index(page_bytes)];
    for number in 1..source.len().div_ceil(u64::from(page_bytes)) {
        if let Err(why) = table.page(number, &mut page) {
            records.unreadable(why);
        } else if matches!(page.get(TYPE_AT), Some(&(HASH | HASH_UNSORTED))) {
            table.items(&page, records);
        }
    }
    Ok(())
}

struct Table<'a> {
    source: &'a dyn ReadAt,
    order: ByteOrder,
    page_bytes: u64,
    /// Overflow pages that were read: each belongs to one value.
    used: HashSet<u32>,
}

impl Table<'_> {
    fn page(&self, number: u64, into: &mut [u8]) -> Result<(), RpmError> {
        Ok(self.source.read_at(number * self.page_bytes, into)?)
    }

    /// Reads the values of a hash page: every second item.
    fn items(&mut self, page: &[u8], records: &mut RpmRecords) {
        let entries = usize::from(self.order.u16(page, ENTRIES_AT).unwrap_or_default());
        let offset = |entry: usize| {
            let place = self.order.u16(page, PAGE_HEADER_BYTES + 2 * entry);
            place.map(usize::from)
        };
        let mut values = Vec::new();
        for key in (0..entries).step_by(2) {
            // Items grow from the page's end: each ends where the one before it starts.
            let (Some(key_start), Some(start)) = (offset(key), offset(key + 1)) else {
                records.unreadable("a page has more items than it can hold");
                break;
            };
            let key_end = key.checked_sub(1).map_or(Some(page.len()), offset);
            let key = key_end.and_then(|end| page.get(key_start..end));
            values.push((key.unwrap_or_default(), page.get(start..key_start)));
        }
        for (key, value) in values {
            // The key zero holds the number of the last package.
            if key == [KEY_DATA, 0, 0, 0, 0] {
                continue;
            }
            match value {
                Some([KEY_DATA, header @ ..]) => inline(header, records),
                Some(item) if item.first() == Some(&OFF_PAGE) => match self.chain(item, records) {
                    Ok(header) => records.header(&header),
                    Err(why) => records.unreadable(why),
                },
                Some(_) => records.unreadable("an item is of a kind that is not read"),
                None => records.unreadable("an item is not in its page"),
            }
        }
    }

    /// Reads a value from its chain of overflow pages.
    fn chain(&mut self, item: &[u8], records: &mut RpmRecords) -> Result<Vec<u8>, RpmError> {
        let field = |at| self.order.u32(item, at).ok_or("an item is cut off");
        let (mut number, length) = (field(4)?, field(8)?);
        records.admit(u64::from(length))?;
        let mut value = Vec::new();
        let mut page = vec![0; index(self.page_bytes)];
        while value.len() < index(length) {
            if number == 0 || !self.used.insert(number) {
                return Err("a chain of pages ends early or meets another".into());
            }
            self.page(u64::from(number), &mut page)?;
            let here = self.order.u16(&page, FREE_OFFSET_AT).map(usize::from);
            let part = here.and_then(|here| page.get(PAGE_HEADER_BYTES..PAGE_HEADER_BYTES + here));
            let (Some(part), Some(&OVERFLOW)) = (part, page.get(TYPE_AT)) else {
                let wrong = "is no overflow page";
                return Err(RpmError::Page { number, wrong });
            };
            value.extend_from_slice(part);
            number = self.order.u32(&page, NEXT_PAGE_AT).unwrap_or_default();
        }
        value.truncate(index(length));
        Ok(value)
    }
}

fn inline(header: &[u8], records: &mut RpmRecords) {
    match records.admit(u64::try_from(header.len()).unwrap_or(u64::MAX)) {
        Ok(()) => records.header(header),
        Err(why) => records.unreadable(why),
    }
}
