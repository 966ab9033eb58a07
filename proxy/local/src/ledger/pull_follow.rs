//! Makes rows of the log of pulls: follows it from where it was last read. The place stands in the same
//! batch as the rows, so that each line counts once, whenever the program is killed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use sluicegate_engine::ledger::{LedgerError, Membership as _, PullBook, Pulled};
use sluicegate_model::{Digest, Repository};
use tokio::sync::Mutex;
use tokio::task::JoinError;

use crate::chain::{Cursor, LogEnd, LogError, Position};
use crate::decisions::{DecisionLine, DecisionLog, FollowedLine, LogReader};
use crate::store::{Key, Op, StoreError};

use super::earlier::PATIENCE;
use super::keys;
use super::pull_row::{PullRow, Said, said};
use super::records::{PAGE_ROWS, Records};
use super::rows;

/// Rows that are made at once, of at most some KiB each.
const MAX_ROWS: usize = 500;
/// Images that are answered for at once: each may be listed by some hundred indexes.
const MAX_AT_ONCE: usize = 16;
/// Lines that are read before their rows are written.
const MAX_LINES: usize = 5_000;
/// How often a long reading says how far it is.
const SAYS: Duration = Duration::from_secs(30);

/// The log of pulls, and up to where it was read.
#[derive(Clone, Debug)]
pub(super) struct PullReading {
    log: DecisionLog,
    reader: LogReader,
    at: Arc<Mutex<ReadTo>>,
    /// Lines of which rows are made, for those who wait.
    read: Arc<AtomicU64>,
}

/// Where whoever reads stands.
#[derive(Debug, Default)]
struct ReadTo {
    /// None until it was looked up, and after a failure.
    cursor: Option<Cursor>,
    /// Whether rows were made anew for one that was lost: done once, for a store that goes on losing
    /// them would have it done for ever.
    was_lost: bool,
}

/// Rows that are being made.
type Folding = HashMap<(Repository, Digest), PullRow>;

impl PullReading {
    pub(super) fn of(log: DecisionLog) -> Self {
        Self {
            reader: LogReader::of(log.directory()),
            log,
            at: Arc::default(),
            read: Arc::default(),
        }
    }

    fn not_read(&self) -> LedgerError {
        LedgerError::NotRead {
            read: self.read.load(Ordering::Relaxed),
            lines: self.log.end().seq,
        }
    }
}

fn failed(error: &LogError) -> StoreError {
    StoreError::Engine {
        attempt: "reading who pulled for",
        why: error.to_string(),
    }
}

#[async_trait]
impl PullBook for Records {
    async fn pulled(
        &self,
        images: &[(Repository, Digest)],
    ) -> Result<Vec<Option<Pulled>>, LedgerError> {
        if let Some(reading) = &self.pulls {
            let read = tokio::time::timeout(PATIENCE, self.read_pulls()).await;
            read.unwrap_or_else(|_| Err(reading.not_read()))?;
        }
        let images = stream::iter(images.to_vec());
        let told = images.map(|image| self.pulled_through(image));
        told.buffered(MAX_AT_ONCE).try_collect().await
    }

    async fn read_pulls(&self) -> Result<(), LedgerError> {
        // Goes on when nobody waits any more: lines whose rows are being written would count twice for
        // whoever came next.
        let records = self.clone();
        let read = tokio::spawn(async move { records.read_to_end().await });
        let failed = |error: JoinError| LedgerError::Failed(Box::new(error));
        read.await.map_err(failed)?
    }
}

