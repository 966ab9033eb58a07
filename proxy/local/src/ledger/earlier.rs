//! Takes verdicts and events of an earlier form into the index, beside what pulls write.
//!
//! What is cut goes on where it stood: whatever has a number is passed over.

use std::time::Duration;

use sluicegate_engine::ledger::{Judged, LedgerError, Replacement, Verdicts as _, term};

use crate::store::{Key, Op, StoreError};

use super::event_rows;
use super::index::{IndexEntry, Logged};
use super::keys;
use super::records::{PAGE_ROWS, Records};
use super::rows;
use super::verdict_rows::named;

/// Most verdicts written together: they share their syncs.
const BATCH: usize = 64;
/// Bytes of verdicts from which a batch is written before it is whole.
const BATCH_BYTES: u64 = 4 * 1024 * 1024;
/// How long a list waits for the index: less than clients do.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

impl Records {
    /// Makes the index whole, in memory and on disk. Lists wait for it; nothing else does.
    pub(super) async fn take_in_earlier(&self) -> Result<(), LedgerError> {
        self.index.load(&self.store).await?;
        let _alone = self.index.alone().await;
        if self.index.is_whole() {
            return Ok(());
        }
        let taken = self.take_verdicts().await?;
        let events = self.take_events().await?;
        for old in keys::of_earlier_lists() {
            self.remove_all(&old).await?;
        }
        let mark = rows::mark_present(keys::whole_index());
        self.store.apply(vec![mark]).await?;
        self.index.set_whole();
        if taken > 0 || events > 0 {
            tracing::info!(
                verdicts = taken,
                events,
                "stored verdicts taken into the index of lists"
            );
        }
        Ok(())
    }

    /// Waits for the index, as long as a client may be kept waiting.
    pub(super) async fn whole_index(&self) -> Result<(), LedgerError> {
        self.index.load(&self.store).await?;
        if self.index.is_whole() {
            return Ok(());
        }
        let whole = tokio::time::timeout(PATIENCE, self.take_in_earlier()).await;
        whole.unwrap_or(Err(LedgerError::NotIndexed))
    }

    async fn take_verdicts(&self) -> Result<u64, LedgerError> {
        let (prefix, mut after) = (keys::all_by_digest(), None);
        let mut taken = 0_u64;
        loop {
            let page = self.store.page(&prefix, after.as_ref(), PAGE_ROWS).await?;
            let is_last = page.len() < PAGE_ROWS;
            after = page.last().map(|(key, _)| key.clone());
            let unnumbered = page
                .into_iter()
                .filter(|(_, body)| rows::read_number(body).is_none())
                .filter_map(|row| named(&row));
            taken = taken.saturating_add(self.number(unnumbered.collect()).await?);
            if is_last {
                return Ok(taken);
            }
        }
    }

    /// Writes verdicts as they are, which gives each a number; counts those that were.
    async fn number(&self, verdicts: Vec<Judged>) -> Result<u64, LedgerError> {
        let (mut batch, mut bytes, mut numbered) = (Vec::new(), 0_u64, 0_u64);
        for Judged { digest, scope } in verdicts {
            let known = self.known_verdict(&scope, &digest).await?;
            // Damaged, which means not judged.
            let Some(mut verdict) = known.verdict() else {
                continue;
            };
            let again = Replacement::new(&mut verdict, &known)?;
            bytes = bytes.saturating_add(again.bytes());
            batch.push(again);
            if batch.len() >= BATCH || bytes >= BATCH_BYTES {
                numbered = numbered.saturating_add(batch.len() as u64);
                // Where somebody else was quicker, that verdict has its number.
                self.replace_verdicts(std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
        }
        numbered = numbered.saturating_add(batch.len() as u64);
        self.replace_verdicts(batch).await?;
        Ok(numbered)
    }

    async fn take_events(&self) -> Result<u64, StoreError> {
        let (prefix, mut after) = (keys::all_events(), None);
        let mut taken = 0_u64;
        loop {
            let page = self.store.page(&prefix, after.as_ref(), PAGE_ROWS).await?;
            let is_last = page.len() < PAGE_ROWS;
            let (mut ops, mut logged) = (Vec::new(), Logged::default());
            for (key, body) in page {
                after = Some(key);
                let Some(event) = event_rows::read(&body) else {
                    continue;
                };
                taken = taken.saturating_add(1);
                let number = event_rows::number(event.seq);
                let entry = IndexEntry::between(number, &[], &term::of_event(&event.happened));
                ops.extend(self.index.log(entry, &mut logged)?);
            }
            self.store.apply(ops).await?;
            self.index.written(logged);
            self.index.fold_where_due(&self.store).await;
            if is_last {
                return Ok(taken);
            }
        }
    }

    async fn remove_all(&self, prefix: &Key) -> Result<(), StoreError> {
        loop {
            let page = self.store.page(prefix, None, PAGE_ROWS).await?;
            if page.is_empty() {
                return Ok(());
            }
            let gone = page.into_iter().map(|(key, _)| Op::Delete { key });
            self.store.apply(gone.collect()).await?;
        }
    }
}
