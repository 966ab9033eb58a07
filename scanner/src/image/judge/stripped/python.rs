//! Which distribution of Python speaks for which of the names that are imported from its site.
//!
//! A distribution's list of files is its author's word. It speaks for the names that are like its
//! own, for those that it is known to bring, and for a few others where it has none like its own;
//! never for one that another distribution is known by. Without metadata that names it, or without
//! a list, it speaks for less or for nothing.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::PackageType;

use super::well_known;
use crate::code::{Installer, Root};
use crate::examples::examples;
use crate::facts::PathHash;
use crate::image::merged::{Merged, MergedFile};

/// Most names that a distribution brings of which none is like its own.
const MOST_UNLIKE: usize = 3;

/// Fewest letters by which one name is like another.
const LEAST_LETTERS: usize = 3;

/// The files that list what a distribution brought.
const LISTS: [&str; 3] = ["RECORD", "installed-files.txt", "top_level.txt"];

/// The distributions of an image, by the directory that they are installed in.
pub(super) struct Distributions<'a> {
    by_site: BTreeMap<&'a str, Vec<Distribution>>,
    /// Lists beside which nothing names the distribution.
    nameless: Vec<&'a str>,
}

/// One distribution.
struct Distribution {
    /// As PyPI compares names, with underscores.
    name: String,
    listed: BTreeSet<PathHash>,
    has_list: bool,
    /// Whether any name that it lists is like its own.
    has_own: bool,
    /// How many it lists that are not.
    unlike: usize,
}

/// A directory of records, or the one file that is a record.
#[derive(Default)]
struct PythonRecord {
    names: BTreeSet<String>,
    listed: BTreeSet<PathHash>,
    has_list: bool,
}

impl<'a> Distributions<'a> {
    /// Collects the records of a merged image; `roots` are the places of code.
    pub(super) fn of<'r>(
        merged: &'a Merged<'_>,
        roots: impl Iterator<Item = &'r Root<'r>> + Clone,
    ) -> Self {
        let mut records = BTreeMap::<&str, PythonRecord>::new();
        for file in &merged.files {
            if let Some((directory, is_list)) = record_of(file) {
                let record = records.entry(directory).or_default();
                record.names.extend(names(file));
                record.has_list |= is_list;
                record
                    .listed
                    .extend(file.found.owned.iter().map(|it| it.path));
            }
        }
        let mut by_site = BTreeMap::<&str, Vec<Distribution>>::new();
        let mut nameless = Vec::new();
        for (directory, mut record) in records {
            if record.names.is_empty() {
                record.names.extend(linked_names(merged, directory));
            }
            if record.names.is_empty() {
                // Metadata that could not be read has said so itself.
                nameless.extend(record.has_list.then_some(directory));
                continue;
            }
            let site = directory.rsplit_once('/').map_or("", |(site, _)| site);
            let own = by_site.entry(site).or_default();
            let last = record.names.pop_last();
            let others = record.names.into_iter().map(|name| Distribution {
                name,
                listed: BTreeSet::new(),
                has_list: record.has_list,
                has_own: false,
                unlike: 0,
            });
            own.extend(others);
            own.extend(last.map(|name| Distribution {
                name,
                listed: record.listed,
                has_list: record.has_list,
                has_own: false,
                unlike: 0,
            }));
        }
        let mut distributions = Self { by_site, nameless };
        distributions.count_names(roots);
        distributions
    }

    /// Notes of each distribution how many names it lists that are like its own, and not.
    fn count_names<'r>(&mut self, roots: impl Iterator<Item = &'r Root<'r>>) {
        for root in roots.filter(|root| root.installer == Installer::Python) {
            let hash = PathHash::of(root.path);
            for own in self.by_site.get_mut(root.parent).into_iter().flatten() {
                if !own.listed.contains(&hash) {
                    continue;
                }
                if is_like(&own.name, root.name()) {
                    own.has_own = true;
                } else if !is_nobodys(root.name()) {
                    own.unlike += 1;
                }
            }
        }
    }

    /// Tells whether any distribution speaks for a name.
    pub(super) fn speak_for(&self, root: &Root<'_>) -> bool {
        let hash = PathHash::of(root.path);
        let mut own = self.by_site.get(root.parent).into_iter().flatten();
        own.any(|own| own.speaks_for(root.name(), &hash))
    }

    /// Says which lists of files have nothing beside them that names their distribution.
    pub(super) fn nameless(&self) -> Option<Gap> {
        let count = self.nameless.len();
        let detail = format!(
            "{count} Python distributions have a list of their files and no metadata that names \
             them: {}",
            examples(self.nameless.iter().copied())
        );
        (count > 0).then(|| Gap::partial(GapKind::StrippedMetadata, detail))
    }
}

