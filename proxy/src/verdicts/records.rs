//! Typed records: which manifest belongs where, what it lists, what was released, where tags point.
//!
//! Called by `pull` and `api`; verdicts themselves are in `verdict_rows`. Every write is durable
//! when it returns. Nothing here decides: an absent record is only "no".

use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sluicegate_local::cache::ContentStore;
use sluicegate_local::store::{Key, Op, StoreError, VerdictStore};
use sluicegate_model::{Digest, Repository, Tag};

use super::event_rows::EventHead;
use super::index::Index;
use super::keys;
use super::replace::Writing;
use super::rows::{self, MemberRow};

/// Most rows asked of an engine at once.
pub(super) const PAGE_ROWS: usize = 256;
/// Most indexes that are named for one manifest.
const MAX_INDEXES: usize = 256;
/// Most platforms of one repository that are remembered; each starts jobs when an index is pulled.
const MAX_PLATFORMS: usize = 16;

/// The records of this instance.
#[derive(Clone, Debug)]
pub struct Records {
    pub(super) store: Arc<dyn VerdictStore>,
    pub(super) content: ContentStore,
    pub(super) writing: Writing,
    pub(super) event_head: EventHead,
    pub(super) index: Index,
}

/// A manifest that its upstream serves in this repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The media type under which the upstream served it.
    pub media_type: String,
    /// The blobs it lists: config and layers.
    pub blobs: Vec<Digest>,
    /// The manifests it lists, where it is an index.
    pub children: Vec<Digest>,
    /// Whether it has ever been served here.
    pub released: bool,
}

/// Where a tag pointed when its upstream was last asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRecord {
    /// The manifest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// When the upstream said so.
    pub checked_at: Timestamp,
}

impl Records {
    /// Joins the verdict store and the content store, which keeps the large verdicts.
    pub fn new(store: Arc<dyn VerdictStore>, content: ContentStore) -> Self {
        Self {
            store,
            content,
            writing: Writing::default(),
            event_head: EventHead::default(),
            index: Index::default(),
        }
    }

    /// Records that an upstream gave a manifest in a repository, its bytes, and what it lists.
    pub async fn add_membership(
        &self,
        repository: &Repository,
        manifest: &Digest,
        media_type: &str,
        blobs: &[Digest],
        children: &[Digest],
    ) -> Result<(), StoreError> {
        let row = MemberRow {
            media_type: media_type.to_owned(),
            blobs: blobs.to_vec(),
            children: children.to_vec(),
        };
        let listings = blobs
            .iter()
            .map(|blob| rows::mark_present(keys::listing(repository, blob, manifest)));
        let parents = children
            .iter()
            .map(|child| rows::mark_present(keys::parent(repository, child, manifest)));
        let mut ops: Vec<Op> = listings.chain(parents).collect();
        ops.push(rows::put(keys::member(repository, manifest), &row)?);
        self.store.apply(ops).await
    }

