//! The order of RPM versions: `[epoch:]version[-release]`, with `~` before and `^` after a version.
//!
//! The comparison is the `rpm-version` crate's; what is a version is decided here, since the crate
//! compares any text. A missing epoch is 0. A missing release comes before every release, so that
//! `1.2` as a boundary holds all builds of 1.2. Called by the matcher of the RPM family.

use std::cmp::Ordering;

use rpm_version::Evr;

use super::{ParsedVersion, VersionError, bounded, malformed};

/// An RPM version.
#[derive(Clone, Debug)]
pub struct RpmVersion(Evr<'static>);

impl ParsedVersion for RpmVersion {
    fn parse(text: &str) -> Result<Self, VersionError> {
        parts(bounded(text)?).ok_or_else(|| malformed("rpm", text))
    }
}

impl Ord for RpmVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for RpmVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for RpmVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for RpmVersion {}

/// An RPM version whose epoch does not count, since one side never states it: a source package's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RpmWithoutEpoch(RpmVersion);

impl ParsedVersion for RpmWithoutEpoch {
    fn parse(text: &str) -> Result<Self, VersionError> {
        RpmVersion::parse(text)?;
        let bare = text.split_once(':').map_or(text, |(_, bare)| bare);
        RpmVersion::parse(bare).map(Self)
    }
}

fn parts(text: &str) -> Option<RpmVersion> {
    let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
    let (version, release) = match rest.split_once('-') {
        Some((version, release)) => (version, Some(release)),
        None => (rest, None),
    };
    let is_epoch = epoch.parse::<u32>().is_ok() && epoch.bytes().all(|b| b.is_ascii_digit());
    let has_shape = is_epoch && is_word(version) && release.is_none_or(is_word);
    has_shape.then(|| {
        RpmVersion(Evr::new(
            epoch.to_owned(),
            version.to_owned(),
            release.unwrap_or_default().to_owned(),
        ))
    })
}

/// Tells whether a text can be a version or a release. Source: rpm-version(7).
fn is_word(text: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"._+~^".contains(&byte);
    text.bytes().all(is_fit) && text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;

    const ORDERED: &[&str] = &[
        "1.0~alpha < 1.0~rc1~git1 < 1.0~rc1 < 1.0 < 1.0^ < 1.0^git1 < 1.0^git1.2 < 1.0a < 1.0.1",
        "1.0 < 1.0-1 < 1.0-1.el8 < 1.0-1.el8_10 < 1.0-2 < 1.0-10",
        "9-1 < 10-1 < 1:0.1-1 < 2:0~1-0",
        "0:1.0-1 = 1.0-1 = 00:1.0-01 = 1_0-1",
        "1.el8 < 1.0",
        "2.4.37-47.module_el8.6.0+2872 < 2.4.37-47.module_el8.6.0+2872+fe0ff7aa.1",
        "4.18.0-305.el8 < 4.18.0-305.10.2.el8_4 < 4.18.0-553.63.1.rt7.404.el8_10",
        "99999999999999999998-1 < 99999999999999999999-1 < 100000000000000000000-1",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<RpmVersion>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in [
            "",
            "-1",
            "1.0-",
            "1.0-1-1",
            ":1.0",
            "a:1.0",
            "-1:1.0",
            "+1:1.0",
            "99999999999:1.0",
            "1:2:3",
            "1 0",
            "~",
            "(none)",
            "\u{e9}1",
            &"1".repeat(300),
        ] {
            assert!(RpmVersion::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in TEXT, b in TEXT, c in TEXT) {
            laws::check_total_order::<RpmVersion>(&a, &b, &c)?;
        }

        #[test]
        fn never_panics(text in "[-.:~^+_0-9a-zé]{0,40}") {
            let _ = RpmVersion::parse(&text).map(|version| version.cmp(&version));
        }
    }

    const TEXT: &str = "([01]:)?[0-2][0-1a~^.]{0,5}(-[01a~^.]{1,3})?";
}
