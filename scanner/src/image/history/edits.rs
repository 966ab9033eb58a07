//! What a later layer took off a package database, or changed there, while the files stayed.
//!
//! Tools change a database together with files: an upgrade writes a package's files anew, a removal
//! removes them. A layer that changes what is listed and none of the files was edited by hand. Where
//! no file of a package can be followed, nothing is told of it.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::package::{Package, PackageType};

use super::snapshot::Snapshot;
use crate::facts::{Event, FoundPackage, PathHash};
use crate::image::layers::{LayerInput, packages};
use crate::image::presence::Presence;
use crate::image::spellings::Spellings;
use crate::image::tree::{FileRef, Tree};

/// Where configuration lies: tools leave what its owner may have changed as it is.
const CONFIGURATION: &str = "etc/";

/// Where package managers keep what is theirs, and what they remove without removing a package.
const OF_MANAGERS: [&str; 6] = [
    "etc/apk/",
    "lib/apk/",
    "tmp/",
    "usr/lib/sysimage/",
    "var/cache/",
    "var/lib/",
];

/// A package as a database had it before a layer.
pub(super) struct Edit {
    /// Where the database was.
    pub(super) path: String,
    /// The database, and the package's place in it.
    file: FileRef,
    at: usize,
    /// The layer since which the package was there.
    pub(super) since: usize,
    /// A file of it that stayed, where one can be followed.
    stayed: Option<(String, FileRef)>,
}

impl Edit {
    /// Gives the package.
    pub(super) fn found<'a>(&self, layers: &[LayerInput<'a>]) -> Option<&'a FoundPackage> {
        packages(layers, self.file).get(self.at)
    }

    /// Tells whether the file that stayed is there still.
    pub(super) fn stays(&self, tree: &Tree) -> bool {
        self.stayed
            .as_ref()
            .is_none_or(|(path, file)| tree.files_at(path) == [*file])
    }
}

/// A database before and after a layer.
pub(super) struct Change<'c, 'a> {
    pub(super) package_type: PackageType,
    pub(super) before: &'c Snapshot,
    pub(super) after: &'c Snapshot,
    /// The image after the layer.
    pub(super) tree: &'c Tree,
    pub(super) layers: &'c [LayerInput<'a>],
    pub(super) presence: &'c BTreeMap<String, Presence>,
}

impl Change<'_, '_> {
    /// Gives the packages that are listed no more as they were, and of which files stayed.
    pub(super) fn edits(&self) -> Vec<Edit> {
        let listed = self.after.packages(self.package_type, self.layers);
        let was_listed = self.before.packages(self.package_type, self.layers);
        let gone: BTreeSet<&Package> = was_listed.difference(&listed).copied().collect();
        if gone.is_empty() {
            return Vec::new();
        }
        // Two packages of one name are of two architectures, and claim the same files by name.
        let unchanged: BTreeSet<&str> = was_listed
            .intersection(&listed)
            .map(|package| package.name.as_str())
            .collect();
        let still_named: BTreeSet<&str> =
            listed.iter().map(|package| package.name.as_str()).collect();
        let claims = self.before.claims(self.layers);
        let followed = self.followed(&claims, &unchanged);
        let owned = by_name(&claims, &gone);
        let mut edits = Vec::new();
        for database in &self.before.databases {
            let found = packages(self.layers, database.file).iter().enumerate();
            for ((at, found), since) in found.zip(&database.since) {
                let name = found.package.name.as_str();
                if !gone.contains(&found.package) || unchanged.contains(name) {
                    continue;
                }
                let stayed = match followed.get(name) {
                    Some(None) => continue,
                    Some(Some(stayed)) => Some(stayed.clone()),
                    None => {
                        let own = owned.get(name).map_or(&[][..], Vec::as_slice);
                        if !self.is_untouched(own, still_named.contains(name)) {
                            continue;
                        }
                        None
                    }
                };
                edits.push(Edit {
                    path: database.path.clone(),
                    file: database.file,
                    at,
                    since: *since,
                    stayed,
                });
            }
        }
        edits
    }

    /// Gives for each package with files that the tree follows one of them that is as it was.
    fn followed<'n>(
        &self,
        claims: &BTreeMap<PathHash, Vec<&'n str>>,
        unchanged: &BTreeSet<&str>,
    ) -> BTreeMap<&'n str, Option<(String, FileRef)>> {
        let spellings = Spellings::of(self.tree);
        let mut followed = BTreeMap::<&str, Option<(String, FileRef)>>::new();
        for (path, presence) in self.presence {
            if path.starts_with(CONFIGURATION) {
                continue;
            }
            let hashes = spellings.hashes(path);
            let claimants = || hashes.iter().filter_map(|hash| claims.get(hash)).flatten();
            if claimants().any(|name| unchanged.contains(name)) {
                continue;
            }
            let stayed = presence.file.layer <= self.before.layer;
            for name in claimants() {
                let file = followed.entry(*name).or_default();
                if stayed && file.is_none() {
                    *file = Some((path.clone(), presence.file));
                }
            }
        }
        followed
    }

    /// Tells whether a package of which no file is followed has files, none of which was touched.
    ///
    /// A removed directory hides which files went with it: where one was, nothing is told of a
    /// package that is listed no more.
    fn is_untouched(&self, own: &[PathHash], is_still_named: bool) -> bool {
        let below = self.layers.get(..=self.before.layer).unwrap_or_default();
        let between = self
            .layers
            .get(self.before.layer + 1..=self.after.layer)
            .unwrap_or_default();
        if !is_still_named && between.iter().any(removes) {
            return false;
        }
        let have = |layers: &[LayerInput<'_>], hash: PathHash| {
            layers
                .iter()
                .any(|layer| layer.facts.plain_paths.contains(hash))
        };
        let mut has_any = false;
        for hash in own {
            if have(between, *hash) {
                return false;
            }
            has_any |= have(below, *hash);
        }
        has_any
    }
}

/// Gives what each of some packages claims.
fn by_name<'n>(
    claims: &BTreeMap<PathHash, Vec<&'n str>>,
    wanted: &BTreeSet<&Package>,
) -> BTreeMap<&'n str, Vec<PathHash>> {
    let wanted: BTreeSet<&str> = wanted.iter().map(|package| package.name.as_str()).collect();
    let mut owned = BTreeMap::<&str, Vec<PathHash>>::new();
    for (hash, names) in claims {
        for name in names.iter().filter(|name| wanted.contains(**name)) {
            owned.entry(*name).or_default().push(*hash);
        }
    }
    owned
}

/// Tells whether a layer removes anything but what package managers themselves leave behind.
fn removes(layer: &LayerInput<'_>) -> bool {
    layer.facts.events.iter().any(|event| match event {
        Event::Whiteout { path, .. } | Event::Opaque(path) => {
            !OF_MANAGERS.iter().any(|dir| path.starts_with(dir))
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests;
