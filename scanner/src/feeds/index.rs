//! Answers from an index file: which advisories there are on a package, and what is exploited.
//!
//! Only keys, small tables and the advisories that were asked for last are in memory; a package's
//! advisories are checked whenever they are read. It never changes the file. Safe to share between threads.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use sha2::Digest as _;
use sluicegate_model::advisory::Advisory;
use sluicegate_model::package::Ecosystem;
use sluicegate_model::report::Knowledge;
use sluicegate_model::severity::Severity;
use sluicegate_model::snapshot::SnapshotId;

use super::blocks::{Blocks, read_checked};
use super::cve::CveNumber;
use super::error::FeedError;
use super::layout::{
    IndexSection, KEY_BYTES, KeyEntry, PREAMBLE_BYTES, Preamble, Tables, groupless_hash, key_hash,
};
use super::names::{CveRating, name_hash};
use super::severities::Rating;
use super::status::{EcosystemStatus, FeedProblem};
use crate::analyzers::NameTables;
use crate::eol::SupportTable;
use crate::hash_list::HashLists;
use crate::jars::JarIndex;
use crate::names::without_group;

/// An open index.
#[derive(Debug)]
pub struct FeedIndex {
    /// None for the index of no feeds at all.
    pub(super) file: Option<File>,
    pub(super) keys: Vec<KeyEntry>,
    /// By NVD's files, sorted.
    pub(super) severities: Vec<Rating>,
    pub(super) tables: Tables,
    blocks: Blocks,
    /// The index of JARs beside it.
    jars: Option<Arc<JarIndex>>,
    /// The table of ends of support that was fed.
    support: Option<Arc<SupportTable>>,
    /// The lists of malicious files.
    hash_lists: HashLists,
    /// The tables of names for whoever reads layers.
    names: NameTables,
    /// Names the content of all of it.
    snapshot: SnapshotId,
}

impl FeedIndex {
    /// Opens an index and checks all of it that is held in memory.
    pub fn open(path: &Path) -> Result<Self, FeedError> {
        let failed = |source| FeedError::Io {
            action: "open feed index",
            path: path.to_owned(),
            source,
        };
        let not_an_index = || FeedError::NotAnIndex {
            path: path.to_owned(),
        };
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut start = [0; PREAMBLE_BYTES];
        file.read_exact_at(&mut start, 0)
            .map_err(|_| not_an_index())?;
        let preamble = Preamble::from_bytes(&start).ok_or_else(not_an_index)?;
        let tables = read_section(&file, preamble.tables, length, "tables")?;
        let keys = read_section(&file, preamble.keys, length, "keys")?;
        let severities = read_section(&file, preamble.severities, length, "severities")?;
        let (severities, cut) = severities.as_chunks::<8>();
        if !cut.is_empty() {
            return Err(FeedError::Damaged { part: "severities" });
        }
        let rating = |bits: &[u8; 8]| Rating::from_bits(u64::from_le_bytes(*bits));
        let severities = severities.iter().map(rating).collect();
        let tables: Tables =
            postcard::from_bytes(&tables).map_err(|_| FeedError::Damaged { part: "tables" })?;
        let (entries, odd) = keys.as_chunks::<KEY_BYTES>();
        let keys: Option<Vec<KeyEntry>> = entries.iter().map(KeyEntry::from_bytes).collect();
        match keys {
            Some(keys) if odd.is_empty() => Ok(Self {
                file: Some(file),
                keys,
                severities,
                snapshot: tables.snapshot.clone(),
                tables,
                blocks: Blocks::default(),
                jars: None,
                support: None,
                hash_lists: HashLists::default(),
                names: NameTables::default(),
            }),
            _ => Err(FeedError::Damaged { part: "keys" }),
        }
    }

    /// Makes the index of no feeds: it knows no ecosystem.
    pub fn empty() -> Self {
        Self {
            file: None,
            keys: Vec::new(),
            severities: Vec::new(),
            tables: Tables::default(),
            blocks: Blocks::default(),
            jars: None,
            support: None,
            hash_lists: HashLists::default(),
            names: NameTables::default(),
            snapshot: SnapshotId::NO_FEEDS,
        }
    }

    /// Puts an index of JARs beside it, in the place of one that is there, or takes that away.
    #[must_use]
    pub fn with_jars(self, jars: Option<Arc<JarIndex>>) -> Self {
        Self { jars, ..self }.named_anew()
    }

    /// Puts a table of ends of support in the place of the program's own, or takes that away.
    #[must_use]
    pub fn with_support(self, support: Option<Arc<SupportTable>>) -> Self {
        Self { support, ..self }.named_anew()
    }

