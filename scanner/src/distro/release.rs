//! Which release a distribution's version is of.

use sluicegate_model::package::Distro;

/// Gives the part of a distribution's version that names its release.
pub(super) fn release(distro: &Distro) -> String {
    let mut parts = distro.version.split('.');
    let major = parts.next().unwrap_or_default();
    match (distro.id.as_str(), parts.next()) {
        ("alpine", Some(minor)) => format!("{major}.{minor}"),
        _ => major.to_owned(),
    }
}
