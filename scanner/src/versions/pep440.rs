//! The order of Python versions: PEP 440 with epochs, pre-, post- and development releases.
//!
//! The comparison is the `pep440_rs` crate's. Versions from before PEP 440 (`2004d`) are no
//! versions here. Called by the PyPI matcher.

use super::{ParsedVersion, VersionError, bounded, malformed};

/// A Python version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pep440Version(pep440_rs::Version);

impl ParsedVersion for Pep440Version {
    fn parse(text: &str) -> Result<Self, VersionError> {
        bounded(text)?
            .trim()
            .parse()
            .map(Self)
            .map_err(|_| malformed("PEP 440", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;

    const ORDERED: &[&str] = &[
        "1.0.dev1 < 1.0a1.dev1 < 1.0a1 < 1.0a2 < 1.0b1 < 1.0rc1 < 1.0 < 1.0+abc < 1.0.post1.dev1 < 1.0.post1 < 1.0.1 < 1!0.1",
        "1.0 = 1 = 1.0.0 = v1.0",
        "1.0rc1 = 1.0-c1 = 1.0.RC.1",
        "1.9 < 1.10 < 1.10.1",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<Pep440Version>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in ["", "2004d", "latest", "1.0-", "1..0", "1.0+"] {
            assert!(Pep440Version::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in TEXT, b in TEXT, c in TEXT) {
            laws::check_total_order::<Pep440Version>(&a, &b, &c)?;
        }

        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = Pep440Version::parse(&text);
        }
    }

    const TEXT: &str =
        "([0-1]!)?[0-2](\\.[0-2]){0,2}((a|b|rc)[0-2])?(\\.post[0-1])?(\\.dev[0-1])?(\\+[ab0-1])?";
}
