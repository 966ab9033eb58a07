//! The matching plugins: which packages each one claims, by which names advisories know them, and in
//! which order versions are compared.
//!
//! A new ecosystem is one order in `versions` and one line in [`REGISTRY`]. Called by `matching`.

use std::cmp::Ordering;

use sluicegate_model::advisory::Advisory;
use sluicegate_model::package::{Ecosystem, Package, PackageType};

use super::order::Order;
use super::relocated;
use crate::names;
use crate::versions::apk::ApkVersion;
use crate::versions::bitnami::BitnamiVersion;
use crate::versions::cran::CranVersion;
use crate::versions::deb::DebVersion;
use crate::versions::gem::GemVersion;
use crate::versions::go::GoVersion;
use crate::versions::maven::MavenVersion;
use crate::versions::nuget::NugetVersion;
use crate::versions::packagist::PackagistVersion;
use crate::versions::pep440::Pep440Version;
use crate::versions::rpm::{RpmVersion, RpmWithoutEpoch};
use crate::versions::semver::SemanticVersion;

/// A matcher as users see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatcherInfo {
    /// Its name.
    pub name: &'static str,
    /// Raised with every change of its answers.
    pub revision: u16,
    /// The families of OSV ecosystems it answers for.
    pub ecosystems: &'static [&'static str],
}

/// Lists the active matchers.
pub fn matchers() -> Vec<MatcherInfo> {
    REGISTRY.iter().map(|matcher| matcher.info).collect()
}

/// One ecosystem's matching.
pub(crate) struct Matcher {
    pub(crate) info: MatcherInfo,
    pub(crate) claims: PackageType,
    keys: Keys,
    /// The order of installed versions.
    order: Order,
    /// The order of sources' versions.
    source_order: Order,
}

/// By which names advisories know a package.
#[derive(Clone, Copy)]
enum Keys {
    /// That of the installed package.
    Installed,
    /// That of its source.
    Source,
    /// Alpine's relatives name either: the source, and the installed package as well.
    SourceAndInstalled,
    /// That of the installed package, and for records that do not name it, that of its source.
    InstalledThenSource,
}

/// Which of a package's two names and versions a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Installed,
    Source,
}

const fn system(
    name: &'static str,
    claims: PackageType,
    ecosystems: &'static [&'static str],
    keys: Keys,
    order: Order,
) -> Matcher {
    Matcher {
        info: MatcherInfo {
            name,
            revision: 2,
            ecosystems,
        },
        claims,
        keys,
        order,
        source_order: order,
    }
}

const fn apk(name: &'static str, ecosystems: &'static [&'static str], keys: Keys) -> Matcher {
    let order = Order::of::<ApkVersion>();
    let matcher = system(name, PackageType::Apk, ecosystems, keys, order);
    Matcher {
        info: MatcherInfo {
            revision: 3,
            ..matcher.info
        },
        ..matcher
    }
}

const fn language(
    name: &'static str,
    claims: PackageType,
    ecosystems: &'static [&'static str],
    order: Order,
) -> Matcher {
    system(name, claims, ecosystems, Keys::Installed, order)
}

/// Gives a matcher whose answers were changed alone.
const fn revised(revision: u16, matcher: Matcher) -> Matcher {
    Matcher {
        info: MatcherInfo {
            revision,
            ..matcher.info
        },
        ..matcher
    }
}

/// The families whose packages rpm installs.
const RPM: &[&str] = &[
    "AlmaLinux",
    "Azure Linux",
    "Mageia",
    "Photon OS",
    "Red Hat",
    "Rocky Linux",
    "SUSE",
    "openEuler",
    "openSUSE",
];

/// Alpine's relatives, whose advisories name installed packages too.
const APK_RELATIVES: &[&str] = &[
    "Alpaquita",
    "BellSoft Hardened Containers",
    "Chainguard",
    "CleanStart",
    "MinimOS",
    "Wolfi",
];