    /// Gives what is known of a manifest in a repository; none where its upstream never served it.
    pub async fn membership(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<Option<Member>, StoreError> {
        let row: Option<MemberRow> = self.row(&keys::member(repository, manifest)).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Member {
            media_type: row.media_type,
            blobs: row.blobs,
            children: row.children,
            released: self.is_released(repository, manifest).await?,
        }))
    }

    /// Tells whether an upstream gave a manifest in a repository.
    pub async fn is_member(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<bool, StoreError> {
        self.is_marked(&keys::member(repository, manifest)).await
    }

    /// Names the manifests of a repository that list a blob.
    pub async fn manifests_listing(
        &self,
        repository: &Repository,
        blob: &Digest,
    ) -> Result<Vec<Digest>, StoreError> {
        let manifests = self.last_parts(&keys::listings(repository, blob)).await?;
        Ok(manifests
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect())
    }

    /// Names the indexes of a repository that list a manifest, directly or through another.
    pub async fn indexes_listing(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<Vec<Digest>, StoreError> {
        let mut found: Vec<Digest> = Vec::new();
        let mut next = Some(manifest.clone());
        let mut looked_at = 0;
        while let Some(child) = next {
            let parents = self.last_parts(&keys::parents(repository, &child)).await?;
            for parent in parents.iter().filter_map(|text| text.parse().ok()) {
                if !found.contains(&parent) && found.len() < MAX_INDEXES {
                    found.push(parent);
                }
            }
            next = found.get(looked_at).cloned();
            looked_at += 1;
        }
        Ok(found)
    }

    /// Tells whether it is known of the manifests that an index lists that it does: that was not
    /// always recorded.
    pub async fn knows_children(
        &self,
        repository: &Repository,
        index: &Digest,
        children: &[Digest],
    ) -> Result<bool, StoreError> {
        match children.first() {
            Some(child) => {
                self.is_marked(&keys::parent(repository, child, index))
                    .await
            }
            None => Ok(true),
        }
    }

    /// Records that an upstream gave a blob in a repository, or parts of it that it could not
    /// choose.
    pub async fn mark_blob_present(
        &self,
        repository: &Repository,
        blob: &Digest,
    ) -> Result<(), StoreError> {
        self.mark(keys::blob_present(repository, blob)).await
    }

    /// Tells whether an upstream has proven that it has a blob in a repository.
    pub async fn blob_present(
        &self,
        repository: &Repository,
        blob: &Digest,
    ) -> Result<bool, StoreError> {
        self.is_marked(&keys::blob_present(repository, blob)).await
    }

    /// Records that a manifest was served.
    pub async fn mark_released(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<(), StoreError> {
        self.mark(keys::released(repository, manifest)).await
    }

    /// Tells whether a manifest has ever been served.
    pub async fn is_released(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<bool, StoreError> {
        self.is_marked(&keys::released(repository, manifest)).await
    }

    /// Records where a tag points.
    pub async fn put_tag(
        &self,
        repository: &Repository,
        tag: &Tag,
        record: &TagRecord,
    ) -> Result<(), StoreError> {
        let op = rows::put(keys::tag(repository, tag), record)?;
        self.store.apply(vec![op]).await
    }

    /// Gives where a tag pointed.
    pub async fn tag(
        &self,
        repository: &Repository,
        tag: &Tag,
    ) -> Result<Option<TagRecord>, StoreError> {
        self.row(&keys::tag(repository, tag)).await
    }

    /// Records that a platform, `os/architecture[/variant]`, was pulled from a repository.
    ///
    /// The first sixteen are kept: the text is the image author's, and each one costs work.
    pub async fn add_platform(
        &self,
        repository: &Repository,
        platform: &str,
    ) -> Result<(), StoreError> {
        let known = self.platforms(repository).await?;
        let strange = platform.is_empty() || platform.len() > 128 || platform.contains('\0');
        if strange || known.len() >= MAX_PLATFORMS || known.iter().any(|known| known == platform) {
            return Ok(());
        }
        self.mark(keys::platform(repository, platform)).await
    }

    /// Names the platforms that were pulled from a repository.
    pub async fn platforms(&self, repository: &Repository) -> Result<Vec<String>, StoreError> {
        self.last_parts(&keys::platforms(repository)).await
    }

    /// Proves that records can still be written durably, by writing one.
    pub async fn health(&self) -> Result<(), StoreError> {
        self.store.health().await
    }

    pub(super) async fn row<T: DeserializeOwned>(
        &self,
        key: &Key,
    ) -> Result<Option<T>, StoreError> {
        let body = self.store.get(key).await?;
        Ok(body.and_then(|body| rows::read(&body)))
    }

    /// Gives the last part of every key with a prefix.
    pub(super) async fn last_parts(&self, prefix: &Key) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.page(prefix, after.as_ref(), PAGE_ROWS).await?;
            let is_last = page.len() < PAGE_ROWS;
            let parts = page.iter().filter_map(|(key, _)| keys::last_part(key));
            found.extend(parts.map(str::to_owned));
            after = page.into_iter().next_back().map(|(key, _)| key);
            if is_last {
                return Ok(found);
            }
        }
    }

    async fn mark(&self, key: Key) -> Result<(), StoreError> {
        if self.is_marked(&key).await? {
            return Ok(());
        }
        self.store.apply(vec![rows::mark_present(key)]).await
    }

    async fn is_marked(&self, key: &Key) -> Result<bool, StoreError> {
        Ok(self.store.get(key).await?.is_some())
    }
}
