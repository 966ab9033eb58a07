//! Which of a module's packages are linked into a program: whose is which of those that have functions.
//!
//! A program that names no package of most of its modules has lost its names, and nothing is said of it;
//! nor of one whose main package lies in none of them, as of one that was built of single files.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::package::MODULE_ROOT;

use super::functions::MAIN;
use super::toolchain;

/// The packages of a program by their modules.
#[derive(Debug, Default)]
pub(super) struct Linked {
    by_module: BTreeMap<String, Vec<String>>,
    of_go: Vec<String>,
}

impl Linked {
    /// Finds the module of each package.
    ///
    /// `program` is the import path of the main package, whose functions are called `main`'s; `modules`
    /// are those of the program, its own among them, by the paths that its packages are imported by.
    pub(super) fn of(packages: &BTreeSet<String>, program: &str, modules: &[&str]) -> Self {
        let modules: BTreeSet<&str> = modules.iter().copied().collect();
        let mut linked = Self::default();
        if module_of(program, &modules).is_none() && !toolchain::is_program(program) {
            return linked;
        }
        for package in packages {
            let path = if package == MAIN { program } else { package };
            if let Some(module) = module_of(path, &modules) {
                let below = path.get(module.len()..).unwrap_or_default();
                let below = below.strip_prefix('/').unwrap_or(MODULE_ROOT);
                let own = linked.by_module.entry(module.to_owned()).or_default();
                own.push(below.to_owned());
            } else if is_of_go(path) {
                linked.of_go.push(path.to_owned());
            }
        }
        for own in linked.by_module.values_mut() {
            own.sort();
        }
        if linked.by_module.len() * 2 < modules.len() {
            return Self::default();
        }
        linked
    }

    /// Gives the packages of a module; none where that is not known.
    pub(super) fn of_module(&self, module: &str) -> Vec<String> {
        self.by_module.get(module).cloned().unwrap_or_default()
    }

    /// Gives those of Go's own library; none where that is not known.
    pub(super) fn of_go(&self) -> Vec<String> {
        self.of_go.clone()
    }
}

/// Finds the module with the longest path that a package lies in.
fn module_of<'a>(package: &'a str, modules: &BTreeSet<&str>) -> Option<&'a str> {
    let mut path = package;
    loop {
        if modules.contains(path) {
            return Some(path);
        }
        path = path.rsplit_once('/')?.0;
    }
}

/// Tells whether a package is of Go's own library: no other has a first element without a dot.
fn is_of_go(package: &str) -> bool {
    let first = package.split('/').next().unwrap_or_default();
    !first.is_empty() && !first.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(packages: &[&str], modules: &[&str]) -> Linked {
        let packages = packages.iter().map(|path| (*path).to_owned()).collect();
        Linked::of(&packages, "a.org/b/cmd/c", modules)
    }

    #[test]
    fn packages_are_of_the_module_with_the_longest_path() {
        let linked = linked(
            &[
                "main",
                "a.org/b",
                "a.org/b/x/y",
                "a.org/bc/d",
                "net/http",
                "runtime",
            ],
            &["a.org/b", "a.org/b/x", "a.org/none"],
        );
        assert_eq!(linked.of_module("a.org/b"), [".", "cmd/c"]);
        assert_eq!(linked.of_module("a.org/b/x"), ["y"]);
        assert_eq!(linked.of_module("a.org/none"), [""; 0]);
        assert_eq!(linked.of_go(), ["net/http", "runtime"]);
    }

    #[test]
    fn a_program_without_most_of_its_names_or_outside_of_its_modules_says_nothing() {
        let says_nothing = |program: &str, packages: &[&str], modules: &[&str]| {
            let packages = packages.iter().map(|path| (*path).to_owned()).collect();
            let linked = Linked::of(&packages, program, modules);
            linked.by_module.is_empty() && linked.of_go().is_empty()
        };
        let own = ["main", "runtime", "a.org/b/x"];
        for (program, packages, modules, wanted) in [
            ("a.org/b", &own[..], &["a.org/b"][..], false),
            ("cmd/go", &["main", "runtime"], &[], false),
            (
                "a.org/b",
                &["main", "runtime", "qX7aB2.f"],
                &["a.org/b", "c.org/d", "e.org/f"],
                true,
            ),
            ("command-line-arguments", &own, &["a.org/b"], true),
            ("", &own, &["a.org/b"], true),
        ] {
            assert_eq!(
                says_nothing(program, packages, modules),
                wanted,
                "{program}"
            );
        }
    }
}
