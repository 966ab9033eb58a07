//! Lockfiles in JSON: npm's, Deno's, Pipenv's, Composer's and NuGet's.
//!
//! Source: npm documentation, "package-lock.json"; Deno, "Lockfile", versions 2 to 5; Pipenv,
//! "Pipfile.lock"; Composer, "composer.lock"; NuGet, "Lock file", `packages.lock.json`.

use serde::Deserialize;
use serde::de::IgnoredAny;
use sluicegate_model::package::Package;

use super::javascript::split_at_sign;
use super::pin::Pin;
use super::pip;
use crate::analyzers::composer;
use crate::analyzers::npm::version::clean;
use crate::analyzers::records::{Record, Records, from_json};

/// Reads `package-lock.json` of versions 1 to 3; version 2 says everything twice.
pub(super) fn npm(text: &str) -> Vec<Pin> {
    let Ok(lock) = from_json::<PackageLock>(text.as_bytes()) else {
        return Vec::new();
    };
    if lock.packages.kept.is_empty() {
        lock.dependencies.kept
    } else {
        lock.packages.kept
    }
}

#[derive(Deserialize)]
struct PackageLock {
    #[serde(default)]
    packages: Records<InstalledAt>,
    #[serde(default)]
    dependencies: Records<Dependency>,
}

/// A directory of `node_modules`, by its path.
#[derive(Deserialize)]
struct InstalledAt {
    name: Option<String>,
    version: Option<String>,
    #[serde(default)]
    link: bool,
}

impl Record for InstalledAt {
    type Kept = Pin;

    fn keep(self, key: &str, kept: &mut Vec<Pin>) {
        // Other paths are the project's own packages, and links lead to them.
        let Some((_, folder)) = key.rsplit_once("node_modules/") else {
            return;
        };
        if !self.link {
            let name = self.name.as_deref().unwrap_or(folder);
            let stated = self.version.unwrap_or_default();
            kept.extend(Pin::new(name, clean(&stated)));
        }
    }
}

/// A dependency of version 1, by its name; those below it are its own.
#[derive(Deserialize)]
struct Dependency {
    #[serde(default)]
    version: String,
    #[serde(default)]
    dependencies: Records<Dependency>,
}

impl Record for Dependency {
    type Kept = Pin;

    fn keep(self, key: &str, kept: &mut Vec<Pin>) {
        // `npm:name@version` stands for a package under another name.
        let aliased = self.version.strip_prefix("npm:");
        let (name, stated) = aliased
            .and_then(|real| real.rsplit_once('@'))
            .unwrap_or((key, &self.version));
        // A version with a colon is an address.
        if !stated.contains(':') {
            kept.extend(Pin::new(name, clean(stated)));
        }
        kept.extend(self.dependencies.kept);
    }
}

/// Reads the npm packages of `deno.lock`; no feed speaks of those of JSR.
pub(super) fn deno(text: &str) -> Vec<Pin> {
    let lock = from_json::<DenoLock>(text.as_bytes()).unwrap_or_default();
    let npm = lock.npm.kept.into_iter();
    npm.chain(lock.packages.npm.kept).collect()
}

#[derive(Default, Deserialize)]
struct DenoLock {
    /// The packages themselves from version 4 on, in version 2 one of two objects.
    #[serde(default)]
    npm: Records<DenoEntry>,
    #[serde(default)]
    packages: DenoPackages,
}

/// What version 3 has around its packages.
#[derive(Default, Deserialize)]
struct DenoPackages {
    #[serde(default)]
    npm: Records<DenoEntry>,
}

/// A package by its name and version, or version 2's object of packages; of both, the keys within.
#[derive(Deserialize)]
struct DenoEntry(Records<IgnoredAny>);

impl Record for DenoEntry {
    type Kept = Pin;

    fn keep(self, key: &str, kept: &mut Vec<Pin>) {
        if key == "packages" {
            let keys = self.0.kept.iter();
            kept.extend(keys.filter_map(|key| deno_pin(key)));
        } else {
            kept.extend(deno_pin(key));
        }
    }
}

/// Reads `name@version` and `name@version_peer@version`.
fn deno_pin(key: &str) -> Option<Pin> {
    let (name, version) = split_at_sign(key)?;
    Pin::new(name, version.split('_').next()?)
}

/// Reads `Pipfile.lock`.
pub(super) fn pipfile(text: &str) -> Vec<Pin> {
    let lock = from_json::<Pipfile>(text.as_bytes()).unwrap_or_default();
    let default = lock.default.kept.into_iter();
    default.chain(lock.develop.kept).collect()
}

#[derive(Default, Deserialize)]
struct Pipfile {
    #[serde(default)]
    default: Records<PipfileEntry>,
    #[serde(default)]
    develop: Records<PipfileEntry>,
}

#[derive(Deserialize)]
struct PipfileEntry {
    #[serde(default)]
    version: String,
}

impl Record for PipfileEntry {
    type Kept = Pin;

    fn keep(self, key: &str, kept: &mut Vec<Pin>) {
        let version = pip::exact(&self.version).unwrap_or_default();
        kept.extend(Pin::new(key, version));
    }
}

/// Reads `composer.lock`.
pub(super) fn composer(text: &str) -> Vec<Pin> {
    let lock = from_json::<ComposerLock>(text.as_bytes()).unwrap_or_default();
    let packages = lock.packages.kept.into_iter().chain(lock.packages_dev.kept);
    packages
        .map(|Package { name, version, .. }| Pin { name, version })
        .collect()
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ComposerLock {
    #[serde(default)]
    packages: Records<composer::ComposerPackage>,
    #[serde(default)]
    packages_dev: Records<composer::ComposerPackage>,
}

/// Reads `packages.lock.json`.
pub(super) fn nuget(text: &str) -> Vec<Pin> {
    from_json::<NugetLock>(text.as_bytes())
        .map(|lock| lock.dependencies.kept)
        .unwrap_or_default()
}

#[derive(Deserialize)]
struct NugetLock {
    #[serde(default)]
    dependencies: Records<Framework>,
}

/// What one target framework needs.
#[derive(Deserialize)]
struct Framework(Records<NugetEntry>);

impl Record for Framework {
    type Kept = Pin;

    fn keep(self, _: &str, kept: &mut Vec<Pin>) {
        kept.extend(self.0.kept);
    }
}

/// A package; a project, which is the application's own, has no resolved version.
#[derive(Deserialize)]
struct NugetEntry {
    #[serde(default)]
    resolved: String,
}

impl Record for NugetEntry {
    type Kept = Pin;

    fn keep(self, key: &str, kept: &mut Vec<Pin>) {
        kept.extend(Pin::new(key, &self.resolved));
    }
}
