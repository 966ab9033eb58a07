//! Lockfiles: what somebody meant to install. They explain; they never clear and never refuse.
//!
//! Everything read here is declared and is matched with nothing. For the same reason a lockfile
//! that cannot be read is no gap: the installed packages are found by their own records, or are
//! missing by them. A project's own packages are left out, for nobody can install them from it.
//!
//! `json` and `bun` read the formats that are JSON, `sections` those that are TOML; the others are
//! read line by line, as their tools write them. All skip what they do not know.

use sluicegate_model::package::{Evidence, Package, PackageType};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

use self::pin::Pin;

mod bun;
mod encoding;
mod go_mod;
mod javascript;
mod json;
mod lines;
mod pin;
mod pip;
mod sections;
mod toml;

pub(super) struct Lockfiles;

impl Analyzer for Lockfiles {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "declared/lockfiles",
            revision: 3,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![
            Wants::Named("package-lock.json"),
            Wants::Named("npm-shrinkwrap.json"),
            Wants::Named("yarn.lock"),
            Wants::Named("pnpm-lock.yaml"),
            Wants::Named("bun.lock"),
            Wants::Named("deno.lock"),
            Wants::Named("Pipfile.lock"),
            Wants::Named("poetry.lock"),
            Wants::Named("uv.lock"),
            Wants::Named("pdm.lock"),
            Wants::Named("pylock.toml"),
            Wants::NamedAround {
                starts: "pylock.",
                ends: ".toml",
            },
            Wants::Named("requirements.txt"),
            Wants::Named("Gemfile.lock"),
            Wants::Named("Cargo.lock"),
            Wants::Named("go.mod"),
            Wants::Named("composer.lock"),
            Wants::Named("packages.lock.json"),
            Wants::Named("mix.lock"),
        ]
    }

    /// The largest seen, of repositories with many projects, have about 3 MiB.
    fn max_file_bytes(&self) -> u64 {
        8 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let (package_type, mut pins) = read(file.name(), &encoding::decode(file.content));
        pins.sort_unstable();
        pins.dedup();
        for Pin { name, version } in pins {
            let package = Package::of_language(package_type, name, version);
            found.add_on(Evidence::Declared, package);
        }
        Ok(())
    }
}

/// Reads a lockfile by its name; what is wrong with it leaves less, never an error.
fn read(name: &str, text: &str) -> (PackageType, Vec<Pin>) {
    match name {
        "package-lock.json" | "npm-shrinkwrap.json" => (PackageType::Npm, json::npm(text)),
        "yarn.lock" => (PackageType::Npm, javascript::yarn(text)),
        "pnpm-lock.yaml" => (PackageType::Npm, javascript::pnpm(text)),
        "bun.lock" => (PackageType::Npm, bun::bun(text)),
        "deno.lock" => (PackageType::Npm, json::deno(text)),
        "Pipfile.lock" => (PackageType::Python, json::pipfile(text)),
        "poetry.lock" | "pdm.lock" => (PackageType::Python, sections::python(text)),
        "uv.lock" => (PackageType::Python, sections::uv(text)),
        "pylock.toml" => (PackageType::Python, sections::pylock(text)),
        "requirements.txt" => (PackageType::Python, pip::requirements(text)),
        "Gemfile.lock" => (PackageType::Gem, lines::gemfile(text)),
        "Cargo.lock" => (PackageType::Cargo, sections::cargo(text)),
        "go.mod" => (PackageType::Go, go_mod::go_mod(text)),
        "composer.lock" => (PackageType::Composer, json::composer(text)),
        "packages.lock.json" => (PackageType::Nuget, json::nuget(text)),
        "mix.lock" => (PackageType::Hex, lines::mix(text)),
        several if several.starts_with("pylock.") => (PackageType::Python, sections::pylock(text)),
        _ => (PackageType::Generic, Vec::new()),
    }
}

/// Gives the names and versions that a list of pip's requirements pins.
pub(super) fn pinned_requirements(content: &[u8]) -> impl Iterator<Item = (String, String)> {
    let pins = pip::requirements(&encoding::decode(content)).into_iter();
    pins.map(|Pin { name, version }| (name, version))
}

#[cfg(test)]
mod tests;
