//! Knowledge files beside the advisories: where they lie, and the newest of each that can be read.
//!
//! A feed's directory may have them in `knowledge/`, and so may the data directory. A file that cannot be
//! read costs nothing that was known before: what was in force stays, and the reason is told.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use sluicegate_scanner::feeds::FeedIndex;
use sluicegate_scanner::jars::JarIndex;

use super::synced::told;

/// The folder of knowledge files.
const FOLDER: &str = "knowledge";

/// The index of JARs in it.
pub(super) const JARS: &str = "jars.idx";

/// The places where knowledge files may lie.
#[derive(Clone, Debug)]
pub(super) struct Places(Vec<PathBuf>);

/// What was found.
pub(super) struct Found {
    pub(super) jars: Option<Arc<JarIndex>>,
    /// Why the newest file is not in force, where it is not.
    pub(super) problem: Option<String>,
}

impl Places {
    /// Names those of some sources, and that of the data directory, of which `feeds` is a part.
    pub(super) fn of(sources: &[PathBuf], feeds: &Path) -> Self {
        let own = feeds.with_file_name(FOLDER);
        let places = sources.iter().map(|source| source.join(FOLDER));
        Self(places.chain([own]).collect())
    }

    /// Identifies the state of the files by their names, sizes and times.
    pub(super) fn fingerprint(&self) -> String {
        let lines = self.files().filter_map(|path| {
            let metadata = path.metadata().ok()?;
            let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            let (path, bytes) = (path.display(), metadata.len());
            Some(format!("{path} {bytes} {}\n", modified.as_nanos()))
        });
        lines.collect()
    }

    /// Opens the newest index of JARs; where one cannot be opened, what `current` has stays beside what
    /// can be.
    pub(super) fn load(&self, current: Option<&FeedIndex>) -> Found {
        let mut problems = Vec::new();
        let mut open: Vec<Arc<JarIndex>> = Vec::new();
        for path in self.files().filter(|path| path.exists()) {
            match JarIndex::open(&path) {
                Ok(index) => open.push(Arc::new(index)),
                Err(error) => problems.push(told(&error)),
            }
        }
        if !problems.is_empty() {
            open.extend(current.and_then(FeedIndex::jars).cloned());
        }
        open.sort_by_key(|index| (index.of(), *index.content()));
        Found {
            jars: open.pop(),
            problem: (!problems.is_empty()).then(|| problems.join("; ")),
        }
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.0.iter().map(|place| place.join(JARS))
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_model::archive::Sha1Digest;
    use sluicegate_scanner::jars::JarsBuilder;

    use super::*;

    fn write(path: &Path, day: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut builder = JarsBuilder::at(path).unwrap();
        builder.add(&Sha1Digest([1; 20]), ("g", "a", day)).unwrap();
        let of = format!("{day}T00:00:00Z").parse().unwrap();
        builder.finish(of, "test").unwrap();
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
