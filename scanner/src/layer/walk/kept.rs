//! What a walk keeps, and the memory that it pays for it.

use sluicegate_model::coverage::{Gap, GapKind};

use super::{PathShape, Walk};
use crate::facts::{Disputed, Event, FileFacts, PathHash, ReaderSet};

/// What keeping one event costs beside its names, in bytes: itself, its allocations, and a place in
/// the sets that look for contradictions.
const EVENT_BYTES: u64 = 112;

/// What a file that was read costs beside what was found in it, in bytes.
const FILE_BYTES: u64 = size_of::<FileFacts>() as u64;

/// What keeping a path's hash costs, in bytes.
const HASH_BYTES: u64 = 16;

impl Walk<'_> {
    /// Notes what a path is, if it is that to all readers.
    pub(super) fn see(&mut self, path: &str, shape: PathShape) -> Result<(), Gap> {
        if self.whose != ReaderSet::ALL {
            return Ok(());
        }
        self.seen.push(PathHash::of(path).marked(shape as u8));
        self.pay(HASH_BYTES)
    }

    /// Takes memory from the budget of names.
    fn pay(&mut self, bytes: u64) -> Result<(), Gap> {
        self.kept_name_bytes = self.kept_name_bytes.saturating_add(bytes);
        if self.kept_name_bytes > self.limits.max_kept_name_bytes {
            let most = self.limits.max_kept_name_bytes;
            return Err(Gap::fatal(
                GapKind::Budget,
                format!("the layer's names take more than {most} bytes"),
            ));
        }
        self.take(bytes)
    }

    /// Takes memory for what was found in one file.
    pub(super) fn take_file(&mut self, found_bytes: u64) -> Result<(), Gap> {
        self.take(found_bytes.saturating_add(FILE_BYTES))
    }

    /// Takes memory from the budget of all facts.
    fn take(&mut self, bytes: u64) -> Result<(), Gap> {
        self.kept_bytes = self.kept_bytes.saturating_add(bytes);
        self.limits.allowance.ask_for(self.kept_bytes);
        let most = self.limits.max_facts_bytes;
        if self.kept_bytes > most {
            let detail = format!("what was found in the layer takes more than {most} bytes");
            return Err(Gap::fatal(GapKind::Budget, detail));
        }
        Ok(())
    }

    /// Keeps an event.
    pub(super) fn keep(&mut self, event: Event) -> Result<(), Gap> {
        let bytes = match &event {
            Event::Directory(path)
            | Event::Opaque(path)
            | Event::Witness(path)
            | Event::Whiteout { path, .. } => path.len(),
            Event::Symlink { path, target } | Event::Hardlink { path, target } => {
                path.len() + target.len()
            }
            Event::File(facts) => facts.path.len(),
        };
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.pay(bytes.saturating_add(EVENT_BYTES))?;
        if self.whose != ReaderSet::ALL {
            self.facts.disputed.push(Disputed {
                event: self.facts.events.len(),
                readers: self.whose,
            });
        }
        self.facts.events.push(event);
        Ok(())
    }
}
