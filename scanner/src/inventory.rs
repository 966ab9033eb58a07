//! Turns the merged files into components, the distribution and the gaps between them.
//!
//! It decides which package databases are the system's own, whether a missing or empty one is a
//! gap, and whether the witnesses of the operating system agree. `merge.rs` is the only caller.

use std::collections::BTreeSet;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::digest::Digest;
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Distro, Package};

use crate::analyzers::{DATABASE_DIR, DATABASES};
use crate::distro;
use crate::facts::{FoundPackage, Observations, OsClaim};
use crate::overlay::Tree;
use crate::purl::purl;

/// The image after its last layer.
pub(crate) struct Merged<'a> {
    pub(crate) tree: &'a Tree,
    /// Ordered by path.
    pub(crate) files: Vec<MergedFile<'a>>,
    /// Whether any prefix of the layers has a package database where its tool looks.
    pub(crate) had_database: bool,
    pub(crate) elf_files: u64,
}

/// A file of the merged image.
pub(crate) struct MergedFile<'a> {
    pub(crate) path: String,
    pub(crate) layer: &'a Digest,
    pub(crate) found: &'a Observations,
    /// For each package, the layer since which it is there.
    pub(crate) introduced: Vec<&'a Digest>,
}

/// Tells whether a path of the tree is one where a package manager keeps its database.
pub(crate) fn is_database(tree: &Tree, path: &str) -> bool {
    let resolves_here = |place: &str| tree.resolve(place).is_ok_and(|real| real == path);
    DATABASES.iter().any(|place| resolves_here(place))
        || path
            .rsplit_once('/')
            .is_some_and(|(dir, _)| tree.resolve(DATABASE_DIR).is_ok_and(|real| real == dir))
}

/// Assembles the inventory.
pub(crate) fn assemble(
    config: Option<&ImageConfig>,
    merged: Merged<'_>,
    mut gaps: Vec<Gap>,
) -> Inventory {
    let distro = distro::identify(&claims(&merged));
    let mut roles = Vec::new();
    for file in &merged.files {
        gaps.extend(file.found.gaps.iter().map(|gap| placed(gap, file)));
        roles.push(role(&merged, file));
    }
    gaps.extend(judge_system(&merged, &roles, distro.as_ref()));
    let mut components = components(&merged, &roles, distro.as_ref());
    components.sort();
    components.dedup();
    gaps.sort();
    gaps.dedup();
    Inventory {
        distro,
        components,
        gaps,
        platform: config.map(platform).unwrap_or_default(),
        created: config.and_then(|config| config.created.clone()),
    }
}

/// What a file is to the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The operating system's own package database.
    Database,
    /// One that lies elsewhere.
    Relocated,
    /// A package manager's copy of its earlier state.
    Backup,
    /// Not a package database.
    Other,
}

fn role(merged: &Merged<'_>, file: &MergedFile<'_>) -> Role {
    if !file.found.database {
        Role::Other
    } else if is_database(merged.tree, &file.path) {
        Role::Database
    } else if is_backup(&file.path) {
        Role::Backup
    } else {
        Role::Relocated
    }
}

/// dpkg's previous state, and the daily copies that its cron job keeps.
fn is_backup(path: &str) -> bool {
    path == "var/lib/dpkg/status-old" || path.starts_with("var/backups/dpkg.status")
}

fn claims<'a>(merged: &Merged<'a>) -> Vec<&'a OsClaim> {
    let find = |witness: &str| {
        let real = merged.tree.resolve(witness).ok()?;
        let at = merged
            .files
            .binary_search_by(|file| file.path.cmp(&real))
            .ok()?;
        merged.files.get(at)?.found.os.as_ref()
    };
    distro::WITNESSES
        .iter()
        .filter_map(|witness| find(witness))
        .collect()
}

