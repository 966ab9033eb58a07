//! Builds an index: every file of every directory, one family after the other, into one file.
//!
//! The file becomes visible only when it is whole: temporary name, fsync, rename, fsync of the
//! directory. A record that cannot be read is listed and costs only itself. Called by the program
//! when no index exists for the feeds it is to use.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::Digest as _;
use sluicegate_model::package::family_of;
use sluicegate_model::snapshot::SnapshotId;

use super::directory::{FeedDirectory, FeedFile};
use super::error::FeedError;
use super::feed::{FeedFormat, Record};
use super::formats::{ADVISORIES, files_of};
use super::gather::{Family, Gathered, Summary};
use super::layout::{
    FORMAT, IndexSection, KeyEntry, PREAMBLE_BYTES, Preamble, Tables, groupless_hash, key_hash,
};
use super::names::Names;
use super::severities::Rating;
use super::sources::source_fingerprint;
use super::status::{BuildProgress, EcosystemStatus, FeedProblem};
use super::times::FamilyTimes;
use super::{exploits, severities};
use crate::names::without_group;

/// Most problems that are listed; all are counted. A feed with more is broken as a whole.
const MAX_PROBLEMS: usize = 1000;

/// Most characters of one problem's reason.
const MAX_REASON: usize = 200;

/// Records between two reports of progress.
const PROGRESS_EVERY: u64 = 1000;

/// Builds an index of `directories` in `out_dir` and returns its path, which names its content.
///
/// `now` separates times that are believed from those in the future, which are ignored. Builders
/// in the same `out_dir` wait for each other. Indexes that are already there are left alone.
pub fn build_index(
    directories: &[FeedDirectory],
    out_dir: &Path,
    now: Timestamp,
    on_progress: &(dyn Fn(BuildProgress) + Sync),
) -> Result<PathBuf, FeedError> {
    let fingerprint = source_fingerprint(directories)?;
    std::fs::create_dir_all(out_dir).map_err(FeedError::io("create", out_dir))?;
    let lock_path = out_dir.join("build.lock");
    let lock = File::create(&lock_path).map_err(FeedError::io("create", &lock_path))?;
    lock.lock().map_err(FeedError::io("lock", &lock_path))?;
    let unfinished = out_dir.join("unfinished");
    let built = Builder::create(&unfinished)
        .and_then(|builder| builder.fill(directories, now, on_progress))
        .and_then(|builder| builder.with_severities(directories, out_dir, now))
        .and_then(|builder| builder.finish(fingerprint));
    let snapshot = match built {
        Ok(snapshot) => snapshot,
        Err(error) => {
            // The error that stopped the build says more than one about its leftovers would.
            let _ = std::fs::remove_file(&unfinished);
            return Err(error);
        }
    };
    let name = snapshot.as_str().trim_start_matches("sha256:");
    let path = out_dir.join(format!("{name}.feeds"));
    std::fs::rename(&unfinished, &path).map_err(FeedError::io("rename to", &path))?;
    File::open(out_dir)
        .and_then(|directory| directory.sync_all())
        .map_err(FeedError::io("sync", out_dir))?;
    Ok(path)
}

struct Builder {
    file: BufWriter<File>,
    path: PathBuf,
    /// Where the next byte goes.
    offset: u64,
    keys: Vec<KeyEntry>,
    identity: sha2::Sha256,
    ecosystems: BTreeMap<Box<str>, EcosystemStatus>,
    families: Vec<FamilyTimes>,
    problems: Vec<FeedProblem>,
    names: Names,
    severities: Vec<Rating>,
    tables: Tables,
}

impl Builder {
    fn create(path: &Path) -> Result<Self, FeedError> {
        let file = File::create(path).map_err(FeedError::io("create", path))?;
        let mut builder = Self {
            file: BufWriter::new(file),
            path: path.to_owned(),
            offset: 0,
            keys: Vec::new(),
            identity: sha2::Sha256::new(),
            ecosystems: BTreeMap::new(),
            families: Vec::new(),
            problems: Vec::new(),
            names: Names::default(),
            severities: Vec::new(),
            tables: Tables::default(),
        };
        builder.identity.update(FORMAT.to_le_bytes());
        builder.append(&[0; PREAMBLE_BYTES])?;
        Ok(builder)
    }

