//! Turns the merged files into components, the distribution and the gaps between them.
//!
//! What the operating system is worth is judged in `system.rs`. `merge.rs` is the only caller.

use std::collections::BTreeSet;

use sluicegate_model::coverage::Gap;
use sluicegate_model::digest::Digest;
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::inventory::{BuiltLayer, Inventory};
use sluicegate_model::package::{Component, Distro, Evidence, Package};

use crate::distro;
use crate::facts::{FoundPackage, Observations};
use crate::overlay::Tree;
use crate::purl::purl;
use crate::system::{self, Role};

/// The image after its last layer.
pub(crate) struct Merged<'a> {
    pub(crate) tree: &'a Tree,
    /// Ordered by path.
    pub(crate) files: Vec<MergedFile<'a>>,
    /// Whether any prefix of the layers has a package database where its tool looks.
    pub(crate) had_database: bool,
    pub(crate) elf_files: u64,
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
    /// For each package, the layer since which it is there.
    pub(crate) introduced: Vec<&'a Digest>,
}

/// Assembles the inventory.
pub(crate) fn assemble(
    config: Option<&ImageConfig>,
    merged: Merged<'_>,
    mut gaps: Vec<Gap>,
) -> Inventory {
    let distro = system::identify(&merged);
    let roles = system::roles(&merged);
    for (file, role) in merged.files.iter().zip(&roles) {
        if *role != Role::Backup {
            gaps.extend(file.found.gaps.iter().map(|gap| placed(gap, file)));
        }
    }
    gaps.extend(system::judge(&merged, &roles, distro.as_ref()));
    let mut components: Vec<Component> = components(&merged, &roles, distro.as_ref());
    components.sort();
    components.dedup();
    let (declared, components) = components
        .into_iter()
        .partition(|component: &Component| component.evidence == Evidence::Declared);
    gaps.sort();
    gaps.dedup();
    Inventory {
        distro,
        components,
        declared,
        gaps,
        platform: config.map(platform).unwrap_or_default(),
        created: config.and_then(|config| config.created.clone()),
        layers: merged.layers,
    }
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
