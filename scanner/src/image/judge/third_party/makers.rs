//! Who builds packages: distributions by what rpm calls the vendor, and others by theirs.
//!
//! A field is whatever its package's author wrote: it tells that a package is somebody else's, and
//! never that it is the distribution's.
//!
//! Source: the distributions' and vendors' own packages.

use sluicegate_model::package::{Distro, Package, PackageType};

/// What the vendors of a distribution's packages contain, in lower case.
const VENDORS: [(&str, &[&str]); 16] = [
    ("almalinux", &["almalinux"]),
    ("amzn", &["amazon"]),
    ("azurelinux", &["microsoft"]),
    ("centos", &["centos", "red hat"]),
    ("centos-stream", &["centos", "red hat"]),
    ("fedora", &["fedora"]),
    ("mageia", &["mageia"]),
    ("mariner", &["microsoft"]),
    ("ol", &["oracle"]),
    ("openeuler", &["openeuler"]),
    ("opensuse-leap", &["suse"]),
    ("photon", &["vmware", "broadcom"]),
    ("rhel", &["red hat"]),
    ("rocky", &["rocky"]),
    ("sles", &["suse"]),
    ("virtuozzo", &["virtuozzo"]),
];

/// Domains of those who keep archives of their own for other distributions. That a person of a
/// company maintains a package for the distribution is usual, so that few are here.
const DOMAINS: [&str; 24] = [
    "confluent.io",
    "datadoghq.com",
    "docker.com",
    "elastic.co",
    "gitlab.com",
    "grafana.com",
    "hashicorp.com",
    "influxdata.com",
    "jenkins.io",
    "linuxmint.com",
    "mariadb.com",
    "mariadb.org",
    "microsoft.com",
    "mongodb.com",
    "nginx.com",
    "nodesource.com",
    "oracle.com",
    "parrotsec.org",
    "percona.com",
    "proxmox.com",
    "raspberrypi.com",
    "raspberrypi.org",
    "raspbian.org",
    "sury.org",
];

/// Tells whether a package's database names somebody else than the distribution.
pub(super) fn is_foreign(package: &Package, maker: &str, distro: Option<&Distro>) -> bool {
    let maker = maker.to_ascii_lowercase();
    let id = distro.map_or("", |distro| distro.id.as_str());
    match package.package_type {
        PackageType::Rpm => VENDORS
            .iter()
            .find(|(of, _)| *of == id)
            .is_some_and(|(_, own)| !own.iter().any(|own| maker.contains(own))),
        PackageType::Deb if maker.contains('.') => DOMAINS.iter().any(|domain| {
            let above = maker.strip_suffix(domain);
            above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
        }),
        // What stands in `Origin` is a name.
        PackageType::Deb => !id.is_empty() && maker != id,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_tells_of_strangers_alone() {
        for (kind, id, maker, wanted) in [
            (PackageType::Rpm, "almalinux", "AlmaLinux", false),
            (PackageType::Rpm, "almalinux", "Fedora Project", true),
            (PackageType::Rpm, "almalinux", "Remi's RPM repository", true),
            (PackageType::Rpm, "somethingelse", "Fedora Project", false),
            (PackageType::Deb, "debian", "lists.debian.org", false),
            (PackageType::Deb, "debian", "gmail.com", false),
            (PackageType::Deb, "debian", "raspberrypi.com", true),
            (PackageType::Deb, "debian", "deb.nodesource.com", true),
            (PackageType::Deb, "debian", "notdocker.com", false),
            (PackageType::Deb, "debian", "Debian", false),
            (PackageType::Deb, "debian", "Raspbian", true),
            (PackageType::Apk, "alpine", "anybody", false),
        ] {
            let distro = Distro {
                id: id.to_owned(),
                version: String::new(),
                ecosystem: None,
            };
            let package = Package::of_language(kind, "x", "1-1");
            assert_eq!(
                is_foreign(&package, maker, Some(&distro)),
                wanted,
                "{id} {maker}"
            );
        }
    }
}
