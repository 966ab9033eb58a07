//! The version of Go's own library, which is that of the toolchain.

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType};

use crate::facts::Observations;

/// Records the standard library under the toolchain's version, with its packages that are linked, and
/// gives the version where it is a release.
pub(super) fn add_stdlib<'a>(
    toolchain: &'a str,
    linked: Vec<String>,
    path: &str,
    found: &mut Observations,
) -> Option<&'a str> {
    let release = released(toolchain);
    if let Some(version) = release {
        found.add_linked(
            Package::of_language(PackageType::Go, "stdlib", version),
            linked,
        );
    } else {
        let shown: String = toolchain.chars().take(80).collect();
        let detail = format!("it was built with {shown:?}, which is no released version of Go");
        found
            .gaps
            .push(Gap::partial(GapKind::VersionUnknown, detail).at(path));
    }
    release
}

/// Gives the release that a toolchain's version names, without what vendors and experiments add:
/// `go1.22.5 (Red Hat 1.22.5-1)`, `go1.22.5 X:boringcrypto`, `go1.22.5-X:boringcrypto`. What is built
/// on the way to a release, `go1.27-devel_0123abc`, is none.
fn released(toolchain: &str) -> Option<&str> {
    let version = toolchain.strip_prefix("go")?;
    let end = version.find([' ', '-', '+', '(']).unwrap_or(version.len());
    let (version, rest) = version.split_at_checked(end)?;
    if rest.starts_with("-devel") {
        return None;
    }
    let has_number = version.starts_with(|first: char| first.is_ascii_digit());
    let is_plain = |each: char| each.is_ascii_alphanumeric() || each == '.';
    (has_number && version.chars().all(is_plain)).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_bare_numbers() {
        for (toolchain, wanted) in [
            ("go1.19.8", Some("1.19.8")),
            ("go1.20", Some("1.20")),
            ("go1.21rc2", Some("1.21rc2")),
            ("go1.26.5 (Red Hat 1.26.5-1.el9)", Some("1.26.5")),
            ("go1.22.5 X:nocoverageredesign", Some("1.22.5")),
            ("go1.18.3-X:boringcrypto", Some("1.18.3")),
            ("go1.19.1b4 foo", Some("1.19.1b4")),
            ("devel go1.22-0123abc Mon Jan 1", None),
            ("go1.27-devel_0123abc Mon Jan 1", None),
            ("go1.27-devel", None),
            ("devel +0123abc", None),
            ("gopher", None),
            ("go", None),
        ] {
            assert_eq!(released(toolchain), wanted, "{toolchain}");
        }
    }
}
