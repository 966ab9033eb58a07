//! System packages that are known not to come from the distribution.
//!
//! Its advisories were not written for them: they are a gap, are matched as what cannot be compared,
//! and cannot stand for what is in their files. A package that is not recognised counts as the
//! distribution's: that it is newer alone says nothing.
//!
//! Source: the package indexes of the vendors' own repositories, against Debian's and Ubuntu's.

mod forms;
mod makers;

use std::collections::BTreeSet;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Distro, PackageType};

use crate::examples::examples;
use crate::facts::FoundPackage;

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

/// Tells whether a system package is known to be somebody else's than the distribution's.
pub(crate) fn is_third_party(found: &FoundPackage, distro: Option<&Distro>) -> bool {
    let package = &found.package;
    let has_own_name =
        package.package_type == PackageType::Deb && NAMES.contains(&package.name.as_str());
    let maker = found.maker.as_deref();
    package.package_type.is_operating_system()
        && (has_own_name
            || forms::is_foreign(package, distro)
            || maker.is_some_and(|maker| makers::is_foreign(package, maker, distro)))
}

/// Says how many of the system's packages no advisory of the distribution speaks of.
pub(crate) fn judge<'a>(
    packages: impl Iterator<Item = &'a FoundPackage>,
    distro: Option<&Distro>,
) -> Option<Gap> {
    let foreign = packages.filter(|found| is_third_party(found, distro));
    let names: BTreeSet<&str> = foreign.map(|found| found.package.name.as_str()).collect();
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
    use sluicegate_model::package::{Evidence, Package};

    use super::*;

    fn found(package_type: PackageType, name: &str, version: &str) -> FoundPackage {
        FoundPackage {
            package: Package::of_language(package_type, name, version),
            inside: String::new(),
            evidence: Evidence::Installed,
            maker: None,
            linked: Vec::new(),
            platform: String::new(),
        }
    }

    fn debian() -> Distro {
        Distro {
            id: "debian".to_owned(),
            version: "12".to_owned(),
            ecosystem: None,
        }
    }

    #[test]
    fn vendors_packages_are_one_gap_with_their_number() {
        let package = |name: &str| found(PackageType::Deb, name, "1");
        let (own, vault, grafana) = (package("bash"), package("vault"), package("grafana"));
        assert_eq!(judge([&own].into_iter(), Some(&debian())), None);
        let gap = judge([&own, &vault, &grafana, &vault].into_iter(), None).unwrap();
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
        ] {
            let package = found(PackageType::Deb, name, version);
            let judged = is_third_party(&package, Some(&debian()));
            assert_eq!(judged, wanted, "{name} {version}");
        }
        let made = |maker: &str| FoundPackage {
            maker: Some(maker.into()),
            linked: Vec::new(),
            platform: String::new(),
            ..found(PackageType::Deb, "libssl3", "3.0.9-1")
        };
        assert!(is_third_party(&made("raspberrypi.com"), Some(&debian())));
        assert!(!is_third_party(&made("debian.org"), Some(&debian())));
        let ubuntu = Distro {
            id: "ubuntu".to_owned(),
            ..debian()
        };
        for version in ["2.63+22.04", "1.7.12-0ubuntu2~22.04.1"] {
            let package = found(PackageType::Deb, "snapd", version);
            assert!(!is_third_party(&package, Some(&ubuntu)), "{version}");
        }
    }
}
