//! The shapes of tokens: fixed texts and runs of an alphabet, read once from left to right.

use crate::site::Site;

/// An alphabet.
pub(crate) type Set = fn(u8) -> bool;

/// One part of a shape.
pub(crate) enum Part {
    /// This text.
    Text(&'static str),
    /// A run of an alphabet, as long as it goes, at least and at most so many bytes.
    Run(Set, usize, usize),
    /// These parts, or nothing.
    Maybe(&'static [Part]),
}

pub(crate) fn alnum(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}
pub(crate) fn digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}
/// The digits of numbers to the base 16, in lower case.
pub(crate) fn hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
pub(crate) fn lower(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'z')
}
pub(crate) fn upper(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z')
}
pub(crate) fn letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic()
}
/// Base32, RFC 4648 section 6, without padding.
pub(crate) fn base32(byte: u8) -> bool {
    matches!(byte, b'2'..=b'7' | b'A'..=b'Z')
}
/// Base64, RFC 4648 section 4, with padding.
pub(crate) fn base64(byte: u8) -> bool {
    alnum(byte) || matches!(byte, b'+' | b'/' | b'=')
}
/// Base64 for URLs, RFC 4648 section 5, without padding.
pub(crate) fn url64(byte: u8) -> bool {
    alnum(byte) || matches!(byte, b'_' | b'-')
}
/// As before, with padding, and dots between parts.
pub(crate) fn dotted(byte: u8) -> bool {
    url64(byte) || matches!(byte, b'.' | b'=')
}

/// Base64 without padding.
pub(crate) fn alnum_slash(byte: u8) -> bool {
    alnum(byte) || matches!(byte, b'+' | b'/')
}
/// Base64 in a URL, its signs escaped or not.
pub(crate) fn escaped(byte: u8) -> bool {
    base64(byte) || byte == b'%'
}
pub(crate) fn dashed(byte: u8) -> bool {
    alnum(byte) || byte == b'-'
}
/// The names of environments and projects in lower case.
pub(crate) fn slug(byte: u8) -> bool {
    lower(byte) || matches!(byte, b'-' | b'_')
}

/// Gives the end of what fits a shape from `from` on; nothing where it goes on as it ended.
pub(crate) fn fit(site: &Site<'_>, from: usize, parts: &[Part]) -> Option<usize> {
    let (end, last) = read(site, from, parts)?;
    let goes_on = site
        .byte(end)
        .is_some_and(|byte| last(byte) || byte.is_ascii_alphanumeric());
    (!goes_on).then_some(end)
}

/// Gives the end of the parts, and the alphabet of the last.
fn read(site: &Site<'_>, from: usize, parts: &[Part]) -> Option<(usize, Set)> {
    let mut at = from;
    let mut last: Set = alnum;
    for part in parts {
        (at, last) = match part {
            Part::Text(text) => {
                let end = at + text.len();
                (site.slice(at, end) == text.as_bytes()).then_some((end, alnum as Set))?
            }
            Part::Run(set, min, max) => {
                let end = site.run(at, *max, set);
                (end - at >= *min).then_some((end, *set))?
            }
            Part::Maybe(parts) => read(site, at, parts).unwrap_or((at, last)),
        };
    }
    Some((at, last))
}
