//! The first bytes of deflated content.
//!
//! One decoder serves all that a thread looks at: to make one costs more than such bytes do.
//!
//! Source: RFC 1951; RFC 1952, section 2.3.

use std::cell::RefCell;
use std::io::Read;

use flate2::read::DeflateDecoder;
use flate2::{Decompress, FlushDecompress};
use memchr::memchr;

use super::member::HEAD_BYTES;
use super::source::Source;

/// How much packed content is looked at first; headers and dictionaries are shorter as a rule.
const PACKED_BYTES: usize = 2 * HEAD_BYTES;

/// A gzip member's header without its optional parts.
const GZIP_HEADER_BYTES: usize = 10;

/// Flags of a gzip member's header: its content is a text, and its file's name follows.
const TEXT_FLAG: u8 = 1;
const NAME_FLAG: u8 = 8;

thread_local! {
    static DECODER: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// Gives the first bytes of deflated content that has `bytes`; fewer where it is broken.
pub(in crate::analyzers) fn head(packed: &Source<'_>, bytes: u64) -> Vec<u8> {
    let wanted = HEAD_BYTES.min(usize::try_from(bytes).unwrap_or(usize::MAX));
    let head = quick(&packed.up_to(0, PACKED_BYTES));
    if head.len() >= wanted {
        return head;
    }
    // Empty blocks may come first, as many as one likes.
    begin(DeflateDecoder::new(packed.reader()))
}

/// Gives the first bytes of a gzip stream, [`HEAD_BYTES`] in all; none where they are not to be had
/// at once.
pub(in crate::analyzers) fn gzip_head(source: &Source<'_>) -> Option<Vec<u8>> {
    let packed = source.up_to(0, PACKED_BYTES);
    let flags = *packed.get(3)?;
    let rest = packed.get(GZIP_HEADER_BYTES..)?;
    let body = match flags & !TEXT_FLAG {
        0 => rest,
        NAME_FLAG => rest.get(memchr(0, rest)? + 1..)?,
        _ => return None,
    };
    Some(quick(body)).filter(|head| head.len() == HEAD_BYTES)
}

fn quick(packed: &[u8]) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    DECODER.with_borrow_mut(|decoder| {
        decoder.reset(false);
        // What is broken after the first bytes is said by whoever reads all of them.
        let _status = decoder.decompress_vec(packed, &mut head, FlushDecompress::None);
    });
    head
}

fn begin(reader: impl Read) -> Vec<u8> {
    let most = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
    let mut head = Vec::new();
    let _read = reader.take(most).read_to_end(&mut head);
    head
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;
    use flate2::{Compression, GzBuilder};

    use super::*;

    const EMPTY_BLOCK: [u8; 5] = [0, 0, 0, 0xff, 0xff];

    #[test]
    fn empty_blocks_before_the_content_hide_none_of_it() {
        let content = [b'a'; 600];
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&content).unwrap();
        let deflated = encoder.finish().unwrap();
        for blocks in [0, 1, 1_000] {
            let packed = [EMPTY_BLOCK.repeat(blocks), deflated.clone()].concat();
            let found = head(&Source::Memory(&packed), 600);
            assert_eq!(found, content[..HEAD_BYTES], "{blocks} blocks");
        }
        assert_eq!(head(&Source::Memory(b"\xff\xff"), 600), b"");
    }

    #[test]
    fn the_head_of_a_gzip_stream_is_what_it_inflates_to_or_unknown() {
        let stream = |builder: GzBuilder, bytes: usize| {
            let mut encoder: GzEncoder<Vec<u8>> = builder.write(Vec::new(), Compression::best());
            encoder.write_all(&vec![b'b'; bytes]).unwrap();
            encoder.finish().unwrap()
        };
        for (packed, is_known) in [
            (stream(GzBuilder::new(), 512), true),
            (stream(GzBuilder::new().filename("x"), 9_000), true),
            (stream(GzBuilder::new(), 511), false),
            (stream(GzBuilder::new().comment("x"), 9_000), false),
            (b"\x1f\x8b\x08\x08".to_vec(), false),
        ] {
            let found = gzip_head(&Source::Memory(&packed));
            assert_eq!(found, is_known.then(|| vec![b'b'; HEAD_BYTES]));
        }
    }
}
