//! Which distribution an image is, and what OSV calls the ecosystem of its packages.
//!
//! The name is a table, never `ID_LIKE`: a derivative with its own versions must stay unmatched.
//! `inventory.rs` asks; nothing here reads files.
//!
//! Source: os-release(5); OSV schema, "Defined Ecosystems".

use sluicegate_model::package::{Distro, Ecosystem, Package, PackageType};

use crate::facts::OsClaim;

/// Where the operating system is named, strongest first.
///
/// Ubuntu has Debian's file too, and Oracle and CentOS have Red Hat's: theirs come first.
pub(crate) const WITNESSES: [&str; 14] = [
    "etc/os-release",
    "usr/lib/os-release",
    "etc/lsb-release",
    "usr/lib/lsb-release",
    "etc/alpine-release",
    "etc/debian_version",
    "etc/oracle-release",
    "etc/centos-release",
    "etc/fedora-release",
    "etc/redhat-release",
    "etc/system-release",
    "etc/SuSE-release",
    "etc/arch-release",
    "etc/gentoo-release",
];

/// Codenames that have no number in `VERSION_ID` yet. Source: Debian releases.
const DEBIAN_TESTING: [(&str, &str); 2] = [("forky", "14"), ("duke", "15")];

/// Identifies the distribution from the claims of [`WITNESSES`] that are there, in that order.
pub(crate) fn identify(claims: &[&OsClaim]) -> Option<Distro> {
    let first = claims.iter().find(|claim| !claim.id.is_empty())?;
    let same = || claims.iter().filter(|claim| claim.id == first.id);
    let of = |field: fn(&OsClaim) -> &str| {
        same()
            .map(|claim| field(claim))
            .find(|text| !text.is_empty())
            .unwrap_or_default()
            .to_owned()
    };
    let claim = OsClaim {
        id: first.id.clone(),
        version: if first.version.is_empty() {
            of(|claim| &claim.version)
        } else {
            first.version.clone()
        },
        codename: if first.codename.is_empty() {
            of(|claim| &claim.codename)
        } else {
            first.codename.clone()
        },
    };
    Some(Distro {
        ecosystem: ecosystem(&claim).map(|name| Ecosystem::new(&name)),
        id: claim.id,
        version: claim.version,
    })
}

/// Tells whether a distribution's own packages can be of a type; unknown distributions may be all.
pub(crate) fn may_hold(distro: &Distro, package_type: PackageType) -> bool {
    match (distro.id.as_str(), package_type) {
        ("debian" | "ubuntu", other) => other != PackageType::Apk,
        ("alpine" | "wolfi" | "chainguard", other) => other != PackageType::Deb,
        _ => true,
    }
}

/// Gives the part of a distribution's version that names its release.
fn release(distro: &Distro) -> String {
    let mut parts = distro.version.split('.');
    let major = parts.next().unwrap_or_default();
    match (distro.id.as_str(), parts.next()) {
        ("alpine", Some(minor)) => format!("{major}.{minor}"),
        _ => major.to_owned(),
    }
}

/// Says what a package of the base system tells against the distribution's name, if anything.
///
/// `base-files` 12.4+deb12u11 belongs to Debian 12, `alpine-release` 3.20.3-r0 to Alpine 3.20.
pub(crate) fn contradiction(package: &Package, distro: &Distro) -> Option<String> {
    let (name, version) = (package.name.as_str(), package.version.as_str());
    let id = distro.id.as_str();
    let of_ubuntu = version.contains("ubuntu");
    let is_foreign = match name {
        "base-files" => (id == "debian" && of_ubuntu) || (id == "ubuntu" && !of_ubuntu),
        "alpine-baselayout" => matches!(id, "wolfi" | "chainguard"),
        "wolfi-baselayout" | "chainguard-baselayout" => id == "alpine",
        _ => false,
    };
    let carries_release = matches!(
        (id, name),
        ("debian", "base-files") | ("alpine", "alpine-release")
    );
    let carried = Distro {
        version: version
            .split(['-', '+', '_'])
            .next()
            .unwrap_or_default()
            .to_owned(),
        ..distro.clone()
    };
    let is_other_release =
        carries_release && !distro.version.is_empty() && release(&carried) != release(distro);
    (is_foreign || is_other_release || !may_hold(distro, package.package_type))
        .then(|| format!("its package {name} {version} is of another"))
}

