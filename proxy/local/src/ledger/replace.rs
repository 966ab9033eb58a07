//! Writes verdicts: each takes the place of exactly the one that it was made to replace.
//!
//! Requests and the background pass judge the same images at the same time. Whoever comes second
//! finds another verdict than the one it knew, writes nothing, and is told so.
//!
//! A verdict's row has its stamp and the digest of its text, so that a row and a text of two verdicts
//! never mix. Small texts are rows of their own, large ones documents in the content store. A verdict
//! that is made anew and says the same writes no text.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use sluicegate_engine::events::{Change, Happening};
use sluicegate_engine::ledger::{Listed, Replacement};
use sluicegate_model::Sighting;
use tokio::sync::{Mutex, MutexGuard};

use crate::store::{Key, Op, StoreError};

use super::head::SummaryRow;
use super::index::{Index, IndexEntry, Logged};
use super::keys;
use super::package_rows;
use super::records::Records;
use super::rows::{self, ImageRow, VerdictBody, VerdictRow};
use super::texts;

/// Locks that verdicts share by their keys' hash: enough that two seldom meet.
const LOCKS: usize = 64;

/// Gives the key of the verdict that is replaced.
fn key(new: &Replacement) -> Key {
    keys::verdict(&new.scope(), new.digest())
}

/// Names the image, by whose word it is judged.
fn sighting(new: &Replacement) -> Sighting {
    new.scope().sighting(new.digest())
}

/// Names what nobody else may write meanwhile: the verdict, and the image where it is listed.
fn locked(new: &Replacement) -> impl Iterator<Item = Key> {
    let image = new.packages.as_ref().map(|_| keys::image(&sighting(new)));
    std::iter::once(key(new)).chain(image)
}

/// Keeps the others from writing a verdict between reading it and writing it.
#[derive(Clone, Debug)]
pub(super) struct Writing(Arc<[Mutex<()>; LOCKS]>);

impl Default for Writing {
    fn default() -> Self {
        Self(Arc::new(std::array::from_fn(|_| Mutex::new(()))))
    }
}

impl Writing {
    /// Locks the keys, always in the same order, so that nobody waits in a circle.
    pub(super) async fn lock<'a>(&'a self, keys: &[Key]) -> Vec<MutexGuard<'a, ()>> {
        let place = |key: &Key| crc32fast::hash(key.as_bytes()) as usize % LOCKS;
        let mut places: Vec<usize> = keys.iter().map(place).collect();
        places.sort_unstable();
        places.dedup();
        let mut held = Vec::with_capacity(places.len());
        for lock in places.into_iter().filter_map(|place| self.0.get(place)) {
            held.push(lock.lock().await);
        }
        held
    }
}

impl Records {
    /// Replaces verdicts, all of them in one batch with their events; durable on return.
    pub(super) async fn replace(
        &self,
        replacements: Vec<Replacement>,
    ) -> Result<Vec<bool>, StoreError> {
        let ready = replacements.into_iter().map(|new| {
            let body = VerdictBody::of(&new);
            (new, body)
        });
        let ready: Vec<(Replacement, VerdictBody)> = ready.collect();
        self.put_documents(&ready, |new| new.old_terms.is_some())
            .await?;
        self.index.load(&self.store).await?;
        let locked: Vec<Key> = ready.iter().flat_map(|(new, _)| locked(new)).collect();
        let held = self.writing.lock(&locked).await;
        // What was there may have been another verdict's, and have gone with it.
        self.put_documents(&ready, |_| true).await?;
        let places = self.places_of(&ready).await?;
        let mut batch = Batch::default();
        let (mut written, mut unused) = (Vec::new(), Vec::new());
        let (mut changes, mut turns) = (Vec::new(), Vec::new());
        for ((mut new, body), place) in ready.into_iter().zip(places) {
            let old = place.row.as_ref().map(|row| &row.body);
            let basis = place.row.as_ref().map(|row| row.basis);
            let basis = self.settled(basis.unwrap_or_default()).await?;
            let is_known = old.map(VerdictBody::mark) == new.replaces && basis <= new.basis;
            written.push(is_known);
            if is_known {
                let change = new.change.take();
                changes.extend(change.map(|change| (new.decided_at(), change)));
                turns.extend(new.turn.take());
                unused.extend(texts::left(old, &body, new.repository()));
                self.add_to(&mut batch, new, body, &place)?;
            } else if let Some(old) = old {
                unused.extend(texts::left(Some(&body), old, new.repository()));
            } else {
                unused.extend(body.document(new.repository()));
            }
        }
        // First, so that nothing is decided of which nobody can tell afterwards.
        self.record(turns).await?;
        self.write_telling(batch, changes).await?;
        self.remove_documents(unused).await?;
        drop(held);
        self.follow_where_due();
        self.index.fold_where_due(&self.store).await;
        Ok(written)
    }
}

/// What there is where a verdict is to be written.
struct Replaced {
    row: Option<VerdictRow>,
    number: Option<u32>,
    image: Option<ImageRow>,
}

