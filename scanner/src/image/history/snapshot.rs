//! What the databases listed after one layer, and what of it is still there.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::digest::Digest;
use sluicegate_model::package::{Package, PackageType};

use crate::facts::{FoundPackage, PathHash};
use crate::image::layers::{LayerInput, file_facts, packages};
use crate::image::spellings::Spellings;
use crate::image::tree::{Applier, FileRef, Tree};
use crate::plugin_set::PluginSet;

/// A package of a database that is gone, or that says something else of it now.
pub(crate) struct Remembered<'a> {
    /// Where the database was.
    pub(crate) path: String,
    pub(crate) found: &'a FoundPackage,
    /// The layer since which the package was there when the database went.
    pub(crate) layer: &'a Digest,
}

/// The databases after the last layer in which they had packages.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) layer: usize,
    pub(super) databases: Vec<Database>,
    pub(super) ledgers: Vec<FileRef>,
}

#[derive(Clone)]
pub(super) struct Database {
    pub(super) path: String,
    pub(super) file: FileRef,
    pub(super) since: Vec<usize>,
}

impl Snapshot {
    /// Gives the packages of which a file is there, and those of which no file can be followed.
    pub(super) fn remaining<'a>(
        &self,
        package_type: PackageType,
        tree: &Tree,
        layers: &[LayerInput<'a>],
        plugins: &PluginSet,
    ) -> Vec<Remembered<'a>> {
        let traced = self.trace(tree, layers, plugins);
        let mut remaining = Vec::new();
        for database in &self.databases {
            let found = packages(layers, database.file).iter();
            for (found, since) in found.zip(&database.since) {
                let is_there = traced.get(found.package.name.as_str());
                let Some(layer) = layers.get(*since) else {
                    continue;
                };
                if found.package.package_type == package_type && is_there.is_none_or(|there| *there)
                {
                    remaining.push(Remembered {
                        path: database.path.clone(),
                        found,
                        layer: layer.digest,
                    });
                }
            }
        }
        remaining
    }

    /// Gives what the databases list of a kind.
    pub(super) fn packages<'a>(
        &self,
        package_type: PackageType,
        layers: &[LayerInput<'a>],
    ) -> BTreeSet<&'a Package> {
        let databases = self.databases.iter();
        let found = databases.flat_map(|database| packages(layers, database.file));
        found
            .map(|found| &found.package)
            .filter(|package| package.package_type == package_type)
            .collect()
    }

    /// Gives the packages that claim a path, by what the databases and lists say.
    pub(super) fn claims<'a>(&self, layers: &[LayerInput<'a>]) -> BTreeMap<PathHash, Vec<&'a str>> {
        let databases = self.databases.iter().map(|database| database.file);
        let sources = databases.chain(self.ledgers.iter().copied());
        let mut claims = BTreeMap::<PathHash, Vec<&'a str>>::new();
        for file in sources {
            let owned = file_facts(layers, file).map_or(&[][..], |facts| &facts.found.owned);
            for owned in owned {
                claims.entry(owned.path).or_default().push(&owned.package);
            }
        }
        claims
    }

    /// Tells for each package with files that the tree follows whether one of them is still there.
    pub(super) fn trace<'a>(
        &self,
        tree: &Tree,
        layers: &[LayerInput<'a>],
        plugins: &PluginSet,
    ) -> BTreeMap<&'a str, bool> {
        let claims = self.claims(layers);
        let then = self.replay(tree.applier(), layers, plugins);
        let spellings = Spellings::of(&then);
        let mut traced = BTreeMap::new();
        for (path, _) in then.files() {
            let is_there = tree.has_file(&path);
            for hash in spellings.hashes(&path) {
                for package in claims.get(&hash).into_iter().flatten() {
                    *traced.entry(*package).or_default() |= is_there;
                }
            }
        }
        traced
    }

    /// Gives the tree as it was.
    pub(super) fn replay(
        &self,
        applier: Applier,
        layers: &[LayerInput<'_>],
        plugins: &PluginSet,
    ) -> Tree {
        let mut tree = Tree::new(applier);
        for (index, layer) in layers.iter().enumerate().take(self.layer + 1) {
            tree.apply(index, layer.facts, plugins);
        }
        tree
    }
}
