//! What is installed: packages, their ecosystems, and the distribution they belong to.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// An OSV ecosystem with its suffix, such as `Debian:12`, `Alpine:v3.18`, `PyPI`, `npm`, `Maven`.
///
/// Source: OSV schema, "Defined Ecosystems".
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Ecosystem(Arc<str>);

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
        family_of(&self.0)
    }
}

/// Gives the family of an ecosystem by its name: what its releases have in common.
pub fn family_of(ecosystem: &str) -> &str {
    ecosystem.split(':').next().unwrap_or_default()
}

impl std::fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kind of package, which decides its ecosystem and its purl type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageType {
    /// A Debian package from a dpkg database.
    Deb,
    /// An Alpine package from an apk database.
    Apk,
    /// A package of the RPM family.
    Rpm,
    /// A package of pacman, the manager of Arch Linux.
    Pacman,
    /// A package of opkg, the manager of OpenWrt and Yocto.
    Opkg,
    /// A Python distribution.
    Python,
    /// An npm package.
    Npm,
    /// A Maven artifact.
    Maven,
    /// A Ruby gem.
    Gem,
    /// A Go module, or `stdlib` for the toolchain's own library.
    Go,
    /// A Rust crate.
    Cargo,
    /// A .NET package.
    Nuget,
    /// A PHP package of Composer.
    Composer,
    /// A Conda package.
    Conda,
    /// An R package.
    Cran,
    /// An Erlang or Elixir package.
    Hex,
    /// A Perl distribution.
    Cpan,
    /// A product of Bitnami's images, known from its SBOM.
    Bitnami,
    /// A program known by what its binary contains.
    Generic,
}

impl PackageType {
    /// Every type there is.
    pub const ALL: [Self; 19] = [
        Self::Deb,
        Self::Apk,
        Self::Rpm,
        Self::Pacman,
        Self::Opkg,
        Self::Python,
        Self::Npm,
        Self::Maven,
        Self::Gem,
        Self::Go,
        Self::Cargo,
        Self::Nuget,
        Self::Composer,
        Self::Conda,
        Self::Cran,
        Self::Hex,
        Self::Cpan,
        Self::Bitnami,
        Self::Generic,
    ];

    /// Tells whether the package belongs to the operating system, whose distro names its ecosystem.
    pub fn is_operating_system(self) -> bool {
        matches!(
            self,
            Self::Deb | Self::Apk | Self::Rpm | Self::Pacman | Self::Opkg
        )
    }

    /// Gives the ecosystem of a language package, which no distro decides; none where OSV has none.
    pub fn language_ecosystem(self) -> Option<Ecosystem> {
        let name = match self {
            Self::Deb
            | Self::Apk
            | Self::Rpm
            | Self::Pacman
            | Self::Opkg
            | Self::Conda
            | Self::Cpan
            | Self::Generic => return None,
            Self::Python => "PyPI",
            Self::Npm => "npm",
            Self::Maven => "Maven",
            Self::Gem => "RubyGems",
            Self::Go => "Go",
            Self::Cargo => "crates.io",
            Self::Nuget => "NuGet",
            Self::Composer => "Packagist",
            Self::Cran => "CRAN",
            Self::Hex => "Hex",
            Self::Bitnami => "Bitnami",
        };
        Some(Ecosystem::new(name))
    }

    /// Gives the name of the purl type. Source: purl-spec, "purl-types".
    pub fn purl_type(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
            Self::Pacman => "alpm",
            Self::Opkg => "opkg",
            Self::Python => "pypi",
            Self::Npm => "npm",
            Self::Maven => "maven",
            Self::Gem => "gem",
            Self::Go => "golang",
            Self::Cargo => "cargo",
            Self::Nuget => "nuget",
            Self::Composer => "composer",
            Self::Conda => "conda",
            Self::Cran => "cran",
            Self::Hex => "hex",
            Self::Cpan => "cpan",
            Self::Bitnami => "bitnami",
            Self::Generic => "generic",
        }
    }
}

/// What a package's presence rests on, strongest first.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// An installer's own record, or the content itself.
    #[default]
    Installed,
    /// A package in the cache of the program that installs such packages: nothing runs from there, but
    /// anything may install from it.
    Cached,
    /// A record that a later layer removed, while files it names are still there.
    Historical,
    /// The digest of an archive, which is that of one that was published.
    Digest,
    /// What several marks of a file agree on and none states, or its name alone.
    Inferred,
    /// An SBOM inside the image: somebody's word, which only adds.
    Claimed,
    /// A lockfile: what somebody meant to install. It explains, and is never matched.
    Declared,
}

impl Evidence {
    /// Tells whether this is the usual evidence, which is not written down.
    pub fn is_installed(&self) -> bool {
        *self == Self::Installed
    }
}

/// Whose a layer is, as far as the image's author tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LayerOrigin {
    /// The base image's: the author built on it.
    Base,
    /// The image's own: the author made it.
    Own,
}

