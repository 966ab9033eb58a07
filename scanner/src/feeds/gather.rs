//! Gathers the records of one ecosystem family before they are written.
//!
//! The same record lies in the archive of each release it touches, and several directories may hold
//! different states of it: the newest state that is to be had for a release wins, each package's
//! advisory is kept once. A newer state in one release's folder takes nothing from another release,
//! of which that folder does not speak. Called by the index builder, one family at a time, so that
//! memory is bounded by the largest family.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::names::{Identity, Names};
use super::osv::Record;
use crate::matching::{self, names};

/// Everything known about one family.
#[derive(Default)]
pub(super) struct Family {
    newest: States,
    entries: BTreeMap<Package, Vec<Entry>>,
    /// Numbers the records in the order in which they were read.
    sequence: u32,
}

/// A package of an ecosystem, its name in normal form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Package {
    pub(super) ecosystem: Box<str>,
    pub(super) name: Box<str>,
}

/// The advisories on one package, in the encoding of the index.
pub(super) struct Gathered {
    pub(super) package: Package,
    pub(super) advisories: Vec<Box<[u8]>>,
}

/// What a family amounts to for one ecosystem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) records: u64,
    /// Records that state no severity.
    pub(super) without_severity: u64,
    /// Not in the future.
    pub(super) newest_modified: Option<Timestamp>,
}

/// The newest state seen of each record, by id, for each folder.
#[derive(Default)]
struct States(BTreeMap<Box<str>, HashMap<Box<str>, Newest>>);

struct Newest {
    modified: Timestamp,
    /// Which reading of this state speaks for each ecosystem.
    speakers: Vec<Speaker>,
    identity: Identity,
    is_withdrawn: bool,
}

struct Speaker {
    ecosystem: Box<str>,
    sequence: u32,
    /// Whether it states a severity of any package there.
    is_rated: bool,
}

struct Entry {
    id: Box<str>,
    sequence: u32,
    advisory: Box<[u8]>,
}

impl Family {
    /// Takes in a record read from the archive of `folder`.
    ///
    /// Only what the folder is for is kept: its own ecosystem, or every release of it where the
    /// folder is a whole family's. The other releases lie in folders of their own.
    pub(super) fn add(&mut self, folder: &str, record: Record) {
        let modified = record.modified.unwrap_or(Timestamp::MIN);
        self.sequence = self.sequence.saturating_add(1);
        let sequence = self.sequence;
        let states = self.newest.0.entry(folder.into()).or_default();
        let newest = states
            .entry(record.id.as_str().into())
            .or_insert_with(|| Newest::at(modified, &record));
        if modified < newest.modified {
            return;
        }
        if modified > newest.modified {
            *newest = Newest::at(modified, &record);
        }
        if record.is_withdrawn {
            newest.is_withdrawn = true;
            return;
        }
        for mut affected in record.affected {
            let ecosystem = affected.ecosystem.as_str();
            let family = ecosystem.split(':').next().unwrap_or_default();
            if ecosystem != folder && family != folder {
                continue;
            }
            let is_rated = affected.advisory.basis.is_some();
            if !newest.speaks(ecosystem, sequence, is_rated) {
                continue;
            }
            matching::slim(family, &mut affected.advisory);
            // The encoding of plain values into memory cannot fail.
            let Ok(advisory) = postcard::to_stdvec(&affected.advisory) else {
                continue;
            };
            let package = Package {
                ecosystem: ecosystem.into(),
                name: names::normal_form(family, &affected.name).as_ref().into(),
            };
            self.entries.entry(package).or_default().push(Entry {
                id: record.id.as_str().into(),
                sequence,
                advisory: advisory.into_boxed_slice(),
            });
        }
    }

    /// Counts the records in force of each ecosystem.
    pub(super) fn summaries(&self, now: Timestamp) -> BTreeMap<Box<str>, Summary> {
        let mut summaries: BTreeMap<Box<str>, Summary> = BTreeMap::new();
        for (id, state) in self.newest.0.values().flatten() {
            for speaker in &state.speakers {
                let ecosystem = &speaker.ecosystem;
                if !self.newest.is_in_force(id, ecosystem, speaker.sequence) {
                    continue;
                }
                let summary = summaries.entry(ecosystem.clone()).or_default();
                summary.records += 1;
                summary.without_severity += u64::from(!speaker.is_rated);
                let dated = state.modified > Timestamp::MIN && state.modified <= now;
                summary.newest_modified =
                    summary.newest_modified.max(dated.then_some(state.modified));
            }
        }
        summaries
    }

    /// Adds what the records in force know of weaknesses to what those of other families do.
    pub(super) fn name_weaknesses(&self, names: &mut Names) {
        for (id, state) in self.newest.0.values().flatten() {
            let is_in_force = state.speakers.iter().any(|speaker| {
                self.newest
                    .is_in_force(id, &speaker.ecosystem, speaker.sequence)
            });
            if is_in_force {
                names.add(id, &state.identity);
            }
        }
    }

    /// Gives each package with its advisories in force, in a fixed order.
    pub(super) fn into_packages(self) -> impl Iterator<Item = Gathered> {
        let newest = self.newest;
        self.entries
            .into_iter()
            .filter_map(move |(package, mut entries)| {
                entries.retain(|entry| {
                    newest.is_in_force(&entry.id, &package.ecosystem, entry.sequence)
                });
                entries.sort_by(|a, b| (&a.id, a.sequence).cmp(&(&b.id, b.sequence)));
                let advisories: Vec<_> = entries.into_iter().map(|entry| entry.advisory).collect();
                (!advisories.is_empty()).then_some(Gathered {
                    package,
                    advisories,
                })
            })
    }
}

impl States {
    /// Tells whether a reading is the one that counts for an ecosystem: of the two folders that
    /// speak of it, its own and its family's, the one with the newer state does.
    fn is_in_force(&self, id: &str, ecosystem: &str, sequence: u32) -> bool {
        let family = ecosystem.split(':').next().unwrap_or_default();
        let in_folder = |folder: &str| self.0.get(folder)?.get(id);
        let state = match (in_folder(ecosystem), in_folder(family)) {
            (Some(own), Some(shared)) if shared.modified > own.modified => shared,
            (Some(state), _) | (None, Some(state)) => state,
            (None, None) => return false,
        };
        !state.is_withdrawn && state.speaker(ecosystem) == Some(sequence)
    }
}

impl Newest {
    fn at(modified: Timestamp, record: &Record) -> Self {
        Self {
            modified,
            speakers: Vec::new(),
            identity: Identity::of(record),
            is_withdrawn: record.is_withdrawn,
        }
    }

    /// Tells whether this reading speaks for the ecosystem: the first one of a state does.
    fn speaks(&mut self, ecosystem: &str, sequence: u32, is_rated: bool) -> bool {
        let mut speakers = self.speakers.iter_mut();
        if let Some(speaker) = speakers.find(|speaker| *speaker.ecosystem == *ecosystem) {
            speaker.is_rated |= is_rated;
            return speaker.sequence == sequence;
        }
        self.speakers.push(Speaker {
            ecosystem: ecosystem.into(),
            sequence,
            is_rated,
        });
        true
    }

    /// Names the reading that speaks for an ecosystem.
    fn speaker(&self, ecosystem: &str) -> Option<u32> {
        let mut speakers = self.speakers.iter();
        let speaker = speakers.find(|speaker| *speaker.ecosystem == *ecosystem)?;
        Some(speaker.sequence)
    }
}
