//! The set itself: which analyzers run, in which order, and what becomes of their failures.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use sluicegate_model::coverage::{Gap, GapKind};

use crate::analyzer::{AnalyzeError, Analyzer, Pair, SpooledFile};
use crate::analyzers::{self, NameTables};
use crate::facts::{FileFacts, Observations};
use crate::fed::{FedError, FedPlugin};
use crate::limits::{STOPPED, USUAL_BYTES};

use super::claimed::ClaimedFile;
use super::claims::{Claimants, Claims};
use super::databases::Databases;
use super::fed::Fed;
use super::packaged::may_be_owned;

/// Where a claimed file lies while it is analyzed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Some claimant takes it in memory.
    pub(crate) memory: bool,
    /// Some claimant takes it from a spool.
    pub(crate) spool: bool,
}

#[derive(Clone, Copy)]
enum ReadFrom {
    Memory,
    Spool,
}

/// The analyzers that run, in the order in which they run on a file.
pub struct PluginSet {
    analyzers: Vec<Box<dyn Analyzer>>,
    claims: Claims,
    databases: Databases,
    /// What the analyzers go by.
    tables: NameTables,
    pub(super) fed: Fed,
}

impl PluginSet {
    /// Takes analyzers in, each with its claims and databases.
    pub fn new(analyzers: Vec<Box<dyn Analyzer>>) -> Self {
        let (mut claims, mut databases) = (Claims::default(), Databases::default());
        for (place, analyzer) in (0..=u16::MAX).zip(&analyzers) {
            for wants in analyzer.claims() {
                claims.add(wants, place);
            }
            for database in analyzer.databases() {
                databases.add(database);
            }
        }
        Self {
            analyzers,
            claims,
            databases,
            tables: NameTables::default(),
            fed: Fed::default(),
        }
    }

    /// Gives the set of every analyzer of the program and of plugins that were fed.
    pub fn with_fed(fed: Vec<Arc<dyn FedPlugin>>) -> Result<Self, FedError> {
        Self::with_tables(fed, NameTables::default())
    }

    /// Does the same with analyzers that go by these tables of names.
    pub fn with_tables(fed: Vec<Arc<dyn FedPlugin>>, tables: NameTables) -> Result<Self, FedError> {
        Ok(Self {
            fed: Fed::of(fed)?,
            ..Self::going_by(tables)
        })
    }

    fn going_by(tables: NameTables) -> Self {
        Self {
            tables: tables.clone(),
            ..Self::new(analyzers::all(&tables))
        }
    }

    /// Gives the set of every analyzer of the program.
    pub fn built_in() -> &'static Self {
        static BUILT_IN: LazyLock<PluginSet> =
            LazyLock::new(|| PluginSet::going_by(NameTables::default()));
        &BUILT_IN
    }

    /// Gives the analyzers.
    pub fn analyzers(&self) -> impl Iterator<Item = &dyn Analyzer> {
        self.analyzers.iter().map(|analyzer| &**analyzer)
    }

    /// Gives the analyzer at a place.
    pub(super) fn at(&self, place: usize) -> Option<&dyn Analyzer> {
        self.analyzers.get(place).map(|analyzer| &**analyzer)
    }

    /// Tells whether nothing was fed to it: no plugin, and no table of names.
    pub fn is_built_in(&self) -> bool {
        self.fed.plugins.is_empty() && self.tables.fed().next().is_none()
    }

    /// Gives the tables of names that the analyzers go by.
    pub fn tables(&self) -> &NameTables {
        &self.tables
    }

    /// Gives where package databases are.
    pub(crate) fn databases(&self) -> &Databases {
        &self.databases
    }

    /// Decides by name.
    pub(crate) fn by_path(&self, path: &str) -> Claimants {
        self.claims.by_path(path)
    }

    /// Decides by the first bytes of the content, added to what the name decided.
    pub(crate) fn by_content(&self, head: &[u8], claimants: Claimants) -> Claimants {
        self.claims.by_content(head, claimants)
    }

    /// Decides by the end of a file that ends as an archive does, added to what the rest decided.
    pub(crate) fn by_archive_end(&self, claimants: Claimants) -> Claimants {
        self.claims.by_archive_end(claimants)
    }

    /// Tells whether an analyzer claims exactly this path.
    pub(crate) fn is_exact(&self, path: &str) -> bool {
        self.claims.is_exact(path)
    }

    /// Decides where a file of this size must lie for its claimants.
    pub(crate) fn places(&self, claimants: &Claimants, size_bytes: u64) -> Places {
        let mut places = Places::default();
        for analyzer in self.claimed(claimants) {
            match place(analyzer, size_bytes) {
                Some(ReadFrom::Memory) => places.memory = true,
                Some(ReadFrom::Spool) => places.spool = true,
                None => {}
            }
        }
        places
    }

    /// Runs the claimants over a whole file.
    pub(crate) fn analyze(&self, claimants: &Claimants, file: &ClaimedFile<'_>) -> FileFacts {
        let mut facts = FileFacts {
            path: file.path.to_owned(),
            ..FileFacts::default()
        };
        for analyzer in self.claimed(claimants) {
            if file.limits.stop.is_requested() {
                let gap = Gap::fatal(GapKind::Interrupted, STOPPED);
                facts.found.gaps.push(gap.at(file.path));
                break;
            }
            let found = &mut facts.found;
            match (place(analyzer, file.size_bytes), file.memory, &file.spool) {
                // What its end claims may be in memory already.
                (Some(ReadFrom::Memory), Some(content), _)
                | (Some(ReadFrom::Spool), Some(content), None) => {
                    let wanted = file.in_memory(content);
                    run(analyzer, file.path, found, |found| {
                        analyzer.analyze(wanted, found)
                    });
                }
                (Some(ReadFrom::Spool), _, Some(Ok(content))) => {
                    let spooled = file.spooled(content);
                    run(analyzer, file.path, found, |found| {
                        analyzer.analyze_spooled(spooled, found)
                    });
                }
                (Some(ReadFrom::Spool), _, Some(Err(gap))) => {
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

    /// Finds the analyzer that reads files of this name as one of a pair, and its place.
    pub(crate) fn pair_of(&self, name: &str) -> Option<(u16, &dyn Analyzer, Pair<'_>)> {
        let numbered = (0..=u16::MAX).zip(self.analyzers());
        let mut pairs =
            numbered.filter_map(|(at, analyzer)| Some((at, analyzer, analyzer.pair()?)));
        pairs.find(|(_, _, pair)| pair.file == name || pair.beside == name)
    }

    fn claimed(&self, claimants: &Claimants) -> impl Iterator<Item = &dyn Analyzer> {
        let places = claimants.places().iter();
        places.filter_map(|place| self.at(usize::from(*place)))
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
fn place(analyzer: &dyn Analyzer, size_bytes: u64) -> Option<ReadFrom> {
    let fits_memory = size_bytes <= analyzer.max_file_bytes();
    let may_spool = size_bytes <= analyzer.max_spooled_bytes();
    match (fits_memory, may_spool) {
        (true, true) if size_bytes > USUAL_BYTES => Some(ReadFrom::Spool),
        (true, _) => Some(ReadFrom::Memory),
        (false, true) => Some(ReadFrom::Spool),
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

#[cfg(test)]
mod tests;
