//! The forms that a distribution gives the versions of its builds.
//!
//! Source: Debian policy 5.6.12; Debian developers' reference 5.8.5, 5.11.1; Ubuntu, "Version
//! strings"; the versions of every source of Debian 12 and of Debian's and AlmaLinux's advisories;
//! the package indexes of the vendors' own repositories.

use std::sync::LazyLock;

use regex::Regex;
use sluicegate_model::package::{Distro, Package, PackageType};

use crate::versions::parts::parts;

/// What vendors write into the versions of their builds, as no archive of a distribution does:
/// NodeSource, PostgreSQL, MariaDB, Docker, nginx, Raspberry Pi, Remi, Proxmox, Sury.
const MARKS: [&str; 18] = [
    "nodesource",
    ".pgdg",
    "PGDG",
    "+maria~",
    "~debian.",
    "~ubuntu.",
    "~bullseye",
    "~bookworm",
    "~trixie",
    "~focal",
    "~jammy",
    "~noble",
    "+rpt",
    "+rpi",
    ".remi",
    "~bpve",
    "+pve",
    "deb.sury.org",
];

/// A revision of Debian: its number, and marks of stable updates, backports, uploads without the
/// maintainer, rebuilds, experimental builds and repacked sources.
static DEBIAN: LazyLock<Regex> = LazyLock::new(|| {
    let number = r"(?:f?[0-9][0-9.]*|deb[0-9]+u[0-9.]*)";
    let update = r"[+~]?deb[0-9]+u[0-9.]*";
    let backport = r"~bpo[0-9]+\+[0-9.]+";
    let other = r"\+nmu[0-9.]*|\+b[0-9]+|~exp[0-9.]*|[+~]dfsg[0-9.]*|\+ds[0-9.]*|~[0-9.]*";
    // Of one source each: elogind, id-utils.
    let once = r"debian[0-9]|ss[0-9]+[a-z]+";
    let dated = r"\+[0-9][0-9.]*[a-z]?";
    let form = format!("^{number}(?:{update}|{backport}|{other}|{once}|{dated})*$");
    Regex::new(&form).expect("the form is a constant")
});

/// What follows the mark of Enterprise Linux in a release of AlmaLinux: numbers, what a module's
/// build adds, and its own mark.
static ALMALINUX: LazyLock<Regex> = LazyLock::new(|| {
    let form = r"\.(?:el|module_el|module\+el)[0-9][0-9._]*(?:\+[0-9]+\+[0-9a-f]+)?(?:\.[0-9]+|\.alma|\.plus|_[0-9]+)*$";
    Regex::new(form).expect("the form is a constant")
});

/// Tells whether a package's version has a form that its distribution gives none.
pub(super) fn is_foreign(package: &Package, distro: Option<&Distro>) -> bool {
    let built = package
        .source
        .as_ref()
        .map_or(package.version.as_str(), |source| source.version.as_str());
    let is_marked = |mark: &str| package.version.contains(mark) || built.contains(mark);
    if MARKS.iter().any(|mark| is_marked(mark)) {
        return true;
    }
    let id = distro.map(|distro| distro.id.as_str());
    let revision = parts(package.package_type, built).revision;
    match (package.package_type, id) {
        (PackageType::Deb, Some("debian")) => !revision.is_empty() && !DEBIAN.is_match(revision),
        (PackageType::Rpm, Some("almalinux")) => {
            let has_mark = revision.contains(".el") || revision.contains(".module");
            has_mark && !ALMALINUX.is_match(revision)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(package_type: PackageType, version: &str, id: &str) -> bool {
        let distro = Distro {
            id: id.to_owned(),
            version: "12".to_owned(),
            ecosystem: None,
        };
        is_foreign(
            &Package::of_language(package_type, "x", version),
            Some(&distro),
        )
    }

    #[test]
    fn a_distributions_own_forms_are_no_strangers() {
        for version in [
            "3.0.9-1",
            "1:3.0.9-1+deb12u3",
            "2.36-9+deb12u7",
            "18.19.0+dfsg-6~deb12u2",
            "1.22.1-1~bpo12+1",
            "0.29-4~deb13u1~deb12u1",
            "1.2-3.1+b2",
            "2.23-1+2023b",
            "2.1.0-1~exp2",
            "1.8-3+ds",
            "12.4+deb12u5",
            "0.33.1+git-g9af7a9a-1",
            "1.0-1+nmu1",
            "2.4.0-f2",
            "2.16.1+ds-deb12u8",
            "246.10-1debian1",
        ] {
            assert!(!of(PackageType::Deb, version, "debian"), "{version}");
        }
        for version in [
            "1.26.5-8.el9_8",
            "1.28.36-3.el8_8.alma.1",
            "3.18.4-9.el8.alma",
            "1:0.1.15-2.git2d0b8a3.module_el8.5.0+119+9a9ec082",
            "15:6.2.0-40.module_el8.9.0+3681+41cbbcc0.1.alma.1",
            "5.16-1",
        ] {
            assert!(!of(PackageType::Rpm, version, "almalinux"), "{version}");
        }
        assert!(!of(PackageType::Deb, "1.7.12-0ubuntu2~22.04.1", "ubuntu"));
        assert!(!of(PackageType::Apk, "5.4-r0", "alpine"));
    }

    #[test]
    fn what_no_archive_writes_is_somebody_elses() {
        for version in [
            "3.0.9-1+rpt1",
            "3.0.9-1+zzz1",
            "3.0.9-1ubuntu1",
            "8.3.14-1+0~20241122.56+debian12~1.gbp4be2cd",
            "20.20.2-1nodesource1",
            "15.8-1.pgdg120+1",
        ] {
            assert!(of(PackageType::Deb, version, "debian"), "{version}");
        }
        for version in ["8.3.1-1.el9.remi", "15.4-1PGDG.rhel9", "3.0.7-1.el9.evil9"] {
            assert!(of(PackageType::Rpm, version, "almalinux"), "{version}");
        }
    }
}
