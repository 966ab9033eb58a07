//! The order of R package versions: numbers between `.` and `-`, which mean the same.
//!
//! What goes on is the higher one, so `1.0` comes before `1.0.0`. Source: Writing R Extensions, "The
//! DESCRIPTION file"; R's `package_version`. Called by the CRAN matcher.

use super::{Digits, ParsedVersion, VersionError, bounded, malformed};

/// A version of an R package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CranVersion(Vec<Digits>);

impl ParsedVersion for CranVersion {
    fn parse(text: &str) -> Result<Self, VersionError> {
        bounded(text)?
            .split(['.', '-'])
            .map(Digits::read)
            .collect::<Option<_>>()
            .map(Self)
            .ok_or_else(|| malformed("R", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;

    const ORDERED: &[&str] = &[
        "1 < 1.0 < 1.0.0 < 1.0-1 < 1.0.1.1 < 1.0-2 < 1.1 < 1.10 < 2",
        "1.2-3 = 1.2.3 = 1-2-3 = 01.02-03",
        "0.9-45 < 0.9-130 < 0.10",
        "3.98-1.3 < 3.98-1.20 < 3.99-0",
        "1.20240101 < 1.99999999999999999999 < 1.100000000000000000000",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<CranVersion>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in [
            "", " ", "a", "1.", ".1", "1..2", "1.2a", "1.2-", "v1.2", "1_2", "1 2",
        ] {
            assert!(CranVersion::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in TEXT, b in TEXT, c in TEXT) {
            laws::check_total_order::<CranVersion>(&a, &b, &c)?;
        }

        #[test]
        fn never_panics(text in "[-.0-9aé]{0,40}") {
            let _ = CranVersion::parse(&text);
        }
    }

    const TEXT: &str = "0?[0-2]([.-]0?[01]{1,2}){0,3}";
}
