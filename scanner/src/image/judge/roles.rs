//! What each file is to the image: its package database, a copy of one, a list of files, or neither.

use std::collections::BTreeSet;

use sluicegate_model::package::{Package, PackageType};

use crate::facts::FoundPackage;
use crate::image::merged::{Merged, MergedFile};
use crate::image::places::DatabasePlaces;

/// What a file is to the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The operating system's own package database.
    Database,
    /// One that lies elsewhere, or that a newer one of the same tool stands in for.
    Relocated,
    /// A package manager's copy of its earlier state.
    Backup,
    /// A list of a package's files, beside the database.
    Ledger,
    /// Not a package database.
    Other,
}

/// Gives each file's role, in the order of the files.
pub(crate) fn roles(merged: &Merged<'_>) -> Vec<Role> {
    let places = DatabasePlaces::of(&merged.tree, merged.databases);
    let own = |file: &&MergedFile<'_>| file.found.database && places.have(&file.path);
    let has_own = merged.files.iter().any(|file| own(&file));
    let newest = newest_of_rpm(merged, merged.files.iter().filter(own));
    let role = |file: &MergedFile<'_>| {
        if own(&file) && (newest.is_none_or(|newest| newest == file.path) || !is_of_rpm(&file.path))
        {
            Role::Database
        } else if !file.found.database {
            let is_ledger = !file.found.owned.is_empty() && places.have_ledger(&file.path);
            if is_ledger { Role::Ledger } else { Role::Other }
        } else if has_own && is_backup(&file.path) {
            Role::Backup
        } else {
            Role::Relocated
        }
    };
    merged.files.iter().map(role).collect()
}

/// Names rpm's database that the last layer to have one has, where it has several.
///
/// An image keeps the old one when rpm moves to another backend, and rpm reads the new one only.
fn newest_of_rpm<'a, 'b: 'a>(
    merged: &Merged<'_>,
    own: impl Iterator<Item = &'a MergedFile<'b>>,
) -> Option<&'a str> {
    let layer = |file: &MergedFile<'_>| {
        let mut digests = merged.layers.iter().map(|layer| &layer.digest);
        digests.rposition(|digest| digest == file.layer)
    };
    let databases = own.filter(|file| is_of_rpm(&file.path));
    // Of two in one layer the later name counts: SQLite is what rpm moves to.
    let newest = databases.max_by_key(|file| (layer(file), file.path.rsplit('/').next()));
    newest.map(|file| file.path.as_str())
}

fn is_of_rpm(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    matches!(name, "Packages" | "Packages.db" | "rpmdb.sqlite")
}

/// Gives the kinds of packages that the system's own databases list.
pub(crate) fn package_types(merged: &Merged<'_>) -> BTreeSet<PackageType> {
    let files = merged.files.iter().zip(roles(merged));
    let databases = files.filter(|(_, role)| *role == Role::Database);
    let packages = databases.flat_map(|(file, _)| &file.found.packages);
    packages.map(|found| found.package.package_type).collect()
}

/// Gives the operating system's packages, wherever their databases are or were.
pub(crate) fn system_packages<'a>(
    merged: &'a Merged<'_>,
    roles: &'a [Role],
) -> impl Iterator<Item = &'a Package> {
    found_of_system(merged, roles).map(|found| &found.package)
}

/// Gives the same with what was found beside each.
pub(crate) fn found_of_system<'a>(
    merged: &'a Merged<'_>,
    roles: &'a [Role],
) -> impl Iterator<Item = &'a FoundPackage> {
    found_of(merged, roles, Role::Database)
        .chain(found_of(merged, roles, Role::Relocated))
        .chain(merged.remembered.iter().map(|gone| gone.found))
}

/// Gives the packages of the files that have a role.
pub(crate) fn packages_of<'a>(
    merged: &'a Merged<'_>,
    roles: &'a [Role],
    wanted: Role,
) -> impl Iterator<Item = &'a Package> {
    found_of(merged, roles, wanted).map(|found| &found.package)
}

fn found_of<'a>(
    merged: &'a Merged<'_>,
    roles: &'a [Role],
    wanted: Role,
) -> impl Iterator<Item = &'a FoundPackage> {
    let files = merged
        .files
        .iter()
        .zip(roles)
        .filter(move |(_, role)| **role == wanted);
    files.flat_map(|(file, _)| &file.found.packages)
}

/// dpkg's previous state, and the daily copies that its cron job keeps.
fn is_backup(path: &str) -> bool {
    path == "var/lib/dpkg/status-old" || path.starts_with("var/backups/dpkg.status")
}
