//! Under which other paths links give a file of the tree, as far as those paths matter.
//!
//! Programs follow links: `node_modules` may be one, a package in it, or a JAR's whole name.

use std::collections::BTreeMap;

use sluicegate_model::package::Evidence;

use super::layers::LayerInput;
use super::merged::{Merged, MergedFile};
use crate::analyzers::candidates;
use crate::facts::{FoundPackage, PathHash};

/// How many links deep a path is followed; stores of package managers need two.
const MAX_DEPTH: u32 = 4;

/// Most paths that are looked at.
const MAX_PATHS: usize = 200_000;

/// The paths that links give directories and files, by where these really lie.
struct Aliases {
    by_real: BTreeMap<String, Vec<String>>,
    paths: usize,
}

/// Gives each file the packages that it is the record of under the names that links give it, and
/// in the place where it lies.
pub(super) fn name_files(merged: &mut Merged<'_>, layers: &[LayerInput<'_>]) {
    if merged
        .files
        .iter()
        .all(|file| file.found.candidates.is_empty())
    {
        return;
    }
    let aliases = Aliases::of(merged);
    let named: Vec<_> = merged
        .files
        .iter()
        .map(|file| named(file, &aliases, layers))
        .collect();
    for (file, named) in merged.files.iter_mut().zip(named) {
        file.named = named;
    }
}

/// Gives what a file's candidates prove.
fn named(file: &MergedFile<'_>, aliases: &Aliases, layers: &[LayerInput<'_>]) -> Vec<FoundPackage> {
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
            .find_map(|other| candidates::named_by(candidate, other));
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
        .map(|package| FoundPackage {
            package,
            inside: String::new(),
            evidence: Evidence::Installed,
            maker: None,
        })
        .collect()
}

impl Aliases {
    /// Follows the links whose paths matter, and those below where they lead.
    fn of(merged: &Merged<'_>) -> Self {
        let links = merged.tree.links();
        let mut this = Self {
            by_real: BTreeMap::new(),
            paths: 0,
        };
        let matters = links.iter().filter(|link| candidates::may_name(link));
        let mut waiting: Vec<(String, String, u32)> = matters
            .filter_map(|link| Some((link.clone(), merged.tree.resolve(link).ok()?, 0)))
            .collect();
        while let Some((alias, real, depth)) = waiting.pop() {
            this.paths += 1;
            if this.paths > MAX_PATHS || merged.tree.is_spent() || real.is_empty() {
                break;
            }
            let below = format!("{real}/");
            let start = links.partition_point(|link| link.as_str() < below.as_str());
            let inner = links.get(start..).unwrap_or_default().iter();
            for link in inner.take_while(|link| link.starts_with(&below)) {
                let Some(rest) = link.get(real.len()..).filter(|_| depth < MAX_DEPTH) else {
                    continue;
                };
                if let Ok(leads) = merged.tree.resolve(link) {
                    waiting.push((format!("{alias}{rest}"), leads, depth + 1));
                }
            }
            this.by_real.entry(real).or_default().push(alias);
        }
        this
    }

    /// Gives the other paths of a file.
    fn of_path<'a>(&'a self, path: &'a str) -> impl Iterator<Item = String> + 'a {
        let ends = path.match_indices('/').map(|(at, _)| at);
        ends.chain([path.len()]).flat_map(move |end| {
            let (real, rest) = path.split_at(end);
            let aliases = self.by_real.get(real).into_iter().flatten();
            aliases.map(move |alias| format!("{alias}{rest}"))
        })
    }
}

#[cfg(test)]
mod tests;