    /// Puts lists of malicious files beside it, in the place of those that are there.
    #[must_use]
    pub fn with_hash_lists(self, hash_lists: HashLists) -> Self {
        Self { hash_lists, ..self }.named_anew()
    }

    /// Puts tables of names beside it, in the place of those that are there. They are for whoever reads layers,
    /// and no part of its name: whoever goes by them is named so.
    #[must_use]
    pub fn with_names(self, names: NameTables) -> Self {
        Self { names, ..self }
    }

    fn named_anew(self) -> Self {
        let own = self.tables.snapshot.clone();
        let jars = self.jars.as_ref().map(|jars| ("jars", jars.content()));
        let support = self.support.as_ref();
        let support = support.and_then(|it| Some(("support", it.content()?)));
        let mut all = sha2::Sha256::new();
        all.update(own.as_str());
        let lists = self.hash_lists.content();
        let lists = lists.iter().map(|content| ("malware", content));
        let beside: Vec<_> = jars.into_iter().chain(support).chain(lists).collect();
        for (name, content) in &beside {
            all.update([0]);
            all.update(name);
            all.update(content);
        }
        let snapshot = if beside.is_empty() {
            own
        } else {
            SnapshotId::of_content(all.finalize())
        };
        Self { snapshot, ..self }
    }

    /// Gives the table of ends of support that was fed beside it.
    pub fn fed_support(&self) -> Option<&Arc<SupportTable>> {
        self.support.as_ref()
    }

    /// Gives the table of ends of support in force.
    pub fn support(&self) -> &Arc<SupportTable> {
        self.fed_support().unwrap_or(SupportTable::compiled())
    }

    /// Gives the tables of names in force.
    pub fn names(&self) -> &NameTables {
        &self.names
    }

    /// Gives the lists of malicious files in force.
    pub fn hash_lists(&self) -> &HashLists {
        &self.hash_lists
    }

    /// Gives the index of JARs beside it.
    pub fn jars(&self) -> Option<&Arc<JarIndex>> {
        self.jars.as_ref()
    }

    /// Names the content, that of the knowledge files beside it included.
    pub fn snapshot(&self) -> &SnapshotId {
        &self.snapshot
    }

    /// Names the state of the directories it was built from, as
    /// [`source_fingerprint`](super::source_fingerprint) does.
    pub fn source_fingerprint(&self) -> &str {
        &self.tables.source_fingerprint
    }

    /// Tells how old what is known of a family of ecosystems is; none where no folder of it is
    /// loaded.
    pub fn knowledge(&self, family: &str, now: Timestamp) -> Option<Knowledge> {
        let families = &self.tables.families;
        let at = families.binary_search_by(|times| times.family.as_str().cmp(family));
        let times = families.get(at.ok()?)?;
        Some(times.knowledge(now))
    }

    /// Tells how old what is known of each family is, by name.
    pub fn all_knowledge(&self, now: Timestamp) -> Vec<Knowledge> {
        let families = self.tables.families.iter();
        families.map(|times| times.knowledge(now)).collect()
    }

    /// Lists the ecosystems, by name.
    pub fn ecosystems(&self) -> &[EcosystemStatus] {
        &self.tables.ecosystems
    }

    /// Lists what could not be read when the index was built, up to a bound.
    pub fn problems(&self) -> &[FeedProblem] {
        &self.tables.problems
    }

    /// Tells whether any record in force speaks of the ecosystem, suffix included.
    pub fn has_ecosystem(&self, ecosystem: &Ecosystem) -> bool {
        self.status(ecosystem)
            .is_some_and(|status| status.records > 0)
    }

    /// Gives what is loaded of an ecosystem, suffix included.
    pub fn status(&self, ecosystem: &Ecosystem) -> Option<&EcosystemStatus> {
        let ecosystems = &self.tables.ecosystems;
        let at = ecosystems.binary_search_by(|status| status.name.as_str().cmp(ecosystem.as_str()));
        ecosystems.get(at.ok()?)
    }

    /// Counts the packages that have advisories, over all ecosystems.
    pub fn packages(&self) -> usize {
        self.keys.len().saturating_sub(self.tables.groupless_keys)
    }

    /// Counts the CVEs known to be exploited.
    pub fn known_exploited(&self) -> usize {
        self.tables.known_exploited.len()
    }

    /// Gives the day of the list of known exploited CVEs, where it names one.
    pub fn known_exploited_of(&self) -> Option<Date> {
        self.tables.known_exploited_of
    }

    /// Counts the CVEs with an EPSS score.
    pub fn exploit_scores(&self) -> usize {
        self.tables.exploit_scores.len()
    }

