//! The content of one file of a layer: who claims it, where it lies meanwhile, and what is found.

use sluicegate_model::coverage::{Gap, GapKind};

use super::super::archive::{ArchiveError, Content};
use super::super::ends::{self, Ending};
use super::Walk;
use crate::analyzer::HEAD_BYTES;
use crate::ends::is_archive;
use crate::facts::{Event, NO_ENTRY, Observations, ReaderSet};
use crate::limits::{MIB, STOPPED};
use crate::plugin_set::{Claimants, ClaimedFile, EarlierFind, EarlyDigests};

/// Most memory for files' content that is kept from one file to the next, in bytes: to give it back
/// and take it again costs more than to copy the content.
const KEPT_CONTENT_BYTES: usize = 8 * 1024 * 1024;

/// Bytes taken from the archive into memory at a time.
pub(super) const PIECE_BYTES: u64 = MIB;

impl Walk<'_> {
    pub(super) fn file(
        &mut self,
        content: &mut dyn Content,
        size_bytes: u64,
        path: &str,
    ) -> Result<(), Gap> {
        self.content.clear();
        let head_bytes = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
        content
            .read_content(&mut self.content, head_bytes)
            .map_err(unreadable)?;
        let claimants = self.take_over_fed(path);
        let Some(whole) = self.fed(content, size_bytes, path, &claimants)? else {
            return self.beside_pieces(content, size_bytes, path, claimants);
        };
        // Analyzers are given the file as if nobody had read it.
        let mut rest = whole.get(self.content.len()..).unwrap_or_default();
        self.beside_pieces(&mut rest, size_bytes, path, claimants)
    }

    /// Gives a file, of which the beginning is at hand, to the analyzers that claim it.
    pub(super) fn for_analyzers(
        &mut self,
        content: &mut dyn Content,
        size_bytes: u64,
        path: &str,
    ) -> Result<(), Gap> {
        let claimants = self.claimants(path);
        match self.known(path, &claimants) {
            Some(EarlierFind::Facts(facts)) => return self.record(*facts, &claimants),
            Some(EarlierFind::Nothing) => return self.pass(path),
            None => {}
        }
        let outcome = if claimants.is_empty() {
            self.unclaimed(content, size_bytes, path)
        } else {
            self.claimed(content, size_bytes, path, claimants)
        };
        self.content.clear();
        self.content.shrink_to(KEPT_CONTENT_BYTES);
        outcome
    }

    /// Reads a file on to its end, which may claim it; of one that nobody does, its place is all.
    fn unclaimed(
        &mut self,
        content: &mut dyn Content,
        size_bytes: u64,
        path: &str,
    ) -> Result<(), Gap> {
        let ending = ends::read(content, &mut self.content, size_bytes, self.limits);
        let claimants = self.plugins.by_archive_end(Claimants::default());
        match ending.map_err(unreadable)? {
            Ending::Archive if !claimants.is_empty() => {
                self.claimed(content, size_bytes, path, claimants)
            }
            Ending::Missed if !claimants.is_empty() => {
                self.record(ends::missed(path, size_bytes), &claimants)
            }
            Ending::Archive | Ending::Missed | Ending::Other => self.pass(path),
        }
    }

    /// Reads a file, of which the beginning is at hand, to where its claimants want it, and runs
    /// them.
    fn claimed(
        &mut self,
        content: &mut dyn Content,
        size_bytes: u64,
        path: &str,
        claimants: Claimants,
    ) -> Result<(), Gap> {
        let places = self.plugins.places(&claimants, size_bytes);
        let mut early = EarlyDigests::of(path, size_bytes, &self.content);
        early.update(&self.content);
        if places.memory {
            let here = u64::try_from(self.content.len()).unwrap_or(u64::MAX);
            let rest = size_bytes.saturating_sub(here);
            self.limits.allowance.ask_for(size_bytes);
            if self.limits.stop.is_requested() {
                return Err(Gap::fatal(GapKind::Interrupted, STOPPED));
            }
            self.content
                .reserve_exact(usize::try_from(rest).unwrap_or(0));
            self.read_rest(content, &mut early).map_err(unreadable)?;
        }
        let spool = if places.spool {
            let mut early = (!places.memory).then_some(&mut early);
            let mut on_piece = |piece: &[u8]| {
                if let Some(early) = &mut early {
                    early.update(piece);
                }
            };
            let taken = self
                .spool
                .take(content, &self.content, size_bytes, &mut on_piece);
            Some(taken.map_err(unreadable)?)
        } else {
            None
        };
        let claimed = ClaimedFile {
            path,
            size_bytes,
            memory: places.memory.then_some(self.content.as_slice()),
            spool,
            early,
            limits: self.limits,
        };
        let with_end = self.plugins.by_archive_end(claimants.clone());
        let claimants = if with_end != claimants && is_archive(&claimed.tail()) {
            with_end
        } else {
            claimants
        };
        let facts = self.plugins.analyze(&claimants, &claimed);
        let event = self.facts.events.len();
        self.pairs
            .keep(self.plugins, &mut self.spool, claimed, event);
        self.record(facts, &claimants)
    }

    /// Decides who reads the file of which the beginning is at hand.
    fn claimants(&mut self, path: &str) -> Claimants {
        self.facts.readers.index.add(path, &self.content);
        let by_path = self.plugins.by_path(path);
        self.plugins.by_content(&self.content, by_path)
    }

    /// Gives what an earlier scan found in the entry at hand, if that still holds. Of pairs both
    /// files are read, so that they can be joined.
    fn known(&self, path: &str, claimants: &Claimants) -> Option<EarlierFind> {
        let is_one = self.whose == ReaderSet::ALL;
        let earlier = self.earlier.as_ref().filter(|_| is_one)?;
        let name = path.rsplit('/').next().unwrap_or_default();
        if self.plugins.pair_of(name).is_some() {
            return None;
        }
        earlier.of_entry(self.entry_number(), path, claimants)
    }

    /// Numbers the entry at hand.
    pub(super) fn entry_number(&self) -> u32 {
        u32::try_from(self.facts.entries).unwrap_or(NO_ENTRY)
    }

    /// Reads the rest of an entry into memory, piece by piece as it arrives.
    fn read_rest(
        &mut self,
        content: &mut dyn Content,
        early: &mut EarlyDigests,
    ) -> Result<(), ArchiveError> {
        loop {
            let before = self.content.len();
            content.read_content(&mut self.content, PIECE_BYTES)?;
            match self.content.get(before..) {
                Some([]) | None => return Ok(()),
                Some(piece) => early.update(piece),
            }
        }
    }

    /// Puts what pairs of files say in the place of what each said alone.
    pub(super) fn join_pairs(&mut self) {
        for joined in self.pairs.join(self.limits) {
            let events = &mut self.facts.events;
            let (path, event) = joined.beside;
            if let Some(Event::File(beside)) = events.get_mut(event)
                && beside.path == path
            {
                beside.found = Observations::default();
            }
            match events.get_mut(joined.event) {
                Some(Event::File(alone)) if alone.path == joined.facts.path => {
                    **alone = joined.facts;
                }
                _ => {
                    let readers = &mut self.facts.readers;
                    readers.note(NO_ENTRY, events.len(), &[joined.reader]);
                    events.push(Event::File(Box::new(joined.facts)));
                }
            }
        }
    }
}

pub(super) fn unreadable(error: ArchiveError) -> Gap {
    Gap::fatal(GapKind::LayerUnreadable, error.to_string())
}
