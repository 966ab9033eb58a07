//! The order of Dart package versions on Pub: semantic versions in which build metadata counts.
//!
//! `1.0.0` comes before `1.0.0+1`, which is how Pub packages mark a release that changes no code.
//! Leading zeros change nothing. Source: the `pub_semver` package, "Semantics". Called by the Pub
//! matcher.

use super::labels::{self, Label};
use super::{ParsedVersion, VersionError, bounded, malformed};

/// A Dart version. The order of the fields is that of the comparison.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DartVersion {
    numbers: [u64; 3],
    is_release: bool,
    labels: Vec<Label<i64>>,
    /// Empty where there is none, which comes first.
    build: Vec<Label<i64>>,
}

impl ParsedVersion for DartVersion {
    fn parse(text: &str) -> Result<Self, VersionError> {
        parts(bounded(text)?).ok_or_else(|| malformed("Pub", text))
    }
}

fn parts(text: &str) -> Option<DartVersion> {
    let (text, build) = match text.split_once('+') {
        Some((version, build)) => (version, labels::read(build)?),
        None => (text, Vec::new()),
    };
    let (numbers, labels) = match text.split_once('-') {
        Some((numbers, labels)) => (numbers, labels::read(labels)?),
        None => (text, Vec::new()),
    };
    let numbers: Vec<u64> = numbers.split('.').map(digits).collect::<Option<_>>()?;
    Some(DartVersion {
        numbers: numbers.try_into().ok()?,
        is_release: labels.is_empty(),
        labels,
        build,
    })
}

fn digits(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;

    const ORDERED: &[&str] = &[
        "1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc.1 < 1.0.0-rc.1+build.1 < 1.0.0",
        "1.0.0 < 1.0.0+0.3.7 < 1.3.7+build < 1.3.7+build.2.b8f12d7 < 1.3.7+build.11.e0f985a",
        "1.0.0 < 1.0.0+1 < 1.0.0+2 < 1.0.0+10 < 1.0.0+a < 1.0.1",
        "01.02.03-01.dev+pre.02 = 1.2.3-1.dev+pre.2",
        "2.12.0-133.7.beta < 2.12.0-259.9.beta < 2.12.0",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<DartVersion>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "v1.2.3",
            "1.2.x",
            "1.2.3-",
            "1.2.3+",
            "1.2.3-a..b",
            "1.2.3+a_b",
            "1.2.3 ",
            "any",
            "^1.2.3",
            "1.2.99999999999999999999",
        ] {
            assert!(DartVersion::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in TEXT, b in TEXT, c in TEXT) {
            laws::check_total_order::<DartVersion>(&a, &b, &c)?;
        }

        #[test]
        fn never_panics(text in "[-.+0-9a-zé]{0,40}") {
            let _ = DartVersion::parse(&text);
        }
    }

    const TEXT: &str =
        "0?[01]\\.[01]\\.[01](-[0-2ab]{1,2}(\\.[0-9ab]{1,2})?)?(\\+[0-2ab]{1,2}(\\.[01a])?)?";
}
