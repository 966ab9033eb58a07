//! A ledger that forgets: the plainest thing that keeps every promise of the port.

mod lists;
mod membership;
mod pulls;
mod record;
mod steps;
mod waivers;
mod words;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use sluicegate_model::heard::VexMark;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Repository, Scope, Sighting};

use crate::events::{Event, Happening};
use crate::ledger::term::Term;
use crate::ledger::{
    Bases, Basis, BasisNumber, Earlier, Judged, JudgedPage, Known, Ledger, LedgerError, Lists as _,
    Mark, Member, Packed, PackedAs, PackedBytes, Replacement, Stamp, Step, Summary, TagHistory,
    TagRecord, Turn, Verdicts, Waiver,
};

use super::MemoryAudit;
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
    /// What is told of who pulled.
    audit: Arc<MemoryAudit>,
}

#[derive(Debug, Default)]
struct State {
    members: BTreeMap<Name, Member>,
    present: BTreeSet<Name>,
    released: BTreeSet<Name>,
    given: BTreeSet<Name>,
    waivers: BTreeMap<Name, Waiver>,
    /// By key and manifest.
    words: BTreeMap<(Digest, Digest), Vec<VexMark>>,
    tags: BTreeMap<Name, (TagRecord, TagHistory)>,
    platforms: BTreeMap<String, BTreeSet<String>>,
    /// By digest and then scope.
    verdicts: BTreeMap<(String, Scope), Stored>,
    /// The next number of a verdict.
    next: usize,
    /// In the order in which they were written.
    written: Vec<Summary>,
    /// Every list of packages that there was, by its number.
    lists: Vec<Vec<Term>>,
    /// Which of them is an image's.
    listed: HashMap<Sighting, usize>,
    events: Vec<Event>,
    /// What was told once, and until when that is remembered.
    told: BTreeMap<String, Timestamp>,
    delivered: BTreeMap<String, u64>,
    /// What verdicts changed, in order.
    turns: Vec<Turn>,
    /// The newest basis.
    basis: Option<(Basis, BasisNumber)>,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Stored {
    summary: Summary,
    text: Packed,
    basis: BasisNumber,
    number: usize,
}

impl Stored {
    fn earlier(&self) -> Option<Earlier> {
        let text = zstd::bulk::decompress(self.text.new_bytes()?, MAX_TEXT_BYTES).ok()?;
        let packed = PackedAs {
            digest: self.text.digest().clone(),
            is_apart: false,
        };
        Earlier::stamped(Stamp::of(&self.summary), text, packed)
    }

    fn verdict(&self) -> Option<Verdict> {
        self.earlier().and_then(Earlier::whole)
    }

    fn mark(&self) -> Mark {
        Stamp::of(&self.summary).mark(self.text.digest())
    }

    fn place(&self) -> Place {
        (self.summary.provenance.decided_at, self.number)
    }
}

fn name(repository: &Repository, of: impl ToString) -> Name {
    (repository.to_string(), of.to_string())
}

fn place_of(digest: &Digest, scope: &Scope) -> (String, Scope) {
    (digest.to_string(), scope.clone())
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
    fn tell(&mut self, time: Timestamp, happened: Happening) -> u64 {
        let seq = self.events.len() as u64 + 1;
        self.events.push(Event::new(seq, time, happened));
        seq
    }

    fn replace(&mut self, new: Replacement) -> bool {
        let place = place_of(new.digest(), &new.scope());
        let old = self.verdicts.get(&place);
        let is_later = old.is_some_and(|old| old.basis > new.basis);
        if old.map(Stored::mark) != new.replaces || is_later {
            return false;
        }
        let number = old.map_or(self.next, |old| old.number);
        let image = new.scope().sighting(new.digest());
        self.next = self.next.max(number + 1);
        if let Some(packages) = new.packages {
            self.listed.insert(image, self.lists.len());
            self.lists.push(packages.terms);
        }
        if let Some(change) = new.change {
            let time = new.summary.provenance.decided_at;
            self.tell(time, Happening::VerdictChanged(Box::new(change)));
        }
        self.turns.extend(new.turn);
        self.written.push(new.summary.clone());
        let (summary, basis) = (new.summary, new.basis);
        let kept = self.verdicts.remove(&place);
        let text = match (new.text.bytes, kept) {
            (PackedBytes::Same(_), Some(kept)) => kept.text,
            (bytes, _) => Packed { bytes, ..new.text },
        };
        let stored = Stored {
            summary,
            text,
            basis,
            number,
        };
        self.verdicts.insert(place, stored);
        true
    }
}

#[async_trait]
impl Verdicts for MemoryLedger {
    async fn known_verdict(&self, scope: &Scope, digest: &Digest) -> Result<Known, LedgerError> {
        let state = self.state().await;
        let stored = state.verdicts.get(&place_of(digest, scope));
        Ok(Known {
            earlier: stored.and_then(Stored::earlier),
            mark: stored.map(Stored::mark),
            basis: stored.map(|stored| stored.basis).unwrap_or_default(),
        })
    }

