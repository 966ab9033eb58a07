//! What keys have said of images, as rows: one for each product and weakness.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_engine::ledger::{LedgerError, MAX_SPOKEN_OF, Words, newer};
use sluicegate_model::Digest;
use sluicegate_model::heard::VexMark;
use sluicegate_model::vex::VexStatus;

use crate::store::Op;

use super::keys;
use super::records::{PAGE_ROWS, Records};
use super::rows;

/// A word.
#[derive(Serialize, Deserialize)]
struct WordRow {
    product: String,
    vulnerability: String,
    aliases: Vec<String>,
    status: VexStatus,
    at: Timestamp,
}

impl WordRow {
    fn of(word: &VexMark) -> Self {
        Self {
            product: word.product.clone(),
            vulnerability: word.vulnerability.clone(),
            aliases: word.aliases.clone(),
            status: word.status,
            at: word.at,
        }
    }

    fn word(self) -> VexMark {
        VexMark {
            product: self.product,
            vulnerability: self.vulnerability,
            aliases: self.aliases,
            status: self.status,
            at: self.at,
        }
    }
}

#[async_trait]
impl Words for Records {
    async fn words(&self, key: &Digest, manifest: &Digest) -> Result<Vec<VexMark>, LedgerError> {
        let prefix = keys::words(key, manifest);
        let (mut words, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.page(&prefix, after.as_ref(), PAGE_ROWS).await?;
            let rows = page
                .iter()
                .filter_map(|(_, row)| rows::read::<WordRow>(row));
            words.extend(rows.map(WordRow::word));
            if page.len() < PAGE_ROWS {
                break;
            }
            after = page.into_iter().next_back().map(|(key, _)| key);
        }
        let count: Option<u64> = self.row(&keys::word_count(key, manifest)).await?;
        // One that is lost may have been the newest: nobody can tell.
        if count.unwrap_or_default() != words.len() as u64 {
            return Err(LedgerError::Failed("words of a key were lost".into()));
        }
        Ok(words)
    }

    async fn remember(
        &self,
        key: &Digest,
        manifest: &Digest,
        words: &[VexMark],
    ) -> Result<bool, LedgerError> {
        let count = keys::spoken_of();
        let held = self.writing.lock(std::slice::from_ref(&count)).await;
        let known = self.words(key, manifest).await?;
        let Some(newer) = newer(&known, words) else {
            return Ok(false);
        };
        let mut ops: Vec<Op> = Vec::with_capacity(newer.len() + 1);
        if known.is_empty() && !newer.is_empty() {
            let spoken: Option<u64> = self.row(&count).await?;
            let spoken = spoken.unwrap_or_default();
            if spoken >= MAX_SPOKEN_OF {
                return Ok(false);
            }
            ops.push(rows::put(count, &spoken.saturating_add(1))?);
        }
        let is_new = |word: &&VexMark| !known.iter().any(|it| it.is_on_same(word));
        let new = newer.iter().filter(is_new).count();
        if new > 0 {
            let count = known.len().saturating_add(new) as u64;
            ops.push(rows::put(keys::word_count(key, manifest), &count)?);
        }
        for word in &newer {
            let key = keys::word(key, manifest, word);
            ops.push(rows::put(key, &WordRow::of(word))?);
        }
        if !ops.is_empty() {
            self.store.apply(ops).await?;
        }
        drop(held);
        Ok(true)
    }
}
