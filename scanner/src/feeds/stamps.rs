//! Which records an archive holds, and in which state: ids and times, nothing else.
//!
//! Whoever keeps a copy of a bucket compares them with the bucket's own list. Called by the program's
//! feed syncs.

use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;

use super::archive;
use super::error::FeedError;

/// A record and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The record's id.
    pub id: String,
    /// When it last changed; [`Timestamp::MIN`] where it gives no readable time.
    pub modified: Timestamp,
}

/// Hands the stamp and the content of every record of an archive to `each`; returns how many entries
/// could not be read.
///
/// *Errors*: the archive as a whole is not readable; what was handed out before stands.
pub fn read_stamps(path: &Path, each: &mut dyn FnMut(Stamp, &[u8])) -> Result<u64, FeedError> {
    let mut damaged = 0;
    archive::read_records(path, &mut |_, content, _| match content
        .ok()
        .and_then(|content| Some((read_stamp(content)?, content)))
    {
        Some((stamp, content)) => each(stamp, content),
        None => damaged += 1,
    })?;
    Ok(damaged)
}

/// Reads the stamp of a record; none where it is no record.
pub fn read_stamp(text: &[u8]) -> Option<Stamp> {
    let written: WrittenStamp = serde_json::from_slice(text).ok()?;
    let modified = written.modified.and_then(|time| time.parse().ok());
    Some(Stamp {
        id: written.id,
        modified: modified.unwrap_or(Timestamp::MIN),
    })
}

#[derive(Deserialize)]
struct WrittenStamp {
    id: String,
    modified: Option<String>,
}
