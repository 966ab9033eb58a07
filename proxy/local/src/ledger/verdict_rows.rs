//! Verdicts: one per scope and manifest, found by either.
//!
//! Read here, written by `replace`, forgotten by `removal`, listed by `lists`.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use sluicegate_engine::content::DocumentKind;
use sluicegate_engine::ledger::{
    Earlier, Judged, JudgedPage, Known, LedgerError, PackedAs, Replacement, Stamp, Verdicts,
};
use sluicegate_engine::packing;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Scope};

use crate::store::{Key, StoreError};

use super::keys;
use super::records::{PAGE_ROWS, Records};
use super::rows::{self, MAX_INLINE_TEXT_BYTES, VerdictBody, VerdictRow};

#[async_trait]
impl Verdicts for Records {
    async fn verdict(
        &self,
        scope: &Scope,
        digest: &Digest,
    ) -> Result<Option<Verdict>, LedgerError> {
        let known = self.known_verdict(scope, digest).await?;
        let verdict = known.earlier.and_then(Earlier::whole);
        if known.mark.is_some() && verdict.is_none() {
            tracing::warn!(repository = %scope, %digest, "verdict store lost a verdict's text; taken for not judged");
        }
        Ok(verdict)
    }

    async fn stamps(&self, judged: &[Judged]) -> Result<Vec<Option<Stamp>>, LedgerError> {
        let keys: Vec<Key> = judged
            .iter()
            .map(|it| keys::verdict(&it.scope, &it.digest))
            .collect();
        let found = self.store.get_many(&keys).await?;
        let stamp = |row: Option<Bytes>| match rows::read_verdict(&row?)?.body {
            VerdictBody::Based { stamp, .. } => Some(*stamp),
            VerdictBody::Inline(_) | VerdictBody::Document(_) => None,
        };
        Ok(found.into_iter().map(stamp).collect())
    }

    async fn remove_verdicts(
        &self,
        gone: &[Judged],
        withdrawn: Option<Timestamp>,
    ) -> Result<(), LedgerError> {
        Ok(self.forget(gone, withdrawn).await?)
    }

    async fn judged_in(&self, digest: &Digest) -> Result<Vec<Scope>, LedgerError> {
        let mut found: Vec<(Timestamp, Scope)> = Vec::new();
        let (prefix, mut after) = (keys::verdicts_of(digest), None);
        loop {
            let page = self.store.page(&prefix, after.as_ref(), PAGE_ROWS).await?;
            let is_last = page.len() < PAGE_ROWS;
            for Judged { scope, .. } in page.iter().filter_map(named) {
                let row = self.verdict_row(&scope, digest).await?;
                found.extend(row.map(|row| (row.decided_at, scope)));
            }
            after = page.into_iter().next_back().map(|(key, _)| key);
            if is_last {
                break;
            }
        }
        found.sort_by(|(one, _), (other, _)| other.cmp(one));
        Ok(found.into_iter().map(|(_, scope)| scope).collect())
    }

    async fn verdict_bytes(
        &self,
        scope: &Scope,
        digest: &Digest,
    ) -> Result<Option<u64>, LedgerError> {
        let row = self.verdict_row(scope, digest).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(self.text_bytes(row.body).await?))
    }

    async fn known_verdict(&self, scope: &Scope, digest: &Digest) -> Result<Known, LedgerError> {
        let mut known = Known::default();
        // The second look is for a verdict that was replaced between its row and its text.
        for _ in 0..2 {
            let Some(row) = self.verdict_row(scope, digest).await? else {
                return Ok(Known::default());
            };
            known.mark = Some(row.body.mark());
            known.basis = self.settled(row.basis).await?;
            known.earlier = self.load(scope, digest, row).await?;
            if known.earlier.is_some() {
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
        let mut after = after.map(|last| keys::verdict_by_digest(&last.digest, &last.scope));
        let mut items = Vec::new();
        loop {
            let rows = self.store.page(&prefix, after.as_ref(), limit).await?;
            let is_last = rows.len() < limit;
            after = rows.last().map(|(key, _)| key.clone());
            items.extend(rows.iter().filter_map(named));
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
    pub(super) async fn verdict_row(
        &self,
        scope: &Scope,
        digest: &Digest,
    ) -> Result<Option<VerdictRow>, StoreError> {
        let body = self.store.get(&keys::verdict(scope, digest)).await?;
        Ok(body.and_then(|body| rows::read_verdict(&body)))
    }

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
    pub(super) async fn load(
        &self,
        scope: &Scope,
        digest: &Digest,
        row: VerdictRow,
    ) -> Result<Option<Earlier>, StoreError> {
        let unpacked = |packed: &[u8]| packing::unpack(packed, MAX_INLINE_TEXT_BYTES).ok();
        let text = if let Some(key) = row.body.document(&scope.repository) {
            let kind = DocumentKind::Verdict;
            self.content.document(kind, &key).await?
        } else if let Some(text) = row.body.text_row() {
            let packed = self.store.get(&keys::text(scope, digest)).await?;
            let packed = packed.filter(|packed| Digest::of(packed) == *text);
            packed.and_then(|packed| unpacked(&packed))
        } else if let VerdictBody::Inline(packed) = &row.body {
            unpacked(packed)
        } else {
            None
        };
        let earlier = text.and_then(|text| match row.body {
            VerdictBody::Based {
                stamp,
                text: digest,
                is_document,
                ..
            } => {
                let is_apart = is_document;
                Earlier::stamped(*stamp, text, PackedAs { digest, is_apart })
            }
            VerdictBody::Inline(_) | VerdictBody::Document(_) => Earlier::of(text),
        });
        Ok(earlier.filter(|earlier| {
            let verdict = earlier.head();
            verdict.decision == row.decision
                && verdict.repository == scope.repository
                && verdict.audience == scope.audience
                && verdict.domain == scope.domain
                && verdict.digest == *digest
        }))
    }
}

/// Gives the verdict that a row by digest names; none where that is damaged.
pub(super) fn named((key, body): &(Key, Bytes)) -> Option<Judged> {
    let (digest, repository) = keys::named_by_digest(key)?;
    let (audience, domain) = rows::read_whom(body)?;
    let scope = Scope {
        repository,
        audience,
        domain,
    };
    let is_its = keys::verdict_by_digest(&digest, &scope) == *key;
    is_its.then_some(Judged { digest, scope })
}
