//! Directories that name the package in them, version included. Pure.
//!
//! Caches and distributions of tools lie so: `yarn-v1.22.22`, Corepack's `pnpm/8.6.0`, Deno's
//! `registry.npmjs.org/lodash/4.17.4`, Bun's `lodash@4.17.4@@@1`, Yarn's
//! `.store/lodash-npm-4.17.4-0123456789/package`. A project's own directory does not.

use sluicegate_model::package::Package;

use crate::facts::{NpmRecord, Standing};

/// Directories of examples, which no program takes a package from.
const EXAMPLES: [&str; 8] = [
    "__tests__",
    "example",
    "examples",
    "fixture",
    "fixtures",
    "test",
    "testdata",
    "tests",
];

/// How many directories above a `package.json` may name its package together.
const NAMING_DIRECTORIES: usize = 2;

/// Tells whether the directories right above a `package.json` name the package that it states.
pub(super) fn names(path: &str, package: &Package) -> bool {
    let Some((directory, _)) = path.rsplit_once('/') else {
        return false;
    };
    if !may_be_loaded(directory) {
        return false;
    }
    let name = package.name.rsplit('/').next().unwrap_or(&package.name);
    let mut starts = directory.rmatch_indices('/').map(|(slash, _)| slash + 1);
    let from = starts.nth(NAMING_DIRECTORIES - 1).unwrap_or(0);
    let naming = directory.get(from..).unwrap_or(directory);
    after_word(naming, name).is_some_and(|rest| after_word(rest, &package.version).is_some())
}

/// Directories that people give to whatever program they have.
const OF_PROJECTS: [&str; 16] = [
    "api",
    "app",
    "backend",
    "client",
    "code",
    "frontend",
    "home",
    "project",
    "server",
    "service",
    "site",
    "src",
    "ui",
    "web",
    "workspace",
    "www",
];

/// Directories of other installers, whose records say what is in them.
const OF_OTHERS: [&str; 6] = [
    "site-packages/",
    "dist-packages/",
    "gems/",
    "node_modules/",
    "pkg/mod/",
    "registry/src/",
];

/// What installers leave beside a project's own `package.json`.
const OF_INSTALLERS: [&str; 9] = [
    "bun.lock",
    "bun.lockb",
    "node_modules/.modules.yaml",
    "node_modules/.package-lock.json",
    "node_modules/.yarn-integrity",
    "node_modules/.yarn-state.yml",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
];

/// Tells whether a `package.json` is a package's own, beside its code, where any program may load it
/// by its path, and not that of the program itself.
///
/// A project has the marks of installers beside it, or does not say where it was published while
/// its directory does not have its name.
pub(in crate::analyzers) fn is_beside_its_code(
    path: &str,
    package: &Package,
    record: &NpmRecord,
    has: impl Fn(&str) -> bool,
) -> bool {
    let Some((directory, _)) = path.rsplit_once('/') else {
        return false;
    };
    let is_of_others = OF_OTHERS.iter().any(|other| path.contains(other));
    let is_known = is_of_others || !may_be_loaded(directory);
    if is_known || record.standing == Standing::Project {
        return false;
    }
    let name = package.name.rsplit('/').next().unwrap_or(&package.name);
    let is_named = directory.rsplit('/').next() == Some(name) && !OF_PROJECTS.contains(&name);
    let is_package = record.standing == Standing::Published || is_named;
    let beside = |file: &str| has(&format!("{directory}/{file}"));
    is_package && !OF_INSTALLERS.iter().any(|file| beside(file)) && has_code(&record.main, beside)
}

/// Source: Node.js documentation, "Modules: CommonJS modules", "Folders as modules".
fn has_code(main: &str, beside: impl Fn(&str) -> bool) -> bool {
    let main = main.trim_start_matches("./").trim_end_matches('/');
    let endings = ["", ".js", ".json", ".node", "/index.js", "/index.node"];
    let is_stated = !main.is_empty() && endings.iter().any(|end| beside(&format!("{main}{end}")));
    is_stated
        || ["index.js", "index.cjs", "index.mjs", "index.node"]
            .iter()
            .any(|file| beside(file))
}

/// Tells whether a program of the image may load what lies in a directory.
fn may_be_loaded(directory: &str) -> bool {
    let is_example = directory.split('/').any(|part| EXAMPLES.contains(&part));
    // What a web server hands out is run by none of the image's own runtimes.
    let is_web = directory.contains("META-INF/resources/");
    !is_example && !is_web
}

