//! Which ecosystems are fetched from a mirror: common ones, and those that images asked for.
//!
//! Names come from images and mirrors and become folder names: only names of the OSV bucket's shape
//! pass. Never fetches. Called by `Feeds`, `mirror` and `schedule`.

use std::collections::BTreeSet;

use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Ecosystem, PackageType, family_of};
use sluicegate_scanner::feeds::FeedIndex;
use sluicegate_scanner::matching::{filed_under, is_answered};

/// Fetched before any image asks, where the mirror has them: the supported releases of the common
/// base images and the three language ecosystems that are scanned.
///
/// Source: Debian, Alpine and Ubuntu release calendars, 2025.
const USUAL: [&str; 15] = [
    "Alpine:v3.17",
    "Alpine:v3.18",
    "Alpine:v3.19",
    "Alpine:v3.20",
    "Alpine:v3.21",
    "Alpine:v3.22",
    "Debian:11",
    "Debian:12",
    "Debian:13",
    "Maven",
    "PyPI",
    "Ubuntu:20.04:LTS",
    "Ubuntu:22.04:LTS",
    "Ubuntu:24.04:LTS",
    "npm",
];

/// Longest name of an ecosystem, in bytes; the longest real one has about 60.
const MAX_NAME_BYTES: usize = 96;
/// Most names that images asked for that are remembered. Images can make names up; what is held is
/// kept current without being remembered here, and what is needed is asked for again.
const MAX_WANTED: usize = 256;

/// Tells whether a name has the shape of an ecosystem's and can be a folder's.
pub(super) fn is_name(name: &str) -> bool {
    let is_sound = |byte: u8| byte.is_ascii_alphanumeric() || b" .:+-_".contains(&byte);
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(is_sound)
        && !name.contains("..")
}

/// Picks from what a mirror lists what is usual or wanted.
pub(super) fn pick(listed: &BTreeSet<String>, wanted: &BTreeSet<String>) -> BTreeSet<String> {
    let needed = USUAL.into_iter().chain(wanted.iter().map(String::as_str));
    needed.flat_map(|name| folders_for(name, listed)).collect()
}

/// Names the folders that hold the advisories on an ecosystem.
///
/// Where a mirror has the folder of the whole family, that is the one: the public bucket no longer
/// writes to the folders of single releases, and still lists them. Source: OSV's documentation, "Data
/// dumps".
fn folders_for(name: &str, listed: &BTreeSet<String>) -> Vec<String> {
    let family = family_of(name);
    if listed.contains(family) {
        return vec![family.to_owned()];
    }
    let mut folders = filed_under(name, listed.iter().map(String::as_str));
    // Ubuntu's long-term releases carry a suffix that an image need not show.
    folders.extend(listed.get(&format!("{name}:LTS")).cloned());
    folders
}

/// Lists the ecosystems of an inventory that an index knows nothing of, under none of the names
/// that they are filed under.
pub(super) fn missing(inventory: &Inventory, index: &FeedIndex) -> BTreeSet<String> {
    let missing = inventory
        .by_ecosystem()
        .into_iter()
        .filter(|(ecosystem, _)| is_name(ecosystem.as_str()))
        .filter(|(_, component)| !is_answered(component, index));
    let missing = missing.map(|(name, _)| name.as_str().to_owned());
    let of_archives = of_archives(inventory);
    let of_archives = of_archives.filter(|it| index.jars().is_some() && !index.has_ecosystem(it));
    let of_archives = of_archives.map(|it| it.as_str().to_owned());
    missing.chain(of_archives).collect()
}

/// Gives the ecosystem of archives that only their digests name, where there are any.
fn of_archives(inventory: &Inventory) -> Option<Ecosystem> {
    let has_any = !inventory.archives.is_empty();
    has_any
        .then(|| PackageType::Maven.language_ecosystem())
        .flatten()
}

/// Names the ecosystems of an inventory that a mirror may have.
pub(super) fn named(inventory: &Inventory) -> BTreeSet<String> {
    let archives = of_archives(inventory);
    let named = inventory.by_ecosystem().into_keys().chain(&archives);
    let named = named.map(Ecosystem::as_str);
    let sound = named.filter(|name| is_name(name));
    sound.map(str::to_owned).collect()
}

/// Names the families of an inventory's ecosystems.
pub(super) fn families(inventory: &Inventory) -> BTreeSet<String> {
    let archives = of_archives(inventory);
    let named = inventory.by_ecosystem().into_keys().chain(&archives);
    let named = named.map(Ecosystem::family);
    named.map(str::to_owned).collect()
}

/// Adds names to those wanted; tells whether any was new.
pub(super) fn add(wanted: &mut BTreeSet<String>, names: BTreeSet<String>) -> bool {
    if names.is_subset(wanted) {
        return false;
    }
    if wanted.len().saturating_add(names.len()) > MAX_WANTED {
        wanted.clear();
    }
    wanted.extend(names.into_iter().take(MAX_WANTED));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_no_name_that_could_leave_its_folder() {
        for name in [
            "Debian:12",
            "Rocky Linux:9",
            "crates.io",
            "openSUSE:Leap 15.6",
        ] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "Debian:../x",
            "/etc",
            ".hidden",
            "a\0",
            "é",
            "incoming\n",
        ] {
            assert!(!is_name(name), "{name:?}");
        }
        assert!(!is_name(&"x".repeat(97)));
    }

    #[test]
    fn names_made_up_by_images_stay_few() {
        let mut wanted = BTreeSet::new();
        for number in 0..2_000 {
            let names = BTreeSet::from([format!("Debian:{number}")]);
            assert!(add(&mut wanted, names.clone()), "new");
            assert!(!add(&mut wanted, names), "known");
            assert!(wanted.len() <= MAX_WANTED);
        }
    }

    #[test]
    fn picks_only_what_the_mirror_lists() {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let listed: BTreeSet<String> = set(&[
            "Debian:12",
            "Go",
            "Ubuntu:18.04:LTS",
            "Alpine:v3.3",
            "incoming",
        ]);
        let picked = pick(&listed, &set(&["Alpine:v3.3", "Ubuntu:18.04", "Wolfi"]));
        assert_eq!(
            picked,
            set(&["Alpine:v3.3", "Debian:12", "Ubuntu:18.04:LTS"])
        );
    }

    #[test]
    fn picks_every_folder_that_holds_a_releases_packages() {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let module = "SUSE:Linux Enterprise Module for Basesystem 15 SP7";
        let listed = set(&[
            "Red Hat:enterprise_linux:9::appstream",
            "Red Hat:enterprise_linux:9::baseos",
            "Red Hat:rhel_eus:9.4::baseos",
            "SUSE:Linux Enterprise Module for Basesystem 15 SP6",
            module,
            "SUSE:Linux Enterprise Server 15 SP7",
        ]);
        let server = "SUSE:Linux Enterprise Server 15 SP7";
        assert_eq!(pick(&listed, &set(&[server])), set(&[module, server]));
        let red_hat = ["appstream", "baseos"].map(|it| format!("Red Hat:enterprise_linux:9::{it}"));
        let wanted = set(&["Red Hat:enterprise_linux:9::baseos"]);
        assert_eq!(pick(&listed, &wanted), BTreeSet::from(red_hat));
    }

    #[test]
    fn folder_of_a_family_is_preferred_to_those_of_its_releases() {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let wanted = set(&["Rocky Linux:9", "Alpine:v3.3"]);
        let listed = set(&["Rocky Linux", "Debian", "Debian:12", "Rocky Linuxes:9"]);
        assert_eq!(pick(&listed, &wanted), set(&["Debian", "Rocky Linux"]));
    }
}
