//! Package databases that an earlier layer has and the image no longer does.
//!
//! Removing the database removes no package. What the last one said still counts, as historical
//! evidence, for packages of which files are there. `stack.rs` lets it see each layer's outcome.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::package::PackageType;

use self::edits::{Change, Edit};
use self::snapshot::{Database, Snapshot};
use super::layers::{LayerInput, file_facts, packages};
use super::places::DatabasePlaces;
use super::presence::Presence;
use super::tree::{FileRef, Tree};
use crate::plugin_set::PluginSet;

mod edits;
mod snapshot;

pub(crate) use self::snapshot::Remembered;

/// The last databases seen, by the kind of their packages.
pub(crate) struct Past<'a> {
    plugins: &'a PluginSet,
    snapshots: BTreeMap<PackageType, Snapshot>,
    /// What later layers took off or changed while its files stayed.
    edits: Vec<Edit>,
    /// The databases after the layer before.
    latest: Vec<FileRef>,
    had_database: bool,
}

impl<'a> Past<'a> {
    /// Begins before the first layer.
    pub(super) fn new(plugins: &'a PluginSet) -> Self {
        Self {
            plugins,
            snapshots: BTreeMap::new(),
            edits: Vec::new(),
            latest: Vec::new(),
            had_database: false,
        }
    }

    /// Sees what is there after a layer.
    pub(super) fn observe(
        &mut self,
        tree: &Tree,
        layers: &[LayerInput<'_>],
        layer: usize,
        presence: &BTreeMap<String, Presence>,
    ) {
        let known = self.plugins.databases();
        let places = DatabasePlaces::of(tree, known);
        let is_database = |(path, presence): &(&String, &Presence)| {
            places.have(path)
                && file_facts(layers, presence.file).is_some_and(|facts| facts.found.database)
        };
        let databases: Vec<_> = presence.iter().filter(is_database).collect();
        let files: Vec<_> = databases
            .iter()
            .map(|(_, presence)| presence.file)
            .collect();
        if files == self.latest {
            return;
        }
        self.latest = files;
        self.had_database |= !databases.is_empty();
        let mut by_type = BTreeMap::<PackageType, Vec<Database>>::new();
        for (path, presence) in databases {
            let found = packages(layers, presence.file).iter();
            let types: BTreeSet<_> = found.map(|found| found.package.package_type).collect();
            for package_type in types {
                by_type.entry(package_type).or_default().push(Database {
                    path: path.clone(),
                    file: presence.file,
                    since: presence.since.clone(),
                });
            }
        }
        let dirs = known.lists().chain(known.dirs());
        let ledgers: Vec<_> = dirs.flat_map(|dir| tree.files_at(dir)).collect();
        for (package_type, databases) in by_type {
            let snapshot = Snapshot {
                layer,
                databases,
                ledgers: ledgers.clone(),
            };
            if let Some(before) = self.snapshots.get(&package_type) {
                let change = Change {
                    package_type,
                    before,
                    after: &snapshot,
                    tree,
                    layers,
                    presence,
                };
                self.edits.extend(change.edits());
            }
            self.snapshots.insert(package_type, snapshot);
        }
    }

    /// Gives the packages that later layers took off their database, or changed there, and whose
    /// files are still what they were.
    pub(crate) fn edited<'l>(
        &self,
        tree: &Tree,
        layers: &[LayerInput<'l>],
        present: &BTreeSet<PackageType>,
    ) -> Vec<Remembered<'l>> {
        let now = |package_type| {
            let snapshot = self.snapshots.get(&package_type);
            snapshot.map(|snapshot| snapshot.packages(package_type, layers))
        };
        let listed: BTreeMap<_, _> = present
            .iter()
            .filter_map(|package_type| Some((*package_type, now(*package_type)?)))
            .collect();
        let edits = self.edits.iter();
        edits
            .filter_map(|edit| {
                let found = edit.found(layers)?;
                let listed = listed.get(&found.package.package_type)?;
                let is_back = listed.contains(&found.package);
                (!is_back && edit.stays(tree)).then_some(Remembered {
                    path: edit.path.clone(),
                    found,
                    layer: layers.get(edit.since)?.digest,
                })
            })
            .collect()
    }

    /// Tells whether any prefix of the layers has a database where its tool looks.
    pub(super) fn had_database(&self) -> bool {
        self.had_database
    }

    /// Gives the packages of kinds that the image's own databases no longer have.
    pub(crate) fn vanished<'l>(
        &self,
        tree: &Tree,
        layers: &[LayerInput<'l>],
        present: &BTreeSet<PackageType>,
    ) -> Vec<Remembered<'l>> {
        let snapshots = self.snapshots.iter();
        snapshots
            .filter(|(package_type, _)| !present.contains(package_type))
            .flat_map(|(package_type, snapshot)| {
                snapshot.remaining(*package_type, tree, layers, self.plugins)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
