//! What lists are answered from: for each verdict a small row and a place in memory, and for each
//! name that can be asked for the numbers of those that have it.
//!
//! Every verdict, image and event has a number. A verdict's time, decision and repository are in
//! memory, 24 bytes each, so that any order and any of those filters costs no row. Names have rows
//! of numbers, in blocks. A verdict of a thousand names must not write a thousand rows while a pull
//! waits: what it changes is logged in its own batch, kept in memory, and folded into the blocks
//! later, many verdicts at once. Whoever asks is answered from both.
//!
//! Reading order: [`block`] (numbers on disk), [`overlay`] (what is not folded
//! yet), [`heads`] (what is in memory), [`load`] (how it gets there), [`fold`].

mod block;
mod fold;
mod heads;
mod load;
mod overlay;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::store::{Op, StoreError, VerdictStore};
use tokio::sync::{Mutex, OnceCell};

use super::head::{Head, NameHash};
use super::keys;
use super::records::PAGE_ROWS;
use super::rows;
use sluicegate_engine::ledger::ImageNumbers;
use sluicegate_engine::ledger::term::Term;

pub(super) use heads::{ListPlace, WantedVerdicts};
pub(super) use overlay::IndexEntry;

use heads::Heads;
use overlay::Overlay;

/// Most names of one logged row, up to 10 bytes each: a row has at most 8 KiB.
const ROW_TERMS: usize = 700;

/// The index of one store.
#[derive(Clone, Debug, Default)]
pub(super) struct Index(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    loaded: OnceCell<()>,
    state: RwLock<State>,
    /// Held while a fold is written.
    folding: Mutex<()>,
    /// Held while verdicts of an earlier form are taken in.
    earlier: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    heads: Heads,
    /// Numbers of images whose packages are listed.
    images: HashSet<u32>,
    next_image: u32,
    /// In which repositories images are recorded, by their numbers; none of a number that is taken
    /// and not written.
    recorded: Vec<Option<NameHash>>,
    next_row: u64,
    overlay: Overlay,
    /// What is being folded, until it is.
    folding: Option<Arc<Overlay>>,
    /// Whether every verdict has its number.
    is_whole: bool,
}

impl State {
    fn is_recorded(&mut self, number: u32, repository: NameHash) {
        let place = number as usize;
        if self.recorded.len() <= place {
            self.recorded.resize(place.saturating_add(1), None);
        }
        if let Some(place) = self.recorded.get_mut(place) {
            *place = Some(repository);
        }
    }
}

/// Changes that are about to be written.
#[derive(Debug, Default)]
pub(super) struct Logged {
    rows: Vec<(u64, IndexEntry)>,
    heads: Vec<(u32, Option<Head>)>,
    images: Vec<(u32, bool)>,
    recorded: Vec<(u32, NameHash)>,
}

impl Logged {
    /// Notes what a verdict's place in memory will be; none where its number is given up.
    pub(super) fn head(&mut self, number: u32, head: Option<Head>) {
        self.heads.push((number, head));
    }

    /// Notes in which repository the recorded image of a number is.
    pub(super) fn recorded(&mut self, number: u32, repository: NameHash) {
        self.recorded.push((number, repository));
    }

    /// Notes whether an image's packages will be listed under a number.
    pub(super) fn image(&mut self, number: u32, is_listed: bool) {
        self.images.push((number, is_listed));
    }
}

impl Index {
    /// Gives a number that no verdict has had.
    pub(super) fn number_verdict(&self) -> u32 {
        self.write().heads.reserve()
    }

    /// Gives a number that no image has had.
    pub(super) fn number_image(&self) -> u32 {
        let mut state = self.write();
        let number = state.next_image;
        state.next_image = number.saturating_add(1);
        number
    }

    /// Gives a number that no recorded image has had.
    pub(super) fn number_recorded(&self) -> u32 {
        let recorded = &mut self.write().recorded;
        let number = u32::try_from(recorded.len()).unwrap_or(u32::MAX);
        recorded.push(None);
        number
    }

    /// Leaves the recorded images that are in some repositories.
    pub(super) fn recorded_within(
        &self,
        numbers: &mut Vec<u32>,
        is_within: impl Fn(NameHash) -> bool,
    ) {
        let state = self.read();
        let repository = |number: u32| state.recorded.get(number as usize).copied().flatten();
        numbers.retain(|number| repository(*number).is_some_and(&is_within));
    }

