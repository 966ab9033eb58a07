//! Lists of the digests of malicious files, as they are fed.
//!
//! *Shape* of the file: lines of text, each the SHA-256 of a file in hexadecimal, alone, with the name of
//! the threat after a space (`sha256sum` writes it so), or as ClamAV has it (`SHA256:SIZE:NAME`). `#`
//! begins a line for people; the first ones may say what the list is, and of when it is
//! (`# Last updated: 2026-11-30 12:00:00 UTC`, `# 2026-11-30`). A line that is none of these makes it no
//! list, for half of one is worse than the one before.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::Digest as _;
use sluicegate_model::hashed::ContentHash;

/// Largest file, in bytes.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Most digests: more than any public list of what is seen in a year. Each takes 36 bytes.
const MAX_DIGESTS: usize = 2_000_000;

/// Longest line, in bytes.
const MAX_LINE: u64 = 4_096;

/// Longest name of a threat and title of a list, in characters; what is over is left out.
const MAX_NAME: usize = 120;

/// Most bytes of all names, each counted once with what it takes beside its text; those over are left
/// out.
const MAX_NAMES_BYTES: usize = 32 * 1024 * 1024;

/// What a name takes beside its text, in bytes.
const NAME_BYTES: usize = 96;

/// The place of the name that a digest does not have.
const UNNAMED: u32 = u32::MAX;

/// Digits of a SHA-256.
const DIGITS: usize = 64;

/// The digest of nothing: the file that every image has.
const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A list of malicious files by their digests, in force.
pub struct HashList {
    path: PathBuf,
    title: String,
    of: Option<Timestamp>,
    /// The SHA-256 of the file.
    content: [u8; 32],
    /// Sorted, each once; with the place of its name.
    digests: Vec<([u8; 32], u32)>,
    names: Vec<Box<str>>,
}

/// What a list says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threat<'a> {
    /// The whole digest.
    pub sha256: &'a [u8; 32],
    /// What the file is called; empty where the list does not say.
    pub name: &'a str,
}

/// Says why a file is no list.
#[derive(Debug, thiserror::Error)]
pub enum HashListError {
    /// The operating system refused.
    #[error("read {path}", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is none of a list.
    #[error("{path} is no list of SHA-256 digests: line {line} {reason}", path = path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It is too much, or nothing.
    #[error("{path} is no list of SHA-256 digests: it has {reason}", path = path.display())]
    Whole {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Debug for HashList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashList")
            .field("path", &self.path)
            .field("digests", &self.digests.len())
            .finish_non_exhaustive()
    }
}

impl HashList {
    /// Reads one from a file, whole.
    pub fn read(path: &Path) -> Result<Self, HashListError> {
        let failed = |source| HashListError::Io {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        let mut text = BufReader::new(file.take(MAX_BYTES + 1));
        let mut reading = Reading::default();
        let (mut line, mut bytes) = (Vec::new(), 0);
        loop {
            line.clear();
            let read = (&mut text).take(MAX_LINE + 1).read_until(b'\n', &mut line);
            let read = read.map_err(failed)?;
            if read == 0 {
                break;
            }
            bytes += u64::try_from(read).unwrap_or(MAX_BYTES);
            reading.lines += 1;
            let taken = reading.take(&line);
            taken.map_err(|reason| HashListError::Line {
                path: path.to_owned(),
                line: reading.lines,
                reason,
            })?;
            reading
                .check(bytes)
                .map_err(|reason| HashListError::Whole {
                    path: path.to_owned(),
                    reason,
                })?;
        }
        if reading.digests.is_empty() {
            let (path, reason) = (path.to_owned(), "no digest".to_owned());
            return Err(HashListError::Whole { path, reason });
        }
        Ok(reading.finish(path))
    }

    /// Gives what it says of a file; none where it does not list it.
    pub fn lookup(&self, hash: ContentHash) -> Option<Threat<'_>> {
        let start = |digest: &[u8; 32]| ContentHash::of(digest);
        let at = self
            .digests
            .binary_search_by(|(digest, _)| start(digest).cmp(&hash));
        let (sha256, name) = self.digests.get(at.ok()?)?;
        let name = usize::try_from(*name).ok();
        let name = name.and_then(|name| self.names.get(name));
        Some(Threat {
            sha256,
            name: name.map_or("", |name| name),
        })
    }

    /// Names the file that it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Says what it is: its first line for people, or its file's name.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Tells of when it is, where it says so.
    pub fn of(&self) -> Option<Timestamp> {
        self.of
    }

    /// Counts the digests.
    pub fn digests(&self) -> usize {
        self.digests.len()
    }

    /// Names its content: the SHA-256 of its file.
    pub fn content(&self) -> &[u8; 32] {
        &self.content
    }
}

/// The lists in force.
#[derive(Clone, Debug, Default)]
pub struct HashLists {
    lists: Vec<Arc<HashList>>,
    /// Whether there is one that cannot be read, and nothing is known of what it said before.
    is_one_unread: bool,
}

impl HashLists {
    /// Joins lists, in their order.
    pub fn new(lists: Vec<Arc<HashList>>, is_one_unread: bool) -> Self {
        Self {
            lists,
            is_one_unread,
        }
    }

    /// Tells whether files are to be looked up: there is a list, even one that cannot be read.
    pub fn are_in_force(&self) -> bool {
        self.is_one_unread || !self.lists.is_empty()
    }

    /// Tells whether there is one that cannot be read.
    pub fn is_one_unread(&self) -> bool {
        self.is_one_unread
    }

    /// Gives each.
    pub fn all(&self) -> &[Arc<HashList>] {
        &self.lists
    }

