//! Path claims as one lookup: decides which analyzers get an archive entry, and runs them.
//!
//! It never reads an archive; `layer/walk.rs` asks it for each entry and hands it whole files. A
//! panic of an analyzer ends here, as a gap.

mod claimed;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use sluicegate_model::coverage::{Gap, GapKind};

use crate::analyzer::{AnalyzeError, Analyzer, HEAD_BYTES, Pair, SpooledFile, Wants};
use crate::analyzers;
use crate::ends;
use crate::facts::{FileFacts, Observations};
use crate::limits::{STOPPED, USUAL_BYTES};

pub(crate) use self::claimed::{ClaimedFile, EarlyDigests};

/// The analyzers that claimed one entry, as a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claimants(u64);

impl Claimants {
    /// Tells whether nobody claimed the entry.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn add(&mut self, index: usize) {
        self.0 |= 1_u64
            .checked_shl(index.try_into().unwrap_or(u32::MAX))
            .unwrap_or(0);
    }

    fn has(self, index: usize) -> bool {
        let mut one = Self::default();
        one.add(index);
        self.0 & one.0 != 0
    }
}

/// Where a claimed file lies while it is analyzed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Some claimant takes it in memory.
    pub(crate) memory: bool,
    /// Some claimant takes it from a spool.
    pub(crate) spool: bool,
}

#[derive(Clone, Copy)]
enum Place {
    Memory,
    Spool,
}

/// The claims of all analyzers, by how they are looked up.
pub(crate) struct Dispatch {
    analyzers: &'static [&'static dyn Analyzer],
    exact: HashMap<&'static str, Claimants>,
    in_dir: HashMap<&'static str, Claimants>,
    named: HashMap<&'static str, Claimants>,
    /// Few enough that comparing each costs less than lower-casing every name.
    endings: Vec<(&'static str, Claimants)>,
    in_dirs_named: Vec<(&'static str, &'static str, Claimants)>,
    content: Vec<(&'static [u8], &'static [u8], usize)>,
    at: Vec<(usize, &'static [u8], usize)>,
    archive_end: Claimants,
}

/// Gives the claims of every analyzer in the program.
pub(crate) fn dispatch() -> &'static Dispatch {
    static ALL: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(analyzers::ALL));
    &ALL
}

