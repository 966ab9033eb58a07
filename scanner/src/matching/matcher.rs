//! The matching plugins: which packages each one claims, what name and version advisories know them
//! by, and in which order versions are compared.
//!
//! A new ecosystem is one order in `versions` and one line in [`REGISTRY`]. Called by `judge`.

use std::borrow::Cow;

use sluicegate_model::advisory::Advisory;
use sluicegate_model::package::{Component, Ecosystem, Package, PackageType};

use super::names;
use super::ranges::{self, Affected};
use crate::feeds::FeedIndex;
use crate::versions::apk::ApkVersion;
use crate::versions::deb::DebVersion;
use crate::versions::maven::MavenVersion;
use crate::versions::pep440::Pep440Version;
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
pub(super) struct Matcher {
    info: MatcherInfo,
    claims: PackageType,
    /// Whether advisories name the source package, not the installed one.
    by_source: bool,
    affected: fn(&str, &[Advisory]) -> Vec<Affected>,
    first_fix: fn(&str, &[&Advisory]) -> Option<String>,
    drop_covered: fn(&mut Advisory),
}

static REGISTRY: [Matcher; 5] = [
    Matcher {
        info: MatcherInfo {
            name: "deb",
            revision: 1,
            ecosystems: &["Debian", "Ubuntu"],
        },
        claims: PackageType::Deb,
        by_source: true,
        affected: ranges::affected::<DebVersion>,
        first_fix: ranges::first_fix::<DebVersion>,
        drop_covered: ranges::drop_covered::<DebVersion>,
    },
    Matcher {
        info: MatcherInfo {
            name: "apk",
            revision: 1,
            ecosystems: &["Alpine"],
        },
        claims: PackageType::Apk,
        by_source: true,
        affected: ranges::affected::<ApkVersion>,
        first_fix: ranges::first_fix::<ApkVersion>,
        drop_covered: ranges::drop_covered::<ApkVersion>,
    },
    Matcher {
        info: MatcherInfo {
            name: "pypi",
            revision: 1,
            ecosystems: &["PyPI"],
        },
        claims: PackageType::Python,
        by_source: false,
        affected: ranges::affected::<Pep440Version>,
        first_fix: ranges::first_fix::<Pep440Version>,
        drop_covered: ranges::drop_covered::<Pep440Version>,
    },
    Matcher {
        info: MatcherInfo {
            name: "npm",
            revision: 1,
            ecosystems: &["npm"],
        },
        claims: PackageType::Npm,
        by_source: false,
        affected: ranges::affected::<SemanticVersion>,
        first_fix: ranges::first_fix::<SemanticVersion>,
        drop_covered: ranges::drop_covered::<SemanticVersion>,
    },
    Matcher {
        info: MatcherInfo {
            name: "maven",
            revision: 1,
            ecosystems: &["Maven"],
        },
        claims: PackageType::Maven,
        by_source: false,
        affected: ranges::affected::<MavenVersion>,
        first_fix: ranges::first_fix::<MavenVersion>,
        drop_covered: ranges::drop_covered::<MavenVersion>,
    },
];

/// Finds the matcher that claims a package.
pub(super) fn of(package: &Package) -> Option<&'static Matcher> {
    REGISTRY
        .iter()
        .find(|matcher| matcher.claims == package.package_type)
}

/// Makes an advisory smaller without changing what its matcher answers.
pub(crate) fn slim(family: &str, advisory: &mut Advisory) {
    let matcher = REGISTRY
        .iter()
        .find(|matcher| matcher.info.ecosystems.contains(&family));
    if let Some(matcher) = matcher {
        (matcher.drop_covered)(advisory);
    }
}

/// Names the loaded ecosystem that holds the advisories on a component.
///
/// Ubuntu's long-term releases carry a suffix of their own that a package does not show.
pub(super) fn loaded_ecosystem(component: &Component, feeds: &FeedIndex) -> Option<Ecosystem> {
    let ecosystem = component.ecosystem.as_ref()?;
    if feeds.has_ecosystem(ecosystem) {
        return Some(ecosystem.clone());
    }
    let long_term = Ecosystem::new(&format!("{ecosystem}:LTS"));
    (ecosystem.family() == "Ubuntu" && feeds.has_ecosystem(&long_term)).then_some(long_term)
}

impl Matcher {
    /// Gives the name, in normal form, by which advisories know the package.
    pub(super) fn name<'a>(&self, ecosystem: &Ecosystem, package: &'a Package) -> Cow<'a, str> {
        let name = match &package.source {
            Some(source) if self.by_source => &source.name,
            _ => &package.name,
        };
        names::normal_form(ecosystem.family(), name)
    }

    /// Gives the version that advisories speak of.
    pub(super) fn version<'a>(&self, package: &'a Package) -> &'a str {
        match &package.source {
            Some(source) if self.by_source => &source.version,
            _ => &package.version,
        }
    }

    /// Asks each advisory about a version.
    pub(super) fn affected(&self, version: &str, advisories: &[Advisory]) -> Vec<Affected> {
        (self.affected)(version, advisories)
    }

    /// Finds the smallest version that ends all of the advisories.
    pub(super) fn first_fix(&self, version: &str, advisories: &[&Advisory]) -> Option<String> {
        (self.first_fix)(version, advisories)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_every_type_of_package_once() {
        for package_type in [
            PackageType::Deb,
            PackageType::Apk,
            PackageType::Python,
            PackageType::Npm,
            PackageType::Maven,
        ] {
            let claims = REGISTRY.iter().filter(|m| m.claims == package_type);
            assert_eq!(claims.count(), 1, "{package_type:?}");
        }
    }
}
