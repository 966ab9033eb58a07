//! Which loaded ecosystems answer for a package: the feed is a table, not a format string.
//!
//! A release is often filed under more names than the one that an image shows. Called by `judge`;
//! what no loaded ecosystem answers for is a gap. Sources: OSV schema, "Defined Ecosystems"; the
//! folders of the public OSV bucket.

use sluicegate_model::package::{Component, Ecosystem};

use crate::feeds::FeedIndex;

/// Repositories that every image of Red Hat Enterprise Linux has, beside the one it is named by.
/// Those of extended releases (AUS, EUS, TUS, E4S) have fixes that such an image is not given.
const RED_HAT_REPOSITORIES: [&str; 2] = ["baseos", "appstream"];

/// Names the loaded ecosystems that hold the advisories on a component.
pub(super) fn ecosystems(component: &Component, feeds: &FeedIndex) -> Vec<Ecosystem> {
    let Some(ecosystem) = &component.ecosystem else {
        return Vec::new();
    };
    let names = match ecosystem.family() {
        "Ubuntu" => ubuntu(ecosystem.as_str(), &component.package.version, feeds),
        "SUSE" => suse(ecosystem.as_str(), feeds),
        "Red Hat" => red_hat(ecosystem.as_str()),
        _ => vec![ecosystem.as_str().to_owned()],
    };
    let loaded = names.into_iter().map(|name| Ecosystem::new(&name));
    loaded.filter(|name| feeds.has_ecosystem(name)).collect()
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
fn suse(named: &str, feeds: &FeedIndex) -> Vec<String> {
    let release = suse_release(named);
    if release.is_empty() || named.contains("Micro") {
        return vec![named.to_owned()];
    }
    let names = feeds.ecosystems().iter().map(|status| &status.name);
    let same = names.filter(|name| {
        name.starts_with("SUSE:") && !name.contains("Micro") && suse_release(name) == release
    });
    same.cloned().collect()
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
fn red_hat(named: &str) -> Vec<String> {
    let mut names = vec![named.to_owned()];
    if let Some(release) = named.strip_suffix("::baseos") {
        names = RED_HAT_REPOSITORIES
            .map(|repository| format!("{release}::{repository}"))
            .to_vec();
    }
    names
}
