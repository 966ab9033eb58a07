//! The order of Alpine package versions.
//!
//! Grammar: `digits{.digits}{letter digits{.digits}}[letter]{_suffix[digits]}[~hash][-rdigits]`.
//! Source: apk-tools, apk-package(5) and the comparison of its releases 2 and 3; digits behind a
//! letter, as of `1.9.5p2`, are read by release 2 alone, which the packages that have them were
//! made for. The first number and one behind a letter are compared as numbers; one behind a dot
//! with a leading zero on either side is compared as text. Called by the Alpine matcher.

use std::cmp::Ordering;

use super::{ParsedVersion, VersionError, bounded, compare_digits, malformed};

/// An Alpine version.
///
/// *Shape*: the parts in the order in which they are written, which is the order of their kinds.
#[derive(Clone, Debug)]
pub struct ApkVersion {
    parts: Vec<ApkPart>,
}

/// One part. But for numbers behind a letter, later variants may only follow earlier ones, and a
/// version that ends (or goes on with a later kind) where the other goes on with an earlier kind is
/// the lower one.
#[derive(Clone, Debug)]
enum ApkPart {
    First(Box<str>),
    Number(Box<str>),
    Letter(u8),
    /// A number right behind a letter; numbers and a letter may follow it as they follow the first.
    LetterNumber(Box<str>),
    Suffix(Suffix),
    SuffixNumber(Box<str>),
    Hash(Box<str>),
    Revision(Box<str>),
}

/// The suffixes, in their order; those up to `Rc` come before a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Suffix {
    Alpha,
    Beta,
    Pre,
    Rc,
    Cvs,
    Svn,
    Git,
    Hg,
    P,
}

/// The rank of a version that has ended: after every kind of part.
const ENDED: u8 = 7;

impl ParsedVersion for ApkVersion {
    fn parse(text: &str) -> Result<Self, VersionError> {
        parts(bounded(text)?)
            .map(|parts| Self { parts })
            .ok_or_else(|| malformed("apk", text))
    }
}

impl Ord for ApkVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut left, mut right) = (self.parts.iter(), other.parts.iter());
        loop {
            let (a, b) = (left.next(), right.next());
            let (Some(x), Some(y)) = (a, b) else {
                return compare_kinds(a, b);
            };
            match compare_values(x, y) {
                Some(Ordering::Equal) => {}
                Some(decided) => return decided,
                None => return compare_kinds(a, b),
            }
        }
    }
}

impl PartialOrd for ApkVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ApkVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ApkVersion {}

/// Compares parts of the same kind; none where the kinds differ.
fn compare_values(left: &ApkPart, right: &ApkPart) -> Option<Ordering> {
    Some(match (left, right) {
        (ApkPart::Number(a), ApkPart::Number(b)) if a.starts_with('0') || b.starts_with('0') => {
            a.cmp(b)
        }
        (ApkPart::First(a), ApkPart::First(b))
        | (ApkPart::Number(a), ApkPart::Number(b))
        | (ApkPart::LetterNumber(a), ApkPart::LetterNumber(b))
        | (ApkPart::SuffixNumber(a), ApkPart::SuffixNumber(b))
        | (ApkPart::Revision(a), ApkPart::Revision(b)) => compare_digits(a, b),
        (ApkPart::Letter(a), ApkPart::Letter(b)) => a.cmp(b),
        (ApkPart::Suffix(a), ApkPart::Suffix(b)) => a.cmp(b),
        (ApkPart::Hash(a), ApkPart::Hash(b)) => a.cmp(b),
        _ => return None,
    })
}

/// Decides where one version goes on differently from, or longer than, the other.
fn compare_kinds(left: Option<&ApkPart>, right: Option<&ApkPart>) -> Ordering {
    match (is_before_release(left), is_before_release(right)) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        _ => kind(right).cmp(&kind(left)),
    }
}

fn is_before_release(part: Option<&ApkPart>) -> bool {
    matches!(part, Some(ApkPart::Suffix(suffix)) if *suffix <= Suffix::Rc)
}

fn kind(part: Option<&ApkPart>) -> u8 {
    match part {
        Some(ApkPart::First(_)) => 0,
        Some(ApkPart::Number(_) | ApkPart::LetterNumber(_)) => 1,
        Some(ApkPart::Letter(_)) => 2,
        Some(ApkPart::Suffix(_)) => 3,
        Some(ApkPart::SuffixNumber(_)) => 4,
        Some(ApkPart::Hash(_)) => 5,
        Some(ApkPart::Revision(_)) => 6,
        None => ENDED,
    }
}

