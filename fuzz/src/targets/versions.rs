//! Targets for the orders of versions: nothing panics, and each order is one.

use std::cmp::Ordering;

use sluicegate_scanner::versions::{
    ParsedVersion, apk, bitnami, cran, dart, deb, gem, go, maven, nuget, packagist, pacman, pep440,
    rpm, semver,
};

use super::Target;

pub fn targets() -> Vec<Target> {
    vec![
        ordered::<deb::DebVersion>("version-deb"),
        ordered::<rpm::RpmVersion>("version-rpm"),
        ordered::<apk::ApkVersion>("version-apk"),
        ordered::<pacman::PacmanVersion>("version-pacman"),
        ordered::<bitnami::BitnamiVersion>("version-bitnami"),
        ordered::<packagist::PackagistVersion>("version-composer"),
        ordered::<cran::CranVersion>("version-cran"),
        ordered::<dart::DartVersion>("version-dart"),
        ordered::<gem::GemVersion>("version-gem"),
        ordered::<go::GoVersion>("version-go"),
        ordered::<maven::MavenVersion>("version-maven"),
        ordered::<nuget::NugetVersion>("version-nuget"),
        ordered::<pep440::Pep440Version>("version-pep440"),
        ordered::<semver::SemanticVersion>("version-semver"),
    ]
}

fn ordered<V: ParsedVersion + 'static>(name: &str) -> Target {
    let seeds = [
        "1.0\n1:2.3-4~rc1+deb12u1\n2\n",
        "1.2.3-alpha.1+b\n1!2.0.post1.dev3+local\n3_rc1-r2\n",
        "v1.0.x-dev\n2024-01-02-p1\n1.0-RC1-dev\n",
        "go1.21rc2\n0:1.0^git1-1.el8\nr99.abc-1\n",
    ];
    let seeds = seeds.map(|text| text.as_bytes().to_vec()).to_vec();
    Target::new(name, order::<V>, seeds)
}

/// Three versions, one a line: their order must be one.
fn order<V: ParsedVersion>(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let versions: Vec<V> = text
        .lines()
        .take(3)
        .filter_map(|line| V::parse(line).ok())
        .collect();
    for left in &versions {
        assert_eq!(left.cmp(left), Ordering::Equal);
        for right in &versions {
            assert_eq!(left.cmp(right), right.cmp(left).reverse());
            for third in &versions {
                if left <= right && right <= third {
                    assert!(left <= third, "an order goes on");
                }
            }
        }
    }
}
