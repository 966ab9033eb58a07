//! Files of a layer that fed plugins claim: read whole before analyzers see them, which then see the
//! same as without.

use sluicegate_model::coverage::{Gap, GapKind};

use super::super::archive::Content;
use super::super::pieces::{PiecewiseFile, Shown};
use super::Walk;
use super::content::{PIECE_BYTES, unreadable};
use crate::facts::{DIRECTORY_ITSELF, ReaderSet, Told, ToldFile};
use crate::fed::EntryMode;
use crate::limits::STOPPED;

impl Walk<'_> {
    /// Tells which fed plugins claim a file, of which the beginning is at hand, and have to read it: what
    /// others said earlier is taken over.
    pub(super) fn take_over_fed(&mut self, path: &str) -> Vec<u16> {
        if !self.plugins.has_fed() {
            return Vec::new();
        }
        let claimants = self.plugins.fed_claimants(path, &self.content);
        let (known, news): (Vec<u16>, Vec<u16>) = claimants
            .places()
            .iter()
            .partition(|place| self.has_heard(**place));
        for place in known {
            self.take_over(path, place);
        }
        news
    }

    /// Lets fed plugins that take files whole read one; gives its whole content where that had to be
    /// taken off the archive.
    pub(super) fn fed(
        &mut self,
        content: &mut dyn Content,
        size_bytes: u64,
        path: &str,
        claimants: &[u16],
    ) -> Result<Option<Vec<u8>>, Gap> {
        let takes_whole = |place: &u16| !self.plugins.is_in_pieces(*place);
        let news: Vec<u16> = claimants.iter().copied().filter(takes_whole).collect();
        if news.is_empty() {
            return Ok(None);
        }
        let whole = if size_bytes <= self.plugins.fed_max_bytes(&news) {
            Some(self.whole(content, size_bytes)?)
        } else {
            None
        };
        for place in news {
            if self.limits.stop.is_requested() {
                return Err(Gap::fatal(GapKind::Interrupted, STOPPED));
            }
            let (bytes, work) = (whole.as_deref(), &mut self.fed);
            let told = self.plugins.fed_read(place, path, bytes, size_bytes, work);
            if let Some(told) = told {
                self.tell(path, place, told);
            }
        }
        Ok(whole)
    }

    /// Gives a file to the analyzers, and beside them to those that read it in pieces.
    pub(super) fn beside_pieces(
        &mut self,
        content: &mut dyn Content,
        size_bytes: u64,
        path: &str,
        mut places: Vec<u16>,
    ) -> Result<(), Gap> {
        places.retain(|place| self.plugins.is_in_pieces(*place));
        if places.is_empty() {
            return self.for_analyzers(content, size_bytes, path);
        }
        let Some(mut pieces) = self.pieces.take() else {
            return self.for_analyzers(content, size_bytes, path);
        };
        pieces.begin(PiecewiseFile {
            before: self.facts.told.len(),
            file: self.told_file(path, 0, Told::default()),
            size_bytes,
            places,
        });
        pieces.push(&self.content);
        let mut shown = Shown {
            content,
            pieces: &mut pieces,
        };
        let outcome = self.for_analyzers(&mut shown, size_bytes, path);
        let outcome = outcome.and_then(|()| shown.rest().map_err(unreadable));
        pieces.end();
        self.pieces = Some(pieces);
        outcome
    }

    /// Reads all of an entry into memory, of which the beginning is at hand.
    fn whole(&mut self, content: &mut dyn Content, size_bytes: u64) -> Result<Vec<u8>, Gap> {
        self.limits.allowance.ask_for(size_bytes);
        let mut whole = Vec::new();
        whole.reserve_exact(usize::try_from(size_bytes).unwrap_or(0));
        whole.extend_from_slice(&self.content);
        loop {
            let before = whole.len();
            content
                .read_content(&mut whole, PIECE_BYTES)
                .map_err(unreadable)?;
            if whole.len() == before {
                return Ok(whole);
            }
        }
    }

    /// Shows the header at hand to those who look at headers.
    pub(super) fn show_header(&mut self, path: &str, is_directory: bool) {
        for place in self.plugins.of_headers() {
            let entry = EntryMode {
                path,
                is_directory,
                mode: self.mode,
            };
            let Some(told) = self.plugins.fed_see(*place, entry, &mut self.fed) else {
                continue;
            };
            if is_directory {
                self.tell(&format!("{path}{DIRECTORY_ITSELF}"), *place, told);
            } else {
                self.tell(path, *place, told);
            }
        }
    }

    /// Tells whether an earlier scan has asked a plugin about the entry at hand.
    fn has_heard(&self, place: u16) -> bool {
        let is_one = self.whose == ReaderSet::ALL;
        let earlier = self.earlier.as_ref().filter(|_| is_one);
        earlier.is_some_and(|earlier| earlier.is_known(self.plugins.place_of_fed(place)))
    }

    /// Takes over what a plugin said earlier of the entry at hand.
    fn take_over(&mut self, path: &str, place: u16) {
        let at = usize::from(self.plugins.place_of_fed(place));
        let entry = self.entry_number();
        let told = self.earlier.as_ref().and_then(|earlier| {
            let plugin = self.facts.readers.plugins.get(at)?;
            earlier.told_of(entry, plugin).cloned()
        });
        if let Some(told) = told {
            self.tell(path, place, told);
        }
    }

    fn tell(&mut self, path: &str, place: u16, told: Told) {
        let told = self.told_file(path, place, told);
        self.facts.told.push(told);
    }

    fn told_file(&self, path: &str, place: u16, told: Told) -> ToldFile {
        ToldFile {
            path: path.to_owned(),
            entry: self.entry_number(),
            plugin: self.plugins.place_of_fed(place),
            after: self.facts.events.len(),
            readers: self.whose,
            told,
        }
    }

    /// Says of a hard link that plugins claim by its name that they were not handed what it shares.
    pub(super) fn fed_missed(&mut self, path: &str, places: &[u16]) {
        for place in places {
            let why = "it is a hard link to a file that the plugin does not claim";
            if let Some(told) = self.fed.missed(*place, why) {
                self.tell(path, *place, told);
            }
        }
    }

    /// Notes which plugins were not heard to the end.
    pub(super) fn end_fed(&mut self) {
        for gap in self.plugins.fed_gaps(&self.fed) {
            self.gaps.push(gap);
        }
    }
}
