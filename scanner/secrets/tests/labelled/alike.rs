//! Texts that look as if they held secrets, as images are full of them.

use super::Case;
use super::random::Random;
use super::{alike_code, alike_data, alike_more, alike_settings};

/// A kind, and how a path and a text are made.
pub(crate) type Kind = (&'static str, fn(&mut Random, usize) -> (String, Vec<u8>));

pub(crate) fn text(path: &str, text: String) -> (String, Vec<u8>) {
    (path.to_owned(), text.into_bytes())
}

pub(crate) fn cases(random: &mut Random, each: usize) -> Vec<Case> {
    let kinds = [
        alike_data::KINDS,
        alike_settings::KINDS,
        alike_code::KINDS,
        alike_more::KINDS,
    ];
    let mut cases = Vec::new();
    for (kind, make) in kinds.into_iter().flatten() {
        for at in 0..each {
            let (path, text) = make(random, at);
            cases.push(Case::without(kind, &path, text));
        }
    }
    cases
}
