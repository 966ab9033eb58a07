//! Package URLs.
//!
//! Source: ECMA-427, and the type definitions of package-url/purl-spec.

use sluicegate_model::package::{Distro, Package, PackageType};
use sluicegate_model::percent;

use crate::names;

/// Raised with every change of how a package is written. It enters the scanner's fingerprint.
pub(crate) const PURL_REVISION: u32 = 1;

/// Writes a package's URL; `distro` is that of an operating system package, where known.
pub(crate) fn purl(package: &Package, distro: Option<&Distro>) -> String {
    let kind = package.package_type.purl_type();
    let path = match package.package_type {
        PackageType::Rpm => {
            let namespace = distro.map(|distro| format!("{}/", encode(rpm_vendor(&distro.id))));
            format!("{}{}", namespace.unwrap_or_default(), encode(&package.name))
        }
        PackageType::Deb | PackageType::Apk | PackageType::Pacman | PackageType::Opkg => {
            let namespace = distro.map(|distro| format!("{}/", encode(&distro.id)));
            format!(
                "{}{}",
                namespace.unwrap_or_default(),
                encode(&package.name.to_ascii_lowercase())
            )
        }
        PackageType::Python => encode(&names::normal_form("PyPI", &package.name)),
        PackageType::Npm | PackageType::Go => encode_parts(&package.name, '/'),
        PackageType::Composer => encode_parts(&package.name.to_lowercase(), '/'),
        PackageType::Maven => encode_parts(&package.name, ':'),
        PackageType::Hex => encode(&package.name.to_lowercase()),
        PackageType::Gem
        | PackageType::Cargo
        | PackageType::Nuget
        | PackageType::Conda
        | PackageType::Cran
        | PackageType::Cpan
        | PackageType::Bitnami
        | PackageType::Generic => encode(&package.name),
    };
    let (epoch, version) = match package.version.split_once(':') {
        Some((epoch, version)) if package.package_type == PackageType::Rpm => {
            (Some(epoch), version)
        }
        _ => (None, package.version.as_str()),
    };
    let mut qualifiers = Vec::new();
    if package.package_type.is_operating_system() {
        if let Some(architecture) = &package.architecture {
            qualifiers.push(format!("arch={}", encode(architecture)));
        }
        if let Some(distro) = distro {
            let release = if distro.version.is_empty() {
                distro.id.clone()
            } else {
                format!("{}-{}", distro.id, distro.version)
            };
            qualifiers.push(format!("distro={}", encode(&release)));
        }
    }
    qualifiers.extend(epoch.map(|epoch| format!("epoch={}", encode(epoch))));
    let mark = if qualifiers.is_empty() { "" } else { "?" };
    format!(
        "pkg:{kind}/{path}@{}{mark}{}",
        encode(version),
        qualifiers.join("&")
    )
}

/// Names the vendor of a distribution's RPM packages, where it is not called like its system.
fn rpm_vendor(id: &str) -> &str {
    match id {
        "rhel" => "redhat",
        "centos-stream" => "centos",
        _ if id.starts_with("opensuse") => "opensuse",
        _ if id.starts_with("sle") || id.starts_with("sl-") => "suse",
        _ => id,
    }
}

fn encode_parts(name: &str, separator: char) -> String {
    let parts: Vec<_> = name.split(separator).map(encode).collect();
    parts.join("/")
}

fn encode(text: &str) -> String {
    percent::encoded(text, b".-_~:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rpm_package_has_its_epoch_apart_from_its_version() {
        let table = [
            (
                PackageType::Rpm,
                ("rhel", "9.4"),
                "2:1.28-420.el9",
                "pkg:rpm/redhat/Errno@1.28-420.el9?arch=x86_64&distro=rhel-9.4&epoch=2",
            ),
            (
                PackageType::Rpm,
                ("opensuse-leap", "15.6"),
                "1-2",
                "pkg:rpm/opensuse/Errno@1-2?arch=x86_64&distro=opensuse-leap-15.6",
            ),
            (
                PackageType::Pacman,
                ("arch", ""),
                "1:0.47-4",
                "pkg:alpm/arch/errno@1:0.47-4?arch=x86_64&distro=arch",
            ),
            (
                PackageType::Opkg,
                ("openwrt", "23.05"),
                "1.2-3",
                "pkg:opkg/openwrt/errno@1.2-3?arch=x86_64&distro=openwrt-23.05",
            ),
        ];
        for (package_type, (id, release), version, wanted) in table {
            let package = Package {
                name: "Errno".to_owned(),
                version: version.to_owned(),
                package_type,
                architecture: Some("x86_64".to_owned()),
                source: None,
                licence: None,
            };
            let distro = Distro {
                id: id.to_owned(),
                version: release.to_owned(),
                ecosystem: None,
            };
            assert_eq!(purl(&package, Some(&distro)), wanted);
        }
    }

    #[test]
    fn writes_the_form_of_each_type() {
        let debian = Distro {
            id: "debian".to_owned(),
            version: "12".to_owned(),
            ecosystem: None,
        };
        let table = [
            (
                PackageType::Deb,
                "libstdc++6",
                "1:2~a+b",
                "pkg:deb/debian/libstdc%2B%2B6@1:2~a%2Bb?arch=amd64&distro=debian-12",
            ),
            (
                PackageType::Python,
                "Zope._Interface",
                "1.0",
                "pkg:pypi/zope-interface@1.0",
            ),
            (
                PackageType::Npm,
                "@angular/core",
                "1.0.0",
                "pkg:npm/%40angular/core@1.0.0",
            ),
            (PackageType::Maven, "org.x:y", "1", "pkg:maven/org.x/y@1"),
        ];
        for (package_type, name, version, wanted) in table {
            let package = Package {
                name: name.to_owned(),
                version: version.to_owned(),
                package_type,
                architecture: package_type
                    .is_operating_system()
                    .then(|| "amd64".to_owned()),
                source: None,
                licence: None,
            };
            assert_eq!(purl(&package, Some(&debian)), wanted);
        }
    }
}
