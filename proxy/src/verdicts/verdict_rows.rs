//! Verdicts: one per repository and manifest, found by either, by time, and by what they say.
//!
//! Read here, written by `replace`.

use jiff::Timestamp;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Repository};

use super::filter::{Page, VerdictFilter};
use super::keys;
use super::records::{PAGE_ROWS, Records};
use super::replace::MAX_INLINE_TEXT_BYTES;
use super::rows::{VerdictBody, VerdictRow};
use super::store::{Key, StoreError};
use crate::cache::DocumentKind;

/// Most bytes of the verdicts of one page, as text; one is listed whatever it has.
const MAX_PAGE_BYTES: u64 = 4 * 1024 * 1024;

impl Records {
    /// Gives the verdict on a manifest in a repository; a damaged one is none.
    pub async fn verdict(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Verdict>, StoreError> {
        let key = keys::verdict(repository, digest);
        // The second look is for a verdict that was replaced between its row and its document.
        for _ in 0..2 {
            let row: Option<VerdictRow> = self.row(&key).await?;
            let Some(row) = row else { return Ok(None) };
            let verdict = self.load(&row).await?;
            let of_this =
                |verdict: &Verdict| verdict.repository == *repository && verdict.digest == *digest;
            if let Some(verdict) = verdict.filter(of_this) {
                return Ok(Some(verdict));
            }
        }
        tracing::warn!(%repository, %digest, "verdict store lost a verdict's text; taken for not judged");
        Ok(None)
    }

    /// Gives the verdicts on a manifest in every repository, newest first.
    pub async fn verdicts_of(&self, digest: &Digest) -> Result<Vec<Verdict>, StoreError> {
        let mut found = Vec::new();
        for repository in self.judged_in(digest).await? {
            found.extend(self.verdict(&repository, digest).await?);
        }
        Ok(found)
    }

    /// Names the repositories in which there is a verdict on a manifest, that of the newest first,
    /// without reading the verdicts.
    pub async fn judged_in(&self, digest: &Digest) -> Result<Vec<Repository>, StoreError> {
        let mut found: Vec<(Timestamp, Repository)> = Vec::new();
        for name in self.last_parts(&keys::verdicts_of(digest)).await? {
            let Ok(repository) = name.parse() else {
                continue;
            };
            let row: Option<VerdictRow> = self.row(&keys::verdict(&repository, digest)).await?;
            found.extend(row.map(|row| (row.decided_at, repository)));
        }
        found.sort_by(|(one, _), (other, _)| other.cmp(one));
        Ok(found
            .into_iter()
            .map(|(_, repository)| repository)
            .collect())
    }

    /// Tells how many bytes the text of a verdict has, without reading it; none where there is none.
    pub async fn verdict_bytes(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<u64>, StoreError> {
        let row: Option<VerdictRow> = self.row(&keys::verdict(repository, digest)).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(self.text_bytes(&row).await?))
    }

    async fn text_bytes(&self, row: &VerdictRow) -> Result<u64, StoreError> {
        let bytes = match &row.body {
            VerdictBody::Inline(packed) => zstd::zstd_safe::get_frame_content_size(packed)
                .ok()
                .flatten(),
            VerdictBody::Document(key) => {
                let kind = DocumentKind::Verdict;
                self.content.document_bytes(kind, key).await?
            }
        };
        // What says nothing of its size is damaged, and read to find that out.
        Ok(bytes.unwrap_or(0))
    }

    /// Lists verdicts, newest first, at most `limit`; `after` is the page before's `next`. A page of
    /// large verdicts ends early.
    pub async fn list_verdicts(
        &self,
        filter: &VerdictFilter,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Verdict>, StoreError> {
        let prefix = keys::all_by_time();
        let mut at = start(filter, after)?;
        let stop = filter.since.map(keys::by_time_until);
        let mut page = Page {
            items: Vec::new(),
            next: None,
        };
        let mut bytes = 0_u64;
        loop {
            let keys = self.store.page(&prefix, at.as_ref(), PAGE_ROWS).await?;
            let is_last = keys.len() < PAGE_ROWS;
            for (key, _) in keys {
                if stop.as_ref().is_some_and(|stop| key > *stop) {
                    return Ok(page);
                }
                if let Some((verdict, text_bytes)) = self.wanted(&key, filter).await? {
                    bytes = bytes.saturating_add(text_bytes);
                    let is_full = page.items.len() >= limit.max(1) || bytes > MAX_PAGE_BYTES;
                    if is_full && !page.items.is_empty() {
                        page.next = at.as_ref().map(|key| hex::encode(key.as_bytes()));
                        return Ok(page);
                    }
                    page.items.push(verdict);
                }
                at = Some(key);
            }
            if is_last {
                return Ok(page);
            }
        }
    }

    /// Gives the verdict that a key of the time index names, if it is current and wanted.
    async fn wanted(
        &self,
        key: &Key,
        filter: &VerdictFilter,
    ) -> Result<Option<(Verdict, u64)>, StoreError> {
        let Some((repository, digest)) = keys::named_by_time(key) else {
            return Ok(None);
        };
        let elsewhere = filter
            .repository
            .as_ref()
            .is_some_and(|wanted| *wanted != repository)
            || filter
                .digest
                .as_ref()
                .is_some_and(|wanted| *wanted != digest);
        if elsewhere {
            return Ok(None);
        }
        let row: Option<VerdictRow> = self.row(&keys::verdict(&repository, &digest)).await?;
        let is_current = |at: Timestamp| keys::verdict_by_time(at, &repository, &digest) == *key;
        let row = row.filter(|row| is_current(row.decided_at) && row.may_fit(filter));
        let Some(row) = row else { return Ok(None) };
        let bytes = self.text_bytes(&row).await?;
        let verdict = self.verdict(&repository, &digest).await?;
        let verdict = verdict.filter(|verdict| filter.accepts(verdict));
        Ok(verdict.map(|verdict| (verdict, bytes)))
    }

    pub(super) async fn load(&self, row: &VerdictRow) -> Result<Option<Verdict>, StoreError> {
        let text = match &row.body {
            VerdictBody::Inline(packed) => {
                zstd::bulk::decompress(packed, MAX_INLINE_TEXT_BYTES).ok()
            }
            VerdictBody::Document(key) => {
                let kind = DocumentKind::Verdict;
                self.content.document(kind, key).await?
            }
        };
        let verdict: Option<Verdict> = text.and_then(|text| serde_json::from_slice(&text).ok());
        Ok(verdict.filter(|verdict| verdict.decision == row.decision))
    }
}

/// Gives the key after which a list starts: the cursor, or the filter's end, whichever is older.
fn start(filter: &VerdictFilter, after: Option<&str>) -> Result<Option<Key>, StoreError> {
    let mut at = filter.until.map(keys::by_time_from);
    if let Some(cursor) = after {
        let wrong = || StoreError::Cursor(cursor.chars().take(160).collect());
        let bytes = hex::decode(cursor).map_err(|_| wrong())?;
        let key = Key(bytes.into());
        if !key.as_bytes().starts_with(keys::all_by_time().as_bytes()) {
            return Err(wrong());
        }
        at = at.max(Some(key));
    }
    Ok(at)
}
