//! Which manifest belongs where, what it lists, what was released, where tags point, as rows.
//!
//! Verdicts themselves are in `verdict_rows`.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use sluicegate_engine::content::Content;
use sluicegate_engine::ledger::{
    Ledger, LedgerError, MAX_INDEXES, MAX_PLATFORMS, Member, Membership, PullBook as _, Release,
    TagHistory, TagRecord, Tagged, is_platform,
};
use sluicegate_engine::plugins::Plugins;
use sluicegate_model::{Digest, Repository, Tag};

use crate::decisions::DecisionLog;
use crate::record::TurnLog;
use crate::store::{Key, Op, StoreError, VerdictStore};

use super::event_rows::EventHead;
use super::head::NameHash;
use super::index::Index;
use super::keys;
use super::pull_follow::PullReading;
use super::record_follow::Following;
use super::replace::Writing;
use super::rows::{self, MemberRow};

/// Most rows asked of an engine at once.
pub(super) const PAGE_ROWS: usize = 256;

/// The ledger of this machine.
#[derive(Clone, Debug)]
pub struct Records {
    pub(super) store: Arc<dyn VerdictStore>,
    pub(super) content: Arc<dyn Content>,
    pub(super) writing: Writing,
    pub(super) event_head: EventHead,
    pub(super) index: Index,
    /// What repositories are called of which memory knows the hash.
    pub(super) names: Arc<Mutex<HashMap<NameHash, Repository>>>,
    /// A number that the newest basis has or is above.
    pub(super) newest_basis: Arc<AtomicU64>,
    /// By what images are listed that count as listed.
    pub(super) plugins: Plugins,
    /// What verdicts change; none where that is not recorded.
    pub(super) record: Option<Following>,
    /// Who pulled; none where there is no log of it.
    pub(super) pulls: Option<PullReading>,
}

impl Records {
    /// Joins the verdict store and the content store, which keeps the large verdicts.
    pub fn new(store: Arc<dyn VerdictStore>, content: Arc<dyn Content>) -> Self {
        Self {
            store,
            content,
            writing: Writing::default(),
            event_head: EventHead::default(),
            index: Index::default(),
            names: Arc::default(),
            newest_basis: Arc::default(),
            plugins: Plugins::default(),
            record: None,
            pulls: None,
        }
    }

    /// Has images count as listed where these plugins found what they hold.
    #[must_use]
    pub fn read_by(self, plugins: Plugins) -> Self {
        Self { plugins, ..self }
    }

    /// Has every change of verdicts recorded.
    #[must_use]
    pub fn recording(self, log: TurnLog) -> Self {
        let record = Some(Following::of(log));
        Self { record, ..self }
    }

