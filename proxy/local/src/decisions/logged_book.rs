//! Which access keys and which linked scanners the log knows of: the digest in its last line about a
//! change of them.
//!
//! Up to where that was looked for is kept beside the log, signed, so that a start reads only what
//! came since. Without it, or where it is not of this log, the whole log is read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sluicegate_engine::audit::About;
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_model::Digest;

use super::entry::LineKind;
use super::filter::DecisionFilter;
use super::line::Decisions;
use super::read::{Order, PageOf, read};
use crate::chain::LogError;
use crate::durable::Disk;
use crate::signed::Purpose;

/// The names of the files beside the log.
const KEYS_NAME: &str = "keys.seen";
const SCANNERS_NAME: &str = "scanners.seen";
/// What their signatures are for, as distinct from all else that the instance key signs.
const KEYS: Purpose = Purpose("keys that the log knows of");
const SCANNERS: Purpose = Purpose("scanners that the log knows of");
/// Lines of a page.
const PAGE: usize = 100;

/// What was found up to a line.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Seen {
    /// The number of that line.
    seq: u64,
    /// What lines up to it tell of.
    #[serde(rename = "keys")]
    book: Option<Digest>,
}

/// Of what lines are searched, and where it is kept up to which.
#[derive(Clone, Copy)]
struct Search<'a> {
    directory: &'a Path,
    instance: &'a InstanceKey,
    about: About,
}

/// Gives the digest of the keys, or of the scanners, that the log knows of; none where it never heard
/// of any. Blocks on the disk.
pub fn logged_book(
    directory: &Path,
    instance: &InstanceKey,
    about: About,
) -> Result<Option<Digest>, LogError> {
    let search = Search {
        directory,
        instance,
        about,
    };
    let before = search.known();
    let before =
        before.map_err(|error| LogError::io::<Decisions>("reading", &search.path(), error))?;
    let (found, newest) = search.behind(before.seq)?;
    let Some(newest) = newest else {
        // No line at all: whatever was seen was of another log.
        return Ok(None);
    };
    let seen = match (found, newest >= before.seq) {
        (Some(book), _) => Seen {
            seq: newest,
            book: Some(book),
        },
        (None, true) => Seen {
            seq: newest,
            book: before.book,
        },
        // Lines that were seen are gone, so that what they said is not proven by this log.
        (None, false) => Seen {
            seq: newest,
            book: search.behind(0)?.0,
        },
    };
    // On a full disk too a service starts: the next start looks at more of the log then.
    if let Err(error) = search.keep(&seen) {
        tracing::warn!(%error, "it is not kept up to where the log was searched");
    }
    Ok(seen.book)
}

impl Search<'_> {
    fn path(&self) -> PathBuf {
        self.directory.join(match self.about {
            About::Keys => KEYS_NAME,
            About::Scanners => SCANNERS_NAME,
        })
    }

    fn purpose(&self) -> Purpose {
        match self.about {
            About::Keys => KEYS,
            About::Scanners => SCANNERS,
        }
    }

    /// Finds the last line that tells of a change behind the line `after`; gives its digest, and the
    /// number of the newest line.
    fn behind(&self, after: u64) -> Result<(Option<Digest>, Option<u64>), LogError> {
        let filter = DecisionFilter {
            kind: Some(LineKind::about(self.about)),
            ..DecisionFilter::default()
        };
        let newest = read(self.directory, &DecisionFilter::default(), page(None, 1))?;
        let newest = newest.items.first().map(|line| line.seq);
        let mut before = None;
        loop {
            let found = read(self.directory, &filter, page(before, PAGE))?;
            let of_change = |line: &super::DecisionLine| line.served.clone();
            if let Some(book) = found.items.iter().find_map(of_change) {
                return Ok((Some(book), newest));
            }
            match found.next {
                Some(next) if next > after => before = Some(next),
                _ => return Ok((None, newest)),
            }
        }
    }

    /// Reads what was seen; nothing where that is not ours.
    fn known(&self) -> io::Result<Seen> {
        let text = match fs::read(self.path()) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Seen::default()),
            Err(error) => return Err(error),
        };
        let seen = self.purpose().open(self.instance, &text);
        Ok(seen.unwrap_or_default())
    }

    fn keep(&self, seen: &Seen) -> io::Result<()> {
        let text = self.purpose().seal(self.instance, seen)?;
        Disk::default().replace(&self.path(), text.as_bytes())
    }
}

fn page(after: Option<u64>, limit: usize) -> PageOf {
    PageOf {
        order: Order::Newest,
        after,
        limit,
    }
}
