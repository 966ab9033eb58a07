//! The order of Debian and Ubuntu package versions: `[epoch:]upstream[-revision]`.
//!
//! Source: Debian Policy 5.6.12. Written here because the `debversion` crate orders `0.` below `0.0`,
//! which dpkg holds to be equal, and because its regular expression made up most of a match's time.
//! It never repairs a text that dpkg would refuse. Called by the Debian and Ubuntu matcher.

use std::cmp::Ordering;

use super::{ParsedVersion, VersionError, bounded, compare_digits, malformed};

/// A Debian version.
#[derive(Clone, Debug)]
pub struct DebVersion {
    epoch: u32,
    upstream: Box<str>,
    /// Empty where there is none, which is the same as `0`.
    revision: Box<str>,
}

impl ParsedVersion for DebVersion {
    fn parse(text: &str) -> Result<Self, VersionError> {
        parts(bounded(text)?).ok_or_else(|| malformed("dpkg", text))
    }
}

impl Ord for DebVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare(&self.upstream, &other.upstream))
            .then_with(|| compare(&self.revision, &other.revision))
    }
}

impl PartialOrd for DebVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for DebVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for DebVersion {}

fn parts(text: &str) -> Option<DebVersion> {
    let (epoch, rest) = match text.split_once(':') {
        Some((epoch, rest)) => (digits(epoch)?, rest),
        None => (0, text),
    };
    let (upstream, revision) = match rest.rsplit_once('-') {
        Some((_, "")) => return None,
        Some((upstream, revision)) => (upstream, revision),
        None => (rest, ""),
    };
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b".+~".contains(&byte);
    let upstream_is_fit = upstream
        .bytes()
        .all(|b| is_fit(b) || b == b'-' || b == b':');
    let has_shape = !upstream.is_empty() && upstream_is_fit && revision.bytes().all(is_fit);
    has_shape.then(|| DebVersion {
        epoch,
        upstream: upstream.into(),
        revision: revision.into(),
    })
}

fn digits(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Compares by turns a run of anything but digits, letter by letter, and a run of digits as a number.
fn compare(mut left: &str, mut right: &str) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        let (left_word, left_rest) = split(left, |c| !c.is_ascii_digit());
        let (right_word, right_rest) = split(right, |c| !c.is_ascii_digit());
        let (left_number, left_rest) = split(left_rest, |c| c.is_ascii_digit());
        let (right_number, right_rest) = split(right_rest, |c| c.is_ascii_digit());
        let order = compare_words(left_word, right_word)
            .then_with(|| compare_digits(left_number, right_number));
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
    Ordering::Equal
}

/// Splits off the characters that belong to a run.
fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

fn compare_words(left: &str, right: &str) -> Ordering {
    // The end sorts after `~` and before everything else.
    let end = std::iter::once(0);
    left.bytes()
        .map(weight)
        .chain(end.clone())
        .cmp(right.bytes().map(weight).chain(end))
}

/// Ranks a character: `~` below the end, letters below all others.
fn weight(byte: u8) -> i32 {
    match byte {
        b'~' => -1,
        letter if letter.is_ascii_alphabetic() => i32::from(letter),
        other => i32::from(other) + 256,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;

    const ORDERED: &[&str] = &[
        "0~~ < 0~~a < 0~ < 0 < 0a < 0+ < 0.",
        "1.0~beta1 < 1.0~rc1-1 < 1.0 < 1.0-0.1 < 1.0-1 < 1.0-1+deb12u1 < 1.0-1+deb12u10",
        "2.9 < 2.10 < 1:0.1 < 2:0",
        "1.0-1~deb11u1 < 1.0-1~deb12u1 < 1.0-1 < 1.0-1ubuntu1 < 1.0-1ubuntu1.1",
        "1.2.3 < 1.2.3a < 1.2.3+dfsg < 1.2.3.1",
        "1.0-0 = 1.0 = 0:1.0 = 01.00 = 1.",
        "99999999999999999998 < 99999999999999999999 < 100000000000000000000",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<DebVersion>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in [
            "",
            "1.0 2",
            "a:1",
            "1.0_2",
            "1:\u{e9}",
            ":1",
            "1:",
            "-1",
            "1.0-",
            "-1:0",
            &"1".repeat(300),
        ] {
            assert!(DebVersion::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in TEXT, b in TEXT, c in TEXT) {
            laws::check_total_order::<DebVersion>(&a, &b, &c)?;
        }

        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = DebVersion::parse(&text);
        }
    }

    const TEXT: &str = "([0-2]:)?[0-2][0-2a~+.]{0,5}(-[0-1a~+.]{1,3})?";
}
