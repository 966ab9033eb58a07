//! An image after its last layer, as everything that is judged of it reads it.

use std::collections::BTreeSet;

use sluicegate_model::digest::Digest;
use sluicegate_model::inventory::BuiltLayer;

use super::history::Remembered;
use super::tree::Tree;
use crate::facts::{FileDigests, FoundPackage, Observations};

/// The image after its last layer.
pub(crate) struct Merged<'a> {
    pub(crate) tree: Tree,
    /// Ordered by path.
    pub(crate) files: Vec<MergedFile<'a>>,
    /// Paths of files that no analyzer read, kept for where they lie; ordered.
    pub(crate) witnesses: BTreeSet<String>,
    /// Whether any prefix of the layers has a package database where its tool looks.
    pub(crate) had_database: bool,
    /// Packages of databases that a later layer removed.
    pub(crate) remembered: Vec<Remembered<'a>>,
    /// Package databases of kinds that no analyzer reads.
    pub(crate) unread: Vec<&'static str>,
    /// Base first.
    pub(crate) layers: Vec<BuiltLayer>,
}

/// A file of the merged image.
pub(crate) struct MergedFile<'a> {
    pub(crate) path: String,
    pub(crate) layer: &'a Digest,
    pub(crate) found: &'a Observations,
    pub(crate) digests: Option<&'a FileDigests>,
    /// For each package, the layer since which it is there.
    pub(crate) introduced: Vec<&'a Digest>,
    /// Packages that it proves by the paths that links give it.
    pub(crate) named: Vec<FoundPackage>,
}

impl Merged<'_> {
    /// Tells whether there is a package database, or was one where its tool looks.
    pub(crate) fn has_or_had_database(&self) -> bool {
        self.had_database || self.files.iter().any(|file| file.found.database)
    }

    /// Tells whether a file that was kept lies at a path.
    pub(crate) fn has_file(&self, path: &str) -> bool {
        self.witnesses.contains(path) || self.file(path).is_some()
    }

    /// Tells whether a list of files has its package's record beside it, as distroless keeps it.
    pub(crate) fn has_record_beside(&self, list: &str) -> bool {
        let record = list
            .rsplit_once('.')
            .and_then(|(record, _)| self.file(record));
        record.is_some_and(|file| file.found.database && !file.found.packages.is_empty())
    }

    pub(crate) fn file(&self, path: &str) -> Option<&MergedFile<'_>> {
        let at = self
            .files
            .binary_search_by(|file| file.path.as_str().cmp(path))
            .ok()?;
        self.files.get(at)
    }
}