    async fn replace_verdicts(
        &self,
        replacements: Vec<Replacement>,
    ) -> Result<Vec<bool>, LedgerError> {
        let mut state = self.state_for("replace").await;
        let written = replacements.into_iter().map(|new| state.replace(new));
        Ok(written.collect())
    }

    async fn verdict(
        &self,
        scope: &Scope,
        digest: &Digest,
    ) -> Result<Option<Verdict>, LedgerError> {
        Ok(self.known_verdict(scope, digest).await?.verdict())
    }

    async fn verdict_bytes(
        &self,
        scope: &Scope,
        digest: &Digest,
    ) -> Result<Option<u64>, LedgerError> {
        let state = self.state().await;
        let stored = state.verdicts.get(&place_of(digest, scope));
        Ok(stored.map(|stored| stored.text.text_bytes as u64))
    }

    async fn stamps(&self, judged: &[Judged]) -> Result<Vec<Option<Stamp>>, LedgerError> {
        let state = self.state().await;
        let stamp = |Judged { digest, scope }: &Judged| {
            let stored = state.verdicts.get(&place_of(digest, scope))?;
            Some(Stamp::of(&stored.summary))
        };
        Ok(judged.iter().map(stamp).collect())
    }

    async fn remove_verdicts(
        &self,
        gone: &[Judged],
        withdrawn: Option<Timestamp>,
    ) -> Result<(), LedgerError> {
        let mut state = self.state().await;
        if let Some(time) = withdrawn {
            let turns = gone.iter().map(|it| record::away(it, time));
            state.turns.extend(turns);
        }
        for Judged { digest, scope } in gone {
            state.verdicts.remove(&place_of(digest, scope));
        }
        Ok(())
    }

    async fn judged_in(&self, digest: &Digest) -> Result<Vec<Scope>, LedgerError> {
        let mut summaries = self.summaries_of(digest).await?;
        summaries.sort_by_key(|summary| Reverse(summary.provenance.decided_at));
        Ok(summaries.iter().map(Summary::scope).collect())
    }

    async fn judged(
        &self,
        after: Option<&Judged>,
        limit: usize,
    ) -> Result<JudgedPage, LedgerError> {
        let state = self.state().await;
        let after = after.map(|last| place_of(&last.digest, &last.scope));
        let names = state.verdicts.iter();
        let mut rest = names.filter(|(name, _)| after.as_ref().is_none_or(|after| *name > after));
        let part = rest.by_ref().take(limit).map(|(_, stored)| Judged {
            digest: stored.summary.digest.clone(),
            scope: stored.summary.scope(),
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
impl Bases for MemoryLedger {
    async fn number_basis(
        &self,
        basis: &Basis,
        _now: Timestamp,
    ) -> Result<BasisNumber, LedgerError> {
        let mut state = self.state().await;
        let number = match &state.basis {
            Some((newest, number)) if newest == basis => *number,
            Some((_, number)) => number.next(),
            None => BasisNumber::default().next(),
        };
        state.basis = Some((basis.clone(), number));
        Ok(number)
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
    use crate::audit::Audit;
    use crate::testkit::ledger_suite::Subject;

    impl Subject for MemoryLedger {
        fn ledger(&self) -> &dyn Ledger {
            self
        }

        fn audit(&self) -> &dyn Audit {
            &*self.audit
        }
    }

    crate::ledger_suite!(MemoryLedger::default());
}
