//! A labelled set of texts with secrets and texts that look as if: made from a seed, of nobody.
//!
//! Every value is random, in the form that its issuer documents, with checksums computed here and
//! not by the product.

#![allow(
    clippy::indexing_slicing,
    clippy::format_collect,
    clippy::too_many_lines,
    reason = "a set of tests, whose tables are as long as they are"
)]

pub(crate) mod alike;
pub(crate) mod alike_code;
pub(crate) mod alike_data;
pub(crate) mod alike_more;
pub(crate) mod alike_settings;
pub(crate) mod issued;
pub(crate) mod issued_more;
pub(crate) mod places;
pub(crate) mod random;
pub(crate) mod spoken;
pub(crate) mod stated;

use std::ops::Range;

use random::Random;

/// Cases of each kind of secret.
pub(crate) const EACH: usize = 8;
/// Cases of each kind of text that looks like one.
pub(crate) const ALIKE: usize = 64;
/// What the set is made from.
const SEED: u64 = 0x5EC2_E7A1_10C4;

/// One file.
pub(crate) struct Case {
    /// The kind of secret, or of what looks like one.
    pub(crate) kind: &'static str,
    /// Where the file lies.
    pub(crate) path: String,
    pub(crate) text: Vec<u8>,
    /// Where the secret stands; nothing where there is none.
    pub(crate) secret: Option<Range<usize>>,
}

impl Case {
    /// Makes the case of a secret, whose value stands in the text.
    pub(crate) fn with(kind: &'static str, path: &str, text: String, value: &str) -> Self {
        let at = text.find(value).expect("the value stands in its text");
        Self {
            kind,
            path: path.to_owned(),
            secret: Some(at..at + value.len()),
            text: text.into_bytes(),
        }
    }

    /// Makes the case of a text without a secret.
    pub(crate) fn without(kind: &'static str, path: &str, text: impl Into<Vec<u8>>) -> Self {
        Self {
            kind,
            path: path.to_owned(),
            text: text.into(),
            secret: None,
        }
    }

    /// The line in which the secret begins, from 1.
    #[allow(
        dead_code,
        reason = "whoever writes the set asks for it, its tests do not"
    )]
    pub(crate) fn line(&self) -> Option<usize> {
        let start = self.secret.as_ref()?.start;
        let before = self.text.iter().take(start);
        Some(before.filter(|byte| **byte == b'\n').count() + 1)
    }
}

/// Makes the set: the same each time.
pub(crate) fn cases() -> Vec<Case> {
    let mut random = Random::new(SEED);
    let mut cases = issued::cases(&mut random, EACH);
    cases.extend(stated::cases(&mut random, EACH));
    cases.extend(spoken::cases(&mut random, EACH));
    cases.extend(alike::cases(&mut random, ALIKE));
    cases
}
