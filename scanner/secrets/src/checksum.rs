//! The checksums that issuers put into their tokens, by the issuers' own descriptions.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Whether the last six of a tail are the CRC-32 of what is before them, to the base 62.
///
/// Source: GitHub, "Behind GitHub's new authentication token formats"; npm, "Announcing npm's new
/// access token format".
pub(crate) fn crc32_base62(tail: &[u8]) -> bool {
    let Some((body, sum)) = tail.split_last_chunk::<6>() else {
        return false;
    };
    let mut wanted = u64::from(crc32fast::hash(body));
    let mut digits = *sum;
    for digit in digits.iter_mut().rev() {
        let at = usize::try_from(wanted % 62).unwrap_or_default();
        *digit = BASE62.get(at).copied().unwrap_or_default();
        wanted /= 62;
    }
    digits == *sum
}

/// As [`crc32_base62`] for the length that GitHub issues; longer ones, which it announced, as they
/// are.
pub(crate) fn github(tail: &[u8]) -> bool {
    tail.len() > 36 || crc32_base62(tail)
}

/// Whether the last eight are the CRC-32 of what is before them and of the prefix, its lowest byte
/// first, in hexadecimal digits.
///
/// Source: Grafana, package `satokengen`; held against the tokens that its manual prints.
pub(crate) fn grafana(tail: &[u8]) -> bool {
    let Some((body, sum)) = tail.split_last_chunk::<8>() else {
        return false;
    };
    let Some(body) = body.strip_suffix(b"_") else {
        return false;
    };
    let mut crc = crc32fast::Hasher::new();
    crc.update(b"glsa_");
    crc.update(body);
    format!("{:08x}", crc.finalize().swap_bytes()).as_bytes() == sum
}

/// Whether a text in lower case is right by the checksum of Bech32. Source: BIP 173.
pub(crate) fn bech32(text: &[u8]) -> bool {
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    let Some(split) = lower.iter().rposition(|byte| *byte == b'1') else {
        return false;
    };
    let (prefix, data) = lower.split_at(split);
    let high = prefix.iter().map(|byte| u32::from(byte >> 5));
    let low = prefix.iter().map(|byte| u32::from(byte & 31));
    let mut sum = 1;
    for value in high.chain([0]).chain(low) {
        sum = bech32_step(sum, value);
    }
    for byte in data.iter().skip(1) {
        let Some(value) = BECH32.iter().position(|letter| letter == byte) else {
            return false;
        };
        sum = bech32_step(sum, u32::try_from(value).unwrap_or_default());
    }
    sum == 1
}

fn bech32_step(sum: u32, value: u32) -> u32 {
    const GENERATOR: [u32; 5] = [
        0x3b6a_57b2,
        0x2650_8e6d,
        0x1ea1_19fa,
        0x3d42_33dd,
        0x2a14_62b3,
    ];
    let top = sum >> 25;
    let start = ((sum & 0x01ff_ffff) << 5) ^ value;
    let terms = GENERATOR.iter().enumerate();
    terms
        .filter(|(bit, _)| top >> bit & 1 == 1)
        .fold(start, |sum, (_, term)| sum ^ term)
}

/// Whether a token of PyPI is a macaroon of version 2 that PyPI made.
///
/// Source: PyPI, "API tokens"; libmacaroons, "Version 2 binary format": a byte 2, a field 1 with
/// the location.
pub(crate) fn pypi(tail: &[u8]) -> bool {
    decode(tail).is_some_and(|bytes| {
        let is_location = |name: &[u8]| bytes.get(3..).is_some_and(|rest| rest.starts_with(name));
        bytes.starts_with(&[2, 1]) && (is_location(b"pypi.org") || is_location(b"test.pypi.org"))
    })
}

/// Decodes base64 of either alphabet, with padding or without.
pub(crate) fn decode(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim_ascii_end();
    let end = text.iter().rposition(|byte| *byte != b'=')? + 1;
    let text = text.get(..end)?;
    let decoded = STANDARD_NO_PAD.decode(text);
    decoded
        .or_else(|_| URL_SAFE_NO_PAD.decode(text))
        .ok()
        .map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_issuers() {
        // The token that GitHub's readers check their programs with; revoked, and of nobody.
        let tail = [b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ".as_slice(), b"0mLq17"].concat();
        assert!(crc32_base62(&tail));
        let mut other = tail.clone();
        other[3] = b'x';
        assert!(!crc32_base62(&other));
        assert!(!crc32_base62(b"short"));
        // Grafana, "Service account HTTP API".
        let tail = [b"yscW25imSKJIuav8zF37RZmnbiDvB05G".as_slice(), b"_fcaaf58a"].concat();
        assert!(grafana(&tail));
        assert!(!grafana(&tail.to_ascii_lowercase()));
    }

    #[test]
    fn bech32_is_that_of_its_specification() {
        // BIP 173, "Test vectors".
        assert!(bech32(b"A12UEL5L"));
        assert!(bech32(b"abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"));
        assert!(!bech32(b"abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxv"));
        assert!(!bech32(b"A1b"));
    }
}