impl Dispatch {
    /// Indexes the claims of `analyzers`, at most 64 of them.
    pub(crate) fn new(analyzers: &'static [&'static dyn Analyzer]) -> Self {
        assert!(analyzers.len() <= 64, "claimants are a set of 64 bits");
        let mut this = Self {
            analyzers,
            exact: HashMap::new(),
            in_dir: HashMap::new(),
            named: HashMap::new(),
            endings: Vec::new(),
            in_dirs_named: Vec::new(),
            content: Vec::new(),
            at: Vec::new(),
            archive_end: Claimants::default(),
        };
        for (index, analyzer) in analyzers.iter().enumerate() {
            for wants in analyzer.wants() {
                this.claim(*wants, index);
            }
        }
        this
    }

    /// Decides by name.
    pub(crate) fn by_path(&self, path: &str) -> Claimants {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut bits = 0;
        let tables = [
            (&self.exact, path),
            (&self.in_dir, dir),
            (&self.named, name),
        ];
        for (table, key) in tables {
            bits |= table.get(key).copied().unwrap_or_default().0;
        }
        for (ending, claimants) in &self.endings {
            if ends_with(name, ending) {
                bits |= claimants.0;
            }
        }
        let dir_name = dir.rsplit('/').next().unwrap_or_default();
        for (named, ending, claimants) in &self.in_dirs_named {
            if dir_name == *named && name.ends_with(ending) {
                bits |= claimants.0;
            }
        }
        Claimants(bits)
    }

    /// Decides by the first [`HEAD_BYTES`] of the content, added to what the name decided.
    pub(crate) fn by_content(&self, head: &[u8], mut claimants: Claimants) -> Claimants {
        let head = head.get(..HEAD_BYTES).unwrap_or(head);
        for (starts, holds, index) in &self.content {
            let found = head.starts_with(starts) && contains(head, holds);
            if found {
                claimants.add(*index);
            }
        }
        for (at, holds, index) in &self.at {
            let end = at.saturating_add(holds.len());
            if head.get(*at..end) == Some(*holds) {
                claimants.add(*index);
            }
        }
        claimants
    }

    /// Decides by the last bytes of the content, added to what the rest decided.
    pub(crate) fn by_end(&self, tail: &[u8], claimants: Claimants) -> Claimants {
        if ends::is_archive(tail) {
            return Claimants(claimants.0 | self.archive_end.0);
        }
        claimants
    }

    /// Tells whether an analyzer claims exactly this path.
    pub(crate) fn is_exact(&self, path: &str) -> bool {
        self.exact.contains_key(path)
    }

    /// Decides where a file of this size must lie for its claimants.
    pub(crate) fn places(&self, claimants: Claimants, size_bytes: u64) -> Places {
        let mut places = Places::default();
        for analyzer in self.claimed(claimants) {
            match place(analyzer, size_bytes) {
                Some(Place::Memory) => places.memory = true,
                Some(Place::Spool) => places.spool = true,
                None => {}
            }
        }
        places
    }

    /// Runs the claimants over a whole file.
    pub(crate) fn analyze(&self, claimants: Claimants, file: &ClaimedFile<'_>) -> FileFacts {
        let mut facts = FileFacts {
            path: file.path.to_owned(),
            ..FileFacts::default()
        };
        for analyzer in self.claimed(self.by_end(&file.tail(), claimants)) {
            if file.limits.stop.is_requested() {
                let gap = Gap::fatal(GapKind::Interrupted, STOPPED);
                facts.found.gaps.push(gap.at(file.path));
                break;
            }
            let found = &mut facts.found;
            match (place(analyzer, file.size_bytes), file.memory, &file.spool) {
                // What its end claims may be in memory already.
                (Some(Place::Memory), Some(content), _)
                | (Some(Place::Spool), Some(content), None) => {
                    let wanted = file.in_memory(content);
                    run(analyzer, file.path, found, |found| {
                        analyzer.analyze(wanted, found)
                    });
                }
                (Some(Place::Spool), _, Some(Ok(content))) => {
                    let spooled = file.spooled(content);
                    run(analyzer, file.path, found, |found| {
                        analyzer.analyze_spooled(spooled, found)
                    });
                }
                (Some(Place::Spool), _, Some(Err(gap))) => {
                    found.gaps.push(gap.clone().at(file.path));
                }
                _ => found
                    .gaps
                    .push(too_large(analyzer, file.size_bytes, file.path)),
            }
        }
        if is_decided_by_its_owner(&facts.found) && may_be_owned(file.path) {
            facts.digests = file.digests();
        }
        facts
    }

    /// Finds the analyzer that reads files of this name as one of a pair.
    pub(crate) fn pair_of(&self, name: &str) -> Option<(&'static dyn Analyzer, Pair)> {
        let mut pairs = self
            .analyzers
            .iter()
            .filter_map(|analyzer| Some((*analyzer, analyzer.pair()?)));
        pairs.find(|(_, pair)| pair.file == name || pair.beside == name)
    }

    fn claim(&mut self, wants: Wants, index: usize) {
        let (table, key) = match wants {
            Wants::Exact(path) => (&mut self.exact, path),
            Wants::InDir(dir) => (&mut self.in_dir, dir),
            Wants::Named(name) => (&mut self.named, name),
            Wants::Ending(ending) => {
                let mut claimants = Claimants::default();
                claimants.add(index);
                self.endings.push((ending, claimants));
                return;
            }
            Wants::InDirsNamed { dir, ending } => {
                let mut claimants = Claimants::default();
                claimants.add(index);
                self.in_dirs_named.push((dir, ending, claimants));
                return;
            }
            Wants::Content { starts, holds } => {
                self.content.push((starts, holds, index));
                return;
            }
            Wants::At { at, holds } => {
                self.at.push((at, holds, index));
                return;
            }
            Wants::ArchiveEnd => return self.archive_end.add(index),
        };
        table.entry(key).or_default().add(index);
    }

    fn claimed(&self, claimants: Claimants) -> impl Iterator<Item = &'static dyn Analyzer> {
        self.analyzers
            .iter()
            .enumerate()
            .filter(move |(index, _)| claimants.has(*index))
            .map(|(_, analyzer)| *analyzer)
    }
}

