//! The order of semantic versions, for npm: Semantic Versioning 2.0.0 precedence.
//!
//! Build metadata does not order versions. A leading `v` or `=` is dropped as npm does; missing
//! parts are not guessed. Called by the npm matcher.

use std::cmp::Ordering;

use super::{ParsedVersion, VersionError, bounded, malformed};

/// A semantic version.
#[derive(Clone, Debug)]
pub struct SemanticVersion(semver::Version);

impl ParsedVersion for SemanticVersion {
    fn parse(text: &str) -> Result<Self, VersionError> {
        let bare = bounded(text)?.trim().trim_start_matches(['=', 'v']);
        semver::Version::parse(bare)
            .map(Self)
            .map_err(|_| malformed("semantic version", text))
    }
}

impl Ord for SemanticVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp_precedence(&other.0)
    }
}

impl PartialOrd for SemanticVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SemanticVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for SemanticVersion {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;

    const ORDERED: &[&str] = &[
        "1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-alpha.beta < 1.0.0-beta < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc.1 < 1.0.0",
        "0.0.0-0 < 0.0.0 < 0.0.1 < 0.9.0 < 0.10.0 < 1.0.0",
        "1.0.0 = 1.0.0+build = v1.0.0 = =1.0.0+other",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<SemanticVersion>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in ["", "1", "1.2", "1.2.3.4", "01.2.3", "latest", "1.2.x"] {
            assert!(SemanticVersion::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in TEXT, b in TEXT, c in TEXT) {
            laws::check_total_order::<SemanticVersion>(&a, &b, &c)?;
        }

        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = SemanticVersion::parse(&text);
        }
    }

    const TEXT: &str = "[01]\\.[01]\\.[01](-[0-2a-b]{1,2}(\\.[0-9ab]{1,2})?)?(\\+[ab])?";
}
