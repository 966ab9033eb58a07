//! Which loaded ecosystems answer for a package: the feed is a table, not a format string.
//!
//! A release is often filed under more names than the one that an image shows. Called by `judge`;
//! what no loaded ecosystem answers for is a gap. Sources: OSV schema, "Defined Ecosystems"; the
//! folders of the public OSV bucket.

use sluicegate_model::package::{Component, Ecosystem, family_of};

use crate::feeds::FeedIndex;

/// Repositories that every image of Red Hat Enterprise Linux has, beside the one it is named by.
/// Those of extended releases (AUS, EUS, TUS, E4S) have fixes that such an image is not given.
const RED_HAT_REPOSITORIES: [&str; 2] = ["baseos", "appstream"];

/// Names the loaded ecosystems that hold the advisories on a component.
pub(super) fn ecosystems(component: &Component, feeds: &FeedIndex) -> Vec<Ecosystem> {
    let Some(ecosystem) = &component.ecosystem else {
        return Vec::new();
    };
    let named = ecosystem.as_str();
    let names = match ecosystem.family() {
        "Ubuntu" => ubuntu(named, &component.package.version, feeds),
        "SUSE" | "Red Hat" => {
            let ecosystems = feeds.ecosystems().iter();
            let listed = ecosystems.filter(|status| status.records > 0);
            filed_under(named, listed.map(|status| status.name.as_str()))
        }
        _ if feeds.has_ecosystem(ecosystem) => return vec![ecosystem.clone()],
        _ => return Vec::new(),
    };
    names.iter().map(|name| Ecosystem::new(name)).collect()
}

/// Names the ecosystems that hold advisories on a component beside those that are loaded, where that is
/// known: the repositories of a release of Red Hat Enterprise Linux.
pub(super) fn missing(component: &Component, feeds: &FeedIndex) -> Vec<Ecosystem> {
    let named = component.ecosystem.as_ref();
    let named = named.filter(|it| it.family() == "Red Hat");
    let Some(release) = named.and_then(|it| it.as_str().strip_suffix("baseos")) else {
        return Vec::new();
    };
    let all = RED_HAT_REPOSITORIES.iter();
    let all = all.map(|repository| Ecosystem::new(&format!("{release}{repository}")));
    all.filter(|it| !feeds.has_ecosystem(it)).collect()
}

/// Tells whether any loaded ecosystem holds the advisories on a component.
pub fn is_answered(component: &Component, feeds: &FeedIndex) -> bool {
    !ecosystems(component, feeds).is_empty()
}

/// Picks from the ecosystems that a source lists those under which the advisories on a release are
/// filed.
pub fn filed_under<'a>(named: &str, listed: impl Iterator<Item = &'a str>) -> Vec<String> {
    let is_meant: Box<dyn Fn(&str) -> bool> = match family_of(named) {
        "SUSE" => Box::new(|name| is_of_suse_release(name, named)),
        "Red Hat" => Box::new(|name| is_red_hat_repository(name, named)),
        _ => Box::new(|name| name == named),
    };
    let picked = listed.filter(|name| is_meant(name));
    picked.map(str::to_owned).collect()
}

/// Long-term releases carry a suffix that a package does not show. A package of Ubuntu Pro, whose
/// version says so, is one whose fixes come from there; all others are not given those fixes.
fn ubuntu(named: &str, version: &str, feeds: &FeedIndex) -> Vec<String> {
    let has_pro = version.contains("+esm") || version.contains("~esm");
    let (_, release) = named.split_once(':').unwrap_or_default();
    let long_term = format!("{release}:LTS");
    let starts: &[&str] = if has_pro {
        &["Ubuntu:Pro:", "Ubuntu:"]
    } else {
        &["Ubuntu:"]
    };
    let mut names = starts
        .iter()
        .flat_map(|start| [release, &long_term].map(|release| format!("{start}{release}")));
    names
        .find(|name| feeds.has_ecosystem(&Ecosystem::new(name)))
        .into_iter()
        .collect()
}

/// Packages of SUSE Linux Enterprise are filed under modules and products of the same release.
fn is_of_suse_release(name: &str, named: &str) -> bool {
    let release = suse_release(named);
    if release.is_empty() || named.contains("Micro") {
        return name == named;
    }
    name.starts_with("SUSE:") && !name.contains("Micro") && suse_release(name) == release
}

/// Gives `15 SP7` of `SUSE:Linux Enterprise Module for Basesystem 15 SP7`.
fn suse_release(name: &str) -> &str {
    let mut starts = name.match_indices(' ').map(|(at, _)| at + 1);
    let start = starts.find(|at| {
        let rest = name.get(*at..).unwrap_or_default();
        rest.starts_with(|c: char| c.is_ascii_digit())
    });
    start.and_then(|at| name.get(at..)).unwrap_or_default()
}

/// `Red Hat:enterprise_linux:9::baseos` is one repository of the release.
fn is_red_hat_repository(name: &str, named: &str) -> bool {
    let Some(release) = named.strip_suffix("baseos") else {
        return name == named;
    };
    let repository = name.strip_prefix(release);
    repository.is_some_and(|repository| RED_HAT_REPOSITORIES.contains(&repository))
}