impl Distribution {
    fn speaks_for(&self, imported: &str, hash: &PathHash) -> bool {
        if let Some(known) = well_known::distributions(imported) {
            let is_known = known.contains(&self.name.as_str()) || self.name == folded(imported);
            return is_known && (self.listed.contains(hash) || !self.has_list);
        }
        if is_like(&self.name, imported) {
            return self.listed.contains(hash) || !self.has_list;
        }
        if !self.listed.contains(hash) {
            return false;
        }
        is_nobodys(imported) || (!self.has_own && self.unlike <= MOST_UNLIKE)
    }
}

/// Gives the directory of records that a file is of, and whether it lists files; of an `.egg-info`
/// that is one file, itself.
fn record_of<'a>(file: &'a MergedFile<'_>) -> Option<(&'a str, bool)> {
    let is_record = |path: &str| path.ends_with(".dist-info") || path.ends_with(".egg-info");
    if is_record(&file.path) {
        return Some((file.path.as_str(), false));
    }
    let (directory, name) = file.path.rsplit_once('/')?;
    let is_list = LISTS.contains(&name) && !file.found.owned.is_empty();
    let counts = is_list || names(file).next().is_some() || !file.found.gaps.is_empty();
    (is_record(directory) && counts).then_some((directory, is_list))
}

/// Gives the names in the metadata that a link in a directory of records leads to.
fn linked_names(merged: &Merged<'_>, directory: &str) -> Vec<String> {
    let metadata = ["METADATA", "PKG-INFO"];
    let real = metadata.iter().filter_map(|name| {
        let path = merged.tree.resolve(&format!("{directory}/{name}")).ok()?;
        merged.file(&path)
    });
    real.flat_map(names).collect()
}

fn names(file: &MergedFile<'_>) -> impl Iterator<Item = String> {
    let packages = file.found.packages.iter().map(|found| &found.package);
    let python = packages.filter(|package| package.package_type == PackageType::Python);
    python.map(|package| folded(&package.name))
}

/// Tells whether a name belongs to no distribution more than to another: tests, and what is private
/// to whoever brings it.
fn is_nobodys(imported: &str) -> bool {
    imported.starts_with('_') || imported.contains("__mypyc") || well_known::is_common(imported)
}

/// Tells whether a name that is imported is like the name of a distribution.
fn is_like(distribution: &str, imported: &str) -> bool {
    let (one, other) = (letters(distribution), letters(imported));
    let (short, long) = if one.len() < other.len() {
        (&one, &other)
    } else {
        (&other, &one)
    };
    one == other || (short.len() >= LEAST_LETTERS && long.contains(short.as_str()))
}

/// Gives a name without separators and without the language's name at its ends.
fn letters(name: &str) -> String {
    let plain: String = name
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | '.'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let bare = plain.strip_prefix("python").unwrap_or(&plain);
    let bare = bare.strip_suffix("python").unwrap_or(bare);
    if bare.is_empty() {
        plain
    } else {
        bare.to_owned()
    }
}

/// Gives a name as PyPI compares it, with underscores. Source: PEP 503.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace(['-', '.'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_alike_by_three_letters_or_more() {
        for (distribution, imported, wanted) in [
            ("pyyaml", "yaml", true),
            ("pyyaml", "_yaml", true),
            ("pillow", "PIL", true),
            ("python_dateutil", "dateutil", true),
            ("attrs", "attr", true),
            ("google_cloud_storage", "google", true),
            ("python", "python", true),
            ("six", "jinja2", false),
            ("setuptools", "pkg_resources", false),
            ("q", "q", true),
            ("q", "qq", false),
        ] {
            assert_eq!(
                is_like(distribution, imported),
                wanted,
                "{distribution} {imported}"
            );
        }
    }
}
