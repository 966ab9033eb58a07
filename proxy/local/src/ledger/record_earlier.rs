//! Takes into the record the verdicts of a time when there was none, beside what pulls write.

use std::sync::atomic::Ordering;

use sluicegate_engine::ledger::{Judged, LedgerError, RecordedImage, Turn, Verdicts as _};

use super::keys;
use super::records::{PAGE_ROWS, Records};
use super::rows;
use super::verdict_rows::named;

/// Verdicts recorded together: they share a sync.
const BATCH: usize = 64;

impl Records {
    /// Waits until every verdict is recorded.
    pub(super) async fn whole_record(&self) -> Result<(), LedgerError> {
        let Some(following) = &self.record else {
            return Ok(());
        };
        if following.is_whole.load(Ordering::Acquire) {
            return Ok(());
        }
        let _alone = self.index.alone().await;
        if self.store.get(&keys::whole_record()).await?.is_none() {
            let recorded = self.record_earlier().await?;
            if recorded > 0 {
                tracing::info!(
                    recorded,
                    "stored verdicts taken into the record of findings"
                );
            }
            let mark = rows::mark_present(keys::whole_record());
            self.store.apply(vec![mark]).await?;
        }
        following.is_whole.store(true, Ordering::Release);
        Ok(())
    }

    async fn record_earlier(&self) -> Result<u64, LedgerError> {
        self.follow_record().await?;
        let (prefix, mut after) = (keys::all_by_digest(), None);
        let mut recorded = 0_u64;
        loop {
            let page = self.store.page(&prefix, after.as_ref(), PAGE_ROWS).await?;
            let is_last = page.len() < PAGE_ROWS;
            after = page.last().map(|(key, _)| key.clone());
            let judged: Vec<Judged> = page.iter().filter_map(named).collect();
            for batch in judged.chunks(BATCH) {
                recorded = recorded.saturating_add(self.record_each(batch).await?);
            }
            if is_last {
                return Ok(recorded);
            }
        }
    }

    /// Records the verdicts on images that are not recorded; nobody replaces them meanwhile.
    async fn record_each(&self, judged: &[Judged]) -> Result<u64, LedgerError> {
        let locked: Vec<_> = judged
            .iter()
            .map(|it| keys::verdict(&it.scope, &it.digest))
            .collect();
        let held = self.writing.lock(&locked).await;
        let numbers: Vec<_> = judged
            .iter()
            .map(|it| keys::recorded(&image_of(it)))
            .collect();
        let numbers = self.store.get_many(&numbers).await?;
        let mut turns = Vec::new();
        for (it, number) in judged.iter().zip(numbers) {
            if number.is_some() {
                continue;
            }
            // A damaged one counts as not judged.
            let verdict = self.verdict(&it.scope, &it.digest).await?;
            turns.extend(verdict.as_ref().and_then(|it| Turn::of(it, None)));
        }
        let count = turns.len() as u64;
        self.record(turns).await?;
        drop(held);
        Ok(count)
    }
}

/// Names the image that a verdict is on.
pub(super) fn image_of(judged: &Judged) -> RecordedImage {
    RecordedImage {
        repository: judged.scope.repository.clone(),
        digest: judged.digest.clone(),
        domain: judged.scope.domain.clone(),
    }
}
