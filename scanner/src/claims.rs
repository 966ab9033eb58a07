//! What SBOMs inside the image may add: what nothing else proves, and no operating system packages
//! beside a package database.
//!
//! A claim never replaces, changes or removes a component that was found. `inventory.rs` is the only
//! caller.

use std::borrow::Cow;
use std::collections::BTreeSet;

use sluicegate_model::package::{Component, Evidence, PackageType};

use crate::names::normal_form;

/// Drops the claims that add nothing, and those that the image's own package database answers.
///
/// `has_database` says whether there is one. Without it, claims of system packages count where the
/// image's distribution can hold them, which their ecosystem tells.
pub(crate) fn settle(components: &mut Vec<Component>, has_database: bool) {
    let is_claim = |component: &Component| component.evidence == Evidence::Claimed;
    if !components.iter().any(is_claim) {
        return;
    }
    let found: BTreeSet<_> = components
        .iter()
        .filter(|component| !is_claim(component) && component.evidence != Evidence::Declared)
        .map(identity)
        .collect();
    let adds = |component: &Component| {
        let is_system = component.package.package_type.is_operating_system();
        let counts = !is_system || (!has_database && component.ecosystem.is_some());
        counts && !found.contains(&identity(component))
    };
    components.retain(|component| !is_claim(component) || adds(component));
}

/// Gives what two records of one package have in common, however they spell it.
fn identity(component: &Component) -> (PackageType, String, String) {
    let package = &component.package;
    let family = component.ecosystem.as_ref().map_or("", |it| it.family());
    let name = normal_form(family, &package.name);
    // Build information and purls disagree on whether the letter is part of a Go version.
    let version = match package.package_type {
        PackageType::Go => package.version.trim_start_matches('v'),
        _ => &package.version,
    };
    (
        package.package_type,
        Cow::into_owned(name),
        version.to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use crate::testing::{Layer, image};

    const BOM: &str = r#"{"bomFormat":"CycloneDX","components":[
        {"purl":"pkg:pypi/Zope.Interface@1.0"},{"purl":"pkg:npm/left@1.0.0"},
        {"purl":"pkg:apk/alpine/curl@8.0-r0?arch=x86_64"}]}"#;
    const RELEASE: &str = "ID=alpine\nVERSION_ID=3.18.0\n";

    fn names(layer: Layer) -> Vec<String> {
        let components = image(&[layer.facts()]).components.into_iter();
        components.map(|component| component.purl).collect()
    }

    #[test]
    fn claims_add_only_what_nothing_proves() {
        let metadata = "Name: zope-interface\nVersion: 1.0\n";
        let proven = Layer::new()
            .file("app/bom.cdx.json", BOM)
            .file("x/zope.interface.dist-info/METADATA", metadata);
        assert_eq!(
            names(proven),
            ["pkg:npm/left@1.0.0", "pkg:pypi/zope-interface@1.0"]
        );
    }

    #[test]
    fn claims_of_system_packages_count_only_without_a_database() {
        let claims = || Layer::new().file("app/bom.cdx.json", BOM);
        let curl = "pkg:apk/alpine/curl@8.0-r0?arch=x86_64&distro=alpine-3.18.0".to_owned();
        let alone = claims().file("etc/os-release", RELEASE);
        assert!(names(alone).contains(&curl));
        let foreign = claims().file("etc/os-release", "ID=debian\nVERSION_ID=12\n");
        assert_eq!(names(foreign).len(), 2);
        let database = claims()
            .file("etc/os-release", RELEASE)
            .file("lib/apk/db/installed", "P:musl\nV:1.2-r0\nA:x86_64\n\n");
        let with_database = names(database);
        assert!(!with_database.contains(&curl));
        assert_eq!(with_database.len(), 3);
    }
}
