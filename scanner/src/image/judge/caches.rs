//! Which files lie in the cache of a program that installs packages: nothing runs from there, unless links
//! lead into it.
//!
//! What programs are given to run from is no cache to us, whatever it is called: Maven's repository,
//! Gradle's and NuGet's folders, Deno's directory, Yarn's archives beside a project. `inventory.rs` asks.

use std::collections::BTreeSet;

use crate::image::merged::{Merged, MergedFile};

/// The directories that are such a cache: one below the other, the last of them its root.
///
/// Sources: documentation of npm ("cacache"), Yarn ("yarn cache"), Bun ("Global cache"), pip ("Caching"),
/// Poetry ("Cache"), Composer ("cache-dir").
const DIRECTORIES: [&[&str]; 8] = [
    &["_cacache"],
    &[".cache", "yarn"],
    &["berry", "cache"],
    &[".bun", "install", "cache"],
    &[".cache", "pip"],
    &["pypoetry", "artifacts"],
    &[".cache", "composer"],
    &[".composer", "cache"],
];

/// What uv calls the parts of its cache, before the number of their form. Source: uv, "Caching".
const OF_UV: [&str; 3] = ["archive-v", "wheels-v", "sdists-v"];

/// Where Conda keeps what it has unpacked, below its own root, and what such roots are called.
const OF_CONDA: &str = "pkgs";
const CONDAS: [&str; 3] = ["conda", "mamba", "miniforge"];

/// The caches of an image.
pub(crate) struct Caches {
    /// Where links from outside of caches lead; empty where no package lies in a cache.
    led_to: BTreeSet<String>,
}

impl Caches {
    /// Looks where links lead, if it matters.
    pub(crate) fn of(merged: &Merged<'_>) -> Self {
        let names_packages = |file: &&MergedFile<'_>| !file.found.packages.is_empty();
        let mut files = merged.files.iter().filter(names_packages);
        let led_to = if files.any(|file| root(&file.path).is_some()) {
            let links = merged.tree.links();
            let from_outside = links.iter().filter(|link| root(link).is_none());
            let led_to = from_outside.filter_map(|link| merged.tree.resolve(link).ok());
            led_to.collect()
        } else {
            BTreeSet::new()
        };
        Self { led_to }
    }

    /// Tells whether a file lies in a cache that no link leads into, nor to a directory above it.
    pub(crate) fn hold(&self, path: &str) -> bool {
        let Some(root) = root(path) else {
            return false;
        };
        let ends = root.match_indices('/').map(|(end, _)| end);
        let mut above = ends.filter_map(|end| root.get(..end));
        let below = format!("{root}/");
        let mut from = self.led_to.range(below.clone()..);
        let leads_in = self.led_to.contains(root)
            || from.next().is_some_and(|path| path.starts_with(&below))
            || above.any(|directory| self.led_to.contains(directory));
        !leads_in
    }
}

/// Gives the root of the cache in which a path lies, if it does.
fn root(path: &str) -> Option<&str> {
    let ends = path.match_indices('/').map(|(at, _)| at);
    let mut above: [&str; 2] = [""; 2];
    let mut start = 0;
    let mut before = "";
    for end in ends {
        let name = path.get(start..end)?;
        let names = [above[0], above[1], name];
        let is_listed = DIRECTORIES.iter().any(|listed| names.ends_with(listed));
        let is_conda = name == OF_CONDA && is_of_conda(before);
        if is_listed || is_of_uv(name) || is_conda {
            return path.get(..end);
        }
        above = [above[1], name];
        before = path.get(..end)?;
        start = end + 1;
    }
    None
}

fn is_of_uv(name: &str) -> bool {
    let number = OF_UV.iter().find_map(|start| name.strip_prefix(start));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn is_of_conda(directory: &str) -> bool {
    let name = directory.rsplit('/').next().unwrap_or_default();
    CONDAS.iter().any(|conda| name.contains(conda))
}

#[cfg(test)]
mod tests {
    use sluicegate_model::package::Evidence;

    use super::*;
    use crate::testing::{Layer, image};

    const METADATA: &str = "Name: x\nVersion: 1\n";

    #[test]
    fn caches_are_known_by_their_directories() {
        for (path, wanted) in [
            (
                "root/.npm/_cacache/content-v2/sha512/a",
                Some("root/.npm/_cacache"),
            ),
            (
                "root/.cache/uv/archive-v0/k/x.dist-info/METADATA",
                Some("root/.cache/uv/archive-v0"),
            ),
            (
                "opt/conda/pkgs/x-1-0/info/index.json",
                Some("opt/conda/pkgs"),
            ),
            ("opt/miniforge3/pkgs/x", Some("opt/miniforge3/pkgs")),
            (
                "usr/local/share/.cache/yarn/v6/npm-x",
                Some("usr/local/share/.cache/yarn"),
            ),
            ("_cacache/x", Some("_cacache")),
            ("opt/pkgs/x-1-0/info/index.json", None),
            ("opt/conda/lib/python3.12/site-packages/x", None),
            ("root/.cache/pypoetry/virtualenvs/x/lib", None),
            ("root/.cache/uv/environments-v2/x/lib", None),
            ("root/.m2/repository/x", None),
            ("root/.cache/uv/archive-vx/k", None),
            ("app/_cacache", None),
        ] {
            assert_eq!(root(path), wanted, "{path}");
        }
    }

    #[test]
    fn what_is_in_a_cache_is_cached_unless_links_lead_there() {
        let cached = "root/.cache/uv/archive-v0/k/x.dist-info/METADATA";
        let evidence = |layer: Layer| {
            let found = image(&[layer.facts()]).components.into_iter();
            found
                .map(|found| (found.path, found.evidence))
                .collect::<Vec<_>>()
        };
        let layer = || Layer::new().file(cached, METADATA);
        assert_eq!(evidence(layer()), [(cached.to_owned(), Evidence::Cached)]);
        let site = "usr/lib/python3/site-packages";
        for (link, target) in [
            (
                "usr/lib/python3/site-packages/x.dist-info",
                "archive-v0/k/x.dist-info",
            ),
            ("opt/deps", "archive-v0"),
            ("opt/deps", ""),
        ] {
            let target = format!("/root/.cache/uv/{target}");
            let found = evidence(layer().symlink(link, &target));
            let is_installed =
                |(_, evidence): &(String, Evidence)| *evidence == Evidence::Installed;
            assert!(
                !found.is_empty() && found.iter().all(is_installed),
                "{link}"
            );
        }
        let aside = layer().symlink("opt/deps", "/root/.cache/uv-too");
        assert_eq!(evidence(aside), [(cached.to_owned(), Evidence::Cached)]);
        let beside = layer().file(&format!("{site}/x.dist-info/METADATA"), METADATA);
        assert_eq!(
            evidence(beside)
                .iter()
                .map(|(_, evidence)| *evidence)
                .collect::<Vec<_>>(),
            [Evidence::Cached, Evidence::Installed]
        );
    }
}
