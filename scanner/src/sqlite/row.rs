//! One row of a table: its columns' types, then their values.
//!
//! Source: SQLite, "Database File Format", section 2.1, "Record Format".

use super::error::SqliteError;
use crate::read_at::index;

/// Most columns of a row that are looked at; the tables that are read have five at most.
const MAX_COLUMNS: usize = 16;

/// A row, with the places of its columns.
pub(crate) struct Row {
    /// Its own number, which a column that is the table's `INTEGER PRIMARY KEY` leaves to it.
    pub(crate) id: u64,
    payload: Vec<u8>,
    /// Serial type, start and end of each column.
    columns: Vec<(u64, usize, usize)>,
}

impl Row {
    /// Reads the places of the columns.
    pub(super) fn parse(id: u64, payload: Vec<u8>) -> Result<Self, SqliteError> {
        let columns = columns(&payload).ok_or("a row is cut off")?;
        Ok(Self {
            id,
            payload,
            columns,
        })
    }

    /// Gives a column's text, without the zeros that UTF-16 has between Latin letters.
    pub(crate) fn text(&self, column: usize) -> Option<Vec<u8>> {
        let (kind, start, end) = *self.columns.get(column)?;
        let is_text = kind >= 13 && kind % 2 == 1;
        let text = self.payload.get(start..end)?;
        is_text.then(|| text.iter().copied().filter(|byte| *byte != 0).collect())
    }

    /// Gives a column's whole number, where it is not negative.
    pub(crate) fn integer(&self, column: usize) -> Option<u64> {
        let (kind, start, end) = *self.columns.get(column)?;
        let bytes = self.payload.get(start..end)?;
        match kind {
            1..=6 if bytes.first().is_some_and(|byte| *byte < 0x80) => Some(
                bytes
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
            ),
            8 => Some(0),
            9 => Some(1),
            _ => None,
        }
    }

    /// Gives a column's bytes.
    pub(crate) fn bytes(&self, column: usize) -> Option<&[u8]> {
        let (kind, start, end) = *self.columns.get(column)?;
        let is_blob = kind >= 12 && kind % 2 == 0;
        self.payload.get(start..end).filter(|_| is_blob)
    }

    /// Gives the first column that holds bytes.
    pub(crate) fn blob(&self) -> Option<&[u8]> {
        let (_, start, end) = *self
            .columns
            .iter()
            .find(|(kind, _, _)| *kind >= 12 && kind % 2 == 0)?;
        self.payload.get(start..end)
    }
}

fn columns(payload: &[u8]) -> Option<Vec<(u64, usize, usize)>> {
    let (header_bytes, types) = varint(payload)?;
    let mut start = index(header_bytes);
    let intro = payload.len() - types.len();
    let mut types = payload.get(intro..start)?;
    let mut columns = Vec::new();
    while !types.is_empty() && columns.len() < MAX_COLUMNS {
        let (kind, rest) = varint(types)?;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => (kind - 12) / 2,
        };
        let end = start.checked_add(index(length))?;
        payload.get(start..end)?;
        columns.push((kind, start, end));
        (start, types) = (end, rest);
    }
    Some(columns)
}

/// Reads a number of one to nine bytes, and gives what follows it.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        if at == 8 {
            return Some((number << 8 | u64::from(*byte), bytes.get(9..)?));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(at + 1..)?));
        }
    }
    None
}