    fn fill(
        mut self,
        directories: &[FeedDirectory],
        now: Timestamp,
        on_progress: &(dyn Fn(BuildProgress) + Sync),
    ) -> Result<Self, FeedError> {
        let families = by_family(directories)?;
        let archives = families.values().map(Vec::len).sum();
        let mut number = 0;
        for (name, files) in &families {
            let mut family = Family::default();
            for (format, file) in files {
                number += 1;
                self.read_file(*format, file, &mut family, &|records, records_expected| {
                    on_progress(BuildProgress {
                        ecosystem: file.folder.clone(),
                        archive: number,
                        archives,
                        records,
                        records_expected,
                    });
                });
            }
            self.summarize(&family.summaries(now));
            self.families.push(family.take_days().of_family(name));
            family.name_weaknesses(&mut self.names);
            for gathered in family.into_packages() {
                self.write_block(&gathered)?;
            }
        }
        self.add_exploits(directories)?;
        Ok(self)
    }

    fn read_file(
        &mut self,
        format: FeedFormat<Record>,
        file: &FeedFile,
        family: &mut Family,
        on_progress: &dyn Fn(u64, u64),
    ) {
        let folder = file.folder.as_str();
        self.status(folder);
        let mut records = 0;
        let outcome = format.read(&file.path, &mut |entry| {
            records += 1;
            let expected = entry.of.unwrap_or(records);
            if records % PROGRESS_EVERY == 0 || records == expected {
                on_progress(records, expected);
            }
            match entry.said {
                Ok(record) => {
                    for oddity in &record.oddities {
                        self.note(folder, entry.name, &**oddity);
                    }
                    family.add(folder, record);
                }
                Err(error) => self.note(folder, entry.name, &*error),
            }
        });
        if let Err(error) = outcome {
            self.note(folder, None, &error);
        }
    }

    fn write_block(&mut self, gathered: &Gathered) -> Result<(), FeedError> {
        let package = &gathered.package;
        let count = gathered.advisories.len();
        let mut block = postcard::to_stdvec(&(&*package.ecosystem, &*package.name, count))
            .map_err(|_| FeedError::TooLarge { what: "a key" })?;
        for advisory in &gathered.advisories {
            block.extend_from_slice(advisory);
        }
        let key = KeyEntry {
            hash: key_hash(&package.ecosystem, &package.name),
            offset: self.offset,
            length: u32::try_from(block.len())
                .map_err(|_| FeedError::TooLarge { what: "a block" })?,
            crc: crc32fast::hash(&block),
        };
        self.keys.push(key);
        if let Some(name) = without_group(&package.ecosystem, &package.name) {
            let hash = groupless_hash(&package.ecosystem, name);
            self.keys.push(KeyEntry { hash, ..key });
            self.tables.groupless_keys += 1;
        }
        self.identity.update(&block);
        self.append(&block)
    }

    fn add_exploits(&mut self, directories: &[FeedDirectory]) -> Result<(), FeedError> {
        let exploits = exploits::read(directories)?;
        self.list_problems(exploits.problems);
        self.tables.known_exploited = exploits.known.into_iter().collect();
        self.tables.known_exploited_of = exploits.known_of;
        self.tables.exploit_scores_of = exploits.scores_of;
        self.tables.exploit_scores = exploits.scores.into_iter().collect();
        Ok(())
    }

    fn with_severities(
        mut self,
        directories: &[FeedDirectory],
        out_dir: &Path,
        now: Timestamp,
    ) -> Result<Self, FeedError> {
        let read = severities::read(directories, out_dir, now)?;
        self.list_problems(read.problems);
        self.tables.severities_of = read.of;
        self.severities = read.ratings;
        Ok(self)
    }

