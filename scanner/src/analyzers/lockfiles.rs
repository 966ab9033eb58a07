//! Lockfiles: what somebody meant to install. They explain; they never clear and never refuse.
//!
//! Everything read here is declared and is matched with nothing. For the same reason a lockfile
//! that cannot be read is no gap: the installed packages are found by their own records, or are
//! missing by them. A project's own packages are left out, for nobody can install them from it.
//!
//! `json` reads the formats that are JSON; `lines` and `sections` read the others line by line, as
//! their tools write them, and skip what they do not know.

use sluicegate_model::package::{Evidence, Package, PackageType};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

mod javascript;
mod json;
mod lines;
mod sections;

pub(super) struct Lockfiles;

impl Analyzer for Lockfiles {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "declared/lockfiles",
            revision: 1,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![
            Wants::Named("package-lock.json"),
            Wants::Named("npm-shrinkwrap.json"),
            Wants::Named("yarn.lock"),
            Wants::Named("pnpm-lock.yaml"),
            Wants::Named("Pipfile.lock"),
            Wants::Named("poetry.lock"),
            Wants::Named("uv.lock"),
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
        let (package_type, mut pins) = read(file.name(), file.content);
        pins.sort_unstable();
        pins.dedup();
        for Pin { name, version } in pins {
            let package = Package::of_language(package_type, name, version);
            found.add_on(Evidence::Declared, package);
        }
        Ok(())
    }
}

/// A name and the one version that is to be installed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pin {
    name: String,
    version: String,
}

impl Pin {
    /// Makes a pin where both are something.
    fn new(name: &str, version: &str) -> Option<Self> {
        let is_whole = !name.is_empty() && !version.is_empty();
        is_whole.then(|| Self {
            name: name.to_owned(),
            version: version.to_owned(),
        })
    }
}

/// Reads a lockfile by its name; what is wrong with it leaves less, never an error.
fn read(name: &str, content: &[u8]) -> (PackageType, Vec<Pin>) {
    match name {
        "package-lock.json" | "npm-shrinkwrap.json" => (PackageType::Npm, json::npm(content)),
        "yarn.lock" => (PackageType::Npm, javascript::yarn(content)),
        "pnpm-lock.yaml" => (PackageType::Npm, javascript::pnpm(content)),
        "Pipfile.lock" => (PackageType::Python, json::pipfile(content)),
        "poetry.lock" => (PackageType::Python, sections::poetry(content)),
        "uv.lock" => (PackageType::Python, sections::uv(content)),
        "requirements.txt" => (PackageType::Python, lines::requirements(content)),
        "Gemfile.lock" => (PackageType::Gem, lines::gemfile(content)),
        "Cargo.lock" => (PackageType::Cargo, sections::cargo(content)),
        "go.mod" => (PackageType::Go, lines::go_mod(content)),
        "composer.lock" => (PackageType::Composer, json::composer(content)),
        "packages.lock.json" => (PackageType::Nuget, json::nuget(content)),
        "mix.lock" => (PackageType::Hex, lines::mix(content)),
        _ => (PackageType::Generic, Vec::new()),
    }
}

/// Gives the lines that are text, without the blanks at their ends.
fn text_lines(content: &[u8]) -> impl Iterator<Item = &str> {
    content
        .split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok())
        .map(str::trim_end)
}

#[cfg(test)]
mod tests;