    /// Makes the changes that log what a number gains and loses; nothing where that is nothing.
    pub(super) fn log(
        &self,
        entry: IndexEntry,
        logged: &mut Logged,
    ) -> Result<Vec<Op>, StoreError> {
        let mut ops = Vec::new();
        for entry in entry.in_parts(ROW_TERMS) {
            let row = {
                let mut state = self.write();
                let row = state.next_row;
                state.next_row = row.saturating_add(1);
                row
            };
            ops.push(rows::put(keys::logged(row), &entry)?);
            logged.rows.push((row, entry));
        }
        Ok(ops)
    }

    /// Takes in what was written.
    pub(super) fn written(&self, logged: Logged) {
        let mut state = self.write();
        for (number, head) in logged.heads {
            state.heads.set(number, head);
        }
        for (number, is_listed) in logged.images {
            if is_listed {
                state.images.insert(number);
            } else {
                state.images.remove(&number);
            }
        }
        for (number, repository) in logged.recorded {
            state.is_recorded(number, repository);
        }
        for (row, entry) in logged.rows {
            state.overlay.add(row, entry);
        }
    }

    /// Gives the numbers that have a name, in order.
    pub(super) async fn numbers(
        &self,
        store: &Arc<dyn VerdictStore>,
        term: Term,
    ) -> Result<Vec<u32>, StoreError> {
        // First, so that what is folded meanwhile is seen twice rather than not at all.
        let mut changed: HashMap<u32, bool> = HashMap::new();
        {
            let state = self.read();
            let folding = state.folding.iter().flat_map(|folding| folding.of(term));
            changed.extend(folding.chain(state.overlay.of(term)));
        }
        let mut numbers = Vec::new();
        let (prefix, mut after) = (keys::blocks_of(term), None);
        loop {
            let page = store.page(&prefix, after.as_ref(), PAGE_ROWS).await?;
            let is_last = page.len() < PAGE_ROWS;
            for (key, body) in page {
                if let Some(number) = keys::block_number(&key) {
                    block::each(number, &body, |number| {
                        if !changed.contains_key(&number) {
                            numbers.push(number);
                        }
                    });
                }
                after = Some(key);
            }
            if is_last {
                break;
            }
        }
        let added = changed.into_iter().filter(|(_, has)| *has);
        numbers.extend(added.map(|(number, _)| number));
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Chooses the newest verdicts that are wanted, at most `limit`, older than `after`.
    pub(super) fn newest(
        &self,
        wanted: &WantedVerdicts,
        among: Option<&[u32]>,
        limit: usize,
        after: Option<ListPlace>,
    ) -> Vec<ListPlace> {
        self.read().heads.newest(wanted, among, limit, after)
    }

    /// Chooses verdicts that are wanted, at most `limit`, in the order of their numbers, from one on.
    pub(super) fn first_judged(
        &self,
        wanted: &WantedVerdicts,
        among: Option<&[u32]>,
        limit: usize,
        from: u32,
    ) -> Vec<ListPlace> {
        let state = self.read();
        state.heads.first_judged(wanted, among, limit, from)
    }

    /// Gives each repository with the number of a verdict in it.
    pub(super) fn repositories(&self) -> HashMap<NameHash, u32> {
        self.read().heads.repositories()
    }

    /// Counts the verdicts, and those of images whose packages are not listed.
    pub(super) fn counts(&self) -> (u64, u64) {
        self.read().heads.counts()
    }

    /// Leaves those of some images that are still listed under their numbers.
    pub(super) fn listed(&self, numbers: Vec<u32>) -> Vec<u32> {
        let state = self.read();
        let listed = |number: &u32| state.images.contains(number);
        numbers.into_iter().filter(listed).collect()
    }

    /// Gives the numbers of all images that are listed.
    pub(super) fn all_images(&self) -> ImageNumbers {
        let mut all = ImageNumbers::default();
        self.read().images.iter().for_each(|it| all.insert(*it));
        all
    }

    /// Tells whether every verdict has its number.
    pub(super) fn is_whole(&self) -> bool {
        self.read().is_whole
    }

    /// Records that every verdict has its number.
    pub(super) fn set_whole(&self) {
        self.write().is_whole = true;
    }

    /// Waits until nobody else takes in what is of an earlier form.
    pub(super) async fn alone(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.earlier.lock().await
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps of two ordered lists what is in both.
pub(super) fn in_both(one: &[u32], other: &[u32]) -> Vec<u32> {
    let (small, large) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    let both = |number: &&u32| large.binary_search(number).is_ok();
    small.iter().filter(both).copied().collect()
}
