//! Entries that readers take differently: each reading is kept, with whose it is, and a gap says so.

use sluicegate_model::coverage::{Gap, GapKind};

use crate::facts::ReaderSet;
use crate::layer::archive::{ArchiveError, Content, EntryHeader};
use crate::layer::header::Kind;
use crate::layer::readers::Reading;
use crate::limits::MIB;
use crate::path;

use super::Walk;
use super::content::PIECE_BYTES;

/// Largest file that is read under each of its names, in bytes; it is held in memory for that.
const MAX_BYTES: u64 = 64 * MIB;

/// Most of a name that is shown, in letters.
const SHOWN: usize = 128;

impl Walk<'_> {
    /// Walks an entry once for each reading.
    pub(super) fn disputed(
        &mut self,
        content: &mut dyn Content,
        readings: &[(ReaderSet, Reading)],
        size_bytes: u64,
    ) -> Result<(), Gap> {
        let unreadable =
            |error: ArchiveError| Gap::fatal(GapKind::LayerUnreadable, error.to_string());
        let shown = readings
            .iter()
            .map(|(readers, reading)| format!("{} to {}", described(reading), readers.names()));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let place = readings
            .first()
            .map(|(_, reading)| shown_name(&reading.name));
        let gap = |gap: Gap| gap.at(place.clone().unwrap_or_default());
        let detail = format!("archive readers differ on an entry: {shown}");
        self.gaps
            .push(gap(Gap::partial(GapKind::AmbiguousLayer, detail)));
        let mut held = Vec::new();
        if size_bytes > MAX_BYTES {
            let detail = "a large file is not one file to all archive readers";
            self.gaps
                .push(gap(Gap::fatal(GapKind::AmbiguousLayer, detail)));
        } else {
            self.limits.allowance.ask_for(size_bytes);
            loop {
                let before = held.len();
                content
                    .read_content(&mut held, PIECE_BYTES)
                    .map_err(unreadable)?;
                if held.len() == before {
                    break;
                }
            }
        }
        let held_bytes = u64::try_from(held.len()).unwrap_or(u64::MAX);
        for (readers, reading) in readings {
            self.whose = *readers;
            let outcome = self.reading(&mut held.as_slice(), reading, held_bytes);
            self.whose = ReaderSet::ALL;
            outcome?;
        }
        Ok(())
    }

    /// Says of readers that go no further than this entry.
    pub(super) fn note_stopped(&mut self, entry: &EntryHeader) {
        if entry.stopped == self.stopped {
            return;
        }
        let mut new = entry.stopped;
        new.remove(self.stopped);
        self.stopped = entry.stopped;
        let place = entry.readings.first();
        let place = place.map(|(_, reading)| shown_name(&reading.name));
        let detail = format!("{} takes the archive for damaged here", new.names());
        let gap = Gap::partial(GapKind::AmbiguousLayer, detail);
        self.gaps.push(gap.at(place.unwrap_or_default()));
    }
}

fn described(reading: &Reading) -> String {
    let name = shown_name(&reading.name);
    let kind = match reading.kind {
        Kind::Directory => "directory",
        Kind::File => "file",
        Kind::Symlink => "link",
        Kind::Hardlink => "hard link",
        Kind::OverlayWhiteout => "removal",
        Kind::Special => "device",
        Kind::Unknown(_) => "entry of an unknown type",
    };
    if reading.target.is_empty() {
        format!("{kind} {name:?}")
    } else {
        format!("{kind} {name:?} -> {:?}", shown_name(&reading.target))
    }
}

fn shown_name(name: &[u8]) -> String {
    path::text(name).chars().take(SHOWN).collect()
}
