//! Verdicts: one per repository and manifest, found by either.
//!
//! Read here, written by `replace`, listed by `lists`.

use jiff::Timestamp;
use sluicegate_local::cache::DocumentKind;
use sluicegate_local::store::StoreError;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Repository};

use super::keys;
use super::records::Records;
use super::replace::MAX_INLINE_TEXT_BYTES;
use super::rows::{VerdictBody, VerdictRow};

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