    /// Has it told who pulled, by this log.
    #[must_use]
    pub fn telling_who_pulled(self, log: DecisionLog) -> Self {
        let pulls = Some(PullReading::of(log));
        Self { pulls, ..self }
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

#[async_trait]
impl Membership for Records {
    async fn add_membership(
        &self,
        repository: &Repository,
        manifest: &Digest,
        media_type: &str,
        blobs: &[Digest],
        children: &[Digest],
    ) -> Result<(), LedgerError> {
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
        Ok(self.store.apply(ops).await?)
    }

    async fn membership(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<Option<Member>, LedgerError> {
        let row: Option<MemberRow> = self.row(&keys::member(repository, manifest)).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Member {
            media_type: row.media_type,
            blobs: row.blobs,
            children: row.children,
            released: self.is_released(repository, manifest).await?,
        }))
    }

    async fn is_member(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<bool, LedgerError> {
        Ok(self.is_marked(&keys::member(repository, manifest)).await?)
    }

    async fn manifests_listing(
        &self,
        repository: &Repository,
        blob: &Digest,
    ) -> Result<Vec<Digest>, LedgerError> {
        let manifests = self.last_parts(&keys::listings(repository, blob)).await?;
        Ok(manifests
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect())
    }

    async fn indexes_listing(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<Vec<Digest>, LedgerError> {
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

    async fn knows_children(
        &self,
        repository: &Repository,
        index: &Digest,
        children: &[Digest],
    ) -> Result<bool, LedgerError> {
        match children.first() {
            Some(child) => {
                let key = keys::parent(repository, child, index);
                Ok(self.is_marked(&key).await?)
            }
            None => Ok(true),
        }
    }

    async fn mark_blob_present(
        &self,
        repository: &Repository,
        blob: &Digest,
    ) -> Result<(), LedgerError> {
        Ok(self.mark(keys::blob_present(repository, blob)).await?)
    }

    async fn blob_present(
        &self,
        repository: &Repository,
        blob: &Digest,
    ) -> Result<bool, LedgerError> {
        Ok(self
            .is_marked(&keys::blob_present(repository, blob))
            .await?)
    }

    async fn mark_released(
        &self,
        repository: &Repository,
        manifest: &Digest,
        release: Release,
    ) -> Result<(), LedgerError> {
        let given = (release == Release::Given).then(|| keys::given(repository, manifest));
        let keys = given
            .into_iter()
            .chain([keys::released(repository, manifest)]);
        let marks = keys.map(rows::mark_present).collect();
        Ok(self.store.apply(marks).await?)
    }

    async fn is_released(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<bool, LedgerError> {
        Ok(self
            .is_marked(&keys::released(repository, manifest))
            .await?)
    }

    async fn is_given(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<bool, LedgerError> {
        Ok(self.is_marked(&keys::given(repository, manifest)).await?)
    }

    async fn put_tag(
        &self,
        repository: &Repository,
        tag: &Tag,
        record: &TagRecord,
    ) -> Result<(), LedgerError> {
        let keys = [
            keys::tag(repository, tag),
            keys::tag_history(repository, tag),
        ];
        let held = self.writing.lock(&keys).await;
        let known = self.store.get_many(&keys).await?;
        let [before, history] = &known[..] else {
            return Err(LedgerError::Failed(
                "a store gave other rows than asked for".into(),
            ));
        };
        let before: Option<TagRecord> = before.as_deref().and_then(rows::read);
        let history: Option<TagHistory> = history.as_deref().and_then(rows::read);
        let mut history = history.unwrap_or_default();
        let [tag, past] = keys;
        let mut ops = vec![rows::put(tag, record)?];
        if history.note(before.as_ref(), record) {
            ops.push(rows::put(past, &history)?);
        }
        self.store.apply(ops).await?;
        drop(held);
        Ok(())
    }

    async fn tag(
        &self,
        repository: &Repository,
        tag: &Tag,
    ) -> Result<Option<TagRecord>, LedgerError> {
        Ok(self.row(&keys::tag(repository, tag)).await?)
    }

    async fn tag_history(
        &self,
        repository: &Repository,
        tag: &Tag,
    ) -> Result<Vec<Tagged>, LedgerError> {
        let newest: Option<TagRecord> = self.row(&keys::tag(repository, tag)).await?;
        let history = self.row(&keys::tag_history(repository, tag)).await?;
        let history: TagHistory = history.unwrap_or_default();
        Ok(history.with(newest.as_ref()))
    }

    async fn add_platform(
        &self,
        repository: &Repository,
        platform: &str,
    ) -> Result<(), LedgerError> {
        let known = self.platforms(repository).await?;
        if !is_platform(platform)
            || known.len() >= MAX_PLATFORMS
            || known.iter().any(|known| known == platform)
        {
            return Ok(());
        }
        Ok(self.mark(keys::platform(repository, platform)).await?)
    }

    async fn platforms(&self, repository: &Repository) -> Result<Vec<String>, LedgerError> {
        Ok(self.last_parts(&keys::platforms(repository)).await?)
    }
}

#[async_trait]
impl Ledger for Records {
    async fn health(&self) -> Result<(), LedgerError> {
        Ok(self.store.health().await?)
    }

    async fn make_index_whole(&self) -> Result<(), LedgerError> {
        self.take_in_earlier().await?;
        self.whole_record().await?;
        self.read_pulls().await
    }
}