/// Runs an analyzer over a file and the one beside it.
pub(crate) fn analyze_pair(
    analyzer: &dyn Analyzer,
    file: SpooledFile<'_>,
    beside: SpooledFile<'_>,
) -> FileFacts {
    let mut facts = FileFacts {
        path: file.path.to_owned(),
        ..FileFacts::default()
    };
    run(analyzer, file.path, &mut facts.found, |found| {
        analyzer.analyze_pair(file, beside, found)
    });
    facts
}

/// Decides where an analyzer takes a file of this size; none where it does not. What is large goes
/// into memory only where nothing else will do.
fn place(analyzer: &dyn Analyzer, size_bytes: u64) -> Option<Place> {
    let fits_memory = size_bytes <= analyzer.max_file_bytes();
    let may_spool = size_bytes <= analyzer.max_spooled_bytes();
    match (fits_memory, may_spool) {
        (true, true) if size_bytes > USUAL_BYTES => Some(Place::Spool),
        (true, _) => Some(Place::Memory),
        (false, true) => Some(Place::Spool),
        (false, false) => None,
    }
}

/// Tells whether it matters to what was found if an installed package owns the file.
///
/// Most files are neither hashed nor kept: of a program that nothing identifies, its size is all.
fn is_decided_by_its_owner(found: &Observations) -> bool {
    let says_something =
        !found.packages.is_empty() || !found.candidates.is_empty() || !found.gaps.is_empty();
    !found.database && says_something
}

/// Where packages of an operating system put files.
///
/// Source: Filesystem Hierarchy Standard 3.0.
const PACKAGED: [&str; 12] = [
    "bin", "boot", "etc", "lib", "lib32", "lib64", "libx32", "opt", "sbin", "srv", "usr", "var",
];

/// Tells whether a system's package may have put a file there: a program that an image's author
/// adds under `app` or `usr/local` is nobody's, so hashing it would prove nothing.
fn may_be_owned(path: &str) -> bool {
    let top = path.split('/').next().unwrap_or_default();
    PACKAGED.contains(&top) && !path.starts_with("usr/local/")
}

fn run(
    analyzer: &dyn Analyzer,
    path: &str,
    found: &mut Observations,
    analysis: impl FnOnce(&mut Observations) -> Result<(), AnalyzeError>,
) {
    let name = analyzer.id().name;
    let outcome = catch_unwind(AssertUnwindSafe(|| analysis(found)));
    let gap = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) => Gap::partial(
            GapKind::FileUnreadable,
            format!("{name} could not read it: {error}"),
        ),
        Err(_) => Gap::fatal(
            GapKind::AnalyzerFailed,
            format!("{name} failed on this file"),
        ),
    };
    found.gaps.push(gap.at(path));
}

/// Records that a file is over its analyzer's bounds.
fn too_large(analyzer: &dyn Analyzer, size_bytes: u64, path: &str) -> Gap {
    let detail = format!(
        "{} reads files of at most {} bytes, got {size_bytes}",
        analyzer.id().name,
        analyzer.max_file_bytes().max(analyzer.max_spooled_bytes()),
    );
    Gap::partial(GapKind::FileTooLarge, detail).at(path)
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

#[cfg(test)]
mod tests;
