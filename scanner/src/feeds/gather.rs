//! Gathers the records of one ecosystem family before they are written.
//!
//! The same record lies in the archive of each release it touches, and several directories may hold
//! different states of it: the newest state that is to be had for a release wins, each package's
//! advisory is kept once. A newer state in one release's folder takes nothing from another release,
//! of which that folder does not speak. Called by the index builder, one family at a time, so that
//! memory is bounded by the largest family.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sluicegate_model::package::family_of;

use super::feed::Record;
use super::names::{Identity, Names};
use super::times::{Days, release};
use crate::{matchers, names};

/// Everything known about one family.
#[derive(Default)]
pub(super) struct Family {
    newest: States,
    /// When records were made or changed, also those that were withdrawn since: somebody tends
    /// the feed.
    days: Days,
    entries: BTreeMap<Package, Vec<GatheredRecord>>,
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
    /// The newest time of a record, not in the future.
    pub(super) newest: Option<Timestamp>,
    /// The same of the records that speak of no later release.
    pub(super) newest_own: Option<Timestamp>,
}

/// The newest state seen of each record, by id, for each folder.
#[derive(Default)]
struct States(BTreeMap<Box<str>, HashMap<Box<str>, Newest>>);

struct Newest {
    modified: Timestamp,
    published: Option<Timestamp>,
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
    /// Whether the record speaks of no later release than this.
    is_own: bool,
}

struct GatheredRecord {
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
        let own_family = family_of(folder);
        let named = record.affected.iter().map(|affected| &*affected.ecosystem);
        let named = named.filter(|name| family_of(name) == own_family);
        let latest = named.map(release).max();
        if latest.is_some() {
            let times = record.modified.into_iter().chain(record.published);
            times.for_each(|at| self.days.add(at));
        }
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
            let family = family_of(ecosystem);
            if ecosystem != folder && family != folder {
                continue;
            }
            let is_rated = affected.advisory.basis.is_some();
            let is_own = Some(release(ecosystem)) >= latest;
            if !newest.speaks(ecosystem, sequence, is_rated, is_own) {
                continue;
            }
            matchers::slim(family, &mut affected.advisory);
            // The encoding of plain values into memory cannot fail.
            let Ok(advisory) = postcard::to_stdvec(&affected.advisory) else {
                continue;
            };
            let package = Package {
                ecosystem: ecosystem.into(),
                name: names::normal_form(family, &affected.name).as_ref().into(),
            };
            self.entries
                .entry(package)
                .or_default()
                .push(GatheredRecord {
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
                let newest = state.newest_time(now);
                summary.newest = summary.newest.max(newest);
                summary.newest_own = summary.newest_own.max(newest.filter(|_| speaker.is_own));
            }
        }
        summaries
    }

    /// Gives the days on which records were made or changed.
    pub(super) fn take_days(&mut self) -> Days {
        std::mem::take(&mut self.days)
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
        let family = family_of(ecosystem);
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
            published: record.published,
            speakers: Vec::new(),
            identity: Identity::of(record),
            is_withdrawn: record.is_withdrawn,
        }
    }

    /// Gives when it was last changed, or made, that is not in the future.
    fn newest_time(&self, now: Timestamp) -> Option<Timestamp> {
        let modified = Some(self.modified).filter(|modified| *modified > Timestamp::MIN);
        let times = modified.into_iter().chain(self.published);
        times.filter(|at| *at <= now).max()
    }

    /// Tells whether this reading speaks for the ecosystem: the first one of a state does.
    fn speaks(&mut self, ecosystem: &str, sequence: u32, is_rated: bool, is_own: bool) -> bool {
        let mut speakers = self.speakers.iter_mut();
        if let Some(speaker) = speakers.find(|speaker| *speaker.ecosystem == *ecosystem) {
            speaker.is_rated |= is_rated;
            return speaker.sequence == sequence;
        }
        self.speakers.push(Speaker {
            ecosystem: ecosystem.into(),
            sequence,
            is_rated,
            is_own,
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
