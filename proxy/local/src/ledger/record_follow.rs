//! Makes rows of what is recorded: follows the record from where it was last read, so that whatever
//! stood in it when the program was killed is in the rows afterwards.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use sluicegate_engine::ledger::{Basis, RecordedImage, Turn, Weaknesses};
use tokio::sync::Mutex;

use crate::chain::{Cursor, FollowedLine, LogError, Position};
use crate::record::{self, RecordLine, TurnLog, TurnReader, Turns, read_weaknesses};
use crate::store::{Key, Op, StoreError};

use super::head::NameHash;
use super::index::IndexEntry;
use super::keys;
use super::record_row::{Moved, RecordRow};
use super::records::{PAGE_ROWS, Records};
use super::replace::Batch;
use super::rows;

/// Images of which rows are made at once: some MiB of memory.
const MAX_IMAGES: usize = 500;

/// The record, and up to where it was read.
#[derive(Clone, Debug)]
pub(super) struct Following {
    log: TurnLog,
    reader: TurnReader,
    /// Where whoever follows stands; none until it was looked up.
    at: Arc<Mutex<Option<Cursor>>>,
    /// Whether somebody is about to follow in the background.
    is_due: Arc<AtomicBool>,
    /// Whether every verdict is known to be recorded.
    pub(super) is_whole: Arc<AtomicBool>,
}

impl Following {
    pub(super) fn of(log: TurnLog) -> Self {
        Self {
            reader: TurnReader::of(log.directory()),
            log,
            at: Arc::default(),
            is_due: Arc::default(),
            is_whole: Arc::default(),
        }
    }
}

fn failed(error: &LogError) -> StoreError {
    match error {
        LogError::Full(_, path) => StoreError::Full { path: path.clone() },
        other => StoreError::Engine {
            attempt: "recording for",
            why: other.to_string(),
        },
    }
}

/// Says that a row is lost as soon as it is written.
pub(super) fn lost() -> StoreError {
    StoreError::Engine {
        attempt: "reading what is recorded in",
        why: "a row is lost as soon as it is written".to_owned(),
    }
}

impl Records {
    /// Records what verdicts change; durable on return.
    pub(super) async fn record(&self, turns: Vec<Turn>) -> Result<(), StoreError> {
        let Some(following) = self.record.as_ref().filter(|_| !turns.is_empty()) else {
            return Ok(());
        };
        let entries = record::entries(turns);
        let written = following.log.append_all(entries).await;
        written.map(drop).map_err(|error| failed(&error))
    }

    /// Records that verdicts rest on something else from now on; durable on return.
    pub(super) async fn record_basis(
        &self,
        basis: &Basis,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(following) = &self.record else {
            return Ok(());
        };
        let written = following.log.append(record::basis_entry(basis, now)).await;
        written.map(drop).map_err(|error| failed(&error))
    }

    /// Follows in the background, where nobody is about to.
    pub(super) fn follow_where_due(&self) {
        let Some(following) = &self.record else {
            return;
        };
        if following.is_due.swap(true, Ordering::AcqRel) {
            return;
        }
        let (records, is_due) = (self.clone(), Arc::clone(&following.is_due));
        tokio::spawn(async move {
            if let Err(error) = records.follow_to_end(Some(&is_due)).await {
                tracing::warn!(%error, "record of findings not read; it is when it is asked for");
            }
        });
    }

    /// Makes rows of all that is recorded by now.
    pub(super) async fn follow_record(&self) -> Result<(), StoreError> {
        // Goes on when nobody waits any more: lines whose rows are being written would be read twice.
        let records = self.clone();
        let followed = tokio::spawn(async move { records.follow_to_end(None).await });
        followed.await.unwrap_or_else(|error| {
            let (attempt, why) = ("reading what is recorded in", error.to_string());
            Err(StoreError::Engine { attempt, why })
        })
    }

