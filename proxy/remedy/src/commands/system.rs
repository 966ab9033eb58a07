//! The managers of a system's packages: what they are found by, and the lines that raise packages.
//!
//! A manager installs what its archive has; where that is older than wanted, a line fails, as far as
//! the manager can be asked.

use std::collections::BTreeSet;

use sluicegate_model::package::PackageType;

use super::Surroundings;
use crate::step::Step;

/// A manager of packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manager {
    Apt,
    Apk,
    Dnf,
    Microdnf,
    Tdnf,
    Yum,
    Zypper,
    Pacman,
    Opkg,
}

/// Whether and what each is in an image, by the names of its package; the first that is there counts.
const KNOWN: [(&str, Manager); 10] = [
    ("apt", Manager::Apt),
    ("apk-tools", Manager::Apk),
    ("dnf", Manager::Dnf),
    ("dnf5", Manager::Dnf),
    ("microdnf", Manager::Microdnf),
    ("tdnf", Manager::Tdnf),
    ("yum", Manager::Yum),
    ("zypper", Manager::Zypper),
    ("pacman", Manager::Pacman),
    ("opkg", Manager::Opkg),
];

impl Manager {
    /// Finds the manager among the packages of a system.
    pub(super) fn of(names: &BTreeSet<&str>) -> Option<Self> {
        let mut known = KNOWN.iter();
        let found = known.find(|(name, _)| names.contains(name));
        found.map(|(_, manager)| *manager)
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Apk => "apk",
            Self::Dnf => "dnf",
            Self::Microdnf => "microdnf",
            Self::Tdnf => "tdnf",
            Self::Yum => "yum",
            Self::Zypper => "zypper",
            Self::Pacman => "pacman",
            Self::Opkg => "opkg",
        }
    }

    const fn raises(self, kind: PackageType) -> bool {
        match self {
            Self::Apt => matches!(kind, PackageType::Deb),
            Self::Apk => matches!(kind, PackageType::Apk),
            Self::Dnf | Self::Microdnf | Self::Tdnf | Self::Yum | Self::Zypper => {
                matches!(kind, PackageType::Rpm)
            }
            Self::Pacman => matches!(kind, PackageType::Pacman),
            Self::Opkg => matches!(kind, PackageType::Opkg),
        }
    }

    /// Gives the lines that do some steps, each of which has to succeed before the next.
    pub(super) fn lines(self, steps: &[&Step], several: &BTreeSet<String>) -> Vec<String> {
        let installed = steps.iter().flat_map(|step| &step.installed);
        let installed: BTreeSet<&str> = installed.map(String::as_str).collect();
        let names = installed.iter().copied().collect::<Vec<_>>().join(" ");
        let one = |line: String| vec![line];
        match self {
            Self::Apt => apt(&names, steps, several),
            Self::Apk => apk(steps),
            Self::Dnf => one(format!("dnf upgrade --assumeyes --refresh {names}")),
            Self::Microdnf => one(format!("microdnf update --assumeyes {names}")),
            Self::Tdnf => one(format!("tdnf update --assumeyes {names}")),
            Self::Yum => one(format!("yum update --assumeyes {names}")),
            Self::Zypper => vec![
                "zypper --non-interactive refresh".to_owned(),
                format!("zypper --non-interactive update {names}"),
            ],
            // Arch mends a system as a whole: single packages of another day are not supported.
            Self::Pacman => one("pacman --sync --refresh --sysupgrade --noconfirm".to_owned()),
            Self::Opkg => vec!["opkg update".to_owned(), format!("opkg upgrade {names}")],
        }
    }
}

/// An archive has the newest version alone, so that none is asked for by its number; what came is looked
/// at afterwards.
fn apt(names: &str, steps: &[&Step], several: &BTreeSet<String>) -> Vec<String> {
    let mut lines = vec![
        "apt-get update".to_owned(),
        format!("apt-get install --yes --only-upgrade --no-install-recommends {names}"),
    ];
    let checked = steps.iter().filter_map(|step| {
        let mut installed = step.installed.iter();
        let name = installed.find(|name| !several.contains(*name))?;
        Some((name, &step.to))
    });
    let checks: BTreeSet<(&String, &String)> = checked.collect();
    lines.extend(checks.into_iter().map(|(name, to)| {
        format!(
            "dpkg --compare-versions \"$(dpkg-query --show --showformat='${{source:Version}}' {name})\" ge '{to}'"
        )
    }));
    lines
}

fn apk(steps: &[&Step]) -> Vec<String> {
    let wanted = steps.iter().flat_map(|step| {
        let installed = step.installed.iter();
        installed.map(|name| format!("'{name}>={}'", step.to))
    });
    let wanted: BTreeSet<String> = wanted.collect();
    let wanted: Vec<String> = wanted.into_iter().collect();
    vec![format!("apk add --no-cache --upgrade {}", wanted.join(" "))]
}

/// Gives the manager for a kind of packages; why none, where the image has none.
pub(super) fn manager(kind: PackageType, surroundings: &Surroundings) -> Result<Manager, String> {
    let manager = surroundings.manager.filter(|manager| manager.raises(kind));
    manager.ok_or_else(|| {
        "the image has no manager of such packages: take a newer base image".to_owned()
    })
}
