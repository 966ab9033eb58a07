//! sled, the default engine.
//!
//! Its own flush is no fsync, so that one follows. Opening walks every node, so that damage shows
//! then and not under a pull.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::embedded::{Engine, Found, Page};
use super::envelope::seal;
use super::home::Home;
use super::opening::Trouble;
use super::{Key, Op};

/// How often sled flushes on its own; a backstop only, every answered write has been flushed.
const BACKSTOP_FLUSH_MS: u64 = 1000;

/// An open sled database.
#[derive(Debug)]
pub struct Sled {
    database: sled::Db,
    /// The database's file, which sled keeps its own handle of to itself.
    file: File,
    home: Arc<Home>,
}

impl Engine for Sled {
    type Error = sled::Error;

    fn open(home: &Arc<Home>) -> Result<Self, Trouble> {
        if is_in_use(&home.database()) {
            return Err(Trouble::InUse);
        }
        let config = sled::Config::new()
            .path(&home.directory)
            .mode(sled::Mode::HighThroughput)
            .flush_every_ms(Some(BACKSTOP_FLUSH_MS))
            .cache_capacity(home.cache_bytes);
        let opened = config.open().and_then(|database| {
            let rows = database
                .iter()
                .try_fold(0_u64, |rows, row| row.map(|_| rows.saturating_add(1)))?;
            tracing::debug!(rows, "verdict store opened");
            Ok(database)
        });
        let database = opened.map_err(|error| match error {
            sled::Error::Io(error) => Trouble::from(error),
            error => Trouble::Damage(error.to_string()),
        })?;
        let file =
            File::open(home.database()).map_err(|error| Trouble::Environment(error.to_string()))?;
        let home = Arc::clone(home);
        Ok(Self {
            database,
            file,
            home,
        })
    }

    /// Renames sled's snapshots, which it can rebuild.
    fn shed(directory: &Path) -> io::Result<bool> {
        let mut renamed = false;
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("snap.") {
                fs::rename(&path, directory.join(format!("damaged-{name}")))?;
                renamed = true;
            }
        }
        Ok(renamed)
    }

    fn get_many(&self, keys: &[Key], found: &mut Found) -> sled::Result<()> {
        for key in keys {
            found.take(key, self.database.get(key.as_bytes())?.as_deref());
        }
        Ok(())
    }

    fn fill(&self, page: &mut Page) -> sled::Result<()> {
        for row in self.database.range(page.start()..) {
            let (key, sealed) = row?;
            if !page.take(&key, &sealed) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&self, ops: &[Op]) -> sled::Result<()> {
        let mut batch = sled::Batch::default();
        for op in ops {
            match op {
                Op::Put { key, body } => batch.insert(key.as_bytes(), seal(key.as_bytes(), body)),
                Op::Delete { key } => batch.remove(key.as_bytes()),
            }
        }
        self.database.apply_batch(batch)?;
        self.database.flush()?;
        // `flush` alone survives a crash of the process, but not of the machine.
        Ok(self.home.sync(&self.file)?)
    }
}

/// Tells whether another process has the database: sled keeps a lock on its file, and says so in words
/// only.
fn is_in_use(database: &Path) -> bool {
    let file = File::open(database);
    file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}
