//! The order of NuGet versions: one to four numbers, and labels that go before a release.
//!
//! Missing numbers are zero, letter case does not count, build metadata does not order. A label is a
//! number where it fits 32 bits, as NuGet's own comparison has it. Source: NuGet documentation,
//! "Package versioning", "Normalized version numbers". Called by the NuGet matcher.

use super::labels::{self, Label};
use super::{ParsedVersion, VersionError, bounded, malformed};

/// A NuGet version. The order of the fields is that of the comparison.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NugetVersion {
    numbers: [u32; 4],
    is_release: bool,
    labels: Vec<Label<i32>>,
}

impl ParsedVersion for NugetVersion {
    fn parse(text: &str) -> Result<Self, VersionError> {
        let lower = bounded(text)?.trim().to_ascii_lowercase();
        parts(&lower).ok_or_else(|| malformed("NuGet", text))
    }
}

fn parts(text: &str) -> Option<NugetVersion> {
    let text = match text.split_once('+') {
        Some((version, metadata)) => {
            labels::read::<i32>(metadata)?;
            version
        }
        None => text,
    };
    let (numbers, labels) = match text.split_once('-') {
        Some((numbers, labels)) => (numbers, labels::read(labels)?),
        None => (text, Vec::new()),
    };
    let mut version = NugetVersion {
        numbers: [0; 4],
        is_release: labels.is_empty(),
        labels,
    };
    let mut places = version.numbers.iter_mut();
    for number in numbers.split('.') {
        *places.next()? = digits(number)?;
    }
    Some(version)
}

/// Reads a number of at most 31 bits, which leading zeros do not change.
fn digits(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number: i32 = is_number.then(|| text.parse().ok()).flatten()?;
    u32::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;

    const ORDERED: &[&str] = &[
        "1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-alpha.beta < 1.0.0-beta < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc.1 < 1.0.0",
        "1 = 1.0 = 1.0.0 = 1.0.0.0 = 01.00.0 = 1.0.0+sha.5 < 1.0.0.1 < 1.0.1 < 1.1 < 10.0",
        "1.0-BETA = 1.0.0-beta = 1.0.0.0-Beta+x < 1.0.0-beta1 < 1.0.0-beta10 < 1.0.0-beta2",
        "4.3.0-preview1-24530-04 < 4.3.0 < 4.3.0.1-a < 4.3.0.1",
        "1.0-01 = 1.0-1 < 1.0-2 < 1.0-2147483647 < 1.0-2147483648 < 1.0-3000000000 < 1.0-a",
        "1.1.0-rc.1.22152.1 < 1.1.0-rc.2.1.1 < 1.1.0",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<NugetVersion>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in [
            "",
            " ",
            "a",
            "v1.0",
            "1.",
            ".1",
            "1..2",
            "1.2.3.4.5",
            "1.0-",
            "1.0+",
            "1.0-a..b",
            "1.0-a_b",
            "2.14.01rc5",
            "1.2147483648",
            "1.0.*",
            "-1.0",
            "+1.0",
            "[1.0,2.0)",
            &"1".repeat(300),
        ] {
            assert!(NugetVersion::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in TEXT, b in TEXT, c in TEXT) {
            laws::check_total_order::<NugetVersion>(&a, &b, &c)?;
        }

        #[test]
        fn never_panics(text in "[-.+0-9a-zAé]{0,40}") {
            let _ = NugetVersion::parse(&text);
        }
    }

    const TEXT: &str = "[01](\\.0?[01]){0,3}(-[0-2abA-]{1,2}(\\.[0-9ab]{1,2})?)?(\\+[ab])?";
}
