//! Which release a distribution's version is of, and the numbers of releases by their codenames.
//!
//! Source: Debian releases; Ubuntu, "List of releases".

use sluicegate_model::package::Distro;

use crate::facts::OsClaim;

/// Debian's codenames, from the first that had os-release to the last that has been released.
const DEBIAN: [(&str, &str); 7] = [
    ("wheezy", "7"),
    ("jessie", "8"),
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
];

/// Ubuntu's codenames since 14.04, without their animals.
const UBUNTU: [(&str, &str); 25] = [
    ("trusty", "14.04"),
    ("utopic", "14.10"),
    ("vivid", "15.04"),
    ("wily", "15.10"),
    ("xenial", "16.04"),
    ("yakkety", "16.10"),
    ("zesty", "17.04"),
    ("artful", "17.10"),
    ("bionic", "18.04"),
    ("cosmic", "18.10"),
    ("disco", "19.04"),
    ("eoan", "19.10"),
    ("focal", "20.04"),
    ("groovy", "20.10"),
    ("hirsute", "21.04"),
    ("impish", "21.10"),
    ("jammy", "22.04"),
    ("kinetic", "22.10"),
    ("lunar", "23.04"),
    ("mantic", "23.10"),
    ("noble", "24.04"),
    ("oracular", "24.10"),
    ("plucky", "25.04"),
    ("questing", "25.10"),
    ("resolute", "26.04"),
];

/// Gives the version that a claim states, or the number of the release whose codename it states;
/// empty where neither is known.
///
/// Images of a release that was still being made have its codename and no number.
pub(super) fn version(claim: &OsClaim) -> &str {
    if !claim.version.is_empty() {
        return &claim.version;
    }
    let releases: &[(&str, &str)] = match claim.id.as_str() {
        "debian" => &DEBIAN,
        "ubuntu" => &UBUNTU,
        _ => &[],
    };
    let codename = series(&claim.codename);
    let known = releases
        .iter()
        .find(|(name, _)| codename.eq_ignore_ascii_case(name));
    known.map_or("", |(_, number)| number)
}

/// Gives `forky` of `forky/sid`, and `Noble` of `Noble Numbat`.
pub(super) fn series(codename: &str) -> &str {
    codename.split(['/', ' ']).next().unwrap_or_default()
}

/// Gives the part of a distribution's version that names its release.
pub(super) fn release(distro: &Distro) -> String {
    let mut parts = distro.version.split('.');
    let major = parts.next().unwrap_or_default();
    match (distro.id.as_str(), parts.next()) {
        ("alpine", Some(minor)) => format!("{major}.{minor}"),
        _ => major.to_owned(),
    }
}
