//! Tables of SQLite databases, row by row: the b-tree of a table is walked from its root.
//!
//! The schema is read for the roots, then every page below one, each at most once; free pages and
//! indexes are never looked at. Pages that the write-ahead log replaces come from there. Made for
//! hostile files: no row has more bytes than the file, and all rows together have not.
//!
//! Source: SQLite, "Database File Format", sections 1.3 to 1.6 and 2.1.

use std::collections::HashSet;

mod error;
mod log;
mod row;

use crate::read_at::{ByteOrder::Big, ReadAt, index};

pub(crate) use error::SqliteError;
pub(crate) use log::Log;
pub(crate) use row::Row;
use row::varint;

/// First bytes of every SQLite database.
pub(crate) const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Bytes of the database's header, which stands before the first page's content.
const FILE_HEADER_BYTES: usize = 100;

/// The page where the schema starts.
const SCHEMA_ROOT: u32 = 1;

/// Types of pages.
const INTERIOR: u8 = 5;
const LEAF: u8 = 13;

fn odd_page(number: u32, wrong: &'static str) -> SqliteError {
    SqliteError::Page { number, wrong }
}

/// Gives the root page of a table, where a row of the schema names it.
fn table_root(row: &Row, table: &str) -> Option<u32> {
    let is_table = row.text(0)?.eq_ignore_ascii_case(b"table");
    let is_wanted = is_table && row.text(1)?.eq_ignore_ascii_case(table.as_bytes());
    is_wanted.then(|| row.integer(3))??.try_into().ok()
}

/// A database whose tables are read, each once.
pub(crate) struct SqliteDatabase<'a> {
    source: &'a dyn ReadAt,
    log: Option<&'a Log<'a>>,
    page_bytes: u32,
    /// Bytes of a page that hold content.
    usable: usize,
    /// Pages that were read: each has one place in one tree or chain.
    used: HashSet<u32>,
    /// Bytes of rows that may still come: each page's bytes count once.
    bytes_left: u64,
}

type EachRow<'a> = dyn FnMut(Result<Row, SqliteError>) + 'a;

impl<'a> SqliteDatabase<'a> {
    /// Opens a database, with what its log holds.
    pub(crate) fn open(
        source: &'a dyn ReadAt,
        log: Option<&'a Log<'a>>,
    ) -> Result<Self, SqliteError> {
        let mut header = [0; FILE_HEADER_BYTES];
        match log.and_then(|log| log.place(SCHEMA_ROOT).map(|place| (log, place))) {
            Some((log, place)) => log.source.read_at(place, &mut header)?,
            None => source.read_at(0, &mut header)?,
        }
        let stated = Big.u16(&header, 16).unwrap_or_default();
        // The largest size does not fit its field.
        let page_bytes = if stated == 1 {
            65_536
        } else {
            u32::from(stated)
        };
        let reserved = header.get(20).copied().unwrap_or_default();
        let usable = index(page_bytes).saturating_sub(usize::from(reserved));
        if !header.starts_with(MAGIC) {
            return Err("it is no SQLite database".into());
        }
        if !page_bytes.is_power_of_two() || page_bytes < 512 || usable < 480 {
            return Err(SqliteError::PageBytes(page_bytes));
        }
        if let Some(log) = log.filter(|log| log.page_bytes != page_bytes) {
            return Err(SqliteError::LogPageBytes {
                database: page_bytes,
                log: log.page_bytes,
            });
        }
        let log_bytes = log.map_or(0, |log| log.source.len());
        Ok(Self {
            source,
            log,
            page_bytes,
            usable,
            used: HashSet::new(),
            bytes_left: source.len().saturating_add(log_bytes),
        })
    }

    /// Gives the roots of some tables, in the same order: of each all that the schema names, which is one
    /// in an honest file. With them what of the schema could not be read, where something could not.
    pub(crate) fn roots<const N: usize>(
        &mut self,
        tables: [&str; N],
    ) -> ([Vec<u32>; N], Option<SqliteError>) {
        let mut roots = [(); N].map(|()| Vec::new());
        let mut damage = None;
        self.rows(SCHEMA_ROOT, &mut |row| match row {
            Ok(row) => {
                for (roots, table) in roots.iter_mut().zip(tables) {
                    roots.extend(table_root(&row, table));
                }
            }
            Err(why) => damage = Some(why),
        });
        (roots, damage)
    }

