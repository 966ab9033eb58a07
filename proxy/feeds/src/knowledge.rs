//! Knowledge files beside the advisories: where they lie, and the newest of each that can be read.
//!
//! A feed's directory may have them in `knowledge/`, and so may the data directory. A file that cannot be
//! read costs nothing that was known before: what was in force stays, and the reason is told.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use jiff::civil::Date;
use sluicegate_scanner::feeds::FeedIndex;
use sluicegate_scanner::hash_list::{HashList, HashLists};
use sluicegate_scanner::jars::JarIndex;
use sluicegate_scanner::{FedFile, JarNames, NameTables, ProductTable, SupportTable};

use super::carried::KNOWLEDGE;
use super::synced::told;

/// The index of JARs in it.
pub(super) const JARS: &str = "jars.idx";

/// The table of ends of support in it.
pub(super) const SUPPORT: &str = "ends-of-support.json";

/// The list of malicious files in it.
pub(super) const MALWARE: &str = "malware.txt";

/// The places where knowledge files may lie.
#[derive(Clone, Debug)]
pub(super) struct Places(Vec<PathBuf>);

/// What was found.
pub(super) struct Found {
    jars: Option<Arc<JarIndex>>,
    support: Option<Arc<SupportTable>>,
    malware: HashLists,
    names: NameTables,
    /// Why the newest file is not in force, where it is not.
    pub(super) problem: Option<String>,
}

impl Found {
    /// Puts what was found beside an index.
    pub(super) fn beside(&self, index: FeedIndex) -> FeedIndex {
        let index = index.with_jars(self.jars.clone());
        let index = index.with_support(self.support.clone());
        let index = index.with_names(self.names.clone());
        index.with_hash_lists(self.malware.clone())
    }
}

impl Places {
    /// Names those of some sources, and that of the data directory, of which `feeds` is a part.
    pub(super) fn of(sources: &[PathBuf], feeds: &Path) -> Self {
        let own = feeds.with_file_name(KNOWLEDGE);
        let places = sources.iter().map(|source| source.join(KNOWLEDGE));
        Self(places.chain([own]).collect())
    }

    /// Identifies the state of the files by their names, sizes and times.
    pub(super) fn fingerprint(&self) -> String {
        let files = self.files(JARS).chain(self.files(SUPPORT));
        let files = files.chain(self.files(MALWARE));
        let files = files.chain(self.files(ProductTable::FILE));
        let files = files.chain(self.files(JarNames::FILE));
        let lines = files.filter_map(|path| {
            let metadata = path.metadata().ok()?;
            let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            let (path, bytes) = (path.display(), metadata.len());
            Some(format!("{path} {bytes} {}\n", modified.as_nanos()))
        });
        lines.collect()
    }

    /// Tells whether a list of malicious files lies anywhere.
    pub(super) fn have_hash_list(&self) -> bool {
        self.files(MALWARE).any(|path| path.exists())
    }

    /// Opens the newest of each kind, and every list of malicious files; where one cannot be opened, what
    /// `current` has stays beside what can be. A table that is no newer than the program's own is not used.
    pub(super) fn load(&self, current: Option<&FeedIndex>) -> Found {
        let (mut problems, own) = (Vec::new(), SupportTable::compiled().of());
        let jars = current.and_then(FeedIndex::jars);
        let mut jars = read(self.files(JARS), JarIndex::open, jars, &mut problems);
        jars.sort_by_key(|index| (index.of(), *index.content()));
        let support = current.and_then(FeedIndex::fed_support);
        let mut support = read(
            self.files(SUPPORT),
            SupportTable::read,
            support,
            &mut problems,
        );
        support.retain(|table| table.of() > own);
        support.sort_by_key(|table| (table.of(), table.content().copied()));
        let malware = self.hash_lists(current.map(FeedIndex::hash_lists), &mut problems);
        let names = self.names_beside(current.map(FeedIndex::names), &mut problems);
        Found {
            names,
            jars: jars.pop(),
            support: support.pop(),
            malware,
            problem: (!problems.is_empty()).then(|| problems.join("; ")),
        }
    }

    /// Reads the newest tables of names alone.
    pub(super) fn names(&self) -> NameTables {
        // What is wrong with one is told by the load that follows.
        self.names_beside(None, &mut Vec::new())
    }

    /// Reads the newest tables of names; where one cannot be read, that of `current` stays.
    fn names_beside(&self, current: Option<&NameTables>, problems: &mut Vec<String>) -> NameTables {
        let own = NameTables::default();
        let current = current.unwrap_or(&own);
        let products = self.files(ProductTable::FILE);
        let products = read(
            products,
            ProductTable::read,
            Some(&current.products),
            problems,
        );
        let jar_names = self.files(JarNames::FILE);
        let jar_names = read(
            jar_names,
            JarNames::read,
            Some(&current.jar_names),
            problems,
        );
        let digest = |file: Option<&FedFile>| file.map(|file| file.digest().to_owned());
        NameTables {
            products: newest(products, own.products, |it| (it.of(), digest(it.file()))),
            jar_names: newest(jar_names, own.jar_names, |it| (it.of(), digest(it.file()))),
        }
    }

