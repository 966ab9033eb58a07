//! Under which other paths links give a file of the tree, as far as those paths matter.
//!
//! Programs follow links: `node_modules` may be one, a package in it, or a JAR's whole name.

use std::collections::BTreeMap;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::Evidence;

use super::layers::LayerInput;
use super::merged::{Merged, MergedFile};
use crate::analyzers::{JarNames, candidates};
use crate::facts::{FoundPackage, PathHash};

/// How many links deep a path is followed; stores of package managers need two.
const MAX_DEPTH: u32 = 4;

/// Most paths that are looked at.
const MAX_PATHS: usize = 200_000;

/// The paths that links give directories and files, by where these really lie.
struct Aliases {
    by_real: BTreeMap<String, Vec<String>>,
    /// There are more than were looked at.
    is_cut: bool,
}

/// Gives each file the packages that it is the record of under the names that links give it, and
/// in the place where it lies, going by `names`; says where links give more paths than are looked at.
pub(super) fn name_files(
    merged: &mut Merged<'_>,
    layers: &[LayerInput<'_>],
    names: &JarNames,
) -> Option<Gap> {
    if merged
        .files
        .iter()
        .all(|file| file.found.candidates.is_empty())
    {
        return None;
    }
    let aliases = Aliases::of(merged);
    let named: Vec<_> = merged
        .files
        .iter()
        .map(|file| named(file, &aliases, layers, names))
        .collect();
    for (file, named) in merged.files.iter_mut().zip(named) {
        file.named = named;
    }
    let detail =
        format!("links give files more than {MAX_PATHS} other paths; not all were followed");
    aliases
        .is_cut
        .then(|| Gap::partial(GapKind::Budget, detail))
}

/// Gives what a file's candidates prove.
fn named(
    file: &MergedFile<'_>,
    aliases: &Aliases,
    layers: &[LayerInput<'_>],
    names: &JarNames,
) -> Vec<FoundPackage> {
    if file.found.candidates.is_empty() {
        return Vec::new();
    }
    let others: Vec<String> = aliases.of_path(&file.path).collect();
    let has = |path: &str| {
        let hash = PathHash::of(path);
        let mut plain = layers.iter().map(|layer| &layer.facts.plain_paths);
        plain.any(|paths| paths.contains(hash))
    };
    let candidates = file.found.candidates.iter();
    let package = candidates.filter_map(|candidate| {
        let by_link = others
            .iter()
            .find_map(|other| candidates::named_by(names, candidate, other));
        by_link.or_else(|| candidates::at_its_place(candidate, &file.path, has))
    });
    let known = |package: &_| {
        file.found
            .packages
            .iter()
            .any(|found| found.package == *package)
    };
    package
        .filter(|package| !known(package))
        .map(|package| FoundPackage::of(Evidence::Installed, package))
        .collect()
}

impl Aliases {
    /// Follows the links whose paths matter, and those below where they lead.
    fn of(merged: &Merged<'_>) -> Self {
        let links = merged.tree.links();
        let matters = links.iter().filter(|link| candidates::may_name(link));
        let mut waiting: Vec<(String, String, u32)> = matters
            .filter_map(|link| Some((link.clone(), merged.tree.resolve(link).ok()?, 0)))
            .collect();
        let mut by_real = BTreeMap::<String, Vec<String>>::new();
        let mut paths = 0;
        while let Some((alias, real, depth)) = waiting.pop() {
            paths += 1;
            if paths > MAX_PATHS || merged.tree.is_spent() {
                return Self {
                    by_real,
                    is_cut: true,
                };
            }
            let below = below(&real);
            let start = links.partition_point(|link| *link < below);
            let inner = links.get(start..).unwrap_or_default().iter();
            for link in inner.take_while(|_| depth < MAX_DEPTH) {
                let Some(rest) = link.strip_prefix(&below) else {
                    break;
                };
                if let Ok(leads) = merged.tree.resolve(link) {
                    waiting.push((format!("{alias}/{rest}"), leads, depth + 1));
                }
            }
            by_real.entry(real).or_default().push(alias);
        }
        Self {
            by_real,
            is_cut: false,
        }
    }

    /// Gives the other paths of a file.
    fn of_path<'a>(&'a self, path: &'a str) -> impl Iterator<Item = String> + 'a {
        let own = self.by_real.get(path).into_iter().flatten().cloned();
        let ends = path.match_indices('/').map(|(at, _)| (at, at + 1));
        let through = std::iter::once((0, 0)).chain(ends);
        let others = through.flat_map(move |(end, start)| {
            let real = path.get(..end).unwrap_or_default();
            let rest = path.get(start..).unwrap_or_default();
            let aliases = self.by_real.get(real).into_iter().flatten();
            aliases.map(move |alias| format!("{alias}/{rest}"))
        });
        own.chain(others)
    }
}

/// Gives what the paths below a directory start with; the root's own path is empty.
fn below(directory: &str) -> String {
    if directory.is_empty() {
        String::new()
    } else {
        format!("{directory}/")
    }
}

#[cfg(test)]
mod tests;
