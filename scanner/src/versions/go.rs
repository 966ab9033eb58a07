//! The order of Go module versions and of Go releases, which name the standard library's version.
//!
//! Modules have semantic versions with a `v` that advisories leave out; `+incompatible` carries no
//! order, and a pseudo-version is a pre-release. A release is written `1.21rc2` or `1.22.3`, and
//! advisories write it as `1.21.0-rc.2`. The builds with a validated cryptography module (`1.18.2b7`)
//! are of the release that they name. What was built with changes that no commit has (`+dirty`) has
//! no version. Source: Go modules reference, "Versions"; Go vulnerability database, "Go versions".
//! Called by the Go matcher.

use std::cmp::Ordering;

use semver::Version;

use super::{ParsedVersion, VersionError, bounded, malformed};

/// A version of a Go module or of Go itself.
#[derive(Clone, Debug)]
pub struct GoVersion(Version);

impl ParsedVersion for GoVersion {
    fn parse(text: &str) -> Result<Self, VersionError> {
        let prefixed = bounded(text)?;
        let bare = prefixed
            .strip_prefix("go")
            .or_else(|| prefixed.strip_prefix('v'))
            .unwrap_or(prefixed);
        let parsed = Version::parse(bare).ok().or_else(|| release(bare));
        parsed
            .filter(|version| version.build.split('.').all(|mark| mark != "dirty"))
            .map(Self)
            .ok_or_else(|| malformed("Go", text))
    }
}

impl Ord for GoVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp_precedence(&other.0)
    }
}

impl PartialOrd for GoVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for GoVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for GoVersion {}

/// Tells whether a version is what Go calls a commit: a pseudo-version, such as
/// `v0.0.0-20240131120000-0123456789ab`.
///
/// Source: Go modules reference, "Pseudo-versions".
pub(crate) fn is_of_commit(text: &str) -> bool {
    let bare = text.split('+').next().unwrap_or_default();
    let Some((before, hash)) = bare.rsplit_once('-') else {
        return false;
    };
    let Some((base, time)) = before.rsplit_once(['-', '.']) else {
        return false;
    };
    let is_hash = hash.len() == 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_time = time.len() == 14 && time.bytes().all(|byte| byte.is_ascii_digit());
    !base.is_empty() && is_hash && is_time
}

/// Reads one to three numbers and, behind them, `rc`, `beta` or `b` with a number.
fn release(text: &str) -> Option<Version> {
    let end = text.find(|c: char| c != '.' && !c.is_ascii_digit());
    let (numbers, suffix) = text.split_at(end.unwrap_or(text.len()));
    let stage = match suffix.find(|c: char| c.is_ascii_digit()) {
        Some(at) => suffix.split_at(at),
        None => (suffix, ""),
    };
    let before_release = match stage {
        ("", "") => String::new(),
        (name @ ("rc" | "beta"), number) => format!("-{name}.{}", number.parse::<u32>().ok()?),
        ("b", number) if number.parse::<u32>().is_ok() => String::new(),
        _ => return None,
    };
    let zeros = match numbers.matches('.').count() {
        0 => ".0.0",
        1 => ".0",
        2 => "",
        _ => return None,
    };
    Version::parse(&format!("{numbers}{zeros}{before_release}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;

    const ORDERED: &[&str] = &[
        "v1.0.0-alpha < v1.0.0-rc.1 < v1.0.0 < v1.0.1 < v1.10.0 < v2.0.0",
        "v2.0.0 = 2.0.0 = v2.0.0+incompatible = v2 = v2.0",
        "0.0.0-00010101000000-000000000000 < 0.0.0-20180101000000-aaaaaaaaaaaa < 0.0.0-20201216223049-8b5274cf687f < 0.0.0",
        "1.2.2 < 1.2.3-0.20191109021931-daa7c04131f5 < 1.2.3-0.20200101000000-0123456789ab < 1.2.3-alpha < 1.2.3",
        "1.2.3-rc1 < 1.2.3-rc1.0.20200101000000-0123456789ab < 1.2.3-rc2",
        "1.20.14 < 1.21.0-0 < go1.21beta1 < go1.21rc2 = 1.21rc2 = 1.21.0-rc.2 < 1.21.0-rc.4 < 1.21rc10 < go1.21.0 = 1.21 = go1.21.0 < go1.21.1",
        "1.18.1 < go1.18.2b7 = 1.18.2 < 1.18.3",
        "go1 = 1.0.0 < go1.0.3",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<GoVersion>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in [
            "",
            "v",
            "go",
            "(devel)",
            "devel +0123abc",
            "master",
            "1.2.3.4",
            "v01.2.3",
            "v1.2.3+dirty",
            "v2.0.0+incompatible.dirty",
            "1.22-0123abc",
            "1.21rc",
            "1.21rcx",
            "1.21b",
            "1.21alpha1",
            "1..2",
            ".1",
            "1.",
            "vv1.2.3",
            "1.2.3-",
            " 1.2.3",
            &"1".repeat(300),
        ] {
            assert!(GoVersion::parse(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn knows_what_names_a_commit() {
        for (text, wanted) in [
            ("v0.0.0-20240131120000-0123456789ab", true),
            ("1.2.3-0.20240131120000-0123456789ab+incompatible", true),
            ("v1.80.0-v2.20.0.20240312162750-5908b97e7c22", true),
            ("v1.2.3-rc1", false),
            ("v1.2.3", false),
            ("v0.0.0-20240109", false),
            ("20240131120000-0123456789ab", false),
        ] {
            assert_eq!(is_of_commit(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in TEXT, b in TEXT, c in TEXT) {
            laws::check_total_order::<GoVersion>(&a, &b, &c)?;
        }

        #[test]
        fn never_panics(text in "[-.+0-9a-zé]{0,40}") {
            let _ = GoVersion::parse(&text);
        }
    }

    const TEXT: &str =
        "(v|go)?[01](\\.[01]){1,2}((rc|beta|b|-rc\\.)[0-2]|-0\\.[0-1]{2}-[0a]|\\+incompatible)?";
}
