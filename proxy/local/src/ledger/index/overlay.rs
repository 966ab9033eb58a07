//! What verdicts, images and events gained and lost and the blocks do not say yet.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::block;
use sluicegate_engine::ledger::term::Term;

/// What one number gains and loses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ledger) struct IndexEntry {
    pub(in crate::ledger) number: u32,
    pub(in crate::ledger) added: Vec<Term>,
    pub(in crate::ledger) removed: Vec<Term>,
}

impl IndexEntry {
    /// Tells what changes where a number had these names, in order, and now has those.
    pub(in crate::ledger) fn between(number: u32, before: &[Term], after: &[Term]) -> Self {
        let only = |of: &[Term], other: &[Term]| -> Vec<Term> {
            let new = of.iter().filter(|term| other.binary_search(term).is_err());
            new.copied().collect()
        };
        Self {
            number,
            added: only(after, before),
            removed: only(before, after),
        }
    }

    /// Cuts it into parts of at most so many names; none where nothing changes.
    pub(super) fn in_parts(self, most: usize) -> Vec<Self> {
        if self.added.len().saturating_add(self.removed.len()) <= most {
            let is_empty = self.added.is_empty() && self.removed.is_empty();
            return if is_empty { Vec::new() } else { vec![self] };
        }
        let part = |added: &[Term], removed: &[Term]| Self {
            number: self.number,
            added: added.to_vec(),
            removed: removed.to_vec(),
        };
        let added = self.added.chunks(most).map(|added| part(added, &[]));
        let removed = self.removed.chunks(most).map(|removed| part(&[], removed));
        added.chain(removed).collect()
    }
}

/// Changes by name, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    terms: HashMap<Term, Vec<(u32, bool)>>,
    changes: usize,
    /// The logged rows that hold the same.
    rows: Vec<u64>,
}

/// A name and a block of its numbers, with what changes in it.
pub(super) type BlockChanges = ((Term, u32), Vec<(u32, bool)>);

impl Overlay {
    pub(super) fn add(&mut self, row: u64, entry: IndexEntry) {
        self.rows.push(row);
        self.changes += entry.added.len() + entry.removed.len();
        let added = entry.added.into_iter().map(|term| (term, true));
        let removed = entry.removed.into_iter().map(|term| (term, false));
        for (term, has) in added.chain(removed) {
            self.terms
                .entry(term)
                .or_default()
                .push((entry.number, has));
        }
    }

    /// Lists what changes about a name; the later word counts.
    pub(super) fn of(&self, term: Term) -> impl Iterator<Item = (u32, bool)> {
        self.terms.get(&term).into_iter().flatten().copied()
    }

    /// Counts the changes.
    pub(super) fn changes(&self) -> usize {
        self.changes
    }

    /// Names the logged rows that hold the same.
    pub(super) fn rows(&self) -> &[u64] {
        &self.rows
    }

    /// Lists what changes in each block, in the order of their keys.
    pub(super) fn by_block(&self) -> Vec<BlockChanges> {
        let mut terms: Vec<_> = self.terms.iter().collect();
        terms.sort_unstable_by_key(|(term, _)| **term);
        let mut blocks = Vec::new();
        for (term, changes) in terms {
            let mut changes = changes.clone();
            // Stable, so that the order of changes of one number is kept.
            changes.sort_by_key(|(number, _)| block::of(*number));
            for part in
                changes.chunk_by(|(one, _), (other, _)| block::of(*one) == block::of(*other))
            {
                if let Some((number, _)) = part.first() {
                    blocks.push(((*term, block::of(*number)), part.to_vec()));
                }
            }
        }
        blocks
    }
}
