//! Turns the merged files into components, the distribution and the gaps between them.
//!
//! What of it is to be believed is judged in `image/judge`.

mod appliers;
mod component;
mod hashed;
mod paths;
mod told;

use std::collections::BTreeSet;

use sluicegate_model::archive::UnprovenArchive;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Distro, Evidence, Package, PackageType};
use sluicegate_model::run_config::RunConfig;

use crate::claims;
use crate::facts::FoundPackage;
use crate::gaps::GapList;
use crate::image::judge::caches::Caches;
use crate::image::judge::carried::Carriers;
use crate::image::judge::ownership::{self, Owners};
use crate::image::judge::roles::{self, Role, found_of_system, packages_of, system_packages};
use crate::image::judge::stripped::PackageRecords;
use crate::image::judge::{edited, programs, system, third_party, votes};
use crate::image::layers::LayerInput;
use crate::image::merged::{Merged, MergedFile};
use crate::image::proof;
use crate::image::stack::{self, Laid};
use crate::image::tree::Applier;
use crate::path;
use crate::plugin_set::PluginSet;
use crate::secrets;

use component::{archive, component};

/// Raised with every change of what is made of the same facts: layers laid over each other, who
/// owns a file, what SBOMs may add, what the system is worth, what of its history is shown. It enters the scanner's fingerprint.
pub(crate) const MERGE_REVISION: u32 = 17;

