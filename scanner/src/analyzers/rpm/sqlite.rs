//! The SQLite backend, `rpmdb.sqlite`: headers are the rows of the table `Packages`.

use super::error::RpmError;
use super::records::RpmRecords;
use crate::read_at::ReadAt;
use crate::sqlite::{Log, SqliteDatabase};

/// The table that holds the headers.
const TABLE: &str = "packages";

/// Hands over every header; an error says why the file as a whole cannot be read.
pub(super) fn read(
    source: &dyn ReadAt,
    log: Option<&Log<'_>>,
    records: &mut RpmRecords,
) -> Result<(), RpmError> {
    let mut database = SqliteDatabase::open(source, log)?;
    let ([roots], damage) = database.roots([TABLE]);
    let [root] = roots.as_slice() else {
        let tables = RpmError::Tables(roots.len());
        return Err(damage.map_or(tables, RpmError::from));
    };
    database.rows(*root, &mut |row| match row {
        Ok(row) => match row.blob() {
            Some(header) => {
                let size_bytes = u64::try_from(header.len()).unwrap_or(u64::MAX);
                match records.admit(size_bytes) {
                    Ok(()) => records.header(header),
                    Err(why) => records.unreadable(why),
                }
            }
            None => records.unreadable("a row has no header"),
        },
        Err(why) => records.unreadable(why),
    });
    Ok(())
}
