//! The form in which engines keep a value, so that a wrong one is noticed.
//!
//! `format, codec, crc32(key length, key, codec, payload), payload`. The checksum covers the key: a
//! value that the engine gives for another key is as damaged as one with a flipped bit.

use bytes::Bytes;
use sluicegate_engine::packing;

/// The format and its version.
const FORMAT: u8 = 0xA1;
/// Payload as it is.
const PLAIN: u8 = 0;
/// Payload compressed by zstd.
const ZSTD: u8 = 1;
/// Bytes before the payload.
const HEADER_BYTES: usize = 6;
/// Smallest value worth compressing, in bytes.
const COMPRESS_FROM_BYTES: usize = 512;
/// Largest value, in bytes before compression; a bound on what a damaged header can ask for.
const MAX_VALUE_BYTES: usize = 1024 * 1024;

/// Wraps a value for its key.
pub(super) fn seal(key: &[u8], body: &[u8]) -> Vec<u8> {
    let packed = (body.len() >= COMPRESS_FROM_BYTES)
        .then(|| packing::pack_quickly(body).ok())
        .flatten()
        .filter(|packed| packed.len() < body.len());
    let (codec, payload) = packed
        .as_deref()
        .map_or((PLAIN, body), |packed| (ZSTD, packed));
    let mut sealed = Vec::with_capacity(payload.len().saturating_add(HEADER_BYTES));
    sealed.extend_from_slice(&[FORMAT, codec]);
    sealed.extend_from_slice(&checksum(key, codec, payload).to_le_bytes());
    sealed.extend_from_slice(payload);
    sealed
}

/// Unwraps the value of a key; none where it is damaged or another key's, which is logged.
pub(super) fn unseal(key: &[u8], sealed: &[u8]) -> Option<Bytes> {
    let body = unwrapped(key, sealed);
    if body.is_none() {
        tracing::error!("verdict store holds a damaged record; taken for missing");
    }
    body
}

fn unwrapped(key: &[u8], sealed: &[u8]) -> Option<Bytes> {
    let (header, payload) = sealed.split_first_chunk::<HEADER_BYTES>()?;
    let [format, codec, sum @ ..] = *header;
    if format != FORMAT || u32::from_le_bytes(sum) != checksum(key, codec, payload) {
        return None;
    }
    match codec {
        PLAIN => Some(Bytes::copy_from_slice(payload)),
        ZSTD => packing::unpack(payload, MAX_VALUE_BYTES)
            .ok()
            .map(Bytes::from),
        _ => None,
    }
}

fn checksum(key: &[u8], codec: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(key.len() as u64).to_le_bytes());
    hasher.update(key);
    hasher.update(&[codec]);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_small_and_large_values() {
        let large = vec![7; 100_000];
        for body in [&b""[..], b"x", &large] {
            assert_eq!(unseal(b"key", &seal(b"key", body)).as_deref(), Some(body));
        }
        assert!(seal(b"key", &large).len() < 1000);
    }

    #[test]
    fn notices_every_flipped_bit_every_cut_and_another_key() {
        let sealed = seal(b"key", b"a value of some length");
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal(b"key", &flipped), None, "bit {bit}");
        }
        for len in 0..sealed.len() {
            assert_eq!(unseal(b"key", &sealed[..len]), None, "length {len}");
        }
        assert_eq!(unseal(b"kez", &sealed), None);
    }
}
