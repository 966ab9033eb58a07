//! Dot-separated labels behind a version's numbers, as semantic versions have them.
//!
//! A label that is a number comes before every label that is not. How large a number may be is each
//! ordering's own affair. Called by the orders that no crate reads as their registries do.

use std::str::FromStr;

/// One label; `N` is the number that the ordering's own program counts with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Label<N> {
    Number(N),
    Word(Box<str>),
}

/// Reads labels; none where one of them is empty or has a character outside ASCII's letters, digits
/// and the hyphen.
pub(super) fn read<N: FromStr>(text: &str) -> Option<Vec<Label<N>>> {
    text.split('.').map(label).collect()
}

fn label<N: FromStr>(text: &str) -> Option<Label<N>> {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let has_shape = !text.is_empty() && text.bytes().all(is_fit);
    has_shape.then(|| {
        text.parse()
            .map_or_else(|_| Label::Word(text.into()), Label::Number)
    })
}
