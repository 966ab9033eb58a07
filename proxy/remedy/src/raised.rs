//! An inventory as it would be with packages of another version.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, PackageType, Standing};
use sluicegate_model::percent;
use sluicegate_model::weakness::FoundWeakness;

use crate::judging::Judges;

/// What a package URL carries bare, as the scanner writes it.
const BARE: &[u8] = b".-_~:";

/// Versions by the place of the component in the inventory.
pub(crate) type Versions = BTreeMap<usize, String>;

/// Gives the whole inventory with some components at another version, and all that those own.
pub(crate) fn whole(inventory: &Inventory, versions: &Versions, judges: &impl Judges) -> Inventory {
    Inventory {
        components: components(inventory, versions, None),
        weaknesses: weaknesses(inventory, versions, None, judges),
        ..inventory.clone()
    }
}

/// Gives what is left of an inventory where only some components are in it, and what those own.
pub(crate) fn part(
    inventory: &Inventory,
    kept: &BTreeSet<usize>,
    versions: &Versions,
    judges: &impl Judges,
) -> Inventory {
    Inventory {
        distro: inventory.distro.clone(),
        components: components(inventory, versions, Some(kept)),
        weaknesses: weaknesses(inventory, versions, Some(kept), judges),
        detectors: inventory.detectors.clone(),
        platform: inventory.platform.clone(),
        created: inventory.created.clone(),
        run: inventory.run.clone(),
        layers: inventory.layers.clone(),
        ..Inventory::default()
    }
}

fn components(
    inventory: &Inventory,
    versions: &Versions,
    kept: Option<&BTreeSet<usize>>,
) -> Vec<Component> {
    let all = &inventory.components;
    let owners: BTreeMap<&str, &str> = (versions.iter())
        .filter_map(|(at, version)| Some((all.get(*at)?.purl.as_str(), version.as_str())))
        .collect();
    let kept_owners: Option<BTreeSet<&str>> = kept.map(|kept| {
        let kept = kept.iter().filter_map(|at| all.get(*at));
        kept.map(|component| component.purl.as_str()).collect()
    });
    let is_kept = |at: usize, component: &Component| {
        let owner = component.standing.owner();
        let has_owner = |owners: &BTreeSet<&str>| {
            owner.is_some_and(|owner| owners.contains(owner.purl.as_str()))
        };
        kept.is_none_or(|kept| kept.contains(&at)) || kept_owners.as_ref().is_some_and(has_owner)
    };
    let raised = all.iter().enumerate().filter(|(at, it)| is_kept(*at, it));
    let raised = raised.map(|(at, component)| {
        let mut component = component.clone();
        if let Some(version) = versions.get(&at) {
            raise(&mut component, version);
        }
        raise_owner(&mut component, &owners);
        component
    });
    let mut raised: Vec<Component> = raised.collect();
    raised.sort();
    raised
}

/// Lists what plugins found, without what they say that a version ends which is there now.
fn weaknesses(
    inventory: &Inventory,
    versions: &Versions,
    kept: Option<&BTreeSet<usize>>,
    judges: &impl Judges,
) -> Vec<FoundWeakness> {
    if inventory.weaknesses.is_empty() {
        return Vec::new();
    }
    let all = inventory.components.iter().enumerate();
    let all: Vec<(usize, &Component)> = match kept {
        None => all.filter(|(at, _)| versions.contains_key(at)).collect(),
        Some(kept) => all.filter(|(at, _)| kept.contains(at)).collect(),
    };
    let by_purl: BTreeMap<&str, (usize, &Component)> = (all.into_iter())
        .map(|it| (it.1.purl.as_str(), it))
        .collect();
    let stays = |found: &&FoundWeakness| {
        let package = found.weakness.package.as_ref();
        let Some((at, component)) = package.and_then(|it| by_purl.get(it.purl.as_str())) else {
            return kept.is_none();
        };
        let Some(version) = versions.get(at) else {
            return true;
        };
        let kind = component.package.package_type;
        let mut ends = found.weakness.remedy.iter();
        !ends.any(|end| {
            package.is_some_and(|it| it.name == end.package)
                && judges.is_at_least(kind, version, &end.version)
        })
    };
    let mut left: Vec<FoundWeakness> = inventory.weaknesses.iter().filter(stays).cloned().collect();
    // They go on with the package that they are on.
    for found in &mut left {
        let Some(package) = &mut found.weakness.package else {
            continue;
        };
        if let Some((at, component)) = by_purl.get(package.purl.as_str())
            && let Some(version) = versions.get(at)
        {
            package.purl = purl_at(&component.purl, component.package.package_type, version);
            package.version.clone_from(version);
        }
    }
    left
}

