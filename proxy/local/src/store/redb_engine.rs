//! redb, the engine that needs little memory.
//!
//! Its file is reached through a backend of ours, so that a sync that fails is known of. Opening
//! verifies the checksum of every page: redb itself trusts a file that was closed in order. A
//! database with a wrong page is not written to again; its rows are sealed, so that those that can be
//! read are taken over into a new one.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use redb::{
    AccessGuard, Database, ReadableDatabase as _, StorageError, TableDefinition, TableError,
};
use sluicegate_machine::private;

use super::embedded::{Engine, Found, Page};
use super::envelope::{seal, unseal};
use super::home::{DATABASE, Home};
use super::opening::Trouble;
use super::{Key, Op};

/// The one table: keys, and values in their envelopes.
const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

/// Memory for reading a damaged database, in bytes.
const RESCUE_CACHE_BYTES: usize = 1024 * 1024;
/// Rows of a damaged database that are taken over together: some megabytes.
const RESCUED_TOGETHER: usize = 4096;

/// A key or a value where it lies.
type Guard<'r> = AccessGuard<'r, &'static [u8]>;

/// An open redb database.
#[derive(Debug)]
pub(super) struct Redb(Database);

impl Engine for Redb {
    type Error = redb::Error;

    fn open(home: &Arc<Home>) -> Result<Self, Trouble> {
        let file = private::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(home.database());
        let file = file.map_err(|error| Trouble::Environment(error.to_string()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Trouble::InUse),
            Err(TryLockError::Error(error)) => return Err(Trouble::Environment(error.to_string())),
        }
        let file = DatabaseFile {
            file,
            home: Arc::clone(home),
        };
        let database = Database::builder()
            .set_cache_size(usize::try_from(home.cache_bytes).unwrap_or(usize::MAX))
            .set_check_integrity_on_open(true)
            .create_with_backend(file);
        let opened = Self(database.map_err(trouble)?);
        let rows = opened.0.begin_read().map_err(trouble)?.open_table(ROWS);
        match rows {
            Err(TableError::TableDoesNotExist(_)) => opened.commit(&[]).map_err(trouble)?,
            rows => drop(rows.map_err(trouble)?),
        }
        Ok(opened)
    }

    /// From both ends, up to where a page cannot be read: most damage is in one place.
    fn rescue(&self, home: &Arc<Home>, damaged: &Path) -> Result<u64, redb::Error> {
        let file = DatabaseFile {
            file: File::open(damaged.join(DATABASE))?,
            home: Arc::clone(home),
        };
        let damaged = Database::builder()
            .set_cache_size(RESCUE_CACHE_BYTES)
            .open_read_only_with_backend(file)?;
        let rows = damaged.begin_read()?.open_table(ROWS)?;
        let rising = readable(rows.range::<&[u8]>(..)?);
        let (end, low) = self.take_over(rising, |key, before| {
            before.is_none_or(|before| key > before)
        })?;
        let falling = readable(rows.range::<&[u8]>(..)?.rev());
        let (_, high) = self.take_over(falling, |key, before| {
            Some(key) > end.as_ref() && before.is_none_or(|before| key < before)
        })?;
        Ok(low.saturating_add(high))
    }

    fn get_many(&self, keys: &[Key], found: &mut Found) -> Result<(), redb::Error> {
        let rows = self.0.begin_read()?.open_table(ROWS)?;
        for key in keys {
            let sealed = rows.get(key.as_bytes())?;
            found.take(key, sealed.as_ref().map(AccessGuard::value));
        }
        Ok(())
    }

    fn fill(&self, page: &mut Page) -> Result<(), redb::Error> {
        let rows = self.0.begin_read()?.open_table(ROWS)?;
        for row in rows.range(page.start().as_slice()..)? {
            let (key, sealed) = row?;
            if !page.take(key.value(), sealed.value()) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&self, ops: &[Op]) -> Result<(), redb::Error> {
        let transaction = self.0.begin_write()?;
        let mut rows = transaction.open_table(ROWS)?;
        for op in ops {
            match op {
                Op::Put { key, body } => {
                    let sealed = seal(key.as_bytes(), body);
                    rows.insert(key.as_bytes(), sealed.as_slice())?;
                }
                Op::Delete { key } => {
                    rows.remove(key.as_bytes())?;
                }
            }
        }
        drop(rows);
        Ok(transaction.commit()?)
    }
}

impl Redb {
    /// Takes over rows that follow each other; gives the last key and how many rows were taken.
    fn take_over(
        &self,
        mut rows: impl Iterator<Item = (Key, Option<Bytes>)>,
        follows: impl Fn(&Key, Option<&Key>) -> bool,
    ) -> Result<(Option<Key>, u64), redb::Error> {
        let (mut last, mut taken) = (None, 0_u64);
        loop {
            let mut ops = Vec::new();
            while ops.len() < RESCUED_TOGETHER
                && let Some((key, body)) = rows.next()
                && follows(&key, last.as_ref())
            {
                last = Some(key.clone());
                ops.extend(body.map(|body| Op::Put { key, body }));
            }
            if ops.is_empty() {
                return Ok((last, taken));
            }
            self.commit(&ops)?;
            taken = taken.saturating_add(ops.len() as u64);
        }
    }
}

/// Gives keys, and values that are right, up to the first row that cannot be read.
fn readable<'r>(
    mut rows: impl Iterator<Item = Result<(Guard<'r>, Guard<'r>), StorageError>>,
) -> impl Iterator<Item = (Key, Option<Bytes>)> {
    std::iter::from_fn(move || {
        let next = catch_unwind(AssertUnwindSafe(|| {
            let (key, sealed) = rows.next()?.ok()?;
            Some((key.value().into(), unseal(key.value(), sealed.value())))
        }));
        next.ok().flatten()
    })
}

fn trouble(error: impl Into<redb::Error>) -> Trouble {
    match error.into() {
        redb::Error::Io(error) => Trouble::from(error),
        error @ redb::Error::PreviousIo => Trouble::Environment(error.to_string()),
        error => Trouble::Damage(error.to_string()),
    }
}

/// The database's file, locked while it is open.
#[derive(Debug)]
struct DatabaseFile {
    file: File,
    home: Arc<Home>,
}

impl redb::StorageBackend for DatabaseFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.home.sync(&self.file)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }
}
