//! The order of Ruby gem versions: segments of digits or of letters, split wherever the two meet.
//!
//! Letters make a version a pre-release, a hyphen reads as `.pre.`, and zeros at the end of the
//! leading numbers and of the whole say nothing. Source: RubyGems, `Gem::Version`. Written here
//! because the `gem_version` crate orders numbers above 32 bits, which dated versions have, as words.
//! Called by the RubyGems matcher.

use std::cmp::Ordering;

use super::{Digits, ParsedVersion, VersionError, bounded, malformed};

/// A version of a Ruby gem.
///
/// *Shape*: the segments without the zeros that say nothing.
#[derive(Clone, Debug)]
pub struct GemVersion(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Word(Box<str>),
    Number(Digits),
}

impl ParsedVersion for GemVersion {
    fn parse(text: &str) -> Result<Self, VersionError> {
        let bare = bounded(text)?.trim();
        if !is_version(bare) {
            return Err(malformed("RubyGems", text));
        }
        let mut numbers = segments(&bare.replace('-', ".pre."));
        let is_word = |segment: &Segment| matches!(segment, Segment::Word(_));
        let first_word = numbers.iter().position(is_word).unwrap_or(numbers.len());
        let mut rest = numbers.split_off(first_word);
        for half in [&mut numbers, &mut rest] {
            while half.last().is_some_and(is_zero) {
                half.pop();
            }
        }
        numbers.append(&mut rest);
        Ok(Self(numbers))
    }
}

impl Ord for GemVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let zero = Segment::Number(Digits::default());
        let length = self.0.len().max(other.0.len());
        (0..length)
            .map(|at| {
                let left = self.0.get(at).unwrap_or(&zero);
                left.cmp(other.0.get(at).unwrap_or(&zero))
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for GemVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for GemVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for GemVersion {}

/// Tells whether a text has the shape `number{.word}[-label{.label}]`, where a label may have hyphens.
fn is_version(text: &str) -> bool {
    let (words, labels) = match text.split_once('-') {
        Some((words, labels)) => (words, Some(labels)),
        None => (text, None),
    };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_label = |label: &str| {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(is_fit)
    };
    let (first, _) = words.split_once('.').unwrap_or((words, ""));
    first.bytes().all(|byte| byte.is_ascii_digit())
        && words.split('.').all(is_word)
        && labels.is_none_or(|labels| labels.split('.').all(is_label))
}

/// Splits a text into its runs of digits and of letters; everything else only separates them.
fn segments(text: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c: char| kind(c) != kind(first));
        let (run, after) = rest.split_at(end.unwrap_or(rest.len()));
        match Digits::read(run) {
            Some(number) => segments.push(Segment::Number(number)),
            None if first.is_ascii_alphabetic() => segments.push(Segment::Word(run.into())),
            None => {}
        }
        rest = after;
    }
    segments
}

fn kind(c: char) -> (bool, bool) {
    (c.is_ascii_digit(), c.is_ascii_alphabetic())
}

fn is_zero(segment: &Segment) -> bool {
    matches!(segment, Segment::Number(number) if *number == Digits::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;

    const ORDERED: &[&str] = &[
        "1.0.a < 1.0.a.1 < 1.0.a9 < 1.0.a10 < 1.0.b < 1.0.rc1 < 1.0 < 1.0.1.pre < 1.0.1 < 1.1 < 1.10",
        "1 = 1.0 = 1.0.0 = 01.0",
        "1.2.b1 = 1.2.b.1 = 1.2.0.b1 = 1.2.b1.0",
        "1.0.0-alpha = 1.0.0.pre.alpha < 1.0.0-rc1 < 1.0.0",
        "5.a < 5.0.0.rc2 < 5.x < 5",
        "1.0.Preview < 1.0.preview",
        "0.0.beta = 0.beta < 0.beta.1 < 0",
        "1.20240101 < 1.4294967295 < 1.4294967296 < 1.20240101120000 < 2",
        "4.25.14p12 < 4.25.14",
        "1.3.0.pre.8 < 1.3.0.pre.10 < 1.3.0",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<GemVersion>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in [
            "",
            " ",
            "junk",
            "a1",
            "1a",
            "1..2",
            "1.",
            ".1",
            "1.0-",
            "1.0-a..b",
            "1.0_1",
            "1.0+b",
            "1.2\n1.3",
            "1.2 3.4",
            "1.0\u{e9}",
            "1.15.0-x86_64-linux",
        ] {
            assert!(GemVersion::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in TEXT, b in TEXT, c in TEXT) {
            laws::check_total_order::<GemVersion>(&a, &b, &c)?;
        }

        #[test]
        fn never_panics(text in "[-.0-9a-zé]{0,40}") {
            let _ = GemVersion::parse(&text).map(|version| version.cmp(&version));
        }
    }

    const TEXT: &str = "[01](\\.[01]?[0ab]?[01]?){0,3}(-[0ab]{1,2})?";
}
