//! What the record says of one image, as a row: which weaknesses it has and had, in which packages,
//! from when until when. Names of weaknesses are there as hashes: whoever asks knows the name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_engine::ledger::term::Term;
use sluicegate_engine::ledger::{InPackage, RecordedImage, Weaknesses};

/// Bytes of an entry: six of a name's hash, two of the number of its package.
const ENTRY_BYTES: usize = 8;
/// Most entries of a row; of what is gone the oldest are left out first.
const MAX_ENTRIES: usize = 24_000;
/// Most bytes of the packages of a row; those beyond have no name in it.
const MAX_PACKAGE_BYTES: usize = 48 * 1024;
/// The number of a package that has no name in the row.
const UNNAMED: u16 = u16::MAX;

/// A recorded image.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct RecordRow {
    repository: String,
    digest: String,
    domain: String,
    packages: Vec<(String, String)>,
    /// What it has.
    there: Vec<Span>,
    /// What it had.
    gone: Vec<Span>,
}

/// Weaknesses that came together, and went together where they have.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Span {
    /// In nanoseconds since 1970.
    from: i64,
    until: i64,
    entries: Vec<u8>,
}

/// A weakness in a package: the hash of a name of it, and the package's number.
type Entry = (u64, u16);

/// What is asked for by names that an image gained and lost.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) added: Vec<Term>,
    pub(super) removed: Vec<Term>,
}

/// What a row says of one weakness.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) packages: Vec<InPackage>,
    pub(super) first_seen: Timestamp,
    pub(super) withdrawn: Option<Timestamp>,
}

impl RecordRow {
    /// Starts a row of an image of which nothing is known.
    pub(super) fn of(image: &RecordedImage) -> Self {
        Self {
            repository: image.repository.to_string(),
            digest: image.digest.to_string(),
            domain: image.domain.to_string(),
            ..Self::default()
        }
    }

    /// Names the image; none where the row is damaged.
    pub(super) fn image(&self) -> Option<RecordedImage> {
        Some(RecordedImage {
            repository: self.repository.parse().ok()?,
            digest: self.digest.parse().ok()?,
            domain: self.domain.parse().ok()?,
        })
    }

