//! Undoes the encodings of small answers. Pure. Source: RFC 9110 section 8.4.
//!
//! None is asked for, and some upstreams answer with one all the same. Digests are of the content,
//! so of what is decoded. Content that is not in the encoding that its header names is taken as it
//! is: whether it is right, its digest or its reader tells.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use super::error::UpstreamError;
use super::protocol;

/// Most encodings one over the other; nobody has a use for two.
const MAX_ENCODINGS: usize = 2;
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Gives the content of an answer, at most `limit` bytes of it.
///
/// *Errors*: an encoding that is not known, content that breaks its encoding or is too large.
pub(super) fn decoded(
    what: &str,
    headers: &HeaderMap,
    bytes: Bytes,
    limit: usize,
) -> Result<Bytes, UpstreamError> {
    let values = headers.get_all(CONTENT_ENCODING).iter();
    let names: Vec<String> = values
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty() && name != "identity")
        .collect();
    if names.len() > MAX_ENCODINGS {
        let reason = format!("answer has {} encodings one over the other", names.len());
        return Err(protocol(what, reason));
    }
    let undo = |content, name: &String| undone(what, name, content, limit);
    names.iter().rev().try_fold(bytes, undo)
}

fn undone(what: &str, name: &str, bytes: Bytes, limit: usize) -> Result<Bytes, UpstreamError> {
    let read = match name {
        "gzip" | "x-gzip" if bytes.starts_with(GZIP_MAGIC) => {
            bounded(MultiGzDecoder::new(&bytes[..]), limit)
        }
        "zstd" if bytes.starts_with(ZSTD_MAGIC) => {
            zstd::Decoder::new(&bytes[..]).and_then(|decoder| bounded(decoder, limit))
        }
        // Meant is zlib; some send the bare stream.
        "deflate" => bounded(ZlibDecoder::new(&bytes[..]), limit)
            .or_else(|_| bounded(DeflateDecoder::new(&bytes[..]), limit))
            .or(Ok(Some(bytes.clone()))),
        "gzip" | "x-gzip" | "zstd" => Ok(Some(bytes.clone())),
        other => {
            let reason = format!("answer is encoded as {other}, which was not asked for");
            return Err(protocol(what, reason));
        }
    };
    match read {
        Ok(Some(content)) => Ok(content),
        Ok(None) => Err(UpstreamError::TooLarge {
            what: what.to_owned(),
            limit,
        }),
        Err(error) => Err(protocol(
            what,
            format!("answer is no sound {name}: {error}"),
        )),
    }
}

/// Reads to the end; none where that is further than `limit`.
fn bounded(decoder: impl Read, limit: usize) -> io::Result<Option<Bytes>> {
    let mut content = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(most).read_to_end(&mut content)?;
    Ok((content.len() <= limit).then(|| content.into()))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const CONTENT: &[u8] = br#"{"schemaVersion":2}"#;

    fn decode(
        name: &'static str,
        bytes: impl Into<Bytes>,
        limit: usize,
    ) -> Result<Bytes, UpstreamError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, name.parse().unwrap());
        decoded("it", &headers, bytes.into(), limit)
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_content_comes_out_of_every_known_encoding() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(CONTENT).unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
        bare.write_all(CONTENT).unwrap();
        let zstd = zstd::encode_all(CONTENT, 1).unwrap();
        for (name, bytes) in [
            ("gzip", gzip(CONTENT)),
            ("X-GZip", gzip(CONTENT)),
            ("identity, gzip", gzip(CONTENT)),
            ("gzip, gzip", gzip(&gzip(CONTENT))),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", bare.finish().unwrap()),
            ("zstd", zstd),
            ("identity", CONTENT.to_vec()),
            ("", CONTENT.to_vec()),
            // The header is wrong about what is there.
            ("gzip", CONTENT.to_vec()),
            ("zstd", CONTENT.to_vec()),
            ("deflate", CONTENT.to_vec()),
        ] {
            assert_eq!(decode(name, bytes, 100).unwrap(), CONTENT, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_an_error() {
        let mut cut = gzip(CONTENT);
        cut.truncate(20);
        for (name, bytes) in [
            ("br", CONTENT.to_vec()),
            ("gzip", cut),
            ("gzip, gzip, gzip", CONTENT.to_vec()),
        ] {
            let outcome = decode(name, bytes, 100);
            assert!(
                matches!(outcome, Err(UpstreamError::Protocol { .. })),
                "{name}: {outcome:?}"
            );
        }
    }

    #[test]
    fn a_small_answer_stays_small() {
        let bomb = gzip(&vec![0; 1 << 20]);
        assert!(bomb.len() < 50_000);
        let outcome = decode("gzip", bomb, 50_000);
        assert!(
            matches!(outcome, Err(UpstreamError::TooLarge { limit: 50_000, .. })),
            "{outcome:?}"
        );
    }
}
