//! Code of a language's packages whose records are gone.
//!
//! What an installer put into a directory of its own has a record beside or within: without one
//! nobody can say what it is. A record speaks for the code that it names, and for nobody else's.
//! `inventory.rs` asks.

mod environments;
mod python;
mod well_known;

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::PackageType;

use self::python::Distributions;
use super::ownership::Owners;
use crate::code::{self, Installer, Root};
use crate::examples::examples;
use crate::image::merged::{Merged, MergedFile};

/// The directories of packages that hold code, and the records that say whose it is.
pub(crate) struct PackageRecords<'a> {
    merged: &'a Merged<'a>,
    /// Whether a package of the system claims any of a directory's code.
    roots: BTreeMap<Root<'a>, bool>,
    distributions: Distributions<'a>,
    /// What Composer's record in a `vendor` names, in lower case.
    composer: BTreeMap<&'a str, BTreeSet<String>>,
    /// Directories with a manifest of what .NET loads.
    manifests: BTreeSet<&'a str>,
}

impl<'a> PackageRecords<'a> {
    /// Collects both.
    pub(crate) fn of(merged: &'a Merged<'a>, owners: &Owners<'_>) -> Self {
        let mut roots = BTreeMap::<Root<'_>, bool>::new();
        let read = merged.files.iter().map(|file| file.path.as_str());
        for path in read.chain(merged.witnesses.iter().map(String::as_str)) {
            let Some(root) = code::root(path) else {
                continue;
            };
            if code::is_code(root.installer, path) {
                let is_claimed = roots.entry(root).or_default();
                *is_claimed = *is_claimed || owners.claim_of_system(path);
            }
        }
        let distributions = Distributions::of(merged, roots.keys());
        let mut composer = BTreeMap::new();
        let mut manifests = BTreeSet::new();
        for file in &merged.files {
            if let Some(vendor) = file.path.strip_suffix("/composer/installed.json") {
                composer.insert(vendor, names(file, PackageType::Composer));
            }
        }
        let read = merged.files.iter().map(|file| file.path.as_str());
        let kept = read.chain(merged.witnesses.iter().map(String::as_str));
        for path in kept.filter(|path| path.ends_with(code::MANIFEST_OF_DOTNET)) {
            manifests.insert(path.rsplit_once('/').map_or("", |(above, _)| above));
        }
        Self {
            merged,
            roots,
            distributions,
            composer,
            manifests,
        }
    }

    /// Tells whether a record speaks for the package in whose directory a file lies.
    pub(crate) fn speak_for(&self, path: &str) -> bool {
        code::root(path).is_some_and(|root| self.name(&root))
    }

    /// Says which directories hold code without its record, and which records name nothing.
    pub(crate) fn judge(&self) -> Vec<Gap> {
        let nameless: Vec<_> = self
            .roots
            .iter()
            .filter(|(root, is_claimed)| !**is_claimed && !self.name(root))
            .map(|(root, _)| root)
            .collect();
        let of = |language: &str, installer: Installer| {
            let mut own = nameless.iter().filter(|root| root.installer == installer);
            let first = own.next()?;
            let paths = || std::iter::once(first).chain(own.clone());
            let count = paths().count();
            let detail = format!(
                "{count} directories hold code of {language} packages without the records that \
                 name them: {}",
                examples(paths().map(|root| root.path))
            );
            Some(Gap::partial(GapKind::StrippedMetadata, detail))
        };
        let gaps = [
            of("npm", Installer::Npm),
            of("Python", Installer::Python),
            of("Ruby", Installer::Gem),
            of("PHP", Installer::Composer),
            of(".NET", Installer::Dotnet),
            self.distributions.nameless(),
            environments::without_records(self.merged),
        ];
        gaps.into_iter().flatten().collect()
    }

    /// Tells whether the record that names a directory's package is there.
    fn name(&self, root: &Root<'_>) -> bool {
        let merged = self.merged;
        let above = root.parent.rsplit_once('/').map_or("", |(above, _)| above);
        let name = root.name();
        match root.installer {
            Installer::Npm => merged.has_file(&format!("{}/package.json", root.path)),
            Installer::Gem if code::has_checkouts(root.parent) => has_gemspec(merged, root.path),
            Installer::Gem => ["specifications", "specifications/default"]
                .iter()
                .any(|dir| merged.has_file(&format!("{above}/{dir}/{name}.gemspec"))),
            Installer::Python => self.distributions.speak_for(root) || is_scripts(merged, root),
            Installer::Composer => self
                .composer
                .get(root.parent)
                .is_some_and(|named| named.contains(&name.to_ascii_lowercase())),
            Installer::Dotnet => is_reference(root.path) || self.has_manifest(root.path),
        }
    }

    /// Tells whether a directory or one above it has a manifest: an application's plugins and
    /// translations lie below it.
    fn has_manifest(&self, directory: &str) -> bool {
        let mut above = Some(directory);
        while let Some(directory) = above {
            if self.manifests.contains(directory) {
                return true;
            }
            above = directory.rsplit_once('/').map(|(above, _)| above);
        }
        false
    }
}

/// Tells whether assemblies are those that a compiler reads and nothing runs.
///
/// Source: .NET documentation, "Targeting packs".
fn is_reference(directory: &str) -> bool {
    directory.split('/').any(|part| part == "packs")
}

/// Tells whether a directory holds programs, which are run and not imported, and nothing below it.
fn is_scripts(merged: &Merged<'_>, root: &Root<'_>) -> bool {
    if !code::may_be_scripts(root) || merged.has_file(&code::imported(root)) {
        return false;
    }
    let below = format!("{}/", root.path);
    let witnesses = merged.witnesses.range(below.clone()..);
    let kept = witnesses
        .map(String::as_str)
        .take_while(|path| path.starts_with(&below));
    let mut paths = merged.paths_below(&below).chain(kept);
    paths.all(|path| !path.get(below.len()..).unwrap_or_default().contains('/'))
}

fn has_gemspec(merged: &Merged<'_>, directory: &str) -> bool {
    let below = format!("{directory}/");
    merged.paths_below(&below).any(|path| {
        let name = path.get(below.len()..).unwrap_or_default();
        name.ends_with(".gemspec") && !name.contains('/')
    })
}

/// Gives the names of a file's packages of one kind, in lower case.
fn names(file: &MergedFile<'_>, wanted: PackageType) -> BTreeSet<String> {
    let packages = file.found.packages.iter().map(|found| &found.package);
    packages
        .filter(|package| package.package_type == wanted)
        .map(|package| package.name.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests;