/// Gives a component another version. The source gets the same: where both have versions of their own,
/// it is not told which of them an advisory speaks of, and it may be either.
fn raise(component: &mut Component, version: &str) {
    component.purl = purl_at(&component.purl, component.package.package_type, version);
    if let Some(source) = &mut component.package.source {
        of_source(component.package.package_type, version).clone_into(&mut source.version);
    }
    version.clone_into(&mut component.package.version);
}

fn raise_owner(component: &mut Component, owners: &BTreeMap<&str, &str>) {
    let Standing::OwnedBy(owner) = &mut component.standing else {
        return;
    };
    let Some(version) = owners.get(owner.purl.as_str()) else {
        return;
    };
    owner.purl = purl_at(&owner.purl, owner.package.package_type, version);
    if let Some(source) = &mut owner.package.source {
        of_source(owner.package.package_type, version).clone_into(&mut source.version);
    }
    (*version).clone_into(&mut owner.package.version);
}

/// Leaves out what a source's version does not name.
fn of_source(package_type: PackageType, version: &str) -> &str {
    match (package_type, version.split_once(':')) {
        (PackageType::Rpm, Some((_epoch, version))) => version,
        _ => version,
    }
}

/// Writes a package URL with another version.
pub(crate) fn purl_at(purl: &str, package_type: PackageType, version: &str) -> String {
    let (body, qualifiers) = match purl.split_once('?') {
        Some((body, qualifiers)) => (body, Some(qualifiers)),
        None => (purl, None),
    };
    let name = body.rsplit_once('@').map_or(body, |(name, _)| name);
    let (epoch, version) = match version.split_once(':') {
        Some((epoch, version)) if package_type == PackageType::Rpm => (Some(epoch), version),
        _ => (None, version),
    };
    let kept = qualifiers.into_iter().flat_map(|all| all.split('&'));
    let kept = kept.filter(|one| !one.starts_with("epoch="));
    let mut qualifiers: Vec<String> = kept.map(str::to_owned).collect();
    qualifiers.extend(epoch.map(|epoch| format!("epoch={}", percent::encoded(epoch, BARE))));
    let mark = if qualifiers.is_empty() { "" } else { "?" };
    let version = percent::encoded(version, BARE);
    format!("{name}@{version}{mark}{}", qualifiers.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_url_of_another_version_is_the_same_but_for_that() {
        let deb = PackageType::Deb;
        for (purl, kind, version, wanted) in [
            (
                "pkg:deb/debian/openssl@3.0.9-1?arch=amd64&distro=debian-12",
                deb,
                "3.0.11-1~deb12u2",
                "pkg:deb/debian/openssl@3.0.11-1~deb12u2?arch=amd64&distro=debian-12",
            ),
            (
                "pkg:rpm/redhat/vim@8.0-1?arch=x86_64&epoch=1",
                PackageType::Rpm,
                "2:8.2-3",
                "pkg:rpm/redhat/vim@8.2-3?arch=x86_64&epoch=2",
            ),
            (
                "pkg:npm/%40scope/x@1.0.0",
                PackageType::Npm,
                "1.0.1+b",
                "pkg:npm/%40scope/x@1.0.1%2Bb",
            ),
        ] {
            assert_eq!(purl_at(purl, kind, version), wanted);
        }
    }
}
