//! The order of Composer package versions: four numbers, a stability with a number, `-dev`.
//!
//! A text is first normalised as Composer does it and then compared as PHP's `version_compare` does
//! it. A branch that is no number (`dev-main`) has no place in the order, so it is no version here; a
//! numeric one (`1.x-dev`) lies above all that it will become. Source: Composer documentation,
//! "Versions and constraints"; PHP manual, `version_compare`. Called by the Packagist matcher.

use std::sync::LazyLock;

use regex::Regex;

use super::{Digits, ParsedVersion, VersionError, bounded, malformed};

/// A version of a Composer package.
///
/// *Shape*: at least one number first and one `End` last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackagistVersion(Vec<Part>);

/// One part, in the order in which versions go on differently.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Dev,
    Alpha,
    Beta,
    Rc,
    End,
    Number(Digits),
    Patch,
}

/// What stands for a number that a branch leaves open.
const OPEN: &str = "9999999";

/// The names of stabilities; a longer one before those that begin it.
const STABILITIES: [(&str, Option<Part>); 9] = [
    ("stable", None),
    ("beta", Some(Part::Beta)),
    ("b", Some(Part::Beta)),
    ("rc", Some(Part::Rc)),
    ("alpha", Some(Part::Alpha)),
    ("a", Some(Part::Alpha)),
    ("patch", Some(Part::Patch)),
    ("pl", Some(Part::Patch)),
    ("p", Some(Part::Patch)),
];

impl ParsedVersion for PackagistVersion {
    fn parse(text: &str) -> Result<Self, VersionError> {
        let lower = bounded(text)?.trim().to_ascii_lowercase();
        parts(&lower)
            .map(Self)
            .ok_or_else(|| malformed("Composer", text))
    }
}

fn parts(text: &str) -> Option<Vec<Part>> {
    let text = match text.split_once('+') {
        Some((_, build)) if build.is_empty() || build.contains(char::is_whitespace) => return None,
        Some((version, _)) => version,
        None => text,
    };
    let bare = text.strip_prefix('v').unwrap_or(text);
    let mut parts = numbered(bare)
        .or_else(|| dated(bare))
        .or_else(|| branch(bare))?;
    parts.push(Part::End);
    Some(parts)
}

/// Reads one to four numbers, the first of at most five digits; missing ones are zero.
fn numbered(text: &str) -> Option<Vec<Part>> {
    let mut numbers = Vec::new();
    let mut rest = text;
    while numbers.len() < 4 {
        let from_number = match numbers.len() {
            0 => rest,
            _ => rest.strip_prefix('.').unwrap_or_default(),
        };
        let (number, after) = split_digits(from_number);
        match Digits::read(number) {
            Some(number) => numbers.push(Part::Number(number)),
            None => break,
        }
        if numbers.len() == 1 && number.len() > 5 {
            return None;
        }
        rest = after;
    }
    if numbers.is_empty() {
        return None;
    }
    numbers.resize(4, Part::Number(Digits::default()));
    numbers.extend(stability(rest)?);
    Some(numbers)
}

/// Reads a date, perhaps with a time, whose numbers stay as they are written.
fn dated(text: &str) -> Option<Vec<Part>> {
    static DATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^[0-9]{4}(?:[.:-]?[0-9]{2}){1,6}(?:[.:-]?[0-9]{1,3}){0,2}$").ok()
    });
    let is_in_date = |c: char| c.is_ascii_digit() || matches!(c, '.' | ':' | '-');
    let end = text.find(|c| !is_in_date(c)).unwrap_or(text.len());
    let date = text.get(..end)?.trim_end_matches(['.', ':', '-']);
    if !DATE.as_ref()?.is_match(date) {
        return None;
    }
    let mut parts: Vec<Part> = date
        .split(['.', ':', '-'])
        .map(|number| Digits::read(number).map(Part::Number))
        .collect::<Option<_>>()?;
    parts.extend(stability(text.get(date.len()..)?)?);
    Some(parts)
}

