//! Package URLs.
//!
//! Source: ECMA-427, and the type definitions of package-url/purl-spec.

use sluicegate_model::package::{Distro, Package, PackageType};

/// Writes a package's URL; `distro` is that of an operating system package, where known.
pub(crate) fn purl(package: &Package, distro: Option<&Distro>) -> String {
    let kind = package.package_type.purl_type();
    let path = match package.package_type {
        PackageType::Deb
        | PackageType::Apk
        | PackageType::Rpm
        | PackageType::Pacman
        | PackageType::Opkg => {
            let namespace = distro.map(|distro| format!("{}/", encode(&distro.id)));
            format!(
                "{}{}",
                namespace.unwrap_or_default(),
                encode(&package.name.to_ascii_lowercase())
            )
        }
        PackageType::Python => encode(&normal_python_name(&package.name)),
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
        | PackageType::Generic => encode(&package.name),
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
    let mark = if qualifiers.is_empty() { "" } else { "?" };
    format!(
        "pkg:{kind}/{path}@{}{mark}{}",
        encode(&package.version),
        qualifiers.join("&")
    )
}

/// Gives a Python name's normal form. Source: PyPA, "Names and normalization".
pub(crate) fn normal_python_name(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    let mut in_run = false;
    for character in name.chars() {
        let separates = matches!(character, '-' | '_' | '.');
        if separates && !in_run {
            normal.push('-');
        } else if !separates {
            normal.extend(character.to_lowercase());
        }
        in_run = separates;
    }
    normal
}

fn encode_parts(name: &str, separator: char) -> String {
    let parts: Vec<_> = name.split(separator).map(encode).collect();
    parts.join("/")
}

fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

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
            };
            assert_eq!(purl(&package, Some(&debian)), wanted);
        }
    }
}