    /// Gives what they say of a file, and which of them says it: the first that names the threat, else
    /// the first.
    pub fn lookup(&self, hash: ContentHash) -> Option<(&HashList, Threat<'_>)> {
        let lists = self.lists.iter();
        let mut found = lists.filter_map(|list| Some((&**list, list.lookup(hash)?)));
        let first = found.next()?;
        if !first.1.name.is_empty() {
            return Some(first);
        }
        let named = found.find(|(_, threat)| !threat.name.is_empty());
        Some(named.unwrap_or(first))
    }

    /// Names what they say.
    pub fn content(&self) -> Vec<[u8; 32]> {
        let unread = self.is_one_unread.then_some([0; 32]);
        let lists = self.lists.iter().map(|list| list.content);
        lists.chain(unread).collect()
    }
}

/// A list while it is read.
#[derive(Default)]
struct Reading {
    lines: usize,
    title: Option<String>,
    of: Option<Timestamp>,
    content: sha2::Sha256,
    digests: Vec<([u8; 32], u32)>,
    names: Vec<Box<str>>,
    places: HashMap<Box<str>, u32>,
    name_bytes: usize,
}

impl Reading {
    fn take(&mut self, line: &[u8]) -> Result<(), &'static str> {
        self.content.update(line);
        if u64::try_from(line.len()).is_ok_and(|length| length > MAX_LINE) {
            return Err("is longer than 4096 bytes");
        }
        let line = std::str::from_utf8(line).map_err(|_| "is no text in UTF-8")?;
        // A mark of order is no part of the first line.
        let line = line.strip_prefix('\u{feff}').unwrap_or(line).trim();
        if let Some(comment) = line.strip_prefix('#') {
            self.hear(comment);
            return Ok(());
        }
        if line.is_empty() {
            return Ok(());
        }
        let wrong = "does not begin with a SHA-256 in hexadecimal";
        let (digits, rest) = line.split_at_checked(DIGITS).ok_or(wrong)?;
        let mut digest = [0; 32];
        hex::decode_to_slice(digits, &mut digest).map_err(|_| wrong)?;
        let name = match rest.chars().next() {
            None => "",
            // Behind ClamAV's size, which the digest knows better.
            Some(':') => rest
                .split(':')
                .nth(2)
                .ok_or("has no name behind its size")?,
            Some(' ' | '\t') => rest,
            Some(_) => return Err(wrong),
        };
        if digits.eq_ignore_ascii_case(OF_NOTHING) {
            return Ok(());
        }
        let name = self.place(&plain(name));
        self.digests.push((digest, name));
        Ok(())
    }

    /// Takes what a line for people says, before the first digest.
    fn hear(&mut self, comment: &str) {
        if !self.digests.is_empty() {
            return;
        }
        let comment = comment.trim_matches(|c: char| c == '#' || c.is_whitespace());
        let said = time_in(comment);
        if self.of.is_none() {
            self.of = said;
        }
        if self.title.is_none() && said.is_none() && comment.contains(char::is_alphabetic) {
            self.title = Some(plain(comment));
        }
    }

    fn place(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return UNNAMED;
        }
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        if self.name_bytes > MAX_NAMES_BYTES {
            return UNNAMED;
        }
        let place = u32::try_from(self.names.len()).unwrap_or(UNNAMED);
        self.name_bytes += name.len() + NAME_BYTES;
        self.names.push(name.into());
        self.places.insert(name.into(), place);
        place
    }

    fn check(&self, bytes: u64) -> Result<(), String> {
        if bytes > MAX_BYTES {
            return Err(format!("more than {MAX_BYTES} bytes"));
        }
        if self.digests.len() > MAX_DIGESTS {
            return Err(format!("more than {MAX_DIGESTS} digests"));
        }
        Ok(())
    }

    fn finish(mut self, path: &Path) -> HashList {
        // One with a name comes before the same without, and all are in one order.
        self.digests.sort_unstable();
        // By the half that is looked up, so that each is found.
        self.digests
            .dedup_by_key(|(digest, _)| ContentHash::of(digest));
        self.digests.shrink_to_fit();
        let file = || path.file_name().unwrap_or_default().to_string_lossy();
        HashList {
            path: path.to_owned(),
            title: self.title.unwrap_or_else(|| plain(&file())),
            of: self.of,
            content: self.content.finalize().into(),
            digests: self.digests,
            names: self.names,
        }
    }
}

/// Gives a text that can be shown in a line.
fn plain(text: &str) -> String {
    let is_odd = |c: &char| {
        c.is_control()
            || matches!(
                c,
                '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
            )
            || ('\u{202a}'..='\u{202e}').contains(c)
            || ('\u{2066}'..='\u{2069}').contains(c)
    };
    // As sha256sum marks what it read as bytes.
    let text = text.trim().trim_start_matches('*');
    let kept: String = text.chars().filter(|c| !is_odd(c)).take(MAX_NAME).collect();
    kept.trim().to_owned()
}

/// Finds a day in a text, and the time after it.
fn time_in(text: &str) -> Option<Timestamp> {
    let starts = text.char_indices().filter(|(_, c)| c.is_ascii_digit());
    starts.map(|(at, _)| at).find_map(|at| {
        let from = text.get(at..)?;
        let day: Date = from.get(..10)?.parse().ok()?;
        let time = from.get(11..19).and_then(|time| time.parse().ok());
        let at = day.to_datetime(time.unwrap_or(jiff::civil::Time::midnight()));
        TimeZone::UTC.to_timestamp(at).ok()
    })
}

#[cfg(test)]
mod tests;