    /// Gives the day of the EPSS scores, where they name one.
    pub fn exploit_scores_of(&self) -> Option<Date> {
        self.tables.exploit_scores_of
    }

    /// Counts the CVEs that NVD's files give a score of.
    pub fn severities(&self) -> usize {
        self.severities.len()
    }

    /// Gives the newest day of a change in NVD's files, where there are any.
    pub fn severities_of(&self) -> Option<Date> {
        self.tables.severities_of
    }

    /// Reads the advisories on a package; `name` is in the normal form of the ecosystem.
    ///
    /// An error means that nobody knows, never that there are none.
    pub fn advisories(&self, ecosystem: &str, name: &str) -> Result<Arc<[Advisory]>, FeedError> {
        let Some(file) = &self.file else {
            return Ok(Arc::default());
        };
        for key in self.keys_of(key_hash(ecosystem, name)) {
            let block = self.blocks.get(file, key)?;
            if *block.ecosystem == *ecosystem && *block.name == *name {
                return Ok(Arc::clone(&block.advisories));
            }
        }
        Ok(Arc::default())
    }

    /// Gives the whole name of the one package that is called so behind its group; none where none
    /// is, or several are.
    pub(crate) fn sole_of_groups(
        &self,
        ecosystem: &str,
        name: &str,
    ) -> Result<Option<String>, FeedError> {
        let Some(file) = &self.file else {
            return Ok(None);
        };
        let mut sole = None;
        for key in self.keys_of(groupless_hash(ecosystem, name)) {
            let block = self.blocks.get(file, key)?;
            let is_called_so = without_group(ecosystem, &block.name) == Some(name);
            if *block.ecosystem != *ecosystem || !is_called_so {
                continue;
            }
            if sole.is_some() {
                return Ok(None);
            }
            sole = Some(block.name.to_string());
        }
        Ok(sole)
    }

    pub(super) fn keys_of(&self, hash: u64) -> impl Iterator<Item = &KeyEntry> {
        let first = self.keys.partition_point(|key| key.hash < hash);
        let keys = self.keys.iter().skip(first);
        keys.take_while(move |key| key.hash == hash)
    }

    /// Tells how many bytes of the index the advisories on a package take, without reading them;
    /// `name` is in the normal form of the ecosystem. In memory they take some eight times that.
    pub(crate) fn advisory_bytes(&self, ecosystem: &str, name: &str) -> u64 {
        let of_package = self.keys_of(key_hash(ecosystem, name));
        of_package.map(|key| u64::from(key.length)).sum()
    }

    /// Tells whether CISA lists the CVE as exploited.
    pub fn is_known_exploited(&self, cve: CveNumber) -> bool {
        self.tables.known_exploited.binary_search(&cve).is_ok()
    }

    /// Gives the EPSS probability of the CVE, 0 to 1.
    pub fn exploit_probability(&self, cve: CveNumber) -> Option<f32> {
        let scores = &self.tables.exploit_scores;
        let at = scores.binary_search_by_key(&cve, |(cve, _)| *cve).ok()?;
        scores.get(at).map(|(_, score)| *score)
    }

    /// Gives what a record says of how bad the CVE is; none where no record says it.
    pub(crate) fn rating(&self, cve: CveNumber) -> Option<&CveRating> {
        let ratings = &self.tables.names.ratings;
        let at = ratings.binary_search_by_key(&cve, |(cve, _)| *cve).ok()?;
        ratings.get(at).map(|(_, rating)| rating)
    }

    /// Gives severity and base score of the CVE by NVD's files.
    pub(crate) fn nvd_severity(&self, cve: CveNumber) -> Option<(Severity, f64)> {
        let wanted = cve.packed();
        let at = self.severities.binary_search_by_key(&wanted, |it| it.cve());
        self.severities.get(at.ok()?).map(|it| it.severity())
    }

    /// Gives the CVE that other records say is behind a name.
    pub(crate) fn cve_behind(&self, name: &str) -> Option<CveNumber> {
        let names = &self.tables.names.names;
        let hash = name_hash(name);
        let at = names.binary_search_by_key(&hash, |(name, _)| *name).ok()?;
        names.get(at).map(|(_, cve)| *cve)
    }
}

fn read_section(
    file: &File,
    section: IndexSection,
    file_length: u64,
    part: &'static str,
) -> Result<Vec<u8>, FeedError> {
    let damaged = || FeedError::Damaged { part };
    let end = section.offset.checked_add(section.length);
    if end.is_none_or(|end| end > file_length) {
        return Err(damaged());
    }
    let length = usize::try_from(section.length).map_err(|_| damaged())?;
    read_checked(file, section.offset, length, section.crc, part)
}