    /// Writes tables, keys and, last, the preamble that makes the file an index.
    fn finish(mut self, source_fingerprint: String) -> Result<SnapshotId, FeedError> {
        self.tables.source_fingerprint = source_fingerprint;
        self.tables.ecosystems = std::mem::take(&mut self.ecosystems).into_values().collect();
        self.tables.problems = std::mem::take(&mut self.problems);
        self.tables.names = std::mem::take(&mut self.names).into_tables();
        self.tables.families = std::mem::take(&mut self.families);
        let severities = std::mem::take(&mut self.severities);
        let severities: Vec<u8> = severities
            .iter()
            .flat_map(|rating| rating.bits().to_le_bytes())
            .collect();
        self.identity.update(&severities);
        let severities = self.append_section(&severities)?;
        self.tables.snapshot = self.snapshot()?;
        let encoded = postcard::to_stdvec(&self.tables)
            .map_err(|_| FeedError::TooLarge { what: "tables" })?;
        let tables = self.append_section(&encoded)?;
        self.keys.sort_unstable();
        let keys: Vec<u8> = self.keys.iter().flat_map(|key| key.to_bytes()).collect();
        let keys = self.append_section(&keys)?;
        let preamble = Preamble {
            tables,
            keys,
            severities,
        };
        let failed = FeedError::io("write", &self.path);
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(&preamble.to_bytes()))
            .and_then(|()| self.file.flush())
            .and_then(|()| self.file.get_ref().sync_all())
            .map_err(failed)?;
        Ok(self.tables.snapshot)
    }

    /// Names everything that a report rests on, the times of records included: what is known can
    /// be younger than before and otherwise the same. Problems are not part of it.
    fn snapshot(&mut self) -> Result<SnapshotId, FeedError> {
        let ecosystems = self.tables.ecosystems.iter();
        let names: Vec<_> = ecosystems
            .map(|one| (one.name.as_str(), one.records, one.newest_own))
            .collect();
        let encoded = postcard::to_stdvec(&(
            names,
            &self.tables.families,
            &self.tables.known_exploited,
            &self.tables.exploit_scores,
            &self.tables.names,
        ))
        .map_err(|_| FeedError::TooLarge { what: "tables" })?;
        self.identity.update(&encoded);
        let identity = std::mem::take(&mut self.identity).finalize();
        Ok(SnapshotId::of_content(identity))
    }

    fn append_section(&mut self, bytes: &[u8]) -> Result<IndexSection, FeedError> {
        let section = IndexSection {
            offset: self.offset,
            length: length_of(bytes),
            crc: crc32fast::hash(bytes),
        };
        self.append(bytes)?;
        Ok(section)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), FeedError> {
        self.file
            .write_all(bytes)
            .map_err(FeedError::io("write", &self.path))?;
        self.offset = self.offset.saturating_add(length_of(bytes));
        Ok(())
    }

    fn summarize(&mut self, summaries: &BTreeMap<Box<str>, Summary>) {
        for (name, summary) in summaries {
            let status = self.status(name);
            status.records = summary.records;
            status.without_severity = summary.without_severity;
            status.newest = summary.newest;
            status.newest_own = summary.newest_own;
        }
    }

    fn note(&mut self, ecosystem: &str, record: Option<&str>, error: &dyn Error) {
        self.status(ecosystem).problems += 1;
        self.list_problems([FeedProblem {
            ecosystem: ecosystem.to_owned(),
            record: record.map(str::to_owned),
            reason: error.to_string(),
        }]);
    }

    fn list_problems(&mut self, problems: impl IntoIterator<Item = FeedProblem>) {
        let short = |text: String| text.chars().take(MAX_REASON).collect();
        let room = MAX_PROBLEMS.saturating_sub(self.problems.len());
        let listed = problems.into_iter().take(room).map(|problem| FeedProblem {
            record: problem.record.map(short),
            reason: short(problem.reason),
            ..problem
        });
        self.problems.extend(listed);
    }

    fn status(&mut self, ecosystem: &str) -> &mut EcosystemStatus {
        self.ecosystems
            .entry(ecosystem.into())
            .or_insert_with(|| EcosystemStatus {
                name: ecosystem.to_owned(),
                records: 0,
                newest: None,
                newest_own: None,
                without_severity: 0,
                problems: 0,
            })
    }
}

/// The files of one family, each with its format.
type FamilyFiles = Vec<(FeedFormat<Record>, FeedFile)>;

/// Sorts the files of all directories by the family of their folder.
fn by_family(directories: &[FeedDirectory]) -> Result<BTreeMap<String, FamilyFiles>, FeedError> {
    let mut families: BTreeMap<String, FamilyFiles> = BTreeMap::new();
    for (format, file) in files_of(&ADVISORIES, directories)? {
        let family = family_of(&file.folder).to_owned();
        families.entry(family).or_default().push((format, file));
    }
    Ok(families)
}

fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
