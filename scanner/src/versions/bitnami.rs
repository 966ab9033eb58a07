//! The order of Bitnami's versions: semantic versions whose labels are revisions.
//!
//! What follows the hyphen counts Bitnami's builds of one release, so `1.2.3` comes before `1.2.3-1`,
//! against Semantic Versioning. Source: Bitnami's `go-version`, "Version revision". Called by the
//! Bitnami matcher.

use std::cmp::Ordering;

use semver::Version;

use super::{ParsedVersion, VersionError, bounded, malformed};

/// A version of a Bitnami package.
#[derive(Clone, Debug)]
pub struct BitnamiVersion(Version);

impl ParsedVersion for BitnamiVersion {
    fn parse(text: &str) -> Result<Self, VersionError> {
        Version::parse(bounded(text)?)
            .map(Self)
            .map_err(|_| malformed("Bitnami", text))
    }
}

impl Ord for BitnamiVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |version: &Version| (version.major, version.minor, version.patch);
        let has_revision = |version: &Version| !version.pre.is_empty();
        numbers(&self.0)
            .cmp(&numbers(&other.0))
            .then_with(|| has_revision(&self.0).cmp(&has_revision(&other.0)))
            .then_with(|| self.0.pre.cmp(&other.0.pre))
    }
}

impl PartialOrd for BitnamiVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for BitnamiVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for BitnamiVersion {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;

    const ORDERED: &[&str] = &[
        "1.2.3 < 1.2.3-0 < 1.2.3-1 < 1.2.3-2 < 1.2.3-10 < 1.2.3-10.1 < 1.2.3-rc1 < 1.2.4 < 1.10.0",
        "1.2.3 = 1.2.3+a < 1.2.3-1+b = 1.2.3-1",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<BitnamiVersion>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in [
            "", "1", "1.2", "1.2-5", "1.2.3.4", "v1.2.3", "1.2.3-", "1.2.3-01", "latest",
        ] {
            assert!(BitnamiVersion::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in TEXT, b in TEXT, c in TEXT) {
            laws::check_total_order::<BitnamiVersion>(&a, &b, &c)?;
        }

        #[test]
        fn never_panics(text in "[-.+0-9a-zé]{0,40}") {
            let _ = BitnamiVersion::parse(&text);
        }
    }

    const TEXT: &str = "[01]\\.[01]\\.[01](-[0-9ab]{1,2}(\\.[0-2ab])?)?(\\+[ab])?";
}