    /// Reads a page for the first time.
    fn page(&mut self, number: u32) -> Result<Vec<u8>, SqliteError> {
        if !self.used.insert(number) {
            return Err(odd_page(number, "is used twice"));
        }
        let offset = number.checked_sub(1).ok_or("a page has the number zero")?;
        let mut page = vec![0; index(self.page_bytes)];
        let replaced = self
            .log
            .and_then(|log| log.place(number).map(|at| (log, at)));
        if let Some((log, place)) = replaced {
            log.source.read_at(place, &mut page)?;
        } else {
            let offset = u64::from(offset) * u64::from(self.page_bytes);
            self.source.read_at(offset, &mut page)?;
        }
        Ok(page)
    }

    /// Hands over the rows of the table with this root. A damaged page hides only what is below it.
    pub(crate) fn rows(&mut self, root: u32, each: &mut EachRow<'_>) {
        let mut open = vec![root];
        while let Some(number) = open.pop() {
            match self.page(number) {
                Ok(page) => self.tree_page(number, &page, &mut open, each),
                Err(why) => each(Err(why)),
            }
        }
    }

    fn tree_page(&mut self, number: u32, page: &[u8], open: &mut Vec<u32>, each: &mut EachRow<'_>) {
        let start = if number == SCHEMA_ROOT {
            FILE_HEADER_BYTES
        } else {
            0
        };
        let kind = page.get(start).copied();
        let cells = usize::from(Big.u16(page, start + 3).unwrap_or_default());
        let pointers = start + if kind == Some(INTERIOR) { 12 } else { 8 };
        let cell = |at: usize| Big.u16(page, pointers + 2 * at).map(usize::from);
        match kind {
            Some(LEAF) => {
                for at in 0..cells {
                    each(self.row(page, cell(at)));
                }
            }
            Some(INTERIOR) => {
                let rightmost = Big.u32(page, start + 8);
                let children = (0..cells).map(|at| Big.u32(page, cell(at)?));
                for child in children.chain([rightmost]) {
                    match child {
                        // A page named again is damage, and must not make the list longer.
                        Some(child) if !self.used.contains(&child) => open.push(child),
                        _ => each(Err(odd_page(number, "names no page below it"))),
                    }
                }
            }
            _ => each(Err(odd_page(number, "is no page of a table"))),
        }
    }

    /// Reads the row of a leaf's cell, with what lies on overflow pages.
    fn row(&mut self, page: &[u8], start: Option<usize>) -> Result<Row, SqliteError> {
        const CUT_OFF: &str = "a cell is cut off";
        let cell = start.and_then(|start| page.get(start..)).ok_or(CUT_OFF)?;
        let (length, rest) = varint(cell).ok_or(CUT_OFF)?;
        let (id, rest) = varint(rest).ok_or(CUT_OFF)?;
        let left = self.bytes_left.checked_sub(length);
        self.bytes_left = left.ok_or("the rows have more bytes than the database")?;
        let length = index(length);
        let local = self.local_bytes(length);
        let mut payload = rest.get(..local).ok_or(CUT_OFF)?.to_vec();
        let mut next = Big.u32(rest, local).unwrap_or_default();
        while payload.len() < length {
            let page = self.page(next)?;
            next = Big.u32(&page, 0).unwrap_or_default();
            let content = page.get(4..self.usable).unwrap_or_default();
            payload.extend(content.iter().take(length - payload.len()));
        }
        Row::parse(id, payload)
    }

    /// Gives how much of a row of this length lies on the leaf itself.
    fn local_bytes(&self, length: usize) -> usize {
        let most = self.usable - 35;
        if length <= most {
            return length;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let even = least + (length - least) % (self.usable - 4);
        if even <= most { even } else { least }
    }
}
