//! Brings into memory what lists need there: once, before the first list or write.

use std::sync::Arc;

use crate::store::{Key, StoreError, VerdictStore};

use super::overlay::{IndexEntry, Overlay};
use super::{Index, State};
use crate::ledger::head::{NameHash, SummaryRow};
use crate::ledger::keys;
use crate::ledger::records::PAGE_ROWS;
use crate::ledger::rows::{self, ImageRow};

impl Index {
    /// Waits until the index is in memory.
    pub(in crate::ledger) async fn load(
        &self,
        store: &Arc<dyn VerdictStore>,
    ) -> Result<(), StoreError> {
        let load = async || {
            let state = read(store).await?;
            *self.write() = state;
            Ok(())
        };
        self.0.loaded.get_or_try_init(load).await.copied()
    }
}

async fn read(store: &Arc<dyn VerdictStore>) -> Result<State, StoreError> {
    let mut state = State::default();
    each(store, &keys::all_summaries(), |key, body| {
        let row: Option<SummaryRow> = rows::read(body);
        if let (Some(number), Some(row)) = (keys::summarised(key), row) {
            state.heads.set(number, Some(row.head()));
        }
    })
    .await?;
    // A number whose row is damaged is still taken.
    let (mut taken, mut are_numbered) = (0, true);
    each(
        store,
        &keys::all_by_digest(),
        |_, body| match rows::read_number(body) {
            Some(number) => taken = taken.max(number.saturating_add(1)),
            None => are_numbered = false,
        },
    )
    .await?;
    state.heads.reach(taken);
    each(store, &keys::all_images(), |_, body| {
        if let Some(ImageRow { number, .. }) = rows::read(body) {
            state.images.insert(number);
            state.next_image = state.next_image.max(number.saturating_add(1));
        }
    })
    .await?;
    each(store, &keys::all_recorded(), |key, body| {
        let image = keys::recorded_image(key);
        if let (Some(number), Some(image)) = (rows::read_number(body), image) {
            state.is_recorded(number, NameHash::of(&image.repository));
        }
    })
    .await?;
    let mut overlay = Overlay::default();
    each(store, &keys::all_logged(), |key, body| {
        let entry: Option<IndexEntry> = rows::read(body);
        if let (Some(row), Some(entry)) = (keys::logged_row(key), entry) {
            overlay.add(row, entry);
            state.next_row = row.saturating_add(1);
        }
    })
    .await?;
    state.overlay = overlay;
    if store.get(&keys::whole_lists()).await?.is_none() {
        list_anew(store).await?;
        let mark = rows::mark_present(keys::whole_lists());
        store.apply(vec![mark]).await?;
    }
    let is_marked = store.get(&keys::whole_index()).await?.is_some();
    state.is_whole = is_marked && are_numbered;
    Ok(state)
}

/// Has every image listed anew: what it was listed by may be lost in part. Until then it is found by
/// what is left.
async fn list_anew(store: &Arc<dyn VerdictStore>) -> Result<(), StoreError> {
    let (prefix, mut after) = (keys::all_images(), None);
    loop {
        let page = store.page(&prefix, after.as_ref(), PAGE_ROWS).await?;
        let is_last = page.len() < PAGE_ROWS;
        let mut ops = Vec::new();
        for (key, body) in page {
            if let Some(ImageRow { analyzers, number }) = rows::read(&body) {
                // Nobody's.
                let analyzers = !analyzers;
                ops.push(rows::put(key.clone(), &ImageRow { analyzers, number })?);
            }
            after = Some(key);
        }
        store.apply(ops).await?;
        if is_last {
            return Ok(());
        }
    }
}

async fn each(
    store: &Arc<dyn VerdictStore>,
    prefix: &Key,
    mut tell: impl FnMut(&Key, &[u8]),
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = store.page(prefix, after.as_ref(), PAGE_ROWS).await?;
        let is_last = page.len() < PAGE_ROWS;
        for (key, body) in page {
            tell(&key, &body);
            after = Some(key);
        }
        if is_last {
            return Ok(());
        }
    }
}