impl Records {
    /// Looks at what is there where verdicts are to be written.
    async fn places_of(
        &self,
        news: &[(Replacement, VerdictBody)],
    ) -> Result<Vec<Replaced>, StoreError> {
        let keys_of = |(new, _): &(Replacement, VerdictBody)| {
            [
                key(new),
                keys::verdict_by_digest(new.digest(), &new.scope()),
                keys::image(&sighting(new)),
            ]
        };
        let keys: Vec<Key> = news.iter().flat_map(keys_of).collect();
        let bodies = self.store.get_many(&keys).await?;
        let (places, _) = bodies.as_chunks::<3>();
        let place = |[row, number, image]: &[Option<Bytes>; 3]| Replaced {
            row: row.as_deref().and_then(rows::read_verdict),
            number: number.as_deref().and_then(rows::read_number),
            image: image.as_deref().and_then(rows::read),
        };
        Ok(places.iter().map(place).collect())
    }

    /// Writes a batch with the events of its changes. Their numbers are held only meanwhile: two
    /// batches never number at once, and every other that tells nothing is written beside.
    async fn write_telling(
        &self,
        mut batch: Batch,
        changes: Vec<(Timestamp, Change)>,
    ) -> Result<(), StoreError> {
        if changes.is_empty() {
            return self.write(batch).await;
        }
        let mut events = self.number_events().await?;
        for (decided_at, change) in changes {
            let happened = Happening::VerdictChanged(Box::new(change));
            events.add(self, &mut batch, decided_at, happened).await?;
        }
        batch.ops.push(events.head()?);
        self.write(batch).await?;
        events.written();
        Ok(())
    }

    /// Writes a batch, also where whoever asked for it goes away meanwhile: what is on disk is in
    /// memory then.
    pub(super) async fn write(&self, batch: Batch) -> Result<(), StoreError> {
        let (store, index) = (Arc::clone(&self.store), self.index.clone());
        let write = async move {
            store.apply(batch.ops).await?;
            index.written(batch.logged);
            Ok(())
        };
        let written = tokio::spawn(write).await;
        written.unwrap_or_else(|error| {
            let why = error.to_string();
            let attempt = "writing";
            Err(StoreError::Engine { attempt, why })
        })
    }

    /// Adds everything that is written with a verdict.
    fn add_to(
        &self,
        batch: &mut Batch,
        new: Replacement,
        body: VerdictBody,
        place: &Replaced,
    ) -> Result<(), StoreError> {
        let is_listed = new.packages.is_some() || place.image.is_some();
        let summary = SummaryRow::of(&new.summary, is_listed)?;
        let old = place.row.as_ref().map(|row| &row.body);
        batch.ops.extend(texts::row(&new, &body, old));
        // Of a verdict whose names are not known a number would be found by them for ever.
        let (number, old_terms) = match place.number.zip(new.old_terms) {
            Some(kept) => kept,
            None => (self.index.number_verdict(), Vec::new()),
        };
        if let Some(gone) = place.number.filter(|old| *old != number) {
            batch.give_up(gone);
        }
        batch.logged.head(number, Some(summary.head()));
        let (scope, digest) = (new.summary.scope(), &new.summary.digest);
        let row = VerdictRow::of(&new.summary, body, new.basis);
        batch.ops.extend([
            rows::put_verdict(keys::verdict(&scope, digest), &row)?,
            rows::put(keys::summary(number), &summary)?,
        ]);
        if place.number != Some(number) {
            let key = keys::verdict_by_digest(digest, &scope);
            let numbered = rows::put_number(key, number, &scope)?;
            batch.ops.push(numbered);
        }
        let entry = IndexEntry::between(number, &old_terms, &new.terms);
        batch.log(&self.index, entry)?;
        if let Some(packages) = new.packages {
            self.list_packages(batch, &scope.sighting(digest), packages, place)?;
        }
        Ok(())
    }

    /// Lists the packages of an image under a new number.
    fn list_packages(
        &self,
        batch: &mut Batch,
        image: &Sighting,
        packages: Listed,
        place: &Replaced,
    ) -> Result<(), StoreError> {
        if let Some(old) = &place.image {
            batch.logged.image(old.number, false);
            batch.ops.push(Op::Delete {
                key: keys::numbered_image(old.number),
            });
        }
        let number = self.index.number_image();
        let row = ImageRow {
            analyzers: package_rows::analyzers(&packages.by),
            number,
        };
        batch.logged.image(number, true);
        batch.ops.push(rows::put(keys::image(image), &row)?);
        let named = rows::put_image(keys::numbered_image(number), image);
        batch.ops.push(named);
        let entry = IndexEntry::between(number, &[], &packages.terms);
        batch.log(&self.index, entry)
    }
}

/// What is written together, and what it makes of the index.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) ops: Vec<Op>,
    pub(super) logged: Logged,
}

impl Batch {
    /// Gives up the number of a verdict: lists do not have it any more.
    pub(super) fn give_up(&mut self, number: u32) {
        self.logged.head(number, None);
        let key = keys::summary(number);
        self.ops.push(Op::Delete { key });
    }

    /// Adds what a number gains and loses.
    pub(super) fn log(&mut self, index: &Index, entry: IndexEntry) -> Result<(), StoreError> {
        self.ops.extend(index.log(entry, &mut self.logged)?);
        Ok(())
    }
}
