//! What was let through for a while.

use async_trait::async_trait;

use super::{MemoryLedger, name};
use crate::ledger::{LedgerError, MAX_WAIVERS, Waiver, Waivers};

#[async_trait]
impl Waivers for MemoryLedger {
    async fn let_through(&self, waiver: &Waiver) -> Result<(), LedgerError> {
        let (mut state, own) = (self.state().await, name(&waiver.repository, &waiver.digest));
        let now = waiver.since;
        state
            .waivers
            .retain(|other, it| *other != own && it.until > now);
        if state.waivers.len() >= MAX_WAIVERS {
            return Err(LedgerError::Failed("too many are let through".into()));
        }
        state.waivers.insert(own, waiver.clone());
        Ok(())
    }

    async fn waivers(&self) -> Result<Vec<Waiver>, LedgerError> {
        Ok(self.state().await.waivers.values().cloned().collect())
    }
}