/// Reads a branch of numbers: what it leaves open is above every number.
fn branch(text: &str) -> Option<Vec<Part>> {
    let name = text.strip_suffix("dev")?;
    let name = name.strip_suffix(['.', '-']).unwrap_or(name);
    let number = |word: &str| match word {
        "x" | "*" => Digits::read(OPEN),
        digits => Digits::read(digits),
    };
    let (first, _) = name.split_once('.').unwrap_or((name, ""));
    Digits::read(first)?;
    let mut parts: Vec<Part> = name
        .split('.')
        .map(|word| number(word).map(Part::Number))
        .collect::<Option<_>>()?;
    if parts.len() > 4 {
        return None;
    }
    parts.resize(4, Part::Number(Digits::read(OPEN)?));
    parts.push(Part::Dev);
    Some(parts)
}

/// Reads what may follow the numbers: `[separator][stability[numbers]][dev]`.
fn stability(text: &str) -> Option<Vec<Part>> {
    let text = text.strip_prefix(['.', '_', '-']).unwrap_or(text);
    let named = STABILITIES
        .iter()
        .find_map(|(name, part)| Some((text.strip_prefix(name)?, part)));
    let (mut rest, part) = named.unwrap_or((text, &None));
    let mut parts = Vec::from_iter(part.clone());
    while named.is_some() {
        let (number, after) = split_digits(rest.strip_prefix(['.', '-']).unwrap_or(rest));
        let Some(number) = Digits::read(number) else {
            break;
        };
        parts.push(Part::Number(number));
        rest = after;
    }
    let is_dev = matches!(rest, "dev" | ".dev" | "-dev");
    if !is_dev && !rest.is_empty() {
        return None;
    }
    if named.is_some() && part.is_none() {
        return Some(Vec::new());
    }
    parts.extend(is_dev.then_some(Part::Dev));
    Some(parts)
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;

    const ORDERED: &[&str] = &[
        "1.0-dev < 1.0-alpha-dev < 1.0-alpha < 1.0-alpha1 < 1.0-alpha2 < 1.0-beta < 1.0-RC1-dev < 1.0-RC1 < 1.0-RC10 < 1.0 < 1.0-p1 < 1.0.0.1 < 1.0.1 < 1.10",
        "1 = 1.0 = 1.0.0.0 = v1.0 = V1.0.0 = 1.0-stable = 1.0+build = 01.0 = 1.0.",
        "1.0b2 = 1.0-beta2 = 1.0.0-BETA.2 = 1.0_b-2",
        "1.0-patch1 = 1.0-pl1 = 1.0p1",
        "0.1.0-beta.7 < 0.1.0-beta.7.1 < 0.1.0-beta.13",
        "1.9.9 < 1.x-dev < 2.0-dev < 2.0",
        "1.0.9 < 1.0.x-dev = 1.0.x.x-dev = 1.0.xdev < 1.1",
        "2010.01 < 2010-01-02 < 2010.01.02 = 2010.1.2.0 < 2016-10-31 < 20161031",
        "20100102.203040.1 < 20100102-203040-p1",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<PackagistVersion>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in [
            "",
            " ",
            "a",
            "dev",
            "dev-main",
            "dev-1.0",
            "master",
            "1.0-meh",
            "1.0.0.0.0",
            "1.5.6d",
            "1.x",
            "x-dev",
            "1.0.0+foo bar",
            "1.0+",
            "1.0--",
            "1.0-beta-",
            "1..2",
            "^1.0",
            "1.0 || 2.0",
            "1a1b",
            "100000.0.0.0.0",
            &"1".repeat(300),
        ] {
            assert!(PackagistVersion::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in TEXT, b in TEXT, c in TEXT) {
            laws::check_total_order::<PackagistVersion>(&a, &b, &c)?;
        }

        #[test]
        fn never_panics(text in "[-.:_+0-9a-zéX*]{0,40}") {
            let _ = PackagistVersion::parse(&text);
        }
    }

    const TEXT: &str = "(v?[01](\\.[01]){0,3}|201[0-1][.-]?0[1-2])(-?(alpha|b|RC|p|stable)[-.]?[0-2]?)?((\\.x)?-dev)?";
}
