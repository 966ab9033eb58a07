//! Java archives by the names that links give them.

use sluicegate_model::package::Package;

use super::artifact::{Artifact, package};
use super::{file_name, roots, well_known};

/// Tells whether a file or a link of this name is called a Java archive.
pub(in crate::analyzers) fn is_named(name: &str) -> bool {
    roots::is_archive(name)
}

/// Gives the artifact that an archive is under a name that a link gives it: `classes` is where its
/// classes lie that are known, and `unnamed` has the version that it states, if any.
pub(in crate::analyzers) fn named_by(
    unnamed: &Package,
    classes: &str,
    path: &str,
) -> Option<Package> {
    let file = file_name::split(path.rsplit('/').next()?);
    let known = well_known::by_file(&file.artifact).filter(|known| known.classes == classes)?;
    let stated = Some(&unnamed.version).filter(|version| !version.is_empty());
    let version = file.version.as_ref().or(stated)?;
    Some(package(Artifact {
        group: known.group(version).to_owned(),
        name: known.artifact(&file.artifact).to_owned(),
        version: version.clone(),
    }))
}
