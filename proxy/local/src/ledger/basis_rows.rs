//! The newest basis, as a row.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use jiff::Timestamp;
use sluicegate_engine::ledger::{Bases, Basis, BasisNumber, LedgerError};

use crate::store::StoreError;

use super::keys;
use super::records::Records;
use super::rows::{self, BasisRow};

#[async_trait]
impl Bases for Records {
    async fn number_basis(
        &self,
        basis: &Basis,
        now: Timestamp,
    ) -> Result<BasisNumber, LedgerError> {
        let key = keys::basis();
        let held = self.writing.lock(std::slice::from_ref(&key)).await;
        let newest: Option<BasisRow> = self.row(&key).await?;
        let digest = basis.digest();
        let number = match newest {
            Some(newest) if newest.basis == digest => return Ok(newest.number),
            Some(newest) => newest.number.next(),
            None => BasisNumber::default().next(),
        };
        self.record_basis(basis, now).await?;
        let basis = digest;
        let row = rows::put(key, &BasisRow { number, basis })?;
        self.store.apply(vec![row]).await?;
        drop(held);
        Ok(number)
    }
}

impl Records {
    /// Takes the number of a verdict's basis for what it is. One above the newest was given before the
    /// row of that was lost, and says nothing: else the verdict would be the newest for ever.
    pub(super) async fn settled(&self, number: BasisNumber) -> Result<BasisNumber, StoreError> {
        if number.0 <= self.newest_basis.load(Ordering::Relaxed) {
            return Ok(number);
        }
        let newest: Option<BasisRow> = self.row(&keys::basis()).await?;
        let newest = newest.map(|newest| newest.number).unwrap_or_default();
        self.newest_basis.fetch_max(newest.0, Ordering::Relaxed);
        Ok(if number <= newest {
            number
        } else {
            BasisNumber::default()
        })
    }
}
