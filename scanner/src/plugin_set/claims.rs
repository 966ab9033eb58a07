//! Claims as one lookup: which analyzers get an archive entry, by its name and its first bytes.

use std::collections::HashMap;

use crate::analyzer::{HEAD_BYTES, MAX_ENDING_DOTS as MAX_DOTS, Wants};

/// The analyzers that claimed one entry, by their places in the set; ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claimants(Vec<u16>);

impl Claimants {
    /// Tells whether nobody claimed the entry.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives the places, in the order in which the analyzers run.
    pub(crate) fn places(&self) -> &[u16] {
        &self.0
    }

    fn add(&mut self, place: u16) {
        if let Err(at) = self.0.binary_search(&place) {
            self.0.insert(at, place);
        }
    }

    fn add_all(&mut self, others: &Self) {
        others.0.iter().for_each(|place| self.add(*place));
    }
}

/// The claims of all analyzers of a set, by how they are looked up.
#[derive(Default)]
pub(super) struct Claims {
    exact: HashMap<Box<str>, Claimants>,
    in_dir: HashMap<Box<str>, Claimants>,
    named: HashMap<Box<str>, Claimants>,
    /// Few enough that comparing each costs less than lower-casing every name.
    endings: Vec<(Box<str>, u16)>,
    /// Endings of any number, in lower case.
    many_endings: HashMap<Box<str>, Claimants>,
    around: Vec<(Box<str>, Box<str>, u16)>,
    in_dirs_named: Vec<(Box<str>, Box<str>, u16)>,
    content: Vec<ContentClaim>,
    at: Vec<(usize, Box<[u8]>, u16)>,
    archive_end: Claimants,
    every: Claimants,
}

/// A claim on files that start so and have more bytes near their beginning.
struct ContentClaim {
    starts: Box<[u8]>,
    holds: Box<[u8]>,
    place: u16,
}

impl Claims {
    /// Takes a claim of the analyzer at a place in.
    pub(super) fn add(&mut self, wants: Wants<'_>, place: u16) {
        let (table, key) = match wants {
            Wants::Exact(path) => (&mut self.exact, path),
            Wants::InDir(dir) => (&mut self.in_dir, dir),
            Wants::Named(name) => (&mut self.named, name),
            Wants::Ending(ending) => return self.endings.push((ending.into(), place)),
            Wants::NamedAround { starts, ends } => {
                return self.around.push((starts.into(), ends.into(), place));
            }
            Wants::InDirsNamed { dir, ending } => {
                return self.in_dirs_named.push((dir.into(), ending.into(), place));
            }
            Wants::Content { starts, holds } => {
                let (starts, holds) = (starts.into(), holds.into());
                return self.content.push(ContentClaim {
                    starts,
                    holds,
                    place,
                });
            }
            Wants::At { at, holds } => return self.at.push((at, holds.into(), place)),
            Wants::ArchiveEnd => return self.archive_end.add(place),
            Wants::Every => return self.every.add(place),
            // Whoever reads headers is asked about every one.
            Wants::Headers => return,
        };
        table.entry(key.into()).or_default().add(place);
    }

    /// Takes a claim in of which there may be thousands: an ending is looked up then.
    pub(super) fn add_one_of_many(&mut self, wants: Wants<'_>, place: u16) {
        let Wants::Ending(ending) = wants else {
            return self.add(wants, place);
        };
        let ending = ending.to_ascii_lowercase().into();
        self.many_endings.entry(ending).or_default().add(place);
    }

    /// Decides by name.
    pub(super) fn by_path(&self, path: &str) -> Claimants {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut claimants = self.every.clone();
        let tables = [
            (&self.exact, path),
            (&self.in_dir, dir),
            (&self.named, name),
        ];
        for (table, key) in tables {
            if let Some(found) = table.get(key) {
                claimants.add_all(found);
            }
        }
        for (ending, place) in &self.endings {
            if ends_with(name, ending) {
                claimants.add(*place);
            }
        }
        if !self.many_endings.is_empty() {
            let lower = name.to_ascii_lowercase();
            for (at, _) in lower.rmatch_indices('.').take(MAX_DOTS) {
                let ending = lower.get(at..).unwrap_or_default();
                if let Some(found) = self.many_endings.get(ending) {
                    claimants.add_all(found);
                }
            }
        }
        for (starts, ends, place) in &self.around {
            let between = name.strip_prefix(&**starts);
            let between = between.and_then(|rest| rest.strip_suffix(&**ends));
            if between.is_some_and(|between| !between.is_empty() && !between.contains('.')) {
                claimants.add(*place);
            }
        }
        let dir_name = dir.rsplit('/').next().unwrap_or_default();
        for (named, ending, place) in &self.in_dirs_named {
            if dir_name == &**named && name.ends_with(&**ending) {
                claimants.add(*place);
            }
        }
        claimants
    }

    /// Decides by the first [`HEAD_BYTES`] of the content, added to what the name decided.
    pub(super) fn by_content(&self, head: &[u8], mut claimants: Claimants) -> Claimants {
        let head = head.get(..HEAD_BYTES).unwrap_or(head);
        for claim in &self.content {
            if head.starts_with(&claim.starts) && contains(head, &claim.holds) {
                claimants.add(claim.place);
            }
        }
        for (at, holds, place) in &self.at {
            let end = at.saturating_add(holds.len());
            if head.get(*at..end) == Some(&**holds) {
                claimants.add(*place);
            }
        }
        claimants
    }

    /// Adds who claims every file that ends as an archive does.
    pub(super) fn by_archive_end(&self, mut claimants: Claimants) -> Claimants {
        claimants.add_all(&self.archive_end);
        claimants
    }

    /// Tells whether an analyzer claims exactly this path.
    pub(super) fn is_exact(&self, path: &str) -> bool {
        self.exact.contains_key(path)
    }
}

/// Tells whether a name ends so, whatever the case of ASCII letters.
fn ends_with(name: &str, ending: &str) -> bool {
    let start = name.len().checked_sub(ending.len());
    let tail = start.and_then(|start| name.as_bytes().get(start..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(ending.as_bytes()))
}

fn contains(head: &[u8], wanted: &[u8]) -> bool {
    wanted.is_empty() || head.windows(wanted.len()).any(|window| window == wanted)
}
