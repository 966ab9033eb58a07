//! Go programs that a package of npm or Python carries, and the version that it states for them.
//!
//! Such a program is often built from a checkout, so that its main module has no version of its own,
//! and published under the release's. The package's version is taken where its name is like the
//! module's: one may carry somebody else's program. `inventory.rs` asks.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::package::{Package, PackageType};

use crate::code::{self, Installer};
use crate::facts::{FoundPackage, PathHash};
use crate::image::merged::{Merged, MergedFile};

/// What the main module of a program is recorded with where it has no version.
const UNTOLD: &str = "(devel)";

/// The files that list what a distribution of Python brought, and those that name it.
const LISTS: [&str; 2] = ["RECORD", "installed-files.txt"];
const METADATA: [&str; 2] = ["METADATA", "PKG-INFO"];

/// Fewest letters by which a module's name is like a package's.
const LEAST_LETTERS: usize = 3;

/// The packages that brought Go programs without a version.
pub(crate) struct Carriers<'a> {
    merged: &'a Merged<'a>,
    /// Distributions of Python, by the path of the program.
    python: BTreeMap<PathHash, &'a Package>,
}

impl<'a> Carriers<'a> {
    /// Collects those that lists name.
    pub(crate) fn of(merged: &'a Merged<'a>) -> Self {
        let programs = merged.files.iter().filter(|file| has_untold(file));
        let programs: BTreeSet<PathHash> = programs.map(|file| PathHash::of(&file.path)).collect();
        let mut python = BTreeMap::new();
        let lists = merged.files.iter().filter(|_| !programs.is_empty());
        for list in lists {
            let Some((directory, name)) = list.path.rsplit_once('/') else {
                continue;
            };
            if !LISTS.contains(&name) {
                continue;
            }
            let named = || distribution(merged, directory);
            let brought = list.found.owned.iter().map(|owned| owned.path);
            let brought: Vec<_> = brought.filter(|path| programs.contains(path)).collect();
            if let Some(package) = (!brought.is_empty()).then(named).flatten() {
                python.extend(brought.into_iter().map(|path| (path, package)));
            }
        }
        Self { merged, python }
    }

    /// Gives what was found in a file, with the version of the package that brought it where it has
    /// none of its own.
    pub(crate) fn told<'b>(&self, path: &str, found: &'b FoundPackage) -> Cow<'b, FoundPackage> {
        if !is_untold(&found.package) || !found.inside.is_empty() {
            return Cow::Borrowed(found);
        }
        let module = found.package.name.as_str();
        let carriers = [
            self.of_npm(path),
            self.python.get(&PathHash::of(path)).copied(),
        ];
        let mut carriers = carriers.into_iter().flatten();
        let Some(carrier) = carriers.find(|it| is_like(module, &it.name) && is_number(it)) else {
            return Cow::Borrowed(found);
        };
        let package = Package {
            version: format!("v{}", carrier.version),
            ..found.package.clone()
        };
        Cow::Owned(FoundPackage {
            package,
            ..found.clone()
        })
    }

    /// Gives the package of npm in whose directory a file lies.
    fn of_npm(&self, path: &str) -> Option<&'a Package> {
        let root = code::root(path).filter(|root| root.installer == Installer::Npm)?;
        let record = self.merged.file(&format!("{}/package.json", root.path))?;
        of_type(record, PackageType::Npm)
    }
}

fn distribution<'a>(merged: &'a Merged<'a>, directory: &str) -> Option<&'a Package> {
    let files = METADATA.iter().map(|name| format!("{directory}/{name}"));
    let mut files = files.filter_map(|path| merged.file(&path));
    files.find_map(|file| of_type(file, PackageType::Python))
}

fn of_type<'a>(file: &'a MergedFile<'_>, wanted: PackageType) -> Option<&'a Package> {
    let mut packages = file.found.packages.iter().map(|found| &found.package);
    packages.find(|package| package.package_type == wanted)
}

fn has_untold(file: &MergedFile<'_>) -> bool {
    let mut packages = file.found.packages.iter();
    packages.any(|found| is_untold(&found.package))
}

fn is_untold(package: &Package) -> bool {
    package.package_type == PackageType::Go && package.version == UNTOLD
}

fn is_number(package: &Package) -> bool {
    let version = package.version.as_str();
    version.starts_with(|first: char| first.is_ascii_digit())
}

/// Tells whether a package's name holds a part of a module's path, its host and the `v2` left out.
fn is_like(module: &str, package: &str) -> bool {
    let package = letters(package);
    let parts = module.split('/').enumerate();
    let mut own = parts
        .filter(|(at, part)| *at > 0 || !part.contains('.'))
        .map(|(_, part)| letters(part));
    own.any(|part| part.len() >= LEAST_LETTERS && package.contains(&part))
}

fn letters(name: &str) -> String {
    let plain = name.chars().filter(char::is_ascii_alphanumeric);
    plain.map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::samples::go_program;
    use crate::testing::{Layer, image};

    fn versions(layer: Layer) -> Vec<String> {
        let components = image(&[layer.facts()]).components.into_iter();
        let go = components.filter(|it| it.package.package_type == PackageType::Go);
        go.filter(|it| it.package.name != "stdlib")
            .map(|it| it.package.version)
            .collect()
    }

    fn program(module: &str) -> Vec<u8> {
        go_program(
            "go1.22.1",
            &format!("path\t{module}\nmod\t{module}\t(devel)\t\n"),
        )
    }

    #[test]
    fn a_program_takes_the_version_of_the_package_that_is_named_like_it() {
        let esbuild = || program("github.com/evanw/esbuild");
        let npm = "app/node_modules/@esbuild/linux-x64";
        let json = r#"{"name":"@esbuild/linux-x64","version":"0.21.5"}"#;
        let of_npm = |program: Vec<u8>| {
            Layer::new()
                .file(&format!("{npm}/package.json"), json)
                .file(&format!("{npm}/bin/esbuild"), program)
        };
        assert_eq!(versions(of_npm(esbuild())), ["v0.21.5"]);
        assert_eq!(versions(of_npm(program("example.com/other"))), ["(devel)"]);
        let site = "usr/lib/python3/site-packages";
        let wheel = Layer::new()
            .file(
                &format!("{site}/esbuild_bin-0.19.0.dist-info/METADATA"),
                "Name: esbuild-bin\nVersion: 0.19.0\n",
            )
            .file(
                &format!("{site}/esbuild_bin-0.19.0.dist-info/RECORD"),
                "../../../bin/esbuild,,\n",
            )
            .file("usr/bin/esbuild", esbuild());
        assert_eq!(versions(wheel), ["v0.19.0"]);
        let alone = Layer::new().file("usr/bin/esbuild", esbuild());
        assert_eq!(versions(alone), ["(devel)"]);
    }
}