/// Gives what follows a word that stands alone; the letter before a version is no part of it.
fn after_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    if word.is_empty() {
        return None;
    }
    let stands_alone = |(at, _): &(usize, &str)| {
        let before = text.get(..*at).unwrap_or_default();
        let before = before.strip_suffix('v').unwrap_or(before);
        let after = text.get(at + word.len()..).unwrap_or_default();
        !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
    };
    let (at, _) = text.match_indices(word).find(stands_alone)?;
    text.get(at + word.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_model::package::PackageType;

    /// Asserts what is found beside a record, with one file there and where it was installed.
    fn beside(path: &str, name: &str, (standing, main): (Standing, &str), file: &str) -> bool {
        let record = NpmRecord {
            standing,
            main: main.to_owned(),
        };
        let package = Package::of_language(PackageType::Npm, name, "1.0.0");
        let directory = path.strip_suffix("package.json").unwrap();
        let installed = is_beside_its_code(path, &package, &record, |_| true);
        assert!(!installed, "{path}");
        is_beside_its_code(path, &package, &record, |other| {
            other == format!("{directory}{file}")
        })
    }

    #[test]
    fn a_package_lies_beside_its_code() {
        let unstated = |main| (Standing::Unstated, main);
        let published = |main| (Standing::Published, main);
        for (path, name, record, file) in [
            (
                "opt/lib/lodash/",
                "lodash",
                unstated("lodash.js"),
                "lodash.js",
            ),
            (
                "opt/lib/lodash/",
                "lodash",
                unstated("./lodash"),
                "lodash.js",
            ),
            ("opt/lib/@s/a/", "@s/a", unstated(""), "index.js"),
            ("opt/x1/", "lodash", published("lib"), "lib/index.js"),
        ] {
            let path = format!("{path}package.json");
            assert!(beside(&path, name, record, file), "{path} {record:?}");
        }
    }

    #[test]
    fn a_project_lies_beside_what_installed_it() {
        let unstated = (Standing::Unstated, "");
        let published = (Standing::Published, "");
        for (path, name, record, file) in [
            ("opt/x1/", "lodash", unstated, "index.js"),
            ("opt/lib/lodash/", "lodash", published, "README.md"),
            ("app/", "app", unstated, "index.js"),
            ("opt/a/", "a", (Standing::Project, ""), "index.js"),
            ("opt/tests/a/", "a", published, "index.js"),
            ("x/node_modules/a/lib/a/", "a", published, "index.js"),
        ] {
            let path = format!("{path}package.json");
            assert!(!beside(&path, name, record, file), "{path} {record:?}");
        }
    }

    #[test]
    fn only_a_directory_with_name_and_version_names_its_package() {
        for (path, name, version, wanted) in [
            ("opt/yarn-v1.22.22/package.json", "yarn", "1.22.22", true),
            (
                "root/.cache/node/corepack/v1/pnpm/8.6.0/package.json",
                "pnpm",
                "8.6.0",
                true,
            ),
            (
                "d/npm/registry.npmjs.org/lodash/4.17.4/package.json",
                "lodash",
                "4.17.4",
                true,
            ),
            (
                "d/npm/registry.npmjs.org/@s/a/1.0.0/package.json",
                "@s/a",
                "1.0.0",
                true,
            ),
            (
                "root/.bun/install/cache/lodash@4.17.4@@@1/package.json",
                "lodash",
                "4.17.4",
                true,
            ),
            (
                "app/node_modules/.store/lodash-npm-4.17.4-0123456789/package/package.json",
                "lodash",
                "4.17.4",
                true,
            ),
            ("app/package.json", "app", "1.0.0", false),
            ("app/lodash/package.json", "lodash", "4.17.4", false),
            ("srv/lodash-4.17.40/package.json", "lodash", "4.17.4", false),
            ("srv/xlodash-4.17.4/package.json", "lodash", "4.17.4", false),
            (
                "srv/test/lodash-4.17.4/package.json",
                "lodash",
                "4.17.4",
                false,
            ),
            (
                "META-INF/resources/webjars/lodash/4.17.4/package.json",
                "lodash",
                "4.17.4",
                false,
            ),
            ("package.json", "lodash", "4.17.4", false),
        ] {
            let package = Package::of_language(PackageType::Npm, name, version);
            assert_eq!(names(path, &package), wanted, "{path}");
        }
    }
}