    async fn follow_to_end(&self, begun: Option<&AtomicBool>) -> Result<(), StoreError> {
        let Some(following) = &self.record else {
            return Ok(());
        };
        self.index.load(&self.store).await?;
        let mut at = following.at.lock().await;
        if let Some(begun) = begun {
            // What is recorded from now on may be too late for this time.
            begun.store(false, Ordering::Release);
        }
        // Of what is recorded meanwhile nobody is told: there may be ever more of it.
        let end = following.log.end();
        let mut cursor = match at.take() {
            Some(cursor) => cursor,
            None => self.record_read_to(following).await?,
        };
        let mut is_anew = false;
        'reading: while cursor.is_before(end) {
            let begun = cursor.clone();
            let followed = following.reader.after(cursor, end).await;
            let followed = followed.map_err(|error| failed(&error))?;
            for lines in batches(&followed.lines) {
                if self.fold(lines).await? {
                    continue;
                }
                if std::mem::replace(&mut is_anew, true) {
                    return Err(lost());
                }
                // A row is lost: all are made anew, from the first line on.
                self.forget_position().await?;
                cursor = self.record_read_to(following).await?;
                continue 'reading;
            }
            cursor = followed.next;
            if cursor == begun {
                break;
            }
        }
        *at = Some(cursor);
        drop(at);
        self.index.fold_where_due(&self.store).await;
        Ok(())
    }

    /// Makes all rows anew, from the first line on.
    pub(super) async fn make_record_rows_anew(&self) -> Result<(), StoreError> {
        if let Some(following) = &self.record {
            let mut at = following.at.lock().await;
            *at = None;
            self.forget_position().await?;
        }
        self.follow_record().await
    }

    /// Forgets up to where the record was read, so that all rows are made anew.
    async fn forget_position(&self) -> Result<(), StoreError> {
        let key = keys::record_position();
        self.store.apply(vec![Op::Delete { key }]).await
    }

    /// Waits until nobody follows in the background.
    #[cfg(test)]
    pub(super) async fn at_rest(&self) {
        let others = |it: &Following| Arc::strong_count(&it.at) > 1;
        while self.record.as_ref().is_some_and(others) {
            tokio::task::yield_now().await;
        }
    }

    /// Finds where the record was last read to; the start where that is not known, and then nothing is
    /// in the rows.
    async fn record_read_to(&self, following: &Following) -> Result<Cursor, StoreError> {
        let kept: Option<Position> = self.row(&keys::record_position()).await?;
        let find = async |position| {
            let found = following.reader.find(position).await;
            found.map_err(|error| failed(&error))
        };
        if let Some(kept) = kept {
            if let Some(cursor) = find(kept).await? {
                return Ok(cursor);
            }
            tracing::warn!("record of findings is another one than was read; it is read anew");
            self.forget_position().await?;
        }
        self.empty_rows().await?;
        let start = find(Position::before_the_first()).await?;
        start.ok_or(StoreError::Engine {
            attempt: "reading the record for",
            why: "it has no start".to_owned(),
        })
    }

    /// Makes the rows of some lines, in one batch; nothing, and false, where a row is lost.
    async fn fold(&self, lines: &[FollowedLine<Turns>]) -> Result<bool, StoreError> {
        let Some(last) = lines.last() else {
            return Ok(true);
        };
        let Some(mut folding) = self.rows_of(lines).await? else {
            return Ok(false);
        };
        let mut batch = Batch::default();
        for FollowedLine { line, .. } in lines {
            let found = (read_weaknesses(&line.added), read_weaknesses(&line.removed));
            for image in line.recorded() {
                if let Some(row) = folding.get_mut(&image) {
                    row.turn(line, (&found.0, &found.1));
                }
            }
        }
        // In the order in which they were recorded, so that numbers are.
        let mut folding: Vec<(RecordedImage, Folding)> = folding.into_iter().collect();
        folding.sort_unstable_by_key(|(_, folded)| folded.place);
        for (image, folded) in folding {
            self.add_folded(&mut batch, &image, folded)?;
        }
        let position = rows::put(keys::record_position(), &last.cursor.position)?;
        batch.ops.push(position);
        self.write(batch).await?;
        Ok(true)
    }

    /// Adds the row of an image, under its number, and what it is found by.
    fn add_folded(
        &self,
        batch: &mut Batch,
        image: &RecordedImage,
        folded: Folding,
    ) -> Result<(), StoreError> {
        let number = folded
            .number
            .unwrap_or_else(|| self.number_for(batch, image));
        let row = rows::put(keys::record_row(number), &folded.row)?;
        batch.ops.push(row);
        for Moved { added, removed } in folded.moved {
            let entry = IndexEntry {
                number,
                added,
                removed,
            };
            batch.log(&self.index, entry)?;
        }
        Ok(())
    }

    fn number_for(&self, batch: &mut Batch, image: &RecordedImage) -> u32 {
        let number = self.index.number_recorded();
        let name = NameHash::of(&image.repository);
        batch.logged.recorded(number, name);
        let body = number.to_be_bytes().to_vec().into();
        let key = keys::recorded(image);
        batch.ops.push(Op::Put { key, body });
        number
    }

    /// Gets the rows of the images of some lines; nothing where one is lost.
    async fn rows_of(
        &self,
        lines: &[FollowedLine<Turns>],
    ) -> Result<Option<HashMap<RecordedImage, Folding>>, StoreError> {
        let images = lines.iter().flat_map(|it| it.line.recorded());
        let mut seen = HashSet::new();
        let images: Vec<RecordedImage> = images.filter(|it| seen.insert(it.clone())).collect();
        let keys: Vec<Key> = images.iter().map(keys::recorded).collect();
        let numbers = self.store.get_many(&keys).await?;
        let numbers: Vec<Option<u32>> = numbers
            .iter()
            .map(|body| body.as_deref().and_then(rows::read_number))
            .collect();
        let keys: Vec<Key> = numbers
            .iter()
            .flatten()
            .map(|number| keys::record_row(*number))
            .collect();
        let mut bodies = self.store.get_many(&keys).await?.into_iter();
        let mut folding = HashMap::new();
        for (place, (image, number)) in images.into_iter().zip(numbers).enumerate() {
            let row = match number {
                None => RecordRow::of(&image),
                Some(_) => match bodies.next().flatten().as_deref().and_then(rows::read) {
                    Some(row) => row,
                    None => return Ok(None),
                },
            };
            let moved = Vec::new();
            let folded = Folding {
                place,
                number,
                row,
                moved,
            };
            folding.insert(image, folded);
        }
        Ok(Some(folding))
    }

    /// Empties all rows; the images keep their numbers.
    async fn empty_rows(&self) -> Result<(), StoreError> {
        let numbered = keys::all_recorded();
        let mut after = None;
        loop {
            let page = self
                .store
                .page(&numbered, after.as_ref(), PAGE_ROWS)
                .await?;
            let is_last = page.len() < PAGE_ROWS;
            let mut ops = Vec::new();
            for (key, body) in &page {
                let image = keys::recorded_image(key);
                if let (Some(number), Some(image)) = (rows::read_number(body), image) {
                    let row = RecordRow::of(&image);
                    ops.push(rows::put(keys::record_row(number), &row)?);
                }
            }
            self.store.apply(ops).await?;
            after = page.into_iter().next_back().map(|(key, _)| key);
            if is_last {
                return Ok(());
            }
        }
    }
}

/// A row that is being made.
struct Folding {
    /// The image's place among those of the lines.
    place: usize,
    number: Option<u32>,
    row: RecordRow,
    moved: Vec<Moved>,
}

impl Folding {
    fn turn(&mut self, line: &RecordLine, found: (&Weaknesses, &Weaknesses)) {
        let moved = self.row.turn(line.time, line.whole, found);
        if moved != Moved::default() {
            self.moved.push(moved);
        }
    }
}

/// Cuts lines into parts of some images each.
fn batches(lines: &[FollowedLine<Turns>]) -> Vec<&[FollowedLine<Turns>]> {
    let mut parts = Vec::new();
    let (mut start, mut images) = (0, 0_usize);
    for (at, FollowedLine { line, .. }) in lines.iter().enumerate() {
        images += line.images.len();
        if images >= MAX_IMAGES {
            parts.extend(lines.get(start..=at));
            (start, images) = (at + 1, 0);
        }
    }
    parts.extend(lines.get(start..).filter(|rest| !rest.is_empty()));
    parts
}