fn ecosystem(claim: &OsClaim) -> Option<String> {
    let version = claim.version.as_str();
    let major = version.split('.').next().unwrap_or_default();
    let dotted = |name: &str| (!version.is_empty()).then(|| format!("{name}:{version}"));
    let by_major = |name: &str| (!major.is_empty()).then(|| format!("{name}:{major}"));
    match claim.id.as_str() {
        "debian" => by_major("Debian").or_else(|| debian_series(&claim.codename)),
        "ubuntu" => ubuntu(version),
        "alpine" => alpine(version),
        "wolfi" => Some("Wolfi".to_owned()),
        "chainguard" => Some("Chainguard".to_owned()),
        "minimos" => Some("MinimOS".to_owned()),
        "almalinux" => by_major("AlmaLinux"),
        "rocky" => by_major("Rocky Linux"),
        "azurelinux" | "mariner" => by_major("Azure Linux"),
        "mageia" => by_major("Mageia"),
        "alpaquita" => by_major("Alpaquita"),
        "opensuse-leap" => dotted("openSUSE:Leap").map(|name| name.replace("Leap:", "Leap ")),
        "opensuse-tumbleweed" => Some("openSUSE:Tumbleweed".to_owned()),
        _ => None,
    }
}

/// Reads `sid`, `forky` or `forky/sid`.
fn debian_series(codename: &str) -> Option<String> {
    let series = codename.split('/').next().unwrap_or_default();
    let number = DEBIAN_TESTING
        .iter()
        .find(|(name, _)| *name == series)
        .map(|(_, number)| *number);
    match number {
        Some(number) => Some(format!("Debian:{number}")),
        None => (!series.is_empty()).then(|| format!("Debian:{series}")),
    }
}

/// Long-term releases are those of April in even years.
fn ubuntu(version: &str) -> Option<String> {
    let (year, month) = version.split_once('.')?;
    let month = month.split('.').next().unwrap_or_default();
    let is_long_term = month == "04" && year.parse::<u32>().ok()? % 2 == 0;
    let suffix = if is_long_term { ":LTS" } else { "" };
    Some(format!("Ubuntu:{year}.{month}{suffix}"))
}

/// Releases are `v3.20`; snapshots such as `3.22.0_alpha20250108` belong to edge.
fn alpine(version: &str) -> Option<String> {
    if version.contains("_alpha") || version.contains("edge") {
        return Some("Alpine:edge".to_owned());
    }
    let mut parts = version.split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(major) && is_number(minor)).then(|| format!("Alpine:v{major}.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(id: &str, version: &str, codename: &str) -> Option<String> {
        let claim = OsClaim {
            id: id.to_owned(),
            version: version.to_owned(),
            codename: codename.to_owned(),
        };
        identify(&[&claim])?
            .ecosystem
            .map(|name| name.as_str().to_owned())
    }

    #[test]
    fn names_ecosystems_as_osv_does() {
        let table = [
            ("debian", "12", "bookworm", Some("Debian:12")),
            ("debian", "12.11", "", Some("Debian:12")),
            ("debian", "", "sid", Some("Debian:sid")),
            ("debian", "", "forky/sid", Some("Debian:14")),
            ("ubuntu", "22.04", "", Some("Ubuntu:22.04:LTS")),
            ("ubuntu", "24.10", "", Some("Ubuntu:24.10")),
            ("ubuntu", "23.04", "", Some("Ubuntu:23.04")),
            ("alpine", "3.20.3", "", Some("Alpine:v3.20")),
            ("alpine", "3.22.0_alpha20250108", "", Some("Alpine:edge")),
            ("alpine", "", "", None),
            ("wolfi", "20230201", "", Some("Wolfi")),
            ("chainguard", "20230214", "", Some("Chainguard")),
            ("opensuse-leap", "15.6", "", Some("openSUSE:Leap 15.6")),
            ("kali", "2024.1", "", None),
        ];
        for (id, version, codename, wanted) in table {
            assert_eq!(
                named(id, version, codename).as_deref(),
                wanted,
                "{id} {version}"
            );
        }
    }

    #[test]
    fn weaker_witnesses_fill_only_what_the_strongest_leaves_open() {
        let strong = OsClaim {
            id: "debian".to_owned(),
            ..OsClaim::default()
        };
        let weak = OsClaim {
            id: "debian".to_owned(),
            version: String::new(),
            codename: "trixie/sid".to_owned(),
        };
        let distro = identify(&[&strong, &weak]).unwrap();
        assert_eq!(distro.ecosystem, Some(Ecosystem::new("Debian:trixie")));
    }
}
