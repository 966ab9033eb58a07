//! The content of one file of a layer: who claims it, where it lies meanwhile, and what is found.

use sluicegate_model::coverage::{Gap, GapKind};

use crate::analyzer::HEAD_BYTES;
use crate::dispatch::{Claimants, ClaimedFile, EarlyDigests};
use crate::facts::{Event, Observations};
use crate::limits::{MIB, STOPPED};

use super::super::archive::{Archive, ArchiveError};
use super::super::ends::{self, Ending};
use super::Walk;

/// Most memory for files' content that is kept from one file to the next, in bytes.
const KEPT_CONTENT_BYTES: usize = 1024 * 1024;

/// Bytes taken from the archive into memory at a time.
const PIECE_BYTES: u64 = MIB;

impl Walk<'_> {
    pub(super) fn file(
        &mut self,
        archive: &mut Archive<'_>,
        size_bytes: u64,
        path: &str,
    ) -> Result<(), Gap> {
        let unreadable =
            |error: ArchiveError| Gap::fatal(GapKind::LayerUnreadable, error.to_string());
        self.content.clear();
        let head_bytes = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
        archive
            .read_content(&mut self.content, head_bytes)
            .map_err(unreadable)?;
        let claimants = self
            .dispatch
            .by_content(&self.content, self.dispatch.by_path(path));
        let claimants = if claimants.is_empty() {
            match self.by_end(archive, size_bytes, path)? {
                Some(claimants) => claimants,
                None => return Ok(()),
            }
        } else {
            claimants
        };
        let places = self.dispatch.places(claimants, size_bytes);
        let mut early = EarlyDigests::of(path, size_bytes);
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
            self.read_rest(archive, &mut early).map_err(unreadable)?;
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
                .take(archive, &self.content, size_bytes, &mut on_piece);
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
        let facts = self.dispatch.analyze(claimants, &claimed);
        let event = self.facts.events.len();
        self.pairs
            .keep(self.dispatch, &mut self.spool, claimed, event);
        self.content.clear();
        self.content.shrink_to(KEPT_CONTENT_BYTES);
        self.record(facts)
    }

    /// Gives who claims a file by its end; of one that nobody does, its place is all.
    fn by_end(
        &mut self,
        archive: &mut Archive<'_>,
        size_bytes: u64,
        path: &str,
    ) -> Result<Option<Claimants>, Gap> {
        let ending = ends::read(
            archive,
            self.dispatch,
            &mut self.content,
            size_bytes,
            self.limits,
        );
        let unreadable =
            |error: ArchiveError| Gap::fatal(GapKind::LayerUnreadable, error.to_string());
        match ending.map_err(unreadable)? {
            Ending::Claimed(claimants) => return Ok(Some(claimants)),
            Ending::Unclaimed => self.pass(path)?,
            Ending::Missed => self.record(ends::missed(path, size_bytes))?,
        }
        self.content.clear();
        self.content.shrink_to(KEPT_CONTENT_BYTES);
        Ok(None)
    }

    /// Reads the rest of an entry into memory, piece by piece as it arrives.
    fn read_rest(
        &mut self,
        archive: &mut Archive<'_>,
        early: &mut EarlyDigests,
    ) -> Result<(), ArchiveError> {
        loop {
            let before = self.content.len();
            archive.read_content(&mut self.content, PIECE_BYTES)?;
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
                _ => events.push(Event::File(Box::new(joined.facts))),
            }
        }
    }
}
