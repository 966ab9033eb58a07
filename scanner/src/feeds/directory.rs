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

    fn reads(&self, ecosystem: &str) -> bool {
        let families = self.families();
        families.is_none_or(|families| families.contains(family_of(ecosystem)))
    }
}

/// Writes one line about a file: its name, size and time.
pub(super) fn file_line(path: &Path) -> Result<String, FeedError> {
    let metadata = path.metadata().map_err(|source| FeedError::Io {
        action: "look at",
        path: path.to_owned(),
        source,
    })?;
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

/// An ecosystem's archive in a feed directory.
#[derive(Clone, Debug)]
pub(super) struct Archive {
    /// The folder's name.
    pub(super) ecosystem: String,
    /// Where it lies.
    pub(super) path: PathBuf,
}

/// Lists the archives of a directory that are read, by folder name. Folders without an archive of all records are
/// not feeds.
pub(super) fn archives(directory: &FeedDirectory) -> Result<Vec<Archive>, FeedError> {
    let failed = |source| FeedError::Io {
        action: "list feed directory",
        path: directory.path.clone(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&directory.path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, delta) = (entry.path().join(ARCHIVE), entry.path().join(DELTA));
        // Ecosystem names are ASCII; a folder with another name is none of the bucket's.
        if let Ok(ecosystem) = entry.file_name().into_string()
            && directory.reads(&ecosystem)
            && path.is_file()
        {
            if delta.is_file() {
                let ecosystem = ecosystem.clone();
                found.push(Archive {
                    ecosystem,
                    path: delta,
                });
            }
            found.push(Archive { ecosystem, path });
        }
    }
    found.sort_by(|a, b| (&a.ecosystem, &a.path).cmp(&(&b.ecosystem, &b.path)));
    Ok(found)
}
