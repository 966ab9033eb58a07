//! Package URLs read back into packages. Pure; the other direction is the crate's `purl.rs`.
//!
//! Source: ECMA-427, and the type definitions of package-url/purl-spec.

use std::str::FromStr;

use packageurl::PackageUrl;
use sluicegate_model::package::{Package, PackageType};

use crate::analyzers::npm::version::clean;

/// Longest name or version that is believed, in bytes.
const MAX_PART_BYTES: usize = 512;

/// Reads a purl; none where it is broken, has no version, or names no kind of package.
pub(super) fn package(purl: &str) -> Option<Package> {
    // Of `generic` sources nobody knows what they are.
    package_of(purl).filter(|package| package.package_type != PackageType::Generic)
}

/// Reads the purl of a package that somebody answers for, `generic` ones too.
pub fn package_of(purl: &str) -> Option<Package> {
    let purl = PackageUrl::from_str(purl).ok()?;
    let package_type = package_type(purl.ty())?;
    let version = purl.version().filter(|version| !version.is_empty())?;
    let version = match package_type {
        PackageType::Npm => clean(version),
        _ => version,
    };
    let name = name(package_type, purl.namespace(), purl.name());
    let long = name.len() > MAX_PART_BYTES || version.len() > MAX_PART_BYTES;
    let qualifier = |key: &str| purl.qualifiers().get(key).map(ToString::to_string);
    let is_system = package_type.is_operating_system();
    let epoch = qualifier("epoch").filter(|epoch| is_system && epoch != "0");
    (!long).then(|| Package {
        name,
        version: match epoch {
            Some(epoch) => format!("{epoch}:{version}"),
            None => version.to_owned(),
        },
        package_type,
        architecture: qualifier("arch").filter(|_| is_system),
        source: None,
        licence: None,
    })
}

/// Gives the kind of package.
fn package_type(purl_type: &str) -> Option<PackageType> {
    let known = |kind: &&PackageType| kind.purl_type() == purl_type;
    PackageType::ALL.iter().find(known).copied()
}

fn name(package_type: PackageType, namespace: Option<&str>, name: &str) -> String {
    match (package_type, namespace) {
        (PackageType::Maven, Some(group)) => format!("{group}:{name}"),
        (PackageType::Npm | PackageType::Go | PackageType::Composer, Some(namespace)) => {
            format!("{namespace}/{name}")
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_name() {
        for (purl, wanted) in [
            (
                "pkg:maven/org.x/y@1.0",
                Some((PackageType::Maven, "org.x:y", "1.0")),
            ),
            (
                "pkg:npm/%40angular/core@1",
                Some((PackageType::Npm, "@angular/core", "1")),
            ),
            ("pkg:npm/a@v0.0.8", Some((PackageType::Npm, "a", "0.0.8"))),
            (
                "pkg:golang/github.com/a/b@v1.0.0#sub",
                Some((PackageType::Go, "github.com/a/b", "v1.0.0")),
            ),
            (
                "pkg:pypi/django@4",
                Some((PackageType::Python, "django", "4")),
            ),
            (
                "pkg:deb/debian/curl@7.50.3-1?arch=i386",
                Some((PackageType::Deb, "curl", "7.50.3-1")),
            ),
            (
                "pkg:rpm/fedora/curl@7-1?epoch=2",
                Some((PackageType::Rpm, "curl", "2:7-1")),
            ),
            (
                "pkg:bitnami/redis@7.2.4-0",
                Some((PackageType::Bitnami, "redis", "7.2.4-0")),
            ),
            ("pkg:npm/a", None),
            ("pkg:generic/a@1", None),
            ("pkg:github/a/b@1", None),
            ("pkg:", None),
            ("", None),
        ] {
            let found = package(purl);
            let found = found.as_ref().map(|found| {
                (
                    found.package_type,
                    found.name.as_str(),
                    found.version.as_str(),
                )
            });
            assert_eq!(found, wanted, "{purl}");
        }
    }
}
