//! Code of a language's packages whose records are gone.
//!
//! What an installer put into a directory of its own has a record beside or within: without one
//! nobody can say what it is. `inventory.rs` asks.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::PackageType;

use crate::code::{self, Installer, Root};
use crate::image::examples::examples;
use crate::image::merged::Merged;

use super::ownership::Owners;

/// Directories that one Python distribution without a list of files is taken to have brought.
///
/// Distributions bring one directory as a rule; the largest families of one name bring four.
const DIRECTORIES_WITHOUT_LIST: usize = 4;

/// Says which directories hold code without its record.
pub(crate) fn judge(merged: &Merged<'_>, owners: &Owners<'_>) -> Vec<Gap> {
    let mut roots = BTreeMap::<Root<'_>, bool>::new();
    let read = merged.files.iter().map(|file| file.path.as_str());
    for path in read.chain(merged.witnesses.iter().map(String::as_str)) {
        let Some(root) = code::root(path) else {
            continue;
        };
        if code::is_code(root.installer, path) {
            let is_claimed = roots.entry(root).or_default();
            *is_claimed = *is_claimed || owners.claim(path);
        }
    }
    let nameless: Vec<_> = roots
        .into_iter()
        .filter(|(root, is_claimed)| !is_claimed && !has_record(root, merged, owners))
        .map(|(root, _)| root)
        .collect();
    let of = |installer: Installer| {
        nameless
            .iter()
            .filter(move |root| root.installer == installer)
    };
    let python = unexplained(of(Installer::Python), merged);
    [
        gap("npm", of(Installer::Npm).map(|root| root.path).collect()),
        gap("Python", python),
        gap("Ruby", of(Installer::Gem).map(|root| root.path).collect()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn gap(language: &str, directories: Vec<&str>) -> Option<Gap> {
    let count = directories.len();
    let detail = format!(
        "{count} directories hold code of {language} packages without the records that name them: {}",
        examples(directories)
    );
    (count > 0).then(|| Gap::partial(GapKind::StrippedMetadata, detail))
}

/// Tells whether the record that names a directory's package is there.
pub(super) fn has_record(root: &Root<'_>, merged: &Merged<'_>, owners: &Owners<'_>) -> bool {
    let (above, name) = (
        root.parent.rsplit_once('/').map_or("", |(above, _)| above),
        root.name(),
    );
    match root.installer {
        Installer::Npm => merged.has_file(&format!("{}/package.json", root.path)),
        Installer::Gem => ["specifications", "specifications/default"]
            .iter()
            .any(|dir| merged.has_file(&format!("{above}/{dir}/{name}.gemspec"))),
        Installer::Python => owners.claim(root.path),
    }
}

/// Gives the Python directories that no distribution beside them can have brought.
fn unexplained<'a>(
    nameless: impl Iterator<Item = &'a Root<'a>>,
    merged: &Merged<'_>,
) -> Vec<&'a str> {
    let distributions = distributions(merged);
    let mut by_parent = BTreeMap::<&str, Vec<&str>>::new();
    for root in nameless {
        let named = distributions.get(root.parent);
        if !named.is_some_and(|named| named.names.contains(&folded(root.name()))) {
            by_parent.entry(root.parent).or_default().push(root.path);
        }
    }
    by_parent.retain(|parent, directories| {
        let without_list = distributions
            .get(parent)
            .map_or(0, |named| named.names.len().saturating_sub(named.lists));
        directories.len() > without_list.saturating_mul(DIRECTORIES_WITHOUT_LIST)
    });
    by_parent.into_values().flatten().collect()
}

/// The Python distributions whose records are right in one directory.
#[derive(Default)]
struct Distributions {
    names: BTreeSet<String>,
    /// How many of them list their files.
    lists: usize,
}

fn distributions<'a>(merged: &'a Merged<'_>) -> BTreeMap<&'a str, Distributions> {
    let mut by_parent = BTreeMap::<&str, Distributions>::new();
    let mut listed = BTreeSet::new();
    for file in &merged.files {
        let Some((record, name)) = file.path.rsplit_once('/') else {
            continue;
        };
        let is_file = name.ends_with(".egg-info");
        let parent = if is_file {
            record
        } else {
            record.rsplit_once('/').map_or("", |(parent, _)| parent)
        };
        let found = by_parent.entry(parent).or_default();
        let python = file.found.packages.iter().map(|found| &found.package);
        let python = python.filter(|package| package.package_type == PackageType::Python);
        found
            .names
            .extend(python.map(|package| folded(&package.name)));
        if !file.found.owned.is_empty() && !file.found.database && listed.insert(record) {
            found.lists += 1;
        }
    }
    by_parent
}

/// Gives a name as PyPI compares it, with underscores. Source: PEP 503.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace(['-', '.'], "_")
}
