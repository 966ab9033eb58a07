//! A feed directory on disk: what lies where in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sluicegate_model::package::family_of;

use super::error::FeedError;

/// All records of an ecosystem, in its folder.
pub const ARCHIVE: &str = "all.zip";
/// Records that are newer than those in [`ARCHIVE`], beside it. Whoever keeps a copy of the bucket
/// writes it; the bucket itself has none.
pub const DELTA: &str = "delta.zip";
/// A directory in the OSV bucket's layout: `<ecosystem>/all.zip`, optionally
/// `<ecosystem>/delta.zip` beside it, `kev/known_exploited_vulnerabilities.json`,
/// `epss/epss_scores.csv.gz` and `nvd/nvdcve-2.0-*.json.gz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedDirectory {
    path: PathBuf,
    families: Option<BTreeSet<String>>,
}

impl FeedDirectory {
    /// Names a directory, of which everything is read.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            path,
            families: None,
        }
    }

    /// Leaves of its ecosystems those of some families, such as `Debian`; what speaks of weaknesses
    /// whatever has them stays.
    #[must_use]
    pub fn only(self, families: BTreeSet<String>) -> Self {
        let families = Some(families);
        Self { families, ..self }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the families that are read; none where all are.
    pub(super) fn families(&self) -> Option<&BTreeSet<String>> {
        self.families.as_ref()
    }

    /// Lists the folders that are those of ecosystems, by name, but for those of families that are
    /// left out. Whether one has a file of a format is for that to see.
    pub(super) fn ecosystems(&self) -> Result<Vec<String>, FeedError> {
        let failed = FeedError::io("list feed directory", &self.path);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(&failed)? {
            // Ecosystem names are ASCII; a folder with another name is none of the bucket's.
            let name = entry.map_err(&failed)?.file_name().into_string();
            names.extend(name.ok().filter(|name| self.reads(name)));
        }
        names.sort();
        Ok(names)
    }

    fn reads(&self, ecosystem: &str) -> bool {
        let families = self.families();
        families.is_none_or(|families| families.contains(family_of(ecosystem)))
    }

    /// Gives a file of a folder where it is there.
    pub(super) fn file(&self, folder: &str, name: &str) -> Option<FeedFile> {
        let path = self.path.join(folder).join(name);
        let folder = folder.to_owned();
        path.exists().then_some(FeedFile { folder, path })
    }
}

/// A file of a feed.
#[derive(Clone, Debug)]
pub(super) struct FeedFile {
    /// The name of its folder: of an ecosystem, of a whole family of them, or of a list of CVEs.
    pub(super) folder: String,
    /// Where it lies.
    pub(super) path: PathBuf,
}

/// Writes one line about a file: its name, size and time.
pub(super) fn file_line(path: &Path) -> Result<String, FeedError> {
    let metadata = path.metadata().map_err(FeedError::io("look at", path))?;
    let modified = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |age| age.as_nanos());
    Ok(format!(
        "{} {} {modified}\n",
        path.display(),
        metadata.len()
    ))
}
