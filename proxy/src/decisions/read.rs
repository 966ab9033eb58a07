//! Lists lines of the log, newest first. Works on a log in use and on one at rest.

use std::fs::File;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Repository};

use super::backwards::LinesBackwards;
use super::line::{DecisionLine, MAX_LINE_BYTES};
use super::log::LogError;
use super::open::FILE_NAME;

/// Which lines are wanted; every field that is set must fit.
#[derive(Clone, Debug, Default)]
pub struct DecisionFilter {
    /// Those of this repository.
    pub repository: Option<Repository>,
    /// Those of this manifest.
    pub digest: Option<Digest>,
    /// Those that came out like this.
    pub decision: Option<Decision>,
    /// Those of this client's address.
    pub client: Option<String>,
    /// Those at this instant or later.
    pub since: Option<Timestamp>,
    /// Those before this instant.
    pub until: Option<Timestamp>,
}

/// One page of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionPage {
    /// The lines, newest first.
    pub items: Vec<DecisionLine>,
    /// What to give as `after` for the next page; none on the last one.
    pub next: Option<u64>,
}

/// Gives at most `limit` lines older than the line `after`, newest first; blocks on the disk.
///
/// Lines that are damaged are left out; `verify` finds them. No log is an empty one.
pub fn read(
    directory: &Path,
    filter: &DecisionFilter,
    after: Option<u64>,
    limit: usize,
) -> Result<DecisionPage, LogError> {
    let path = directory.join(FILE_NAME);
    let failed = |error| LogError::io("reading", &path, error);
    let mut page = DecisionPage {
        items: Vec::new(),
        next: None,
    };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(page),
        Err(error) => return Err(failed(error)),
    };
    let (lines, _) = LinesBackwards::new(&file, MAX_LINE_BYTES).map_err(failed)?;
    for line in lines {
        let (_, bytes) = line.map_err(failed)?;
        let Some(line) = DecisionLine::read(&bytes) else {
            continue;
        };
        let is_older = after.is_none_or(|after| line.seq < after);
        if is_older && filter.accepts(&line) {
            if page.items.len() >= limit.max(1) {
                page.next = page.items.last().map(|last| last.seq);
                return Ok(page);
            }
            page.items.push(line);
        }
    }
    Ok(page)
}

impl DecisionFilter {
    fn accepts(&self, line: &DecisionLine) -> bool {
        fits(self.repository.as_ref(), &line.repository)
            && fits(self.digest.as_ref(), &line.digest)
            && fits(self.decision.as_ref(), &line.decision)
            && fits(self.client.as_ref(), &line.client)
            && self.since.is_none_or(|since| line.time >= since)
            && self.until.is_none_or(|until| line.time < until)
    }
}

fn fits<T: PartialEq>(wanted: Option<&T>, got: &T) -> bool {
    wanted.is_none_or(|wanted| wanted == got)
}
