//! What keys have said of images.

use async_trait::async_trait;
use sluicegate_model::Digest;
use sluicegate_model::heard::VexMark;

use super::MemoryLedger;
use crate::ledger::{LedgerError, MAX_SPOKEN_OF, Words, newer};

#[async_trait]
impl Words for MemoryLedger {
    async fn words(&self, key: &Digest, manifest: &Digest) -> Result<Vec<VexMark>, LedgerError> {
        let state = self.state().await;
        let known = state.words.get(&(key.clone(), manifest.clone()));
        Ok(known.cloned().unwrap_or_default())
    }

    async fn remember(
        &self,
        key: &Digest,
        manifest: &Digest,
        words: &[VexMark],
    ) -> Result<bool, LedgerError> {
        let mut state = self.state().await;
        let is_full = state.words.len() as u64 >= MAX_SPOKEN_OF;
        let place = (key.clone(), manifest.clone());
        let known = state.words.get(&place).cloned().unwrap_or_default();
        let Some(newer) = newer(&known, words) else {
            return Ok(false);
        };
        if known.is_empty() && !newer.is_empty() && is_full {
            return Ok(false);
        }
        let is_left = |it: &VexMark| !newer.iter().any(|word| word.is_on_same(it));
        let left = known.into_iter().filter(is_left);
        let all: Vec<VexMark> = left.chain(newer.iter().cloned()).collect();
        if !all.is_empty() {
            state.words.insert(place, all);
        }
        Ok(true)
    }
}
