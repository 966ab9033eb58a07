//! System packages that are known not to come from the distribution.
//!
//! Its advisories say nothing of them: they are a gap, and cannot stand for what is in their files.
//! `inventory.rs` and `ownership.rs` ask. A package that is not recognised counts as the
//! distribution's.
//!
//! Source: the package indexes of the vendors' own repositories, against Debian's and Ubuntu's.

use std::collections::BTreeSet;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType};

use crate::image::examples::examples;

/// What vendors write into the versions of their builds, as no archive of a distribution does:
/// NodeSource, PostgreSQL, MariaDB, Docker, nginx.
const MARKS: [&str; 11] = [
    "nodesource",
    ".pgdg",
    "+maria~",
    "~debian.",
    "~ubuntu.",
    "~bullseye",
    "~bookworm",
    "~trixie",
    "~focal",
    "~jammy",
    "~noble",
];

/// Packages without such a mark that no distribution has under this name.
const NAMES: [&str; 21] = [
    "amazon-ssm-agent",
    "cloudflared",
    "containerd.io",
    "datadog-agent",
    "elasticsearch",
    "filebeat",
    "gitlab-ce",
    "gitlab-ee",
    "google-cloud-cli",
    "google-cloud-sdk",
    "grafana",
    "influxdb2",
    "jenkins",
    "kibana",
    "kubeadm",
    "kubectl",
    "kubelet",
    "logstash",
    "terraform",
    "trivy",
    "vault",
];

/// Tells whether a package of dpkg is known to be somebody else's than the distribution's.
pub(crate) fn is_third_party(package: &Package) -> bool {
    package.package_type == PackageType::Deb
        && (NAMES.contains(&package.name.as_str())
            || MARKS.iter().any(|mark| package.version.contains(mark)))
}

/// Says how many of the system's packages no advisory of the distribution speaks of.
pub(crate) fn judge<'a>(packages: impl Iterator<Item = &'a Package>) -> Option<Gap> {
    let foreign = packages.filter(|package| is_third_party(package));
    let names: BTreeSet<&str> = foreign.map(|package| package.name.as_str()).collect();
    let of_whom = match names.len() {
        0 => return None,
        1 => "1 package is a vendor's".to_owned(),
        many => format!("{many} packages are a vendor's"),
    };
    let detail = format!(
        "{of_whom}, which the distribution's advisories do not speak of: {}",
        examples(names)
    );
    Some(Gap::partial(GapKind::ThirdParty, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_packages_are_one_gap_with_their_number() {
        let package = |name: &str| Package {
            name: name.to_owned(),
            version: "1".to_owned(),
            package_type: PackageType::Deb,
            architecture: None,
            source: None,
        };
        let (own, vault, grafana) = (package("bash"), package("vault"), package("grafana"));
        assert_eq!(judge([&own].into_iter()), None);
        let gap = judge([&own, &vault, &grafana, &vault].into_iter()).unwrap();
        assert_eq!((gap.kind, gap.fatal), (GapKind::ThirdParty, false));
        assert!(
            gap.detail.starts_with("2 packages are a vendor's"),
            "{}",
            gap.detail
        );
        assert!(gap.detail.ends_with(": grafana, vault"), "{}", gap.detail);
    }

    #[test]
    fn vendors_are_told_from_the_distribution() {
        for (name, version, wanted) in [
            ("nodejs", "20.20.2-1nodesource1", true),
            ("postgresql-15", "15.8-1.pgdg120+1", true),
            ("docker-ce", "5:27.0.3-1~debian.12~bookworm", true),
            ("docker-ce-cli", "5:27.0.3-1~ubuntu.22.04~jammy", true),
            ("nginx", "1.27.0-1~bookworm", true),
            ("mariadb-server", "1:10.11.8+maria~deb12", true),
            ("containerd.io", "1.7.18-1", true),
            ("docker.io", "20.10.24+dfsg1-1+deb12u1+b1", false),
            ("nodejs", "18.19.0+dfsg-6~deb12u2", false),
            ("golang-1.22-go", "1.22.1-1~bpo12+1", false),
            ("snapd", "2.63+22.04", false),
            ("containerd", "1.7.12-0ubuntu2~22.04.1", false),
        ] {
            let mut package = Package {
                name: name.to_owned(),
                version: version.to_owned(),
                package_type: PackageType::Deb,
                architecture: None,
                source: None,
            };
            assert_eq!(is_third_party(&package), wanted, "{name} {version}");
            package.package_type = PackageType::Apk;
            assert!(!is_third_party(&package), "{name} of Alpine");
        }
    }
}
