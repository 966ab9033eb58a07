//! An image after its last layer, as everything that is judged of it reads it.

use std::collections::BTreeSet;

use sluicegate_model::digest::Digest;
use sluicegate_model::inventory::BuiltLayer;

use super::history::Remembered;
use super::tree::Tree;
use crate::facts::{FileDigests, FoundPackage, Observations};
use crate::plugin_set::Databases;

/// The image after its last layer.
pub(crate) struct Merged<'a> {
    /// Where package databases may be.
    pub(crate) databases: &'a Databases,
    pub(crate) tree: Tree,
    /// Ordered by path.
    pub(crate) files: Vec<MergedFile<'a>>,
    /// Paths of files that no analyzer read, kept for where they lie; ordered.
    pub(crate) witnesses: BTreeSet<String>,
    /// Whether any prefix of the layers has a package database where its tool looks.
    pub(crate) had_database: bool,
    /// Packages of databases that a later layer removed.
    pub(crate) remembered: Vec<Remembered<'a>>,
    /// Packages that a later layer took off a database, or changed there, while their files stayed.
    pub(crate) edited: Vec<Remembered<'a>>,
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
    /// Whether it was made of what lies in files beside it.
    pub(crate) is_generated: bool,
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

    /// Gives the package whose record lies beside a list of files, as distroless keeps it.
    pub(crate) fn record_beside(&self, list: &str) -> Option<&FoundPackage> {
        let (record, _) = list.rsplit_once('.')?;
        let file = self.file(record).filter(|file| file.found.database)?;
        file.found.packages.first()
    }

    /// Gives the paths of files that were read whose names start so; those stand together.
    pub(crate) fn paths_below(&self, start: &str) -> impl Iterator<Item = &str> {
        let first = self
            .files
            .partition_point(|file| file.path.as_str() < start);
        let rest = self.files.iter().skip(first).map(|file| file.path.as_str());
        rest.take_while(move |path| path.starts_with(start))
    }

    /// Gives the file at a path, if it was read.
    pub(crate) fn file(&self, path: &str) -> Option<&MergedFile<'_>> {
        let at = self
            .files
            .binary_search_by(|file| file.path.as_str().cmp(path))
            .ok()?;
        self.files.get(at)
    }
}