impl Records {
    /// Makes rows of all that is in the log by now.
    async fn read_to_end(&self) -> Result<(), LedgerError> {
        let Some(reading) = &self.pulls else {
            return Ok(());
        };
        let mut at = reading.at.lock().await;
        // Of what is written meanwhile nobody is told: there may be ever more of it.
        let end = reading.log.end();
        let mut cursor = match at.cursor.take() {
            Some(cursor) => cursor,
            None if !at.was_lost && self.store.losses() > 0 => {
                at.was_lost = true;
                self.pulls_anew(reading).await?
            }
            None => self.pulls_read_to(reading).await?,
        };
        let mut said = Instant::now();
        while cursor.is_before(end) {
            let read = cursor.position.seq;
            reading.read.store(read, Ordering::Relaxed);
            if said.elapsed() > SAYS {
                said = Instant::now();
                tracing::info!(read, lines = end.seq, "log of pulls being read");
            }
            let begun = cursor.clone();
            match self.read_some(reading, cursor, end, !at.was_lost).await? {
                Some(next) if next == begun => {
                    cursor = next;
                    break;
                }
                Some(next) => cursor = next,
                None => {
                    at.was_lost = true;
                    cursor = self.pulls_anew(reading).await?;
                }
            }
        }
        at.cursor = Some(cursor);
        Ok(())
    }

    /// Tells who pulled an image, by its row and those of what lists it.
    async fn pulled_through(
        &self,
        (repository, digest): (Repository, Digest),
    ) -> Result<Option<Pulled>, LedgerError> {
        let mut digests = self.indexes_listing(&repository, &digest).await?;
        digests.push(digest);
        let keys: Vec<Key> = digests
            .iter()
            .map(|digest| keys::pulled(&repository, digest))
            .collect();
        let bodies = self.store.get_many(&keys).await?.into_iter().flatten();
        Ok(PullRow::together(
            bodies.filter_map(|body| rows::read(&body)),
        ))
    }

    /// Finds where the log was last read to; the start where that is not known.
    async fn pulls_read_to(&self, reading: &PullReading) -> Result<Cursor, StoreError> {
        let kept: Option<Position> = self.row(&keys::pulls_position()).await?;
        if let Some(kept) = kept {
            let found = reading.reader.find(kept).await;
            if let Some(cursor) = found.map_err(|error| failed(&error))? {
                return Ok(cursor);
            }
            tracing::warn!("log of pulls is another one than was read; who pulled is read anew");
        }
        self.forget_pulls(reading).await
    }

    async fn pulls_anew(&self, reading: &PullReading) -> Result<Cursor, StoreError> {
        tracing::warn!("rows of who pulled were lost; all are made anew");
        self.forget_pulls(reading).await
    }

    /// Forgets all rows and where they were read to, and gives the start of the log.
    async fn forget_pulls(&self, reading: &PullReading) -> Result<Cursor, StoreError> {
        // First, for rows of a part of the log are none of the whole.
        let key = keys::pulls_position();
        self.store.apply(vec![Op::Delete { key }]).await?;
        let all = keys::all_pulled();
        loop {
            let page = self.store.page(&all, None, PAGE_ROWS).await?;
            if page.is_empty() {
                break;
            }
            let gone = page.into_iter().map(|(key, _)| Op::Delete { key });
            self.store.apply(gone.collect()).await?;
        }
        let start = reading.reader.find(Position::before_the_first()).await;
        let start = start.map_err(|error| failed(&error))?;
        start.ok_or(StoreError::Engine {
            attempt: "reading who pulled for",
            why: "the log has no start".to_owned(),
        })
    }

    /// Makes the rows of the next lines, in one batch, and tells where it stands; nothing where a row
    /// is lost and that is heeded.
    async fn read_some(
        &self,
        reading: &PullReading,
        from: Cursor,
        end: LogEnd,
        heeds_losses: bool,
    ) -> Result<Option<Cursor>, LedgerError> {
        let (mut folding, mut lines) = (Folding::new(), 0);
        let mut next = from;
        while next.is_before(end) && folding.len() < MAX_ROWS && lines < MAX_LINES {
            let begun = next.clone();
            let followed = reading.reader.after(next, end).await;
            let followed = followed.map_err(|error| failed(&error))?;
            lines += followed.lines.len();
            let lost = self.store.losses();
            self.take_in(&mut folding, &followed.lines).await?;
            if heeds_losses && self.store.losses() != lost {
                return Ok(None);
            }
            next = followed.next;
            if next == begun {
                break;
            }
        }
        let mut ops = Vec::with_capacity(folding.len() + 1);
        for ((repository, digest), row) in &folding {
            ops.push(rows::put(keys::pulled(repository, digest), row)?);
        }
        ops.push(rows::put(keys::pulls_position(), &next.position)?);
        self.store.apply(ops).await?;
        Ok(Some(next))
    }

