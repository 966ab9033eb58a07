//! Directories that name the package in them, version included. Pure.
//!
//! Caches and distributions of tools lie so: `yarn-v1.22.22`, Corepack's `pnpm/8.6.0`, Deno's
//! `registry.npmjs.org/lodash/4.17.4`, Bun's `lodash@4.17.4@@@1`, Yarn's
//! `.store/lodash-npm-4.17.4-0123456789/package`. A project's own directory does not.

use sluicegate_model::package::Package;

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
    let is_example = directory.split('/').any(|part| EXAMPLES.contains(&part));
    // What a web server hands out is run by none of the image's own runtimes.
    let is_web = directory.contains("META-INF/resources/");
    if is_example || is_web {
        return false;
    }
    let name = package.name.rsplit('/').next().unwrap_or(&package.name);
    let mut starts = directory.rmatch_indices('/').map(|(slash, _)| slash + 1);
    let from = starts.nth(NAMING_DIRECTORIES - 1).unwrap_or(0);
    let naming = directory.get(from..).unwrap_or(directory);
    after_word(naming, name).is_some_and(|rest| after_word(rest, &package.version).is_some())
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
