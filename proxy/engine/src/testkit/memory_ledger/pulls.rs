//! Who pulled, counted over all that the audit in memory was told.

use async_trait::async_trait;
use jiff::Timestamp;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Repository};

use crate::audit::Pull;
use crate::ledger::{
    LedgerError, MAX_PULLERS, Membership as _, PullBook, Pulled, PulledOnce, PullingClient,
};

use super::MemoryLedger;

#[async_trait]
impl PullBook for MemoryLedger {
    async fn pulled(
        &self,
        images: &[(Repository, Digest)],
    ) -> Result<Vec<Option<Pulled>>, LedgerError> {
        let lines = self.audit.timed_pulls();
        let mut told = Vec::new();
        for (repository, digest) in images {
            let mut digests = self.indexes_listing(repository, digest).await?;
            digests.push(digest.clone());
            let of_them = lines
                .iter()
                .filter(|(pull, _)| pull.repository == *repository);
            let mut pulled = Pulled::default();
            for (pull, time) in of_them {
                count(&mut pulled, &digests, pull, *time);
            }
            pulled.clients.sort_by_key(|it| std::cmp::Reverse(it.last));
            pulled.others = pulled.clients.len().saturating_sub(MAX_PULLERS) as u64;
            pulled.clients.truncate(MAX_PULLERS);
            told.push((pulled.pulls + pulled.refused > 0).then_some(pulled));
        }
        Ok(told)
    }

    async fn read_pulls(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}

/// Counts a pull; one without a verdict counts when that is told.
fn count(pulled: &mut Pulled, digests: &[Digest], pull: &Pull, time: Timestamp) {
    let asked = pull.in_place_of.as_ref().unwrap_or(&pull.digest);
    let is_refused = pull.decision() == Decision::Refuse || pull.in_place_of.is_some();
    if is_refused && digests.contains(asked) {
        pulled.refused += 1;
    }
    if pull.rests_on.is_none()
        || pull.decision() == Decision::Refuse
        || !digests.contains(&pull.digest)
    {
        return;
    }
    pulled.pulls += 1;
    let once = PulledOnce {
        time,
        client: pull.who.client.to_string(),
        principal: pull.who.principal.as_ref().map(ToString::to_string),
        user_agent: pull.who.user_agent.clone(),
    };
    let key = (&once.client, &once.principal);
    let mut known = pulled.clients.iter_mut();
    match known.find(|it| (&it.client, &it.principal) == key) {
        Some(known) => {
            known.pulls += 1;
            known.last = known.last.max(time);
        }
        None => pulled.clients.push(PullingClient {
            client: once.client.clone(),
            principal: once.principal.clone(),
            pulls: 1,
            last: time,
        }),
    }
    pulled.first.get_or_insert_with(|| once.clone());
    pulled.last = Some(once);
}
