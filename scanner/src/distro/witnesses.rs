//! Where images name their operating system, and which names may stand side by side.
//!
//! A derivative carries its parent's files, and that is no contradiction; any other second name is.

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::Distro;

use crate::facts::OsClaim;

use super::release::{release, version};

/// Where the operating system is named, strongest first.
///
/// Ubuntu has Debian's file too, and Oracle and CentOS have Red Hat's: theirs come first. The list
/// of repositories is last, for it only tells Alpine's release.
pub(crate) const WITNESSES: [&str; 24] = [
    "etc/os-release",
    "usr/lib/os-release",
    "x86_64-bottlerocket-linux-gnu/sys-root/usr/lib/os-release",
    "aarch64-bottlerocket-linux-gnu/sys-root/usr/lib/os-release",
    "etc/lsb-release",
    "usr/lib/lsb-release",
    "etc/alpine-release",
    "etc/debian_version",
    "etc/oracle-release",
    "etc/rocky-release",
    "etc/almalinux-release",
    "etc/centos-release",
    "etc/fedora-release",
    "usr/lib/fedora-release",
    "etc/redhat-release",
    "etc/system-release",
    "usr/lib/system-release",
    "etc/system-release-cpe",
    "usr/lib/system-release-cpe",
    "etc/SuSE-release",
    "etc/photon-release",
    "etc/arch-release",
    "etc/gentoo-release",
    REPOSITORIES,
];

/// Where apk's repositories are listed.
pub(crate) const REPOSITORIES: &str = "etc/apk/repositories";

/// A parent, and the derivatives whose images carry its files. Source: the derivatives' packages.
const DERIVATIVES: [(&str, &[&str]); 8] = [
    (
        "debian",
        &[
            "ubuntu",
            "kali",
            "raspbian",
            "devuan",
            "linuxmint",
            "pop",
            "elementary",
            "zorin",
            "neon",
            "parrot",
            "pureos",
            "deepin",
            "mx",
            "echo",
            "proxmox",
            "astra",
            "endless",
        ],
    ),
    (
        "ubuntu",
        &["linuxmint", "pop", "elementary", "zorin", "neon"],
    ),
    (
        "rhel",
        &[
            "ol",
            "centos",
            "centos-stream",
            "rocky",
            "almalinux",
            "scientific",
            "virtuozzo",
            "cloudlinux",
            "eurolinux",
            "fedora",
            "amzn",
            "rhcos",
        ],
    ),
    (
        "centos",
        &[
            "centos-stream",
            "ol",
            "rocky",
            "almalinux",
            "amzn",
            "anolis",
            "alinux",
            "tencentos",
        ],
    ),
    ("fedora", &["nobara", "ultramarine", "qubes", "coreos"]),
    (
        "alpine",
        &["postmarketos", "alpaquita", "bellsoft-hardened-containers"],
    ),
    (
        "arch",
        &[
            "manjaro",
            "endeavouros",
            "arcolinux",
            "archarm",
            "artix",
            "garuda",
            "cachyos",
            "steamos",
            "blackarch",
        ],
    ),
    ("gentoo", &["funtoo", "flatcar", "cos", "calculate"]),
];

/// Says which witnesses name another system or release than the strongest one does.
///
/// `claims` are those of [`WITNESSES`] that are there, in that order.
pub(crate) fn contradictions(claims: &[(&str, &OsClaim)]) -> Vec<Gap> {
    let mut named = claims.iter().filter(|(_, claim)| !claim.id.is_empty());
    let Some((first_place, first)) = named.next() else {
        return Vec::new();
    };
    let against = named.filter(|(_, other)| contradicts(first, other));
    let gap = |(place, other): &(&str, &OsClaim)| {
        let detail = format!(
            "{first_place} names {}, but {place} names {}",
            shown(first),
            shown(other)
        );
        // Where packages may come from is not yet where they came from.
        let gap = Gap {
            fatal: *place != REPOSITORIES,
            ..Gap::partial(GapKind::OsForged, detail)
        };
        gap.at(*place)
    };
    against.map(gap).collect()
}

fn contradicts(first: &OsClaim, other: &OsClaim) -> bool {
    if first.id == other.id {
        let both_say = !version(first).is_empty() && !version(other).is_empty();
        return both_say && release_of(first) != release_of(other);
    }
    let is_parent = DERIVATIVES.iter().any(|(parent, derivatives)| {
        *parent == other.id && derivatives.contains(&first.id.as_str())
    });
    !is_parent
}

fn release_of(claim: &OsClaim) -> String {
    release(&Distro {
        id: claim.id.clone(),
        version: version(claim).to_owned(),
        ecosystem: None,
    })
}

fn shown(claim: &OsClaim) -> String {
    let shown: String = [claim.id.as_str(), version(claim)].join(" ");
    shown.trim_end().chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn against(first: (&str, &str), other: (&str, &str)) -> bool {
        // What begins with a letter is a codename.
        let claim = |(id, release): (&str, &str)| {
            let is_name = release.starts_with(char::is_alphabetic);
            let (version, codename) = if is_name {
                ("", release)
            } else {
                (release, "")
            };
            OsClaim {
                id: id.to_owned(),
                version: version.to_owned(),
                codename: codename.to_owned(),
            }
        };
        let (first, other) = (claim(first), claim(other));
        let claims = [("etc/os-release", &first), ("etc/debian_version", &other)];
        let gaps = contradictions(&claims);
        assert!(gaps.iter().all(|gap| gap.fatal && gap.path.is_some()));
        !gaps.is_empty()
    }

    #[test]
    fn only_a_name_that_no_derivative_explains_speaks_against_the_first() {
        let table = [
            (("debian", "12"), ("debian", "12.11"), false),
            (("debian", "12"), ("debian", ""), false),
            (("debian", "13"), ("debian", "12.11"), true),
            (("debian", "trixie"), ("debian", "13.1"), false),
            (("debian", "trixie"), ("debian", "trixie/sid"), false),
            (("debian", "trixie"), ("debian", "12.11"), true),
            (("debian", "sid"), ("debian", "12.11"), false),
            (("ubuntu", "22.04"), ("debian", ""), false),
            (("debian", "12"), ("ubuntu", "22.04"), true),
            (("ol", "9.4"), ("rhel", "9.4"), false),
            (("rhel", "9.4"), ("ol", "9.4"), true),
            (("alpine", "3.20.3"), ("alpine", "3.20"), false),
            (("alpine", "3.20.3"), ("alpine", "3.19.1"), true),
            (("wolfi", ""), ("alpine", "3.20"), true),
            (("debian", "12"), ("alpine", "3.20"), true),
            (("", ""), ("alpine", "3.20"), false),
        ];
        for (first, other, wanted) in table {
            assert_eq!(against(first, other), wanted, "{first:?} {other:?}");
        }
    }
}