pub(crate) static REGISTRY: [Matcher; 15] = [
    system(
        "deb",
        PackageType::Deb,
        &["Debian", "Ubuntu", "Echo"],
        Keys::Source,
        Order::of::<DebVersion>(),
    ),
    apk("apk", &["Alpine"], Keys::Source),
    apk("apk-relatives", APK_RELATIVES, Keys::SourceAndInstalled),
    Matcher {
        source_order: Order::of::<RpmWithoutEpoch>(),
        ..system(
            "rpm",
            PackageType::Rpm,
            RPM,
            Keys::InstalledThenSource,
            Order::of::<RpmVersion>(),
        )
    },
    language(
        "pypi",
        PackageType::Python,
        &["PyPI"],
        Order::of::<Pep440Version>(),
    ),
    language(
        "npm",
        PackageType::Npm,
        &["npm"],
        Order::of::<SemanticVersion>(),
    ),
    revised(
        3,
        language(
            "maven",
            PackageType::Maven,
            &["Maven"],
            Order::of::<MavenVersion>(),
        ),
    ),
    revised(
        3,
        language("go", PackageType::Go, &["Go"], Order::of::<GoVersion>()),
    ),
    language(
        "cargo",
        PackageType::Cargo,
        &["crates.io"],
        Order::of::<SemanticVersion>(),
    ),
    language(
        "gem",
        PackageType::Gem,
        &["RubyGems"],
        Order::of::<GemVersion>(),
    ),
    language(
        "nuget",
        PackageType::Nuget,
        &["NuGet"],
        Order::of::<NugetVersion>(),
    ),
    language(
        "composer",
        PackageType::Composer,
        &["Packagist"],
        Order::of::<PackagistVersion>(),
    ),
    language(
        "hex",
        PackageType::Hex,
        &["Hex"],
        Order::of::<SemanticVersion>(),
    ),
    language(
        "cran",
        PackageType::Cran,
        &["CRAN"],
        Order::of::<CranVersion>(),
    ),
    language(
        "bitnami",
        PackageType::Bitnami,
        &["Bitnami"],
        Order::of::<BitnamiVersion>(),
    ),
];

/// Finds the matcher of a package in an ecosystem.
pub(crate) fn of(package: &Package, ecosystem: &Ecosystem) -> Option<&'static Matcher> {
    REGISTRY.iter().find(|matcher| {
        matcher.claims == package.package_type
            && matcher.info.ecosystems.contains(&ecosystem.family())
    })
}

/// Tells whether a family is one of a distribution's packages.
pub(crate) fn is_of_system(family: &str) -> bool {
    REGISTRY.iter().any(|matcher| {
        matcher.claims.is_operating_system() && matcher.info.ecosystems.contains(&family)
    })
}

/// Compares two versions in the order of a type of packages, as package URLs name those; none where
/// there is no such order, or one of the two is no version in it.
pub fn compare_versions(package_type: &str, one: &str, other: &str) -> Option<Ordering> {
    let mut matchers = REGISTRY.iter();
    let matcher = matchers.find(|matcher| matcher.claims.purl_type() == package_type)?;
    (matcher.order.compare)(one, other)
}

/// Makes an advisory smaller without changing what its matcher answers.
pub(crate) fn slim(family: &str, advisory: &mut Advisory) {
    let matcher = REGISTRY
        .iter()
        .find(|matcher| matcher.info.ecosystems.contains(&family));
    if let Some(matcher) = matcher {
        (matcher.order.drop_covered)(advisory);
    }
}

impl Matcher {
    /// Lists the names, in normal form, by which advisories of the ecosystem know the package.
    pub(crate) fn names(&self, ecosystem: &Ecosystem, package: &Package) -> Vec<(String, Side)> {
        let normal = |name| names::normal_form(ecosystem.family(), name).into_owned();
        let installed = (normal(&package.name), Side::Installed);
        let Some(source) = &package.source else {
            let mut all = vec![installed];
            if self.claims == PackageType::Maven {
                let later = relocated::successors(&package.name);
                all.extend(later.map(|name| (name.into_owned(), Side::Installed)));
            }
            return all;
        };
        let of_source = (normal(&source.name), Side::Source);
        let is_same = source.name == package.name;
        match self.keys {
            Keys::Installed => vec![installed],
            Keys::Source => vec![of_source],
            Keys::SourceAndInstalled if is_same => vec![of_source],
            Keys::SourceAndInstalled => vec![of_source, installed],
            Keys::InstalledThenSource if is_same => vec![installed],
            Keys::InstalledThenSource => vec![installed, of_source],
        }
    }

    /// Tells whether records that name the installed package say nothing through its source.
    pub(crate) fn installed_name_answers_alone(&self) -> bool {
        matches!(self.keys, Keys::InstalledThenSource)
    }

    /// Gives the version that advisories speak of.
    pub(crate) fn version(package: &Package, side: Side) -> &str {
        match (&package.source, side) {
            (Some(source), Side::Source) => &source.version,
            _ => &package.version,
        }
    }

    /// Gives the order in which versions of a side are compared.
    pub(crate) fn order(&self, side: Side) -> &Order {
        match side {
            Side::Installed => &self.order,
            Side::Source => &self.source_order,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_every_ecosystem_of_a_package_once() {
        for package_type in PackageType::ALL {
            let package = Package::of_language(package_type, "x", "1");
            let own = package_type.language_ecosystem();
            if let Some(ecosystem) = own {
                assert!(of(&package, &ecosystem).is_some(), "{ecosystem}");
            }
        }
        let families: Vec<_> = REGISTRY.iter().flat_map(|m| m.info.ecosystems).collect();
        let mut once = families.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), families.len());
    }
}
