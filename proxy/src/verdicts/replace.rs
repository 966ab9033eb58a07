//! Writes verdicts: each takes the place of exactly the one that it was made to replace.
//!
//! Requests and the background pass judge the same images at the same time. Whoever comes second
//! finds another verdict than the one it knew, writes nothing, and is told so.
//!
//! Small verdicts lie whole in their row; the findings of large ones are a document in the content
//! store, named after its bytes, so that a row and a document of two verdicts never mix.

use std::sync::Arc;

use bytes::Bytes;
use sluicegate_local::cache::{DocumentKind, PackedDocument};
use sluicegate_local::store::{Key, Op, StoreError};
use sluicegate_model::image::Tag;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Repository};
use tokio::sync::{Mutex, MutexGuard};

use super::index::{Entry, Index, Logged};
use super::keys;
use super::package_rows;
use super::records::Records;
use super::rows::{self, ImageRow, VerdictBody, VerdictRow};
use super::summary::SummaryRow;
use super::term::{self, Term};
use sluicegate_engine::events::Change;

/// Largest compressed verdict that lies in its row, in bytes: half of what a row should have.
const MAX_INLINE_BYTES: usize = 4096;
/// Largest verdict in a row, in bytes before compression; a bound on what a damaged row can ask for.
pub(super) const MAX_INLINE_TEXT_BYTES: usize = 1024 * 1024;
/// What a row and what lies beside it take in memory until they are written, in bytes.
const ROW_BYTES: u64 = 16 * 1024;
/// zstd's default.
const COMPRESSION_LEVEL: i32 = 3;
/// Locks that verdicts share by their keys' hash: enough that two seldom meet.
const LOCKS: usize = 64;

/// A stored verdict, and what tells it from every other one of its repository and manifest.
#[derive(Clone, Debug)]
pub struct Known {
    /// The verdict; none where there is none or it is damaged.
    pub verdict: Option<Verdict>,
    body: Option<VerdictBody>,
}

/// A verdict that is ready to take the place of another.
#[derive(Debug)]
pub struct Replacement {
    repository: Repository,
    digest: Digest,
    row: VerdictRow,
    document: Option<PackedDocument>,
    replaces: Option<VerdictBody>,
    change: Option<Change>,
    summary: SummaryRow,
    /// What the verdict can be asked for by.
    terms: Vec<Term>,
    /// What the verdict that it replaces could; none where that is not known.
    old_terms: Option<Vec<Term>>,
    /// What the image can be asked for by, where that is to be listed.
    packages: Option<Vec<Term>>,
}

impl Replacement {
    /// Encodes a verdict that is to replace what is known; takes as long as compressing it does.
    pub fn new(verdict: &Verdict, known: &Known) -> Result<Self, StoreError> {
        let text = serde_json::to_vec(verdict).map_err(|error| StoreError::Engine {
            attempt: "encoding a verdict for",
            why: error.to_string(),
        })?;
        let (body, document) = pack(verdict, &text)?;
        let terms = term::of_verdict(verdict);
        let old_terms = known.verdict.as_ref().map(|old| {
            if term::is_alike(old, verdict) {
                terms.clone()
            } else {
                term::of_verdict(old)
            }
        });
        Ok(Self {
            repository: verdict.repository.clone(),
            digest: verdict.digest.clone(),
            row: VerdictRow::new(verdict, body),
            document,
            replaces: known.body.clone(),
            change: None,
            summary: SummaryRow::of(verdict)?,
            terms,
            old_terms,
            packages: None,
        })
    }

    /// Has an event written with the verdict, if there is one to tell.
    #[must_use]
    pub fn told_as(mut self, change: Option<Change>) -> Self {
        self.change = change;
        self
    }

    /// Has the image found by the packages it holds.
    #[must_use]
    pub fn listing(mut self, inventory: &Inventory) -> Self {
        self.packages = Some(term::of_inventory(inventory));
        self
    }

    /// Tells what it takes in memory until it is written, in bytes.
    pub fn bytes(&self) -> u64 {
        let document = self.document.as_ref();
        document.map_or(0, PackedDocument::file_bytes) + ROW_BYTES
    }

    fn key(&self) -> Key {
        keys::verdict(&self.repository, &self.digest)
    }

