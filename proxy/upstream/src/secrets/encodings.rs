//! The forms in which a secret may come back: pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::book::HEAD_BYTES;

/// Shortest run of base64 that is taken for a secret, in characters: six bytes of it.
const SHORTEST_BASE64: usize = 8;
/// Shortest part of a secret of several words that is recognised alone, in bytes.
const SHORTEST_WORD: usize = 16;
/// Bytes of a passing secret that are compared. What follows up to the end of the word goes too.
const PASSING_BYTES: usize = 64;

/// Gives a secret's forms: itself, its long words (texts are joined to one line before they are
/// shown, and a key file has many), and its base64.
pub(super) fn needles(secret: &str) -> Vec<Vec<u8>> {
    let words = secret.split_whitespace();
    let words = words.filter(|word| word.len() >= SHORTEST_WORD && word.len() < secret.len());
    let mut needles: Vec<Vec<u8>> = std::iter::once(secret)
        .chain(words)
        .filter(|part| part.len() >= HEAD_BYTES)
        .map(|part| part.as_bytes().to_vec())
        .collect();
    needles.extend(base64_of(secret.as_bytes()));
    needles
}

/// Gives the forms of the beginning of a long secret: thousands of them are remembered.
pub(super) fn short_needles(secret: &str) -> Vec<Vec<u8>> {
    let end = secret.floor_char_boundary(PASSING_BYTES);
    needles(secret.get(..end).unwrap_or_default())
}

/// Gives the characters of a secret's base64 that no neighbour can change: three alignments, two
/// alphabets.
pub(super) fn base64_of(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut cores = Vec::new();
    for before in 0..3 {
        let mut shifted = vec![0; before];
        shifted.extend_from_slice(secret);
        let encoded = STANDARD_NO_PAD.encode(&shifted);
        let first = (before * 8).div_ceil(6);
        let end = shifted.len() * 8 / 6;
        let Some(core) = encoded.get(first..end) else {
            continue;
        };
        if core.len() < SHORTEST_BASE64 {
            continue;
        }
        if core.contains(['+', '/']) {
            cores.push(core.replace('+', "-").replace('/', "_").into_bytes());
        }
        cores.push(core.as_bytes().to_vec());
    }
    cores
}