    /// Counts lines in the rows of what they are about.
    async fn take_in(
        &self,
        folding: &mut Folding,
        lines: &[FollowedLine],
    ) -> Result<(), LedgerError> {
        let about = lines.iter().flat_map(|it| images_of(&it.line));
        self.get_rows(folding, about.map(|(image, _)| image))
            .await?;
        for FollowedLine { line, .. } in lines {
            for (image, said) in images_of(line) {
                let is_taken = folding
                    .get_mut(&image)
                    .is_none_or(|row| row.take(line, said));
                if !is_taken {
                    self.settle_through(folding, line, (&image, said)).await?;
                }
            }
        }
        Ok(())
    }

    /// Settles what waits under an index: who asked for that by tag goes on by what it lists.
    async fn settle_through(
        &self,
        folding: &mut Folding,
        line: &DecisionLine,
        ((repository, digest), said): (&(Repository, Digest), Said),
    ) -> Result<(), LedgerError> {
        let indexes = self.indexes_listing(repository, digest).await?;
        let images = indexes.into_iter().map(|it| (repository.clone(), it));
        let images: Vec<_> = images.collect();
        self.get_rows(folding, images.iter().cloned()).await?;
        for image in images {
            let row = folding.get_mut(&image);
            if row.is_some_and(|row| row.take(line, said)) {
                break;
            }
        }
        Ok(())
    }

    /// Gets the rows of images that are not there yet.
    async fn get_rows(
        &self,
        folding: &mut Folding,
        images: impl Iterator<Item = (Repository, Digest)>,
    ) -> Result<(), StoreError> {
        let missing = images.filter(|image| !folding.contains_key(image));
        let missing: HashSet<_> = missing.collect();
        let missing: Vec<_> = missing.into_iter().collect();
        let keys: Vec<Key> = missing
            .iter()
            .map(|(repository, digest)| keys::pulled(repository, digest))
            .collect();
        let bodies = self.store.get_many(&keys).await?;
        for (image, body) in missing.into_iter().zip(bodies) {
            let row = body.as_deref().and_then(rows::read);
            folding.insert(image, row.unwrap_or_default());
        }
        Ok(())
    }
}

/// Names the images that a line is about, with what it says of each.
fn images_of(line: &DecisionLine) -> impl Iterator<Item = ((Repository, Digest), Said)> {
    let repository: Option<Repository> = line.repository.as_ref().and_then(|it| it.parse().ok());
    let said = repository.map(|repository| {
        let said = said(line).into_iter();
        said.map(move |(digest, said)| ((repository.clone(), digest.clone()), said))
    });
    said.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::super::Records;
    use super::*;
    use crate::cache::ContentStore;
    use crate::store::EngineKind;

    #[tokio::test]
    async fn whoever_asks_is_told_how_far_a_long_reading_is() {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = EngineKind::Sled.open(directory.path()).unwrap();
        let content = ContentStore::open(&directory.path().join("content"), 1 << 20).unwrap();
        let (log, _) = DecisionLog::open(&directory.path().join("decisions")).unwrap();
        let records = Records::new(store, Arc::new(content)).telling_who_pulled(log);
        let reading = records.pulls.as_ref().unwrap();
        reading.read.store(7, Ordering::Relaxed);
        let held = reading.at.lock().await;
        tokio::time::pause();
        let told = records.pulled(&[]).await;
        let is_told = matches!(told, Err(LedgerError::NotRead { read: 7, lines: 0 }));
        assert!(is_told, "{told:?}");
        drop(held);
        tokio::time::resume();
        assert!(records.pulled(&[]).await.is_ok());
    }
}
