//! A ledger that forgets: the plainest thing that keeps every promise of the port.

mod lists;
mod membership;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Repository};

use crate::events::Event;
use crate::ledger::term::Term;
use crate::ledger::{
    Basis, Judged, JudgedPage, Known, Ledger, LedgerError, Lists as _, Mark, Member, Packed,
    Replacement, Summary, TagRecord, Verdicts,
};

use super::turns::{InTurn, Turns};

/// Largest text of a verdict that is unpacked, in bytes.
const MAX_TEXT_BYTES: usize = 64 * 1024 * 1024;

/// A repository and something in it, in the order of their texts.
type Name = (String, String);
/// A verdict's time and number: its place in a list.
type Place = (Timestamp, usize);

/// Keeps everything in memory.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    kept: Mutex<State>,
    turns: InTurn,
}

#[derive(Debug, Default)]
struct State {
    members: BTreeMap<Name, Member>,
    present: BTreeSet<Name>,
    released: BTreeSet<Name>,
    tags: BTreeMap<Name, TagRecord>,
    platforms: BTreeMap<String, BTreeSet<String>>,
    /// By digest and then repository.
    verdicts: BTreeMap<Name, Stored>,
    /// In the order in which they were written.
    written: Vec<Summary>,
    /// Every list of packages that there was, by its number.
    lists: Vec<Vec<Term>>,
    /// Which of them is an image's.
    listed: HashMap<Digest, usize>,
    events: Vec<Event>,
    delivered: Option<u64>,
}

#[derive(Debug)]
struct Stored {
    summary: Summary,
    text: Packed,
    number: usize,
}

impl Stored {
    fn verdict(&self) -> Option<Verdict> {
        let text = zstd::bulk::decompress(&self.text.bytes, MAX_TEXT_BYTES).ok()?;
        Basis::of(&self.summary).read(&text)
    }

    fn mark(&self) -> Mark {
        Basis::of(&self.summary).mark(&self.text.digest)
    }

    fn place(&self) -> Place {
        (self.summary.provenance.decided_at, self.number)
    }
}

fn name(repository: &Repository, of: impl ToString) -> Name {
    (repository.to_string(), of.to_string())
}

fn place_of(digest: &Digest, repository: &Repository) -> Name {
    (digest.to_string(), repository.to_string())
}

impl MemoryLedger {
    /// Starts empty; every call takes a turn.
    pub fn in_turns(turns: Arc<dyn Turns>) -> Self {
        Self {
            turns: InTurn::of(turns),
            ..Self::default()
        }
    }

    /// Gives every verdict that was written, in short and in that order. Takes no turn.
    pub fn written(&self) -> Vec<Summary> {
        self.kept().written.clone()
    }

    /// Names what has been released, as repository and digest. Takes no turn.
    pub fn released(&self) -> Vec<(String, String)> {
        self.kept().released.iter().cloned().collect()
    }

    async fn state(&self) -> MutexGuard<'_, State> {
        self.state_for("ledger").await
    }

    async fn state_for(&self, call: &str) -> MutexGuard<'_, State> {
        self.turns.take(call).await;
        self.kept()
    }

    fn kept(&self) -> MutexGuard<'_, State> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn replace(&mut self, new: Replacement) -> bool {
        let place = place_of(new.digest(), new.repository());
        let old = self.verdicts.get(&place);
        if old.map(Stored::mark) != new.replaces {
            return false;
        }
        let number = old.map_or_else(|| self.verdicts.len(), |old| old.number);
        if let Some(packages) = new.packages {
            self.listed
                .insert(new.summary.digest.clone(), self.lists.len());
            self.lists.push(packages);
        }
        if let Some(change) = new.change {
            let seq = self.events.len() as u64 + 1;
            let time = new.summary.provenance.decided_at;
            self.events.push(Event::new(seq, time, change));
        }
        self.written.push(new.summary.clone());
        let (summary, text) = (new.summary, new.text);
        let stored = Stored {
            summary,
            text,
            number,
        };
        self.verdicts.insert(place, stored);
        true
    }
}

#[async_trait]
impl Verdicts for MemoryLedger {
    async fn known_verdict(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Known, LedgerError> {
        let state = self.state().await;
        let stored = state.verdicts.get(&place_of(digest, repository));
        Ok(Known {
            verdict: stored.and_then(Stored::verdict),
            mark: stored.map(Stored::mark),
        })
    }

    async fn replace_verdicts(
        &self,
        replacements: Vec<Replacement>,
    ) -> Result<Vec<bool>, LedgerError> {
        let mut state = self.state().await;
        let written = replacements.into_iter().map(|new| state.replace(new));
        Ok(written.collect())
    }

    async fn verdict(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Verdict>, LedgerError> {
        Ok(self.known_verdict(repository, digest).await?.verdict)
    }

    async fn verdict_bytes(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<u64>, LedgerError> {
        let state = self.state().await;
        let stored = state.verdicts.get(&place_of(digest, repository));
        Ok(stored.map(|stored| stored.text.text_bytes as u64))
    }

    async fn judged_in(&self, digest: &Digest) -> Result<Vec<Repository>, LedgerError> {
        let mut summaries = self.summaries_of(digest).await?;
        summaries.sort_by_key(|summary| Reverse(summary.provenance.decided_at));
        Ok(summaries.into_iter().map(|it| it.repository).collect())
    }

    async fn judged(
        &self,
        after: Option<&Judged>,
        limit: usize,
    ) -> Result<JudgedPage, LedgerError> {
        let state = self.state().await;
        let after = after.map(|last| place_of(&last.digest, &last.repository));
        let names = state.verdicts.iter();
        let mut rest = names.filter(|(name, _)| after.as_ref().is_none_or(|after| *name > after));
        let part = rest.by_ref().take(limit).map(|(_, stored)| Judged {
            digest: stored.summary.digest.clone(),
            repository: stored.summary.repository.clone(),
        });
        let items: Vec<Judged> = part.collect();
        let next = items.last().filter(|_| rest.next().is_some()).cloned();
        Ok(JudgedPage { items, next })
    }

    async fn count_verdicts(&self) -> Result<u64, LedgerError> {
        Ok(self.state().await.verdicts.len() as u64)
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn health(&self) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn make_index_whole(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::ledger_suite::Subject;

    impl Subject for MemoryLedger {
        fn ledger(&self) -> &dyn Ledger {
            self
        }
    }

    crate::ledger_suite!(MemoryLedger::default());
}