    /// Reads all lists of malicious files: of one that cannot be read, what it said before counts.
    fn hash_lists(&self, current: Option<&HashLists>, problems: &mut Vec<String>) -> HashLists {
        let (mut lists, mut is_one_unread) = (Vec::new(), false);
        for path in self.files(MALWARE).filter(|path| path.exists()) {
            match HashList::read(&path) {
                Ok(list) => lists.push(Arc::new(list)),
                Err(error) => {
                    problems.push(told(&error));
                    let mut before = current.into_iter().flat_map(HashLists::all);
                    match before.find(|list| list.path() == path) {
                        Some(before) => lists.push(Arc::clone(before)),
                        None => is_one_unread = true,
                    }
                }
            }
        }
        HashLists::new(lists, is_one_unread)
    }

    fn files(&self, name: &str) -> impl Iterator<Item = PathBuf> {
        self.0.iter().map(move |place| place.join(name))
    }
}

/// Reads those of some files that are there; where one cannot be read, what was in force as well.
fn read<T, E: std::error::Error + 'static>(
    files: impl Iterator<Item = PathBuf>,
    read: impl Fn(&Path) -> Result<T, E>,
    current: Option<&Arc<T>>,
    problems: &mut Vec<String>,
) -> Vec<Arc<T>> {
    let mut found = Vec::new();
    let before = problems.len();
    for path in files.filter(|path| path.exists()) {
        match read(&path) {
            Ok(one) => found.push(Arc::new(one)),
            Err(error) => problems.push(told(&error)),
        }
    }
    if problems.len() > before {
        found.extend(current.cloned());
    }
    found
}

/// Gives the newest of some tables, of two of one day always the same; one that is no newer than the
/// program's own is not used.
fn newest<T>(
    tables: Vec<Arc<T>>,
    own: Arc<T>,
    of: impl Fn(&T) -> (Date, Option<String>),
) -> Arc<T> {
    let (day, _) = of(&own);
    let newer = tables.into_iter().filter(|table| of(table).0 > day);
    newer.max_by_key(|table| of(table)).unwrap_or(own)
}

#[cfg(test)]
mod tests {
    use sluicegate_model::archive::Sha1Digest;
    use sluicegate_scanner::jars::JarsBuilder;

    use super::*;

