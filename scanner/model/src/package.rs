//! What is installed: packages, their ecosystems, and the distribution they belong to.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// An OSV ecosystem with its suffix, such as `Debian:12`, `Alpine:v3.18`, `PyPI`, `npm`, `Maven`.
///
/// Source: OSV schema, "Defined Ecosystems".
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ecosystem(pub Box<str>);

impl Ecosystem {
    /// Names an ecosystem.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Gives the whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives the part before the first `:`, which decides the order of versions.
    pub fn family(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }
}

impl std::fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kind of evidence a package was read from; decides ecosystem and purl type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageType {
    /// A Debian package from a dpkg database.
    Deb,
    /// An Alpine package from an apk database.
    Apk,
    /// A Python distribution.
    Python,
    /// An npm package.
    Npm,
    /// A Maven artifact.
    Maven,
}

impl PackageType {
    /// Tells whether the package belongs to the operating system, whose distro names its ecosystem.
    pub fn is_operating_system(self) -> bool {
        matches!(self, Self::Deb | Self::Apk)
    }

    /// Gives the ecosystem of a language package, which no distro decides.
    pub fn language_ecosystem(self) -> Option<Ecosystem> {
        match self {
            Self::Deb | Self::Apk => None,
            Self::Python => Some(Ecosystem::new("PyPI")),
            Self::Npm => Some(Ecosystem::new("npm")),
            Self::Maven => Some(Ecosystem::new("Maven")),
        }
    }
}

/// A package as its evidence states it, before it is known which distro it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    /// The installed (binary) package's name; Maven is `group:artifact`.
    pub name: String,
    /// The installed package's version, epoch included, as written.
    pub version: String,
    /// What kind of evidence named it.
    #[serde(rename = "type")]
    pub package_type: PackageType,
    /// The processor architecture, where the evidence names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The source (origin) package that advisories name, where it differs from the binary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePackage>,
}

/// The source package of an operating system package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourcePackage {
    /// The source's name.
    pub name: String,
    /// The source's version, epoch included.
    pub version: String,
}

/// A package in the merged image: what, in which ecosystem, where, and since which layer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Component {
    /// The package.
    #[serde(flatten)]
    pub package: Package,
    /// The OSV ecosystem; none where the distro is not known.
    pub ecosystem: Option<Ecosystem>,
    /// The package URL.
    pub purl: String,
    /// The evidence's path in the image, without a leading slash.
    pub path: String,
    /// The layer that introduced the package.
    pub layer: Digest,
}

/// A Linux distribution and release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Distro {
    /// os-release's `ID`.
    pub id: String,
    /// os-release's `VERSION_ID`; empty where there is none.
    pub version: String,
    /// The OSV ecosystem of its packages, where OSV has one.
    pub ecosystem: Option<Ecosystem>,
}
