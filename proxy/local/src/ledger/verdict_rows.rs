//! Verdicts: one per repository and manifest, found by either.
//!
//! Read here, written by `replace`, listed by `lists`.

use async_trait::async_trait;
use jiff::Timestamp;
use sluicegate_engine::content::DocumentKind;
use sluicegate_engine::ledger::{
    Judged, JudgedPage, Known, LedgerError, Replacement, Verdicts, stored,
};
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Repository};

use crate::store::StoreError;

use super::keys;
use super::records::{PAGE_ROWS, Records};
use super::rows::{MAX_INLINE_TEXT_BYTES, VerdictBody, VerdictRow};

#[async_trait]
impl Verdicts for Records {
    async fn verdict(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Verdict>, LedgerError> {
        let known = self.known_verdict(repository, digest).await?;
        if known.mark.is_some() && known.verdict.is_none() {
            tracing::warn!(%repository, %digest, "verdict store lost a verdict's text; taken for not judged");
        }
        Ok(known.verdict)
    }

    async fn judged_in(&self, digest: &Digest) -> Result<Vec<Repository>, LedgerError> {
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

    async fn verdict_bytes(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<u64>, LedgerError> {
        let row: Option<VerdictRow> = self.row(&keys::verdict(repository, digest)).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(self.text_bytes(row.body).await?))
    }

    async fn known_verdict(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Known, LedgerError> {
        let key = keys::verdict(repository, digest);
        let mut known = Known::default();
        // The second look is for a verdict that was replaced between its row and its text.
        for _ in 0..2 {
            let row: Option<VerdictRow> = self.row(&key).await?;
            let Some(row) = row else {
                return Ok(Known::default());
            };
            known.mark = Some(row.body.mark());
            known.verdict = self.load(repository, digest, row).await?;
            if known.verdict.is_some() {
                break;
            }
        }
        Ok(known)
    }

    async fn replace_verdicts(
        &self,
        replacements: Vec<Replacement>,
    ) -> Result<Vec<bool>, LedgerError> {
        Ok(self.replace(replacements).await?)
    }

    async fn judged(
        &self,
        after: Option<&Judged>,
        limit: usize,
    ) -> Result<JudgedPage, LedgerError> {
        let prefix = keys::all_by_digest();
        let mut after = after.map(|last| keys::verdict_by_digest(&last.digest, &last.repository));
        let mut items = Vec::new();
        loop {
            let rows = self.store.page(&prefix, after.as_ref(), limit).await?;
            let is_last = rows.len() < limit;
            after = rows.last().map(|(key, _)| key.clone());
            let named = rows
                .iter()
                .filter_map(|(key, _)| keys::named_by_digest(key));
            items.extend(named.map(|(digest, repository)| Judged { digest, repository }));
            // A part whose names are all damaged has no place to go on from.
            if is_last || !items.is_empty() {
                let next = items.last().filter(|_| !is_last).cloned();
                return Ok(JudgedPage { items, next });
            }
        }
    }

    async fn count_verdicts(&self) -> Result<u64, LedgerError> {
        let (prefix, mut after, mut count) = (keys::all_by_digest(), None, 0_u64);
        loop {
            let page = self.store.page(&prefix, after.as_ref(), PAGE_ROWS).await?;
            count = count.saturating_add(page.len() as u64);
            after = page.last().map(|(key, _)| key.clone());
            if page.len() < PAGE_ROWS {
                return Ok(count);
            }
        }
    }
}

impl Records {
    async fn text_bytes(&self, body: VerdictBody) -> Result<u64, StoreError> {
        let bytes = match body {
            VerdictBody::Inline(packed) => zstd::zstd_safe::get_frame_content_size(&packed)
                .ok()
                .flatten(),
            VerdictBody::Document(key) => {
                let kind = DocumentKind::Verdict;
                self.content.document_bytes(kind, &key).await?
            }
            VerdictBody::Based { text_bytes, .. } => Some(text_bytes),
        };
        // What says nothing of its size is damaged, and read to find that out.
        Ok(bytes.unwrap_or(0))
    }

    /// Reads what a row is of; none where that is damaged, or of another row.
    async fn load(
        &self,
        repository: &Repository,
        digest: &Digest,
        row: VerdictRow,
    ) -> Result<Option<Verdict>, StoreError> {
        let unpacked = |packed: &[u8]| zstd::bulk::decompress(packed, MAX_INLINE_TEXT_BYTES).ok();
        let text = if let Some(key) = row.body.document(repository) {
            let kind = DocumentKind::Verdict;
            self.content.document(kind, &key).await?
        } else if let Some(text) = row.body.text_row() {
            let packed = self.store.get(&keys::text(repository, digest)).await?;
            let packed = packed.filter(|packed| Digest::of(packed) == *text);
            packed.and_then(|packed| unpacked(&packed))
        } else if let VerdictBody::Inline(packed) = &row.body {
            unpacked(packed)
        } else {
            None
        };
        let verdict: Option<Verdict> = text.and_then(|text| match row.body {
            VerdictBody::Based { basis, .. } => basis.read(&text),
            VerdictBody::Inline(_) | VerdictBody::Document(_) => stored::read_verdict(&text),
        });
        Ok(verdict.filter(|verdict| {
            verdict.decision == row.decision
                && verdict.repository == *repository
                && verdict.digest == *digest
        }))
    }
}
