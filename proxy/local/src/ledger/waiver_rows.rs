//! What was let through for a while, as rows.

use async_trait::async_trait;
use sluicegate_engine::ledger::{LedgerError, MAX_WAIVERS, Waiver, Waivers};

use crate::store::Op;

use super::keys;
use super::records::{PAGE_ROWS, Records};
use super::rows;

#[async_trait]
impl Waivers for Records {
    async fn let_through(&self, waiver: &Waiver) -> Result<(), LedgerError> {
        let key = keys::waiver(&waiver.repository, &waiver.digest);
        let held = self.writing.lock(&[keys::all_waivers()]).await;
        let kept = self
            .store
            .page(&keys::all_waivers(), None, PAGE_ROWS)
            .await?;
        let (mut ops, mut others) = (Vec::new(), 0_usize);
        for (other, row) in kept.into_iter().filter(|(other, _)| *other != key) {
            let known: Option<Waiver> = rows::read(&row);
            if known.is_some_and(|known| known.until > waiver.since) {
                others = others.saturating_add(1);
            } else {
                ops.push(Op::Delete { key: other });
            }
        }
        if others >= MAX_WAIVERS {
            let why = format!("{MAX_WAIVERS} images are let through already");
            return Err(LedgerError::Failed(why.into()));
        }
        ops.push(rows::put(key, waiver)?);
        self.store.apply(ops).await?;
        drop(held);
        Ok(())
    }

    async fn waivers(&self) -> Result<Vec<Waiver>, LedgerError> {
        let rows = self
            .store
            .page(&keys::all_waivers(), None, PAGE_ROWS)
            .await?;
        Ok(rows.iter().filter_map(|(_, row)| rows::read(row)).collect())
    }
}