/// Longest declared licence that is kept, in bytes.
pub const MAX_LICENCE_BYTES: usize = 256;

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
    /// The source (origin) package that advisories name, where it differs from the binary or was
    /// built in a module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePackage>,
    /// The licence as its maker declares it, in no fixed form; none where the evidence names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<Box<str>>,
}

impl Package {
    /// Notes the licence that the evidence declares. What is longer than [`MAX_LICENCE_BYTES`], or is
    /// no line of text, is not known: half of a licence is another one.
    #[must_use]
    pub fn licensed(self, declared: Option<&str>) -> Self {
        let declared = declared.map(str::trim).filter(|text| {
            !text.is_empty() && text.len() <= MAX_LICENCE_BYTES && !text.contains(char::is_control)
        });
        Self {
            licence: declared.map(Into::into),
            ..self
        }
    }

    /// Tells whether it is an artifact whose group is not known: what advisories and package URLs
    /// name has one.
    pub fn is_without_group(&self) -> bool {
        self.package_type == PackageType::Maven && !self.name.contains(':')
    }

    /// Names a language's package, which has no architecture and no source package.
    pub fn of_language(
        package_type: PackageType,
        name: impl Into<String>,
        version: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            package_type,
            architecture: None,
            source: None,
            licence: None,
        }
    }
}

/// The source package of an operating system package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourcePackage {
    /// The source's name.
    pub name: String,
    /// The source's version, epoch included; RPM names no epoch.
    pub version: String,
    /// The label of the module that the source was built in, such as `nodejs:20:8090020240101:a1b2`.
    /// Advisories on another stream of the module do not speak of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
}

/// Whose a component is, where that bears on what advisories say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Nobody's but its own.
    #[default]
    Own,
    /// A system package that somebody else than the distribution built: the distribution's
    /// advisories were not written for it.
    ThirdParty,
    /// Found in a file that a package of the system brought.
    OwnedBy(Box<Owner>),
}

impl Standing {
    /// Tells whether this is the usual standing, which is not written down.
    pub fn is_own(&self) -> bool {
        *self == Self::Own
    }

    /// Gives the system's package that owns the component's file.
    pub fn owner(&self) -> Option<&Owner> {
        match self {
            Self::OwnedBy(owner) => Some(owner),
            Self::Own | Self::ThirdParty => None,
        }
    }
}

/// The package of the system that owns a component's file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// The package.
    pub package: Package,
    /// The OSV ecosystem, where the distribution has one.
    pub ecosystem: Option<Ecosystem>,
    /// The package URL.
    pub purl: String,
}

/// How the root of a Go module is written among its packages.
pub const MODULE_ROOT: &str = ".";

/// A package in the merged image: what, in which ecosystem, where, and since which layer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "FlatComponent")]
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
    /// What its presence rests on.
    #[serde(default, skip_serializing_if = "Evidence::is_installed")]
    pub evidence: Evidence,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Standing::is_own")]
    pub standing: Standing,
    /// Of a Go module, its packages that are linked into the program, by their paths below the
    /// module's and [`MODULE_ROOT`]; empty where that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked: Vec<String>,
    /// Of a part of a program, what that runs on, as Go names it: `linux/amd64`, each part empty where
    /// the program's headers do not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub platform: String,
}

/// A component as it is read: in one level, for what serde reads through `flatten` it copies first,
/// and inventories are read whenever something is judged.
#[derive(Deserialize)]
struct FlatComponent {
    name: String,
    version: String,
    #[serde(rename = "type")]
    package_type: PackageType,
    #[serde(default)]
    architecture: Option<String>,
    #[serde(default)]
    source: Option<SourcePackage>,
    #[serde(default)]
    licence: Option<Box<str>>,
    ecosystem: Option<Ecosystem>,
    purl: String,
    path: String,
    layer: Digest,
    #[serde(default)]
    evidence: Evidence,
    #[serde(default)]
    standing: Standing,
    #[serde(default)]
    linked: Vec<String>,
    #[serde(default)]
    platform: String,
}

impl From<FlatComponent> for Component {
    fn from(read: FlatComponent) -> Self {
        Self {
            package: Package {
                name: read.name,
                version: read.version,
                package_type: read.package_type,
                architecture: read.architecture,
                source: read.source,
                licence: read.licence,
            },
            ecosystem: read.ecosystem,
            purl: read.purl,
            path: read.path,
            layer: read.layer,
            evidence: read.evidence,
            standing: read.standing,
            linked: read.linked,
            platform: read.platform,
        }
    }
}

/// A Linux distribution and release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Distro {
    /// os-release's `ID`; CentOS Stream, which has that of CentOS, is `centos-stream`.
    pub id: String,
    /// os-release's `VERSION_ID`; empty where there is none.
    pub version: String,
    /// The OSV ecosystem of its packages, where OSV has one.
    pub ecosystem: Option<Ecosystem>,
}
