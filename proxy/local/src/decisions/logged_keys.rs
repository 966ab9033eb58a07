//! Which access keys the log knows of: the digest in its last line about a change of them.
//!
//! Up to where that was looked for is kept beside the log, signed, so that a start reads only what
//! came since. Without it, or where it is not of this log, the whole log is read.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_model::Digest;

use super::entry::LineKind;
use super::filter::DecisionFilter;
use super::log::LogError;
use super::read::{Order, PageOf, read};
use crate::durable::Disk;
use crate::signed::Purpose;

/// The name of the file beside the log.
const FILE_NAME: &str = "keys.seen";
/// What its signature is for, as distinct from all else that the instance key signs.
const PURPOSE: Purpose = Purpose("keys that the log knows of");
/// Lines of a page.
const PAGE: usize = 100;

/// What was found up to a line.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Seen {
    /// The number of that line.
    seq: u64,
    /// The keys that lines up to it tell of.
    keys: Option<Digest>,
}

/// Gives the digest of the keys that the log knows of; none where it never heard of any. Blocks on
/// the disk.
pub fn logged_keys(directory: &Path, instance: &InstanceKey) -> Result<Option<Digest>, LogError> {
    let path = directory.join(FILE_NAME);
    let before = known(directory, instance);
    let before = before.map_err(|error| LogError::io("reading", &path, error))?;
    let (found, newest) = search(directory, before.seq)?;
    let Some(newest) = newest else {
        // No line at all: whatever was seen was of another log.
        return Ok(None);
    };
    let seen = match (found, newest >= before.seq) {
        (Some(keys), _) => Seen {
            seq: newest,
            keys: Some(keys),
        },
        (None, true) => Seen {
            seq: newest,
            keys: before.keys,
        },
        // Lines that were seen are gone, so that what they said is not proven by this log.
        (None, false) => Seen {
            seq: newest,
            keys: search(directory, 0)?.0,
        },
    };
    // On a full disk too a service starts: the next start looks at more of the log then.
    if let Err(error) = keep(directory, instance, &seen) {
        tracing::warn!(%error, "it is not kept up to where the log was searched for access keys");
    }
    Ok(seen.keys)
}

/// Finds the last line about keys behind the line `after`; gives its digest, and the number of the
/// newest line.
fn search(directory: &Path, after: u64) -> Result<(Option<Digest>, Option<u64>), LogError> {
    let filter = DecisionFilter {
        kind: Some(LineKind::Key),
        ..DecisionFilter::default()
    };
    let newest = read(directory, &DecisionFilter::default(), page(None, 1))?;
    let newest = newest.items.first().map(|line| line.seq);
    let mut before = None;
    loop {
        let found = read(directory, &filter, page(before, PAGE))?;
        let about_keys = |line: &super::DecisionLine| line.served.clone();
        if let Some(keys) = found.items.iter().find_map(about_keys) {
            return Ok((Some(keys), newest));
        }
        match found.next {
            Some(next) if next > after => before = Some(next),
            _ => return Ok((None, newest)),
        }
    }
}

fn page(after: Option<u64>, limit: usize) -> PageOf {
    PageOf {
        order: Order::Newest,
        after,
        limit,
    }
}

/// Reads what was seen; nothing where that is not ours.
fn known(directory: &Path, instance: &InstanceKey) -> io::Result<Seen> {
    let text = match fs::read(directory.join(FILE_NAME)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Seen::default()),
        Err(error) => return Err(error),
    };
    Ok(PURPOSE.open(instance, &text).unwrap_or_default())
}

fn keep(directory: &Path, instance: &InstanceKey, seen: &Seen) -> io::Result<()> {
    let text = PURPOSE.seal(instance, seen)?;
    Disk::default().replace(&directory.join(FILE_NAME), text.as_bytes())
}