    /// Takes in what came and went at a moment; where it is whole, what did not come goes.
    pub(super) fn turn(
        &mut self,
        time: Timestamp,
        is_whole: bool,
        (added, removed): (&Weaknesses, &Weaknesses),
    ) -> Moved {
        let time = i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX);
        let mut there = self.known();
        let before: BTreeSet<u64> = there.keys().map(|(name, _)| *name).collect();
        let mut numbers = self.numbers();
        let added: BTreeSet<Entry> = self.entries(added, &mut numbers, true).collect();
        let gone: Vec<Entry> = if is_whole {
            let left = there.keys().filter(|entry| !added.contains(entry));
            left.copied().collect()
        } else {
            self.entries(removed, &mut numbers, false).collect()
        };
        let mut went: BTreeMap<i64, Vec<Entry>> = BTreeMap::new();
        for entry in gone {
            if !added.contains(&entry)
                && let Some(from) = there.remove(&entry)
            {
                went.entry(from).or_default().push(entry);
            }
        }
        for entry in added {
            there.entry(entry).or_insert(time);
        }
        self.gone
            .extend(went.into_iter().map(|(from, entries)| Span {
                from,
                until: time,
                entries: packed(entries),
            }));
        let after: BTreeSet<u64> = there.keys().map(|(name, _)| *name).collect();
        self.keep(there);
        moved(&before, &after)
    }

    /// Tells of the weakness of a name; none where it neither has nor had it.
    pub(super) fn told(&self, term: Term) -> Option<Told> {
        let first = |span: &Span| span.packages_of(term).next().is_some();
        let spans = self.there.iter().chain(&self.gone);
        let from = spans.filter(|span| first(span)).map(|it| it.from).min()?;
        let is_there = self.there.iter().any(first);
        let last = self.gone.iter().filter(|span| first(span));
        let last = last.map(|span| span.until).max();
        let having: Vec<&Span> = if is_there {
            self.there.iter().collect()
        } else {
            let ended = |span: &&Span| Some(span.until) == last;
            self.gone.iter().filter(ended).collect()
        };
        let mut packages: BTreeSet<InPackage> = BTreeSet::new();
        for number in having.iter().flat_map(|span| span.packages_of(term)) {
            let named = self.packages.get(usize::from(number));
            packages.extend(named.map(|(name, version)| InPackage {
                name: name.clone(),
                version: version.clone(),
            }));
        }
        Some(Told {
            packages: packages.into_iter().collect(),
            first_seen: moment(from)?,
            withdrawn: match last.filter(|_| !is_there) {
                Some(until) => Some(moment(until)?),
                None => None,
            },
        })
    }

    /// Gives since when it has what it has.
    fn known(&self) -> BTreeMap<Entry, i64> {
        let spans = self.there.iter();
        let entries = spans.flat_map(|span| span.each().map(|entry| (entry, span.from)));
        entries.collect()
    }

    fn numbers(&self) -> HashMap<(String, String), u16> {
        let numbered = (0_u16..).zip(&self.packages);
        numbered.map(|(at, named)| (named.clone(), at)).collect()
    }

    /// Lists weaknesses under every name that each has. Packages that are new are named where there is
    /// room and they may be.
    fn entries(
        &mut self,
        weaknesses: &Weaknesses,
        numbers: &mut HashMap<(String, String), u16>,
        may_name: bool,
    ) -> std::vec::IntoIter<Entry> {
        let mut listed = Vec::new();
        for (package, names) in &weaknesses.0 {
            let named = (package.name.clone(), package.version.clone());
            let number = match numbers.get(&named) {
                Some(number) => *number,
                None if may_name => self.name(named, numbers),
                None => UNNAMED,
            };
            listed.extend(
                names
                    .iter()
                    .map(|name| (Term::recorded(name).hash(), number)),
            );
        }
        listed.into_iter()
    }

    fn name(
        &mut self,
        named: (String, String),
        numbers: &mut HashMap<(String, String), u16>,
    ) -> u16 {
        let lengths = self.packages.iter().map(|it| it.0.len() + it.1.len());
        let bytes: usize = lengths.sum();
        let number = u16::try_from(self.packages.len()).unwrap_or(UNNAMED);
        if number == UNNAMED || bytes + named.0.len() + named.1.len() > MAX_PACKAGE_BYTES {
            return UNNAMED;
        }
        self.packages.push(named.clone());
        numbers.insert(named, number);
        number
    }

    /// Keeps what it has, by when it came, and as much of what it had as there is room for.
    fn keep(&mut self, there: BTreeMap<Entry, i64>) {
        let mut room = MAX_ENTRIES.saturating_sub(there.len());
        let mut spans: BTreeMap<i64, Vec<Entry>> = BTreeMap::new();
        for (entry, from) in there.into_iter().take(MAX_ENTRIES) {
            spans.entry(from).or_default().push(entry);
        }
        let span = |(from, entries)| Span {
            from,
            until: 0,
            entries: packed(entries),
        };
        self.there = spans.into_iter().map(span).collect();
        self.gone.sort_by_key(|span| span.until);
        let mut kept = Vec::new();
        for span in std::mem::take(&mut self.gone).into_iter().rev() {
            let count = span.entries.len() / ENTRY_BYTES;
            if count > room {
                break;
            }
            room -= count;
            kept.push(span);
        }
        kept.reverse();
        self.gone = kept;
    }
}

impl Span {
    fn each(&self) -> impl Iterator<Item = Entry> + '_ {
        let (entries, _) = self.entries.as_chunks::<ENTRY_BYTES>();
        entries.iter().map(|[a, b, c, d, e, f, number @ ..]| {
            let name = u64::from_be_bytes([0, 0, *a, *b, *c, *d, *e, *f]);
            (name, u16::from_be_bytes(*number))
        })
    }

    fn packages_of(&self, term: Term) -> impl Iterator<Item = u16> + '_ {
        let named = self.each().filter(move |(name, _)| *name == term.hash());
        named.map(|(_, number)| number)
    }
}

fn moment(nanoseconds: i64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(nanoseconds.into()).ok()
}

fn packed(entries: Vec<Entry>) -> Vec<u8> {
    let bytes = entries.into_iter().flat_map(|(name, number)| {
        let [_, _, name @ ..] = name.to_be_bytes();
        name.into_iter().chain(number.to_be_bytes())
    });
    bytes.collect()
}

/// Tells what an image is to be found by, and by what no longer.
fn moved(before: &BTreeSet<u64>, after: &BTreeSet<u64>) -> Moved {
    let mut moved = Moved::default();
    for name in after.difference(before) {
        let term = Term::recorded_as(*name);
        moved.added.push(term);
        moved.removed.push(term.recorded_before());
    }
    for name in before.difference(after) {
        let term = Term::recorded_as(*name);
        moved.removed.push(term);
        moved.added.push(term.recorded_before());
    }
    moved.added.sort_unstable();
    moved.removed.sort_unstable();
    moved
}