fn parts(text: &str) -> Option<Vec<ApkPart>> {
    let (mut parts, mut rest) = numbers(text)?;
    while let Some(after) = rest.strip_prefix('_') {
        let (suffix, tail) = suffix(after)?;
        parts.push(ApkPart::Suffix(suffix));
        rest = tail;
        if let Some((number, tail)) = digits(rest) {
            parts.push(ApkPart::SuffixNumber(number.into()));
            rest = tail;
        }
    }
    if let Some(after) = rest.strip_prefix('~') {
        let (hash, tail) = run(after, |c| matches!(c, '0'..='9' | 'a'..='f'))?;
        parts.push(ApkPart::Hash(hash.into()));
        rest = tail;
    }
    if let Some(after) = rest.strip_prefix("-r") {
        let (revision, tail) = digits(after)?;
        parts.push(ApkPart::Revision(revision.into()));
        rest = tail;
    }
    rest.is_empty().then_some(parts)
}

/// Splits off the numbers and letters that a version begins with; none where they are malformed.
fn numbers(text: &str) -> Option<(Vec<ApkPart>, &str)> {
    let (first, mut rest) = digits(text)?;
    let mut parts = vec![ApkPart::First(first.into())];
    loop {
        while let Some(after) = rest.strip_prefix('.') {
            let (number, tail) = digits(after)?;
            parts.push(ApkPart::Number(number.into()));
            rest = tail;
        }
        let Some(letter) = rest.bytes().next().filter(u8::is_ascii_lowercase) else {
            return Some((parts, rest));
        };
        parts.push(ApkPart::Letter(letter));
        rest = rest.get(1..)?;
        let Some((number, tail)) = digits(rest) else {
            return Some((parts, rest));
        };
        parts.push(ApkPart::LetterNumber(number.into()));
        rest = tail;
    }
}

fn suffix(text: &str) -> Option<(Suffix, &str)> {
    let (name, tail) = run(text, |c| c.is_ascii_lowercase())?;
    let suffix = match name {
        "alpha" => Suffix::Alpha,
        "beta" => Suffix::Beta,
        "pre" => Suffix::Pre,
        "rc" => Suffix::Rc,
        "cvs" => Suffix::Cvs,
        "svn" => Suffix::Svn,
        "git" => Suffix::Git,
        "hg" => Suffix::Hg,
        "p" => Suffix::P,
        _ => return None,
    };
    Some((suffix, tail))
}

fn digits(text: &str) -> Option<(&str, &str)> {
    run(text, |c| c.is_ascii_digit())
}

/// Splits off the characters that `belongs` takes; none where the first one does not.
fn run(text: &str, belongs: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;

    const ORDERED: &[&str] = &[
        "1.0_alpha < 1.0_alpha1 < 1.0_beta < 1.0_pre < 1.0_rc1 < 1.0 < 1.0-r1 < 1.0_p < 1.0_p-r1 < 1.0_p1 < 1.0a < 1.0.1",
        "1.0.2 < 1.02.1 < 1.1.1",
        "1.2.3 < 1.2.3-r0 < 1.2.3-r1 < 1.2.3-r10",
        "1.2_rc1_alpha < 1.2_rc1 < 1.2_rc1_p1 < 1.2",
        "2.9 < 2.10 < 2.10_git20200101 < 2.10_p1 < 2.10a < 2.10b_rc1 < 2.10b",
        "1.0-r5 < 1.0~1234-r0 < 1.0~abcd",
        "01.1 = 1.1",
        "1.9.5_p1 < 1.9.5p < 1.9.5p-r0 < 1.9.5p1-r0 < 1.9.5p1-r1 < 1.9.5p2-r0 < 1.9.5p10 < 1.9.5q < 1.9.5.1",
        "6.6.1p1-r0 < 6.6.2_p1 < 6.6.2p1-r0 < 6.7",
        "1.0a01 = 1.0a1 < 1.0a1-r0 < 1.0a1_p1 < 1.0a1b < 1.0a1b2 < 1.0a1.1 < 1.0a2",
        "1.0a_rc1 < 1.0a < 1.0a1_rc1 < 1.0a1",
        "1.1 < 99999999999999999999.0 < 100000000000000000000.0",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<ApkVersion>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in [
            "", "a", ".1", "1.", "1.2.", "1.0_foo", "1.0-1", "1.0-r", "1.0ab", "1.0a.1", "1.0a1bc",
            "1.0a1b.2", "1.0a1.", "1~", "1~g", "1.0 ",
        ] {
            assert!(ApkVersion::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in TEXT, b in TEXT, c in TEXT) {
            laws::check_total_order::<ApkVersion>(&a, &b, &c)?;
        }

        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = ApkVersion::parse(&text);
        }
    }

    const TEXT: &str = "[0-2](\\.(0[01]?|[1-9][0-1]?)){0,2}([ab](0?[0-2](\\.0?[01])?[ab]?)?)?(_(alpha|rc|p|git)[0-2]?){0,2}(~[0-1]a)?(-r[0-2])?";
}