/// Merges the layers, base first, into what the image holds.
pub fn merge(config: Option<&ImageConfig>, layers: &[LayerInput<'_>]) -> Inventory {
    merge_by(PluginSet::built_in(), config, layers)
}

/// Does the same and adds what the fed plugins of a set say, which made the layers' facts.
pub fn merge_by(
    plugins: &PluginSet,
    config: Option<&ImageConfig>,
    layers: &[LayerInput<'_>],
) -> Inventory {
    let mut inventory = take_stock(plugins, config, layers, proof::check(config, layers));
    told::add(&mut inventory, layers, plugins);
    told::add_of_config(&mut inventory, config, layers, plugins);
    paths::settle(&mut inventory, config, layers, plugins);
    inventory
}

/// Reads one layer that is part of no image: nothing says what it has to be.
pub(crate) fn merge_alone(layer: LayerInput<'_>, plugins: &PluginSet) -> Inventory {
    let layers = [layer];
    let mut inventory = take_stock(plugins, None, &layers, Vec::new());
    told::add(&mut inventory, &layers, plugins);
    inventory
}

fn take_stock(
    plugins: &PluginSet,
    config: Option<&ImageConfig>,
    layers: &[LayerInput<'_>],
    known: Vec<Gap>,
) -> Inventory {
    let (mut inventory, departs) =
        take_stock_as((plugins, Applier::USUAL), config, layers, known.clone());
    for applier in appliers::others(layers, departs) {
        let (other, _) = take_stock_as((plugins, applier), config, layers, known.clone());
        appliers::unite(&mut inventory, other, applier);
    }
    inventory
}

/// Takes stock of what one applier leaves behind; tells whether those that unpack layers apart may
/// leave something else.
fn take_stock_as(
    (plugins, applier): (&PluginSet, Applier),
    config: Option<&ImageConfig>,
    layers: &[LayerInput<'_>],
    known: Vec<Gap>,
) -> (Inventory, bool) {
    let Laid {
        mut merged,
        past,
        gaps,
    } = stack::lay_over(applier, config, layers, known, plugins);
    let present = roles::package_types(&merged);
    merged.remembered = past.vanished(&merged.tree, layers, &present);
    merged.edited = past.edited(&merged.tree, layers, &present);
    let departs = merged.tree.departs();
    (assemble(config, &merged, gaps), departs)
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
    let records = PackageRecords::of(merged, &owners);
    gaps.extend(programs::judge(merged, &owners, &records));
    gaps.extend(records.judge());
    gaps.extend(edited::judge(merged));
    let system = found_of_system(merged, &roles);
    gaps.extend(third_party::judge(system, distro.as_ref()));
    let mut components = components(merged, &roles, &owners, distro.as_ref());
    let archives = archives(merged, &roles, &owners, distro.as_ref());
    claims::settle(&mut components, merged.has_or_had_database());
    components.sort_unstable();
    components.dedup();
    let is_declared = |component: &mut Component| component.evidence == Evidence::Declared;
    let declared = components.extract_if(.., is_declared).collect();
    let mut gaps: Vec<Gap> = gaps.into_gaps().into_iter().map(for_people).collect();
    gaps.sort();
    gaps.dedup();
    Inventory {
        distro,
        components,
        archives,
        hashed: Vec::new(),
        declared,
        told: Vec::new(),
        weaknesses: Vec::new(),
        detectors: Vec::new(),
        gaps,
        platform: config.map(platform).unwrap_or_default(),
        created: config.and_then(|config| config.created.clone()),
        run: config.and_then(run),
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
    let owner = may_be_settled.then(|| owners.owner_of(file)).flatten();
    let gaps = file.found.gaps.iter();
    let gaps = gaps.filter(|gap| !is_answered_by_name(file, gap));
    gaps.filter(move |gap| !ownership::is_settled_by_owner(owner, gap, distro))
}

/// Tells whether a gap is that the file does not say what it is, and its name on a link does, or a
/// list beside it.
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
    unidentified(&gap) && own == Some(length(gap)) && (file.is_generated || is_named_archive(file))
}

/// Tells whether links or lists say which artifact an archive is.
fn is_named_archive(file: &MergedFile<'_>) -> bool {
    let mut named = file.named.iter();
    named.any(|found| found.package.package_type == PackageType::Maven)
}

/// Tells whether a package is what an archive is called, where it is known what it is.
fn is_known_better(file: &MergedFile<'_>, found: &FoundPackage) -> bool {
    found.evidence == Evidence::Inferred && found.inside.is_empty() && is_named_archive(file)
}

fn components(
    merged: &Merged<'_>,
    roles: &[Role],
    owners: &Owners<'_>,
    distro: Option<&Distro>,
) -> Vec<Component> {
    let own: BTreeSet<&Package> = packages_of(merged, roles, Role::Database).collect();
    let relocated: BTreeSet<&Package> = packages_of(merged, roles, Role::Relocated).collect();
    let carriers = Carriers::of(merged);
    let caches = Caches::of(merged);
    let named = merged.files.iter();
    let most = named.map(|file| file.found.packages.len() + file.named.len());
    // So that it never moves: there may be very many.
    let mut components = Vec::with_capacity(most.sum());
    for (file, role) in merged.files.iter().zip(roles) {
        if *role == Role::Backup || (file.found.packages.is_empty() && file.named.is_empty()) {
            continue;
        }
        let owner = (*role == Role::Other)
            .then(|| owners.owner_of(file))
            .flatten();
        let named = file.named.iter().map(|found| (found, file.layer));
        let stated = file
            .found
            .packages
            .iter()
            .zip(file.introduced.iter().copied());
        for (found, layer) in stated.chain(named) {
            // A copy of the system's own database adds nothing but repeats, and what is of a kind
            // that no advisory ever names is its owner's: a product of a program, a module of Perl, an
            // artifact without a group.
            let is_copy = *role == Role::Relocated && own.contains(&found.package);
            let is_nameless =
                is_never_named(found.package.package_type) || found.package.is_without_group();
            let is_owners = owner.is_some() && is_nameless;
            if !is_copy && !is_owners && !is_known_better(file, found) {
                let found = carriers.told(&file.path, found);
                let mut component = component(&file.path, &found, layer, distro, owner);
                if component.evidence == Evidence::Installed && caches.hold(&file.path) {
                    component.evidence = Evidence::Cached;
                }
                components.push(component);
            }
        }
    }
    for gone in merged.remembered.iter().chain(&merged.edited) {
        if !relocated.contains(&gone.found.package) {
            let evidence = Evidence::Historical;
            let component = component(&gone.path, gone.found, gone.layer, distro, None);
            components.push(Component {
                evidence,
                ..component
            });
        }
    }
    components
}

/// Lists the Java archives that do not state what they are.
fn archives(
    merged: &Merged<'_>,
    roles: &[Role],
    owners: &Owners<'_>,
    distro: Option<&Distro>,
) -> Vec<UnprovenArchive> {
    let files = merged.files.iter().zip(roles);
    let files = files.filter(|(_, role)| **role != Role::Backup);
    let mut archives = Vec::new();
    let caches = Caches::of(merged);
    for (file, role) in files.filter(|(file, _)| !file.found.archives.is_empty()) {
        let owner = (*role == Role::Other)
            .then(|| owners.owner_of(file))
            .flatten();
        let cached = caches.hold(&file.path);
        let found = file.found.archives.iter();
        archives.extend(found.map(|found| {
            let made = archive(file, found, distro, (owner, cached));
            UnprovenArchive {
                doubt: made.doubt.map(for_people),
                ..made
            }
        }));
    }
    archives.sort();
    archives.dedup();
    archives
}

/// Tells whether no advisory names packages of a kind, wherever they are.
fn is_never_named(package_type: PackageType) -> bool {
    !package_type.is_operating_system() && package_type.language_ecosystem().is_none()
}

/// Names a gap's place in the merged image, where its raw path may be another.
fn placed(gap: &Gap, file: &MergedFile<'_>) -> Gap {
    gap.clone().in_layer(file.layer.clone())
}

/// Writes the names in a gap as people read them.
fn for_people(gap: Gap) -> Gap {
    Gap {
        path: gap.path.map(|path| path::shown(&path).into_owned()),
        detail: path::sentence(gap.detail),
        ..gap
    }
}

/// Gives how an image is to be run, without the secrets in its labels.
fn run(config: &ImageConfig) -> Option<RunConfig> {
    let RunConfig { user, labels } = config.run.clone()?;
    let labels = labels.into_iter().map(|(name, value)| {
        let value = secrets::hide_in_label(&name, value);
        (name, value)
    });
    Some(RunConfig {
        user,
        labels: labels.collect(),
    })
}

fn platform(config: &ImageConfig) -> String {
    config.platform().to_string()
}

#[cfg(test)]
mod evasion;
#[cfg(test)]
mod tests;
