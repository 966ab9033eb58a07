//! Turns the merged files into components, the distribution and the gaps between them.
//!
//! What the operating system is worth is judged in `system.rs`. `merge.rs` is the only caller.

use std::collections::BTreeSet;

use sluicegate_model::coverage::Gap;
use sluicegate_model::digest::Digest;
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::inventory::{BuiltLayer, Inventory};
use sluicegate_model::package::{Component, Distro, Evidence, Package};

use crate::claims;
use crate::distro;
use crate::facts::{FileDigests, FoundPackage, Observations};
use crate::gaps::GapList;
use crate::merge::history::Remembered;
use crate::merge::ownership::{self, Owners, Ownership};
use crate::merge::{programs, stripped, third_party, votes};
use crate::overlay::Tree;
use crate::purl::purl;
use crate::system::{self, Role};

/// The image after its last layer.
pub(crate) struct Merged<'a> {
    pub(crate) tree: &'a Tree,
    /// Ordered by path.
    pub(crate) files: Vec<MergedFile<'a>>,
    /// Paths of files that no analyzer read, kept for where they lie; ordered.
    pub(crate) witnesses: BTreeSet<String>,
    /// Whether any prefix of the layers has a package database where its tool looks.
    pub(crate) had_database: bool,
    /// Packages of databases that a later layer removed.
    pub(crate) remembered: Vec<Remembered<'a>>,
    /// Package databases of kinds that no analyzer reads.
    pub(crate) unread: Vec<&'static str>,
    /// Base first.
    pub(crate) layers: Vec<BuiltLayer>,
}

/// A file of the merged image.
pub(crate) struct MergedFile<'a> {
    pub(crate) path: String,
    pub(crate) layer: &'a Digest,
    pub(crate) found: &'a Observations,
    pub(crate) digests: Option<&'a FileDigests>,
    /// For each package, the layer since which it is there.
    pub(crate) introduced: Vec<&'a Digest>,
}

impl Merged<'_> {
    /// Tells whether there is a package database, or was one where its tool looks.
    fn has_or_had_database(&self) -> bool {
        self.had_database || self.files.iter().any(|file| file.found.database)
    }

    /// Tells whether a file that was kept lies at a path.
    pub(crate) fn has_file(&self, path: &str) -> bool {
        self.witnesses.contains(path) || self.file(path).is_some()
    }

    /// Tells whether a list of files has its package's record beside it, as distroless keeps it.
    pub(crate) fn has_record_beside(&self, list: &str) -> bool {
        let record = list
            .rsplit_once('.')
            .and_then(|(record, _)| self.file(record));
        record.is_some_and(|file| file.found.database && !file.found.packages.is_empty())
    }

    fn file(&self, path: &str) -> Option<&MergedFile<'_>> {
        let at = self
            .files
            .binary_search_by(|file| file.path.as_str().cmp(path))
            .ok()?;
        self.files.get(at)
    }
}

/// Assembles the inventory.
pub(crate) fn assemble(
    config: Option<&ImageConfig>,
    merged: &Merged<'_>,
    mut gaps: GapList,
) -> Inventory {
    let roles = system::roles(merged);
    let named = system::identify(merged);
    let elected = || votes::elect(system_packages(merged, &roles));
    let distro = named.clone().or_else(elected);
    let owners = Owners::of(merged, &roles, distro.as_ref());
    for (file, role) in merged.files.iter().zip(&roles) {
        if *role != Role::Backup {
            let open = open_gaps(file, *role, &owners, distro.as_ref());
            gaps.extend(open.map(|gap| placed(gap, file)));
        }
    }
    gaps.extend(system::judge(merged, &roles, named.as_ref()));
    gaps.extend(owners.tampered(merged));
    gaps.extend(programs::judge(merged, &owners));
    gaps.extend(stripped::judge(merged, &owners));
    gaps.extend(third_party::judge(system_packages(merged, &roles)));
    let found = components(merged, &roles, &owners, distro.as_ref());
    let mut components = claims::settle(found, merged.has_or_had_database());
    components.sort();
    components.dedup();
    let (declared, components) = components
        .into_iter()
        .partition(|component: &Component| component.evidence == Evidence::Declared);
    let mut gaps = gaps.into_gaps();
    gaps.sort();
    gaps.dedup();
    Inventory {
        distro,
        components,
        declared,
        gaps,
        platform: config.map(platform).unwrap_or_default(),
        created: config.and_then(|config| config.created.clone()),
        layers: merged.layers.clone(),
    }
}

/// Gives what was not read of a file, but for what the package that owns it stands for.
///
/// Nothing stands for a package database.
fn open_gaps<'a>(
    file: &MergedFile<'a>,
    role: Role,
    owners: &Owners<'_>,
    distro: Option<&Distro>,
) -> impl Iterator<Item = &'a Gap> {
    let may_be_settled = role == Role::Other && !file.found.gaps.is_empty();
    let ownership = if may_be_settled {
        owners.of_file(file)
    } else {
        Ownership::Nobody
    };
    let gaps = file.found.gaps.iter();
    gaps.filter(move |gap| !ownership::is_settled_by_owner(ownership, gap, distro))
}

/// Gives the operating system's packages, wherever their databases are or were.
pub(crate) fn system_packages<'a>(
    merged: &'a Merged<'_>,
    roles: &'a [Role],
) -> impl Iterator<Item = &'a Package> {
    let remembered = merged.remembered.iter().map(|gone| &gone.found.package);
    packages_of(merged, roles, Role::Database)
        .chain(packages_of(merged, roles, Role::Relocated))
        .chain(remembered)
}

fn components(
    merged: &Merged<'_>,
    roles: &[Role],
    owners: &Owners<'_>,
    distro: Option<&Distro>,
) -> Vec<Component> {
    let own: BTreeSet<&Package> = packages_of(merged, roles, Role::Database).collect();
    let relocated: BTreeSet<&Package> = packages_of(merged, roles, Role::Relocated).collect();
    let mut components = Vec::new();
    for (file, role) in merged.files.iter().zip(roles) {
        if *role == Role::Backup || file.found.packages.is_empty() {
            continue;
        }
        let ownership = owners.of_file(file);
        for (found, layer) in file.found.packages.iter().zip(&file.introduced) {
            // A copy of the system's own database adds nothing but repeats.
            let is_copy = *role == Role::Relocated && own.contains(&found.package);
            if !is_copy && !ownership::is_reported_by_owner(ownership, found, distro) {
                components.push(component(&file.path, found, layer, distro));
            }
        }
    }
    for gone in &merged.remembered {
        if !relocated.contains(&gone.found.package) {
            let evidence = Evidence::Historical;
            let component = component(&gone.path, gone.found, gone.layer, distro);
            components.push(Component {
                evidence,
                ..component
            });
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
    file: &str,
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
        file.to_owned()
    } else {
        format!("{file}/{}", found.inside)
    };
    Component {
        package: package.clone(),
        ecosystem,
        purl: purl(package, own_distro),
        path,
        layer: layer.clone(),
        evidence: found.evidence,
    }
}

/// Names a gap's place in the merged image, where its raw path may be another.
fn placed(gap: &Gap, file: &MergedFile<'_>) -> Gap {
    gap.clone().in_layer(file.layer.clone())
}

fn platform(config: &ImageConfig) -> String {
    config.platform().to_string()
}
