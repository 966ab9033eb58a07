//! Writes verdicts: each takes the place of exactly the one that it was made to replace.
//!
//! Requests and the background pass judge the same images at the same time. Whoever comes second
//! finds another verdict than the one it knew, writes nothing, and is told so.
//!
//! Small verdicts lie whole in their row; the findings of large ones are a document in the content
//! store, named after its bytes, so that a row and a document of two verdicts never mix.

use std::sync::Arc;

use futures_util::future::join_all;
use sluicegate_model::image::Tag;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Repository};
use tokio::sync::{Mutex, MutexGuard};

use super::keys;
use super::package_rows;
use super::records::Records;
use super::rows::{self, VerdictBody, VerdictRow};
use super::store::{Key, Op, StoreError};
use crate::cache::{DocumentKind, PackedDocument};
use crate::events::Change;

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
    marks: Vec<Op>,
}

impl Replacement {
    /// Encodes a verdict that is to replace what is known; takes as long as compressing it does.
    pub fn new(verdict: &Verdict, known: &Known) -> Result<Self, StoreError> {
        let text = serde_json::to_vec(verdict).map_err(|error| StoreError::Engine {
            attempt: "encoding a verdict for",
            why: error.to_string(),
        })?;
        let (body, document) = pack(verdict, &text)?;
        Ok(Self {
            repository: verdict.repository.clone(),
            digest: verdict.digest.clone(),
            row: VerdictRow::new(verdict, body),
            document,
            replaces: known.body.clone(),
            change: None,
            marks: Vec::new(),
        })
    }

    /// Has an event written with the verdict, if there is one to tell.
    #[must_use]
    pub fn told_as(mut self, change: Option<Change>) -> Self {
        self.change = change;
        self
    }

    /// Has the image found by the packages it holds.
    pub fn listing(mut self, inventory: &Inventory) -> Result<Self, StoreError> {
        self.marks = package_rows::ops(&self.digest, inventory)?;
        Ok(self)
    }

    /// Tells what it takes in memory until it is written, in bytes.
    pub fn bytes(&self) -> u64 {
        let document = self.document.as_ref();
        document.map_or(0, PackedDocument::file_bytes) + ROW_BYTES
    }

    fn key(&self) -> Key {
        keys::verdict(&self.repository, &self.digest)
    }

    fn ops(&self, old: Option<&VerdictRow>) -> Result<Vec<Op>, StoreError> {
        let by_time = |at| keys::verdict_by_time(at, &self.repository, &self.digest);
        let mut ops = Vec::new();
        if let Some(old) = old {
            ops.push(Op::Delete {
                key: by_time(old.decided_at),
            });
        }
        ops.push(rows::put(self.key(), &self.row)?);
        let indexes = [
            keys::verdict_by_digest(&self.digest, &self.repository),
            by_time(self.row.decided_at),
        ];
        ops.extend(indexes.map(rows::mark_present));
        Ok(ops)
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
        let keys: Vec<Key> = replacements.iter().map(Replacement::key).collect();
        let held = self.writing.lock(&keys).await;
        let rows = join_all(keys.iter().map(|key| self.row::<VerdictRow>(key))).await;
        let mut ops = Vec::new();
        let mut written = Vec::new();
        let mut unused = Vec::new();
        let mut events = None;
        for (new, row) in replacements.iter_mut().zip(rows) {
            let old = row?;
            let is_known = old.as_ref().map(|row| &row.body) == new.replaces.as_ref();
            written.push(is_known);
            if is_known {
                ops.extend(new.ops(old.as_ref())?);
                ops.append(&mut new.marks);
                unused.extend(old.map(|row| row.body).filter(|body| *body != new.row.body));
                if let Some(change) = new.change.take() {
                    let numbering = match events.take() {
                        Some(numbering) => numbering,
                        None => self.number_events().await?,
                    };
                    ops.extend(events.insert(numbering).ops(new.row.decided_at, change)?);
                }
            } else if old.is_none_or(|row| row.body != new.row.body) {
                unused.push(new.row.body.clone());
            }
        }
        self.store.apply(ops).await?;
        if let Some(events) = events {
            events.written();
        }
        drop(held);
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
    let key = format!("{} {}", verdict.repository, Digest::of(text));
    let document = PackedDocument::from_packed(DocumentKind::Verdict, &key, text.len(), &packed)?;
    Ok((VerdictBody::Document(key), Some(document)))
}
