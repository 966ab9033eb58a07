//! The laws that every order must keep, and tables of ordered versions as the tests write them.
//!
//! A table line reads `a < b = c < d`; every pair of a line is compared, not only neighbours.

use std::cmp::Ordering;

use proptest::prelude::TestCaseError;
use proptest::prop_assert_eq;

use super::ParsedVersion;

/// Parses a version that the test promises to be one.
pub(crate) fn parsed<V: ParsedVersion>(text: &str) -> V {
    V::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Checks every pair of every line, both ways.
pub(crate) fn check_table<V: ParsedVersion>(table: &[&str]) {
    for line in table {
        let ranked = ranked(line);
        for (left, left_rank) in &ranked {
            for (right, right_rank) in &ranked {
                let got = parsed::<V>(left).cmp(&parsed::<V>(right));
                assert_eq!(
                    got,
                    left_rank.cmp(right_rank),
                    "{left} against {right} in {line:?}"
                );
            }
        }
    }
}

/// Checks reflexivity, antisymmetry and transitivity where all three texts are versions.
pub(crate) fn check_total_order<V: ParsedVersion>(
    a: &str,
    b: &str,
    c: &str,
) -> Result<(), TestCaseError> {
    let (Ok(a), Ok(b), Ok(c)) = (V::parse(a), V::parse(b), V::parse(c)) else {
        return Ok(());
    };
    prop_assert_eq!(a.cmp(&a), Ordering::Equal);
    prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
    if a.cmp(&b) == b.cmp(&c) {
        prop_assert_eq!(a.cmp(&c), a.cmp(&b));
    }
    if a.cmp(&b) == Ordering::Equal {
        prop_assert_eq!(a.cmp(&c), b.cmp(&c));
    }
    Ok(())
}

fn ranked(line: &str) -> Vec<(&str, usize)> {
    let mut rank = 0;
    let mut out = Vec::new();
    for word in line.split_whitespace() {
        match word {
            "<" => rank += 1,
            "=" => {}
            version => out.push((version, rank)),
        }
    }
    out
}