    /// Names what nobody else may write meanwhile: the verdict, and the image where it is listed.
    fn locked(&self) -> impl Iterator<Item = Key> {
        let image = self.packages.as_ref().map(|_| keys::image(&self.digest));
        std::iter::once(self.key()).chain(image)
    }
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
    async fn lock<'a>(&'a self, keys: &[Key]) -> Vec<MutexGuard<'a, ()>> {
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
    /// Gives the verdict on a manifest in a repository as [`Self::replace_verdicts`] wants it.
    pub async fn known_verdict(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Known, StoreError> {
        let row: Option<VerdictRow> = self.row(&keys::verdict(repository, digest)).await?;
        let Some(row) = row else {
            return Ok(Known {
                verdict: None,
                body: None,
            });
        };
        let verdict = self
            .load(&row)
            .await?
            .filter(|verdict| verdict.repository == *repository && verdict.digest == *digest);
        Ok(Known {
            verdict,
            body: Some(row.body),
        })
    }

    /// Replaces verdicts, all of them in one batch with their events; durable on return.
    ///
    /// *Shape*: one answer each, in order: whether it was written. It is not where the verdict
    /// that it was to replace is not there any more.
    pub async fn replace_verdicts(
        &self,
        mut replacements: Vec<Replacement>,
    ) -> Result<Vec<bool>, StoreError> {
        let documents = replacements.iter_mut();
        let documents = documents.filter_map(|new| new.document.take()).collect();
        self.content.put_documents(documents).await?;
        self.index.load(&self.store).await?;
        let locked: Vec<Key> = replacements.iter().flat_map(Replacement::locked).collect();
        let held = self.writing.lock(&locked).await;
        let places = self.places_of(&replacements).await?;
        let mut batch = Batch::default();
        let mut written = Vec::new();
        let mut unused = Vec::new();
        let mut events = None;
        for (new, place) in replacements.iter_mut().zip(places) {
            let old = place.row.as_ref().map(|row| &row.body);
            let is_known = old == new.replaces.as_ref();
            written.push(is_known);
            if is_known {
                let change = new.change.take();
                unused.extend(old.filter(|body| **body != new.row.body).cloned());
                let decided_at = new.row.decided_at;
                self.add_to(&mut batch, new, &place)?;
                if let Some(change) = change {
                    let numbering = match events.take() {
                        Some(numbering) => numbering,
                        None => self.number_events().await?,
                    };
                    let numbering = events.insert(numbering);
                    numbering.add(self, &mut batch, decided_at, change).await?;
                }
            } else if old.is_none_or(|body| *body != new.row.body) {
                unused.push(new.row.body.clone());
            }
        }
        self.write(batch).await?;
        if let Some(events) = events {
            events.written();
        }
        drop(held);
        self.index.fold_where_due(&self.store).await;
        self.remove_documents(unused).await?;
        Ok(written)
    }

    /// Adds a tag to a verdict, and gives it with all its tags; none where there is no verdict.
    pub async fn add_tag(
        &self,
        repository: &Repository,
        digest: &Digest,
        tag: &Tag,
    ) -> Result<Option<Verdict>, StoreError> {
        loop {
            let known = self.known_verdict(repository, digest).await?;
            let Some(mut verdict) = known.verdict.clone() else {
                return Ok(None);
            };
            if verdict.tags.contains(tag) {
                return Ok(Some(verdict));
            }
            verdict.tags.push(tag.clone());
            verdict.tags.sort();
            let tagged = Replacement::new(&verdict, &known)?;
            if self.replace_verdicts(vec![tagged]).await? == [true] {
                return Ok(Some(verdict));
            }
        }
    }

    async fn remove_documents(&self, unused: Vec<VerdictBody>) -> Result<(), StoreError> {
        for body in unused {
            if let VerdictBody::Document(key) = body {
                let kind = DocumentKind::Verdict;
                self.content.remove_document(kind, &key).await?;
            }
        }
        Ok(())
    }
}

/// What there is where a verdict is to be written.
struct Place {
    row: Option<VerdictRow>,
    number: Option<u32>,
    image: Option<ImageRow>,
}

