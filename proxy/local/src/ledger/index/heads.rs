//! What lists are ordered and filtered by, of every verdict, in memory.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use jiff::Timestamp;
use sluicegate_model::verdict::Decision;

use crate::ledger::head::{Head, NameHash};

/// A verdict's time and number: its place in a list.
pub(in crate::ledger) type ListPlace = (Timestamp, u32);

/// Which verdicts are wanted, as far as memory can tell.
#[derive(Clone, Debug, Default)]
pub(in crate::ledger) struct WantedVerdicts {
    /// Those of one of these repositories; none for all.
    pub(in crate::ledger) within: Option<HashSet<NameHash>>,
    pub(in crate::ledger) repository: Option<NameHash>,
    pub(in crate::ledger) decision: Option<Decision>,
    pub(in crate::ledger) would_refuse: Option<bool>,
    pub(in crate::ledger) since: Option<Timestamp>,
    pub(in crate::ledger) until: Option<Timestamp>,
}

impl WantedVerdicts {
    fn accepts(&self, head: &Head) -> bool {
        let within = self.within.as_ref();
        within.is_none_or(|within| within.contains(&head.repository))
            && self
                .repository
                .is_none_or(|wanted| wanted == head.repository)
            && self.decision.is_none_or(|wanted| wanted == head.decision)
            && self
                .would_refuse
                .is_none_or(|wanted| wanted == head.would_refuse)
            && self.since.is_none_or(|since| head.decided_at >= since)
            && self.until.is_none_or(|until| head.decided_at < until)
    }
}

/// The verdicts by their numbers.
#[derive(Debug, Default)]
pub(super) struct Heads(Vec<Option<Head>>);

impl Heads {
    /// Gives the next number.
    pub(super) fn reserve(&mut self) -> u32 {
        let number = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.push(None);
        number
    }

    /// Makes all numbers below this one taken.
    pub(super) fn reach(&mut self, next: u32) {
        if self.0.len() < next as usize {
            self.0.resize(next as usize, None);
        }
    }

    /// Sets what is known of a number.
    pub(super) fn set(&mut self, number: u32, head: Option<Head>) {
        self.reach(number.saturating_add(1));
        if let Some(place) = self.0.get_mut(number as usize) {
            *place = head;
        }
    }

    /// Counts the verdicts, and those of images whose packages are not listed.
    pub(super) fn counts(&self) -> (u64, u64) {
        let heads = self.0.iter().flatten();
        let unlisted = heads.clone().filter(|head| !head.is_listed).count();
        (heads.count() as u64, unlisted as u64)
    }

    /// Gives each repository with the number of a verdict in it.
    pub(super) fn repositories(&self) -> HashMap<NameHash, u32> {
        let numbered = (0_u32..).zip(&self.0);
        let there = numbered.filter_map(|(number, head)| Some((head.as_ref()?.repository, number)));
        there.collect()
    }

    /// Chooses the newest that are wanted, at most `limit`, older than `after`; newest first.
    pub(super) fn newest(
        &self,
        wanted: &WantedVerdicts,
        among: Option<&[u32]>,
        limit: usize,
        after: Option<ListPlace>,
    ) -> Vec<ListPlace> {
        let mut newest: BinaryHeap<Reverse<ListPlace>> = BinaryHeap::new();
        let mut look = |number: u32, head: &Head| {
            let place = (head.decided_at, number);
            let is_next = after.is_none_or(|after| place < after);
            if is_next && wanted.accepts(head) {
                newest.push(Reverse(place));
                if newest.len() > limit {
                    newest.pop();
                }
            }
        };
        if let Some(among) = among {
            for number in among {
                if let Some(Some(head)) = self.0.get(*number as usize) {
                    look(*number, head);
                }
            }
        } else {
            for (number, head) in (0_u32..).zip(&self.0) {
                if let Some(head) = head {
                    look(number, head);
                }
            }
        }
        let newest = newest.into_sorted_vec().into_iter();
        newest.map(|Reverse(place)| place).collect()
    }

    /// Chooses those that are wanted, at most `limit`, in the order of their numbers, from one on.
    /// `among` is in order.
    pub(super) fn first_judged(
        &self,
        wanted: &WantedVerdicts,
        among: Option<&[u32]>,
        limit: usize,
        from: u32,
    ) -> Vec<ListPlace> {
        let place = |number: u32| {
            let head = self.0.get(number as usize)?.as_ref()?;
            wanted.accepts(head).then_some((head.decided_at, number))
        };
        if let Some(among) = among {
            let behind = among.partition_point(|number| *number < from);
            let numbers = among.iter().skip(behind).copied();
            return numbers.filter_map(place).take(limit).collect();
        }
        let end = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        (from..end).filter_map(place).take(limit).collect()
    }
}
