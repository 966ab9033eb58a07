//! Turns the merged files into components, the distribution and the gaps between them.
//!
//! What of it is to be believed is judged in `image/judge`.

use std::collections::BTreeSet;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::digest::Digest;
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Distro, Evidence, Package, PackageType};

use crate::claims;
use crate::distro;
use crate::facts::FoundPackage;
use crate::gaps::GapList;
use crate::image::judge::ownership::{self, Owners, Ownership};
use crate::image::judge::roles::{self, Role, packages_of, system_packages};
use crate::image::judge::{programs, stripped, system, third_party, votes};
use crate::image::layers::LayerInput;
use crate::image::merged::{Merged, MergedFile};
use crate::image::proof;
use crate::image::stack::{self, Laid};
use crate::purl::purl;

/// Raised with every change of what is made of the same facts: layers laid over each other, who
/// owns a file, what SBOMs may add, what the system is worth. It enters the scanner's fingerprint.
pub(crate) const MERGE_REVISION: u32 = 8;

/// Merges the layers, base first, into what the image holds.
pub fn merge(config: Option<&ImageConfig>, layers: &[LayerInput<'_>]) -> Inventory {
    take_stock(config, layers, proof::check(config, layers))
}

/// Reads one layer that is part of no image: nothing says what it has to be.
pub(crate) fn merge_alone(layer: LayerInput<'_>) -> Inventory {
    take_stock(None, &[layer], Vec::new())
}

fn take_stock(
    config: Option<&ImageConfig>,
    layers: &[LayerInput<'_>],
    known: Vec<Gap>,
) -> Inventory {
    let Laid {
        mut merged,
        past,
        gaps,
    } = stack::lay_over(config, layers, known);
    let present = roles::package_types(&merged);
    merged.remembered = past.vanished(&merged.tree, layers, &present);
    assemble(config, &merged, gaps)
}

/// Assembles the inventory.
fn assemble(config: Option<&ImageConfig>, merged: &Merged<'_>, mut gaps: GapList) -> Inventory {
    let roles = roles::roles(merged);
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
    let gaps = gaps.filter(|gap| !is_answered_by_name(file, gap));
    gaps.filter(move |gap| !ownership::is_settled_by_owner(ownership, gap, distro))
}

/// Tells whether a gap is that the file does not say what it is, and its name on a link does.
fn is_answered_by_name(file: &MergedFile<'_>, gap: &Gap) -> bool {
    let unidentified = |gap: &&Gap| gap.kind == GapKind::JarUnidentified;
    let length = |gap: &Gap| gap.path.as_ref().map(String::len);
    // Those of archives inside have longer paths.
    let own = file
        .found
        .gaps
        .iter()
        .filter(unidentified)
        .map(length)
        .min();
    let mut named = file.named.iter();
    unidentified(&gap)
        && own == Some(length(gap))
        && named.any(|found| found.package.package_type == PackageType::Maven)
}

/// Gives the packages that files prove by the paths that links give them.
fn named_by_links(
    merged: &Merged<'_>,
    owners: &Owners<'_>,
    distro: Option<&Distro>,
) -> Vec<Component> {
    let mut components = Vec::new();
    for file in merged.files.iter().filter(|file| !file.named.is_empty()) {
        let ownership = owners.of_file(file);
        let open = file
            .named
            .iter()
            .filter(|found| !ownership::is_reported_by_owner(ownership, found, distro));
        components.extend(open.map(|found| component(&file.path, found, file.layer, distro)));
    }
    components
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
    components.extend(named_by_links(merged, owners, distro));
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

#[cfg(test)]
mod evasion;
#[cfg(test)]
mod tests;
