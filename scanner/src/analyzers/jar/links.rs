//! Java archives by the names that links give them.

use sluicegate_model::package::Package;

use super::artifact::package;
use super::jar_names::JarNames;
use super::{file_name, roots};

/// Tells whether a file or a link of this name is called a Java archive.
pub(in crate::analyzers) fn is_named(name: &str) -> bool {
    roots::is_archive(name)
}

/// Gives the artifact that an archive is under a name that a link gives it: `classes` is where its
/// classes lie that are known, and `unnamed` has the version that it states, if any.
pub(in crate::analyzers) fn named_by(
    names: &JarNames,
    unnamed: &Package,
    classes: &str,
    path: &str,
) -> Option<Package> {
    let file = file_name::split(path.rsplit('/').next()?);
    let stated = Some(&unnamed.version).filter(|version| !version.is_empty());
    let version = file.version.as_ref().or(stated)?;
    let known = names.by_file(&file.artifact, version)?;
    let is_here = known.classes() == classes;
    is_here.then(|| package(known.artifact(&file.artifact, version)))
}

/// Tells whether one of the packages is the artifact whose classes are known to lie in a directory.
pub(in crate::analyzers) fn is_of_any<'a>(
    jars: &JarNames,
    classes: &str,
    packages: impl Iterator<Item = &'a Package>,
) -> bool {
    let names = packages.filter_map(|package| package.name.rsplit(':').next());
    jars.by_class(classes)
        .is_some_and(|known| jars.is_among(known, names))
}
