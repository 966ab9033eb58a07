//! The order of semantic versions, for npm, crates.io and Hex: Semantic Versioning 2.0.0 precedence.
//!
//! Build metadata does not order versions. What is not strictly such a version is read as npm reads
//! old packages, without `v`, `=` and leading zeros and with `1.2.3beta` for `1.2.3-beta`, and as
//! OSV reads its records, with zeros for missing numbers. Called by the matchers of these three.

use std::cmp::Ordering;

use semver::Version;

use super::{ParsedVersion, VersionError, bounded, malformed};

/// A semantic version.
#[derive(Clone, Debug)]
pub struct SemanticVersion(Version);

impl ParsedVersion for SemanticVersion {
    fn parse(text: &str) -> Result<Self, VersionError> {
        let bare = bounded(text)?.trim().trim_start_matches(['=', 'v', ' ']);
        Version::parse(bare)
            .ok()
            .or_else(|| Version::parse(&strict(bare)?).ok())
            .map(Self)
            .ok_or_else(|| malformed("semantic version", text))
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

/// Spells a loosely written version strictly; none where no number begins it.
fn strict(loose: &str) -> Option<String> {
    let end = loose.find(|c: char| c != '.' && !c.is_ascii_digit());
    let (numbers, rest) = loose.split_at(end.unwrap_or(loose.len()));
    let mut numbers: Vec<&str> = numbers.split('.').map(without_zeros).collect();
    let is_whole = numbers.len() == 3;
    numbers.resize(numbers.len().max(3), "0");
    let (before_release, build) = match rest.split_once('+') {
        Some((before_release, build)) => (before_release, format!("+{build}")),
        None => (rest, String::new()),
    };
    let hyphen = match before_release.strip_prefix('-') {
        Some(labels) => Some(labels),
        None if is_whole || before_release.is_empty() => Some(before_release),
        None => None,
    };
    let labels: Vec<&str> = hyphen?.split('.').map(without_zeros).collect();
    let hyphen = if before_release.is_empty() { "" } else { "-" };
    Some(format!(
        "{}{hyphen}{}{build}",
        numbers.join("."),
        labels.join(".")
    ))
}

/// Drops the leading zeros of a number, and nothing of anything else.
fn without_zeros(label: &str) -> &str {
    let is_number = label.bytes().all(|byte| byte.is_ascii_digit());
    match label.trim_start_matches('0') {
        "" if !label.is_empty() => "0",
        significant if is_number => significant,
        _ => label,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;

    const ORDERED: &[&str] = &[
        "1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-alpha.beta < 1.0.0-beta < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc.1 < 1.0.0",
        "0.0.0-0 < 0.0.0 < 0.0.1 < 0.9.0 < 0.10.0 < 1.0.0",
        "1.0.0 = 1.0.0+build = v1.0.0 = =1.0.0+other = 1 = 1.0 = v1+b",
        "1.2.3-beta.1 = 1.2.3beta.1 = 01.02.03-beta.01 < 1.2.3",
        "1.2.0-rc1 = 1.2-rc1 < 1.2 = 1.2.0",
        "0.0.10-2014-03-24-17-36-27 < 0.0.10",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<SemanticVersion>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in [
            "",
            " ",
            "v",
            ".",
            ".1.2",
            "1.",
            "1..2",
            "1.2.3.4",
            "1.2.3.",
            "1.2.3-",
            "1.2.3-a..b",
            "1.2.3+",
            "latest",
            "1.2.x",
            "1.2beta",
            "x1.2.3",
            "1.2.3_4",
            "1.2.3 - 2.0.0",
        ] {
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

    const TEXT: &str =
        "[01](\\.[01])?\\.0?[01]\\.[01](-[0-2a-b]{1,2}(\\.[0-9ab]{1,2})?)?(\\+[ab])?";
}