    #[test]
    fn every_list_of_malicious_files_counts_and_a_damaged_one_says_what_it_said() {
        let home = tempfile::tempdir().unwrap();
        let (feeds, source) = (home.path().join("feeds"), home.path().join("mirror"));
        let places = Places::of(std::slice::from_ref(&source), &feeds);
        let lists = |found: Found| {
            let index = found.beside(FeedIndex::empty());
            let lists = index.hash_lists().all().iter();
            let counts: Vec<usize> = lists.map(|list| list.digests()).collect();
            (counts, index)
        };
        assert!(!places.have_hash_list());
        let write = |path: &Path, digests: &[&str]| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let lines = digests
                .iter()
                .map(|digit| format!("{}\n", digit.repeat(64)));
            std::fs::write(path, lines.collect::<String>()).unwrap();
        };
        let own = home.path().join("knowledge/malware.txt");
        let other = source.join("knowledge/malware.txt");
        write(&own, &["a"]);
        write(&other, &["b", "c"]);
        assert!(places.have_hash_list());
        let (counts, index) = lists(places.load(None));
        assert_eq!(counts, [2, 1]);
        write(&own, &["a", "d", "e"]);
        std::fs::write(&other, "<html>").unwrap();
        let found = places.load(Some(&index));
        let problem = found.problem.clone().unwrap();
        assert!(
            problem.contains("mirror/knowledge/malware.txt"),
            "{problem}"
        );
        let (counts, kept) = lists(found);
        assert_eq!(counts, [2, 3]);
        assert!(!kept.hash_lists().is_one_unread());
        let (counts, restarted) = lists(places.load(None));
        assert_eq!(counts, [3]);
        assert!(restarted.hash_lists().is_one_unread());
        std::fs::remove_file(&other).unwrap();
        let (counts, without) = lists(places.load(Some(&kept)));
        assert_eq!(counts, [3]);
        assert!(!without.hash_lists().is_one_unread());
        assert_ne!(without.snapshot(), restarted.snapshot());
    }

    fn write(path: &Path, day: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut builder = JarsBuilder::at(path).unwrap();
        builder.add(&Sha1Digest([1; 20]), ("g", "a", day)).unwrap();
        let of = format!("{day}T00:00:00Z").parse().unwrap();
        builder.finish(of, "test").unwrap();
    }

    #[test]
    fn a_table_of_ends_of_support_counts_where_it_is_newer_than_the_programs() {
        let home = tempfile::tempdir().unwrap();
        let places = Places::of(&[], &home.path().join("feeds"));
        let own = SupportTable::compiled().of();
        let path = home.path().join("knowledge/ends-of-support.json");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let write = |of: &str| {
            let distribution = r#"{"ids": ["x"], "name": "X", "naming": "rolling"}"#;
            let text =
                format!(r#"{{"format": 1, "of": "{of}", "distributions": [{distribution}]}}"#);
            std::fs::write(&path, text).unwrap();
        };
        let plain = FeedIndex::empty();
        write(&own.to_string());
        let found = places.load(None);
        assert!(found.support.is_none() && found.problem.is_none());
        write(&own.tomorrow().unwrap().to_string());
        let index = places.load(None).beside(FeedIndex::empty());
        assert_eq!(index.support().of(), own.tomorrow().unwrap());
        assert_ne!(index.snapshot(), plain.snapshot());
        std::fs::write(&path, "{").unwrap();
        let kept = places.load(Some(&index));
        assert!(
            kept.problem
                .as_ref()
                .unwrap()
                .contains("ends-of-support.json")
        );
        let kept = kept.beside(FeedIndex::empty());
        assert_eq!(kept.snapshot(), index.snapshot());
        std::fs::remove_file(&path).unwrap();
        let index = places.load(Some(&index)).beside(FeedIndex::empty());
        assert_eq!(index.snapshot(), plain.snapshot());
    }

    #[test]
    fn a_table_of_names_counts_where_it_is_newer_than_the_programs() {
        let home = tempfile::tempdir().unwrap();
        let (feeds, source) = (home.path().join("feeds"), home.path().join("mirror"));
        let places = Places::of(std::slice::from_ref(&source), &feeds);
        let own = NameTables::default();
        let write = |directory: &Path, of: Date| {
            let path = directory.join("knowledge/jar-names.txt");
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = format!("format 1\nof {of}\nacme-x org.acme = org/acme/\n");
            std::fs::write(&path, text).unwrap();
            path
        };
        let before = places.fingerprint();
        let table = write(&source, own.jar_names.of());
        assert_ne!(places.fingerprint(), before);
        let found = places.load(None);
        assert!(found.names == own && found.problem.is_none());
        let newer = own.jar_names.of().tomorrow().unwrap();
        write(home.path(), newer);
        write(&source, newer.tomorrow().unwrap());
        let plain = FeedIndex::empty();
        let index = places.load(None).beside(FeedIndex::empty());
        assert_eq!(index.names().jar_names.of(), newer.tomorrow().unwrap());
        assert!(index.names().products.file().is_none());
        assert!(places.names() == *index.names());
        // Who goes by it is named so, and the advisories are the same.
        assert_eq!(index.snapshot(), plain.snapshot());
        std::fs::write(&table, "<html>").unwrap();
        let kept = places.load(Some(&index));
        let problem = kept.problem.clone().unwrap();
        assert!(
            problem.contains("mirror/knowledge/jar-names.txt"),
            "{problem}"
        );
        assert!(kept.names == *index.names());
        let restarted = places.load(None);
        assert_eq!(restarted.names.jar_names.of(), newer);
        std::fs::remove_dir_all(home.path().join("knowledge")).unwrap();
        std::fs::remove_file(&table).unwrap();
        assert!(places.load(Some(&index)).names == own);
    }

    #[test]
    fn the_newest_is_in_force_and_a_damaged_one_takes_nothing_away() {
        let home = tempfile::tempdir().unwrap();
        let (feeds, source) = (home.path().join("feeds"), home.path().join("mirror"));
        let places = Places::of(std::slice::from_ref(&source), &feeds);
        let found = places.load(None);
        assert!(found.jars.is_none() && found.problem.is_none());
        let (own, other) = (
            home.path().join("knowledge/jars.idx"),
            source.join("knowledge/jars.idx"),
        );
        let before = places.fingerprint();
        write(&own, "2026-01-02");
        write(&other, "2026-01-03");
        assert_ne!(places.fingerprint(), before);
        let day = |found: &Found| found.jars.as_ref().map(|jars| jars.of().to_string());
        let newest = places.load(None);
        assert_eq!(day(&newest).as_deref(), Some("2026-01-03T00:00:00Z"));
        let current = FeedIndex::empty().with_jars(newest.jars);
        std::fs::write(&other, "half of a file").unwrap();
        let kept = places.load(Some(&current));
        assert_eq!(day(&kept).as_deref(), Some("2026-01-03T00:00:00Z"));
        assert!(kept.problem.unwrap().contains("mirror/knowledge/jars.idx"));
        let restarted = places.load(None);
        assert_eq!(day(&restarted).as_deref(), Some("2026-01-02T00:00:00Z"));
    }
}