impl Records {
    /// Looks at what is there where verdicts are to be written.
    async fn places_of(&self, news: &[Replacement]) -> Result<Vec<Place>, StoreError> {
        let keys_of = |new: &Replacement| {
            [
                new.key(),
                keys::verdict_by_digest(&new.digest, &new.repository),
                keys::image(&new.digest),
            ]
        };
        let keys: Vec<Key> = news.iter().flat_map(keys_of).collect();
        let bodies = self.store.get_many(&keys).await?;
        let (places, _) = bodies.as_chunks::<3>();
        let place = |[row, number, image]: &[Option<Bytes>; 3]| Place {
            row: row.as_deref().and_then(rows::read),
            number: number.as_deref().and_then(rows::read_number),
            image: image.as_deref().and_then(rows::read),
        };
        Ok(places.iter().map(place).collect())
    }

    /// Writes a batch, also where whoever asked for it goes away meanwhile: what is on disk is in
    /// memory then.
    async fn write(&self, batch: Batch) -> Result<(), StoreError> {
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
        new: &mut Replacement,
        place: &Place,
    ) -> Result<(), StoreError> {
        // Of a verdict whose names are not known a number would be found by them for ever.
        let kept = place.number.zip(new.old_terms.take());
        let is_listed = new.packages.is_some() || place.image.is_some();
        new.summary.set_listed(is_listed);
        let (number, old_terms) = match kept {
            Some(kept) => kept,
            None => (self.index.number_verdict(), Vec::new()),
        };
        if let Some(gone) = place.number.filter(|old| *old != number) {
            batch.logged.head(gone, None);
            batch.ops.push(Op::Delete {
                key: keys::summary(gone),
            });
        }
        batch.logged.head(number, Some(new.summary.head()));
        let by_digest = keys::verdict_by_digest(&new.digest, &new.repository);
        batch.ops.extend([
            rows::put(new.key(), &new.row)?,
            rows::put(keys::summary(number), &new.summary)?,
            rows::put_number(by_digest, number),
        ]);
        let entry = Entry::between(number, &old_terms, &new.terms);
        batch.log(&self.index, entry)?;
        if let Some(packages) = new.packages.take() {
            self.list_packages(batch, &new.digest, packages, place)?;
        }
        Ok(())
    }

    /// Lists the packages of an image under a new number.
    fn list_packages(
        &self,
        batch: &mut Batch,
        digest: &Digest,
        packages: Vec<Term>,
        place: &Place,
    ) -> Result<(), StoreError> {
        if let Some(old) = &place.image {
            batch.logged.image(old.number, false);
            batch.ops.push(Op::Delete {
                key: keys::numbered_image(old.number),
            });
        }
        let number = self.index.number_image();
        let row = ImageRow {
            analyzers: package_rows::analyzers(),
            number,
        };
        batch.logged.image(number, true);
        batch.ops.push(rows::put(keys::image(digest), &row)?);
        batch.ops.push(Op::Put {
            key: keys::numbered_image(number),
            body: Bytes::copy_from_slice(digest.as_str().as_bytes()),
        });
        let entry = Entry::between(number, &[], &packages);
        batch.log(&self.index, entry)
    }
}

/// What is written together, and what it makes of the index.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) ops: Vec<Op>,
    logged: Logged,
}

impl Batch {
    /// Adds what a number gains and loses.
    pub(super) fn log(&mut self, index: &Index, entry: Entry) -> Result<(), StoreError> {
        self.ops.extend(index.log(entry, &mut self.logged)?);
        Ok(())
    }
}

fn pack(
    verdict: &Verdict,
    text: &[u8],
) -> Result<(VerdictBody, Option<PackedDocument>), StoreError> {
    let packed = zstd::bulk::compress(text, COMPRESSION_LEVEL).map_err(|error| {
        let why = error.to_string();
        let attempt = "compressing a verdict for";
        StoreError::Engine { attempt, why }
    })?;
    if text.len() <= MAX_INLINE_TEXT_BYTES && packed.len() <= MAX_INLINE_BYTES {
        return Ok((VerdictBody::Inline(packed), None));
    }
    let key = format!("{} {}", verdict.repository, Digest::of(&packed));
    let document = PackedDocument::from_packed(DocumentKind::Verdict, &key, text.len(), &packed)?;
    Ok((VerdictBody::Document(key), Some(document)))
}