fn judge_system(merged: &Merged<'_>, roles: &[Role], distro: Option<&Distro>) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let in_role = |wanted: Role| {
        merged
            .files
            .iter()
            .zip(roles)
            .filter(move |(_, role)| **role == wanted)
            .map(|(file, _)| file)
    };
    let databases = in_role(Role::Database).count();
    let present: usize = in_role(Role::Database)
        .map(|file| file.found.packages.len())
        .sum();
    for file in in_role(Role::Relocated) {
        let count = file.found.packages.len();
        let detail =
            format!("a package database with {count} packages lies where no tool looks for it");
        gaps.push(
            Gap::partial(GapKind::DbRelocated, detail)
                .at(file.path.as_str())
                .in_layer(file.layer.clone()),
        );
    }
    if databases > 0 && present == 0 {
        gaps.push(Gap::fatal(
            GapKind::OsDbEmpty,
            "the package database lists no present package",
        ));
    }
    if databases == 0 && merged.had_database {
        let detail = "a lower layer has a package database that a later one removed";
        gaps.push(Gap::fatal(GapKind::OsDbMissing, detail));
    } else if databases == 0
        && let Some(distro) = distro
    {
        let detail = format!(
            "the image names itself {:?} but has no package database that is read",
            distro.id
        );
        gaps.push(Gap::fatal(GapKind::OsDbMissing, detail));
    }
    match distro {
        None if present > 0 || in_role(Role::Relocated).next().is_some() => {
            let detail = format!(
                "{present} system packages belong to no distribution that could be identified"
            );
            gaps.push(Gap::fatal(GapKind::OsUnknown, detail));
        }
        None if databases == 0 && merged.elf_files > 0 => {
            let detail = format!(
                "no package database; {} ELF files unattributed",
                merged.elf_files
            );
            gaps.push(Gap::partial(GapKind::OsUnknown, detail));
        }
        None => {}
        Some(distro) => gaps.extend(contradictions(in_role(Role::Database), distro)),
    }
    gaps
}

/// Compares what the distribution is said to be with what its packages say.
fn contradictions<'a, 'b: 'a>(
    databases: impl Iterator<Item = &'a MergedFile<'b>>,
    distro: &Distro,
) -> Option<Gap> {
    let packages = databases
        .flat_map(|file| &file.found.packages)
        .map(|found| &found.package);
    let mut why = None;
    for package in packages {
        if !distro::may_hold(distro, package.package_type) {
            why = Some(format!(
                "it holds {} as a package of another family",
                package.name
            ));
        } else if let Some(release) = distro::release_of(package, &distro.id)
            && !distro.version.is_empty()
            && release != distro::release(distro)
        {
            why = Some(format!(
                "its package {} is of release {release}",
                package.name
            ));
        }
    }
    let why = why?;
    let detail = format!(
        "the image names itself {} {}, but {why}",
        distro.id, distro.version
    );
    Some(Gap::fatal(GapKind::OsForged, detail))
}

fn components(merged: &Merged<'_>, roles: &[Role], distro: Option<&Distro>) -> Vec<Component> {
    let own: BTreeSet<&Package> = packages_of(merged, roles, Role::Database).collect();
    let mut components = Vec::new();
    for (file, role) in merged.files.iter().zip(roles) {
        if *role == Role::Backup {
            continue;
        }
        for (found, layer) in file.found.packages.iter().zip(&file.introduced) {
            // A copy of the system's own database adds nothing but repeats.
            if *role == Role::Relocated && own.contains(&found.package) {
                continue;
            }
            components.push(component(file, found, layer, distro));
        }
    }
    components
}

fn packages_of<'a>(
    merged: &'a Merged<'_>,
    roles: &'a [Role],
    wanted: Role,
) -> impl Iterator<Item = &'a Package> {
    let files = merged
        .files
        .iter()
        .zip(roles)
        .filter(move |(_, role)| **role == wanted);
    files.flat_map(|(file, _)| file.found.packages.iter().map(|found| &found.package))
}

fn component(
    file: &MergedFile<'_>,
    found: &FoundPackage,
    layer: &Digest,
    distro: Option<&Distro>,
) -> Component {
    let package = &found.package;
    let own_distro = distro.filter(|distro| distro::may_hold(distro, package.package_type));
    let ecosystem = package
        .package_type
        .language_ecosystem()
        .or_else(|| own_distro.and_then(|distro| distro.ecosystem.clone()));
    let path = if found.inside.is_empty() {
        file.path.clone()
    } else {
        format!("{}/{}", file.path, found.inside)
    };
    Component {
        package: package.clone(),
        ecosystem,
        purl: purl(package, own_distro),
        path,
        layer: layer.clone(),
    }
}

/// Names a gap's place in the merged image, where its raw path may be another.
fn placed(gap: &Gap, file: &MergedFile<'_>) -> Gap {
    gap.clone().in_layer(file.layer.clone())
}

fn platform(config: &ImageConfig) -> String {
    config.platform().to_string()
}
