//! Lists lines of the log, a page at a time. Works on a log in use and on one at rest.
//!
//! The newest page is read from the end and costs what it shows, however long the log is; a page
//! further on starts where its number is. A filter looks at no more than so many bytes for one page
//! and says how far it came.

use std::fs::File;
use std::io::{self, BufReader, Seek as _, SeekFrom};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filter::{DecisionFilter, Look, Sieve};
use super::line::{DecisionLine, Decisions};
use crate::chain::{
    Chain as _, LinesBackwards, LogError, LogPiece, MAX_LINE_BYTES, next_line, number_of, offset_of,
};

/// Most bytes looked at for one page: about 25,000 lines.
const MAX_PAGE_BYTES: u64 = 16 * 1024 * 1024;
/// Lines in a row outside the wanted time after which no more are looked at: a clock that was wrong
/// for a while hides nothing that was written before.
const MAX_OUTSIDE: u64 = 10_000;

/// In which order lines are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// The last one first.
    #[default]
    Newest,
    /// As they were written.
    Oldest,
}

/// Which page is wanted.
#[derive(Clone, Copy, Debug)]
pub struct PageOf {
    /// In which order.
    pub order: Order,
    /// The number of the line before the page, in that order; none for the first page.
    pub after: Option<u64>,
    /// Most lines.
    pub limit: usize,
}

/// One page of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionPage {
    /// The lines.
    pub items: Vec<DecisionLine>,
    /// What to give as `after` for the next page; none on the last one.
    pub next: Option<u64>,
    /// What was looked at for it.
    pub searched: Searched,
}

/// How far a page looked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Searched {
    /// Lines that were looked at.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The number of the last of them.
    pub to_seq: Option<u64>,
}

/// Gives a page of lines; blocks on the disk.
///
/// Lines that are damaged are left out; `verify` finds them. No log is an empty one.
pub fn read(
    directory: &Path,
    filter: &DecisionFilter,
    page: PageOf,
) -> Result<DecisionPage, LogError> {
    let path = directory.join(Decisions::FILE);
    let failed = |error| LogError::io::<Decisions>("reading", &path, error);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(PageReading::new(filter, page).ended());
        }
        Err(error) => return Err(failed(error)),
    };
    match page.order {
        Order::Newest => newest(&file, filter, page),
        Order::Oldest => oldest(&file, filter, page),
    }
    .map_err(failed)
}

/// Gives the line with a number; none where there is none, or it is damaged.
pub fn read_line(directory: &Path, seq: u64) -> Result<Option<DecisionLine>, LogError> {
    let page = PageOf {
        order: Order::Oldest,
        after: seq.checked_sub(1),
        limit: 1,
    };
    let page = read(directory, &DecisionFilter::default(), page)?;
    Ok(page.items.into_iter().find(|line| line.seq == seq))
}

fn newest(file: &File, filter: &DecisionFilter, page: PageOf) -> io::Result<DecisionPage> {
    let end = match page.after {
        Some(after) => offset_of(file, after)?,
        None => file.metadata()?.len(),
    };
    let mut reading = PageReading::new(filter, page);
    let (lines, _) = LinesBackwards::before(file, end, MAX_LINE_BYTES)?;
    for line in lines {
        let (_, line) = line?;
        if let Some(page) = reading.take(&line) {
            return Ok(page);
        }
    }
    Ok(reading.ended())
}

fn oldest(file: &File, filter: &DecisionFilter, page: PageOf) -> io::Result<DecisionPage> {
    let start = match page.after {
        Some(after) => offset_of(file, after.saturating_add(1))?,
        None => 0,
    };
    let mut reading = PageReading::new(filter, page);
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(start))?;
    loop {
        match next_line(&mut reader)? {
            LogPiece::Line(line) => {
                if let Some(page) = reading.take(&line) {
                    return Ok(page);
                }
            }
            LogPiece::TooLong(_) => {}
            LogPiece::Torn(_) | LogPiece::End => return Ok(reading.ended()),
        }
    }
}

/// A page while it is read.
struct PageReading<'a> {
    sieve: Sieve<'a>,
    of: PageOf,
    page: DecisionPage,
    /// Lines in a row that lie beyond the wanted time.
    outside: u64,
}

impl<'a> PageReading<'a> {
    fn new(filter: &'a DecisionFilter, of: PageOf) -> Self {
        Self {
            sieve: Sieve::new(filter),
            of,
            page: DecisionPage {
                items: Vec::new(),
                next: None,
                searched: Searched::default(),
            },
            outside: 0,
        }
    }

    /// Looks at the next line; gives the page where it ends before that one.
    fn take(&mut self, line: &[u8]) -> Option<DecisionPage> {
        let searched = &self.page.searched;
        let is_full = self.page.items.len() >= self.of.limit.max(1);
        if is_full || searched.bytes >= MAX_PAGE_BYTES {
            let next = searched.to_seq;
            return Some(DecisionPage {
                next,
                ..self.taken()
            });
        }
        let searched = &mut self.page.searched;
        searched.lines = searched.lines.saturating_add(1);
        searched.bytes = searched.bytes.saturating_add(line.len() as u64);
        searched.to_seq = number_of(line).or(searched.to_seq);
        match (self.sieve.look(line), self.of.order) {
            (Look::Maybe, _) => {
                self.outside = 0;
                if let Some(line) = self.sieve.read(line) {
                    self.page.items.push(line);
                }
            }
            (Look::No, _) => self.outside = 0,
            (Look::TooOld, Order::Newest) | (Look::TooYoung, Order::Oldest) => {
                self.outside = self.outside.saturating_add(1);
                if self.outside >= MAX_OUTSIDE {
                    return Some(self.taken());
                }
            }
            (Look::TooOld, Order::Oldest) | (Look::TooYoung, Order::Newest) => {}
        }
        None
    }

    fn taken(&mut self) -> DecisionPage {
        let nothing = DecisionPage {
            items: Vec::new(),
            next: None,
            searched: Searched::default(),
        };
        std::mem::replace(&mut self.page, nothing)
    }

    fn ended(mut self) -> DecisionPage {
        self.taken()
    }
}
