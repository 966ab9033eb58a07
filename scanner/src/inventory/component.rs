//! One package in the merged image as a component: its ecosystem, its URL, and whose it is.

use sluicegate_model::archive::UnprovenArchive;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::digest::Digest;
use sluicegate_model::package::{Component, Distro, Evidence, Owner, Package, Standing};

use crate::distro;
use crate::facts::{FoundArchive, FoundPackage};
use crate::image::judge::third_party;
use crate::image::merged::MergedFile;
use crate::path;
use crate::purl::purl;
use crate::versions::parts::is_built_from;

/// Makes the component of a package that was found in a file.
pub(super) fn component(
    file: &str,
    found: &FoundPackage,
    layer: &Digest,
    distro: Option<&Distro>,
    owner: Option<&Package>,
) -> Component {
    let package = &found.package;
    let own_distro = distro.filter(|distro| distro::may_hold(distro, package.package_type));
    // A product that no system's package brought is no part of the distribution.
    let of_system = own_distro.filter(|_| package.package_type.is_operating_system());
    let ecosystem = package
        .package_type
        .language_ecosystem()
        .or_else(|| of_system.and_then(|distro| distro.ecosystem.clone()));
    Component {
        package: package.clone(),
        ecosystem,
        purl: purl(package, own_distro),
        path: place(file, &found.inside),
        layer: layer.clone(),
        evidence: found.evidence,
        standing: standing(found, distro, owner),
        linked: found.linked.clone(),
        platform: found.platform.clone(),
    }
}

/// Makes what is kept of an archive in a file that does not state what it is.
pub(super) fn archive(
    file: &MergedFile<'_>,
    found: &FoundArchive,
    distro: Option<&Distro>,
    (owner, cached): (Option<&Package>, bool),
) -> UnprovenArchive {
    let gaps = file.found.gaps.iter();
    let mut gaps = gaps.filter(|gap| gap.kind == GapKind::JarUnidentified);
    let is_own = |gap: &&Gap| {
        let is_there = gap
            .path
            .as_ref()
            .is_some_and(|it| it.ends_with(&found.inside));
        Some(&gap.detail) == found.doubt.as_ref() && is_there
    };
    let doubt = gaps.find(is_own).cloned();
    UnprovenArchive {
        path: place(&file.path, &found.inside),
        layer: file.layer.clone(),
        sha1: found.sha1,
        called: found.called.clone(),
        doubt: doubt.map(|gap| gap.in_layer(file.layer.clone())),
        owner: owner.map(|owner| Box::new(owner_of(owner, distro))),
        cached,
    }
}

/// Names a place in a file, as people read it.
fn place(file: &str, inside: &str) -> String {
    let file = path::shown(file);
    if inside.is_empty() {
        file.into_owned()
    } else {
        format!("{file}/{inside}")
    }
}

/// Says whose a package is. What is found in an owner's file is its own only where it is what the
/// owner was built from: a package that carries others inside says nothing of those.
fn standing(found: &FoundPackage, distro: Option<&Distro>, owner: Option<&Package>) -> Standing {
    if found.package.package_type.is_operating_system() {
        return if third_party::is_third_party(found, distro) {
            Standing::ThirdParty
        } else {
            Standing::Own
        };
    }
    let own = |owner: &&Package| {
        found.evidence != Evidence::Declared
            && is_built_from(owner.package_type, &owner.version, &found.package.version)
    };
    let Some(owner) = owner.filter(own) else {
        return Standing::Own;
    };
    Standing::OwnedBy(Box::new(owner_of(owner, distro)))
}

/// Describes the system's package that brought a file.
fn owner_of(owner: &Package, distro: Option<&Distro>) -> Owner {
    let of_owner = distro.filter(|distro| distro::may_hold(distro, owner.package_type));
    Owner {
        package: owner.clone(),
        ecosystem: of_owner.and_then(|distro| distro.ecosystem.clone()),
        purl: purl(owner, of_owner),
    }
}
