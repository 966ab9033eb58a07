//! What a system package's version is made of: epoch, upstream's own version, and the revision.
//!
//! It takes texts apart and orders nothing. Source: deb-version(7); rpm-version(7); Alpine,
//! "APKBUILD reference".

use sluicegate_model::package::PackageType;

/// The parts of a version, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    /// Empty where there is none, or zero.
    pub(crate) epoch: &'a str,
    pub(crate) upstream: &'a str,
    /// Empty where there is none.
    pub(crate) revision: &'a str,
}

/// Takes the version of a system package apart.
pub(crate) fn parts(package_type: PackageType, version: &str) -> Parts<'_> {
    let (epoch, rest) = match version.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => {
            (epoch.trim_start_matches('0'), rest)
        }
        _ => ("", version),
    };
    let split = match package_type {
        PackageType::Apk => rest.rsplit_once("-r"),
        _ => rest.rsplit_once('-'),
    };
    let (upstream, revision) = split.unwrap_or((rest, ""));
    Parts {
        epoch,
        upstream,
        revision,
    }
}

/// Tells whether a system package's version is built from this version of upstream's.
///
/// Distributions add what they did to the sources (`+dfsg`, `+~cs1.2`), write `~rc1` for `rc1`, and
/// leave out or add a last zero.
pub(crate) fn is_built_from(package_type: PackageType, version: &str, upstream: &str) -> bool {
    let stated = parts(package_type, version).upstream;
    let wanted = plain(upstream);
    let without = |mark: char| stated.split(mark).next().unwrap_or_default();
    let forms = [stated, without('+'), without('~'), without('_')];
    let is_same = |form: &&str| !form.is_empty() && plain(form) == wanted;
    forms.iter().any(is_same) || plain(&stated.replace(['~', '_'], "")) == wanted
}

fn plain(version: &str) -> String {
    let mut text = version.trim_start_matches(['v', 'V']).to_ascii_lowercase();
    while let Some(shorter) = text.strip_suffix(".0") {
        text.truncate(shorter.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_taken_apart() {
        for (kind, version, wanted) in [
            (
                PackageType::Deb,
                "1:2.0-rc-3+deb12u1",
                ("1", "2.0-rc", "3+deb12u1"),
            ),
            (PackageType::Deb, "12.4", ("", "12.4", "")),
            (
                PackageType::Rpm,
                "0:1.26.5-8.el9_8",
                ("", "1.26.5", "8.el9_8"),
            ),
            (PackageType::Apk, "5.4_rc1-r0", ("", "5.4_rc1", "0")),
        ] {
            let got = parts(kind, version);
            assert_eq!((got.epoch, got.upstream, got.revision), wanted, "{version}");
        }
    }

    #[test]
    fn a_version_is_built_from_upstreams() {
        for (kind, version, upstream, wanted) in [
            (PackageType::Rpm, "1.26.5-8.el9_8", "1.26.5", true),
            (PackageType::Apk, "5.4-r0", "5.4", true),
            (PackageType::Apk, "5.4_rc1-r0", "5.4rc1", true),
            (PackageType::Deb, "6.0-3", "6.0", true),
            (PackageType::Deb, "6.0-3", "6", true),
            (PackageType::Deb, "4.17.21+dfsg+~cs8.31-9", "4.17.21", true),
            (PackageType::Deb, "3.0~rc1-1", "v3.0rc1", true),
            (PackageType::Deb, "2.17.1-1", "2.14.1", false),
            (PackageType::Deb, "12.4", "2.14.1", false),
            (PackageType::Deb, "~1-1", "", false),
        ] {
            assert_eq!(
                is_built_from(kind, version, upstream),
                wanted,
                "{version} {upstream}"
            );
        }
    }
}
