//! Looks at a layer's stored bytes on their way to the decompressor: how they begin, and whether
//! they are one text document.
//!
//! Keeps the first block, and the whole only while it may be a document.

use std::io::{self, Read};

use crate::facts::{Compression, StoredForm};

use super::header::Block;
use super::text;

/// How much of the beginning is kept, in bytes: one tar header.
const HEAD_BYTES: usize = 512;

/// Largest document told from other bytes, in bytes.
const MAX_DOCUMENT_BYTES: usize = 16 * 1024 * 1024;

/// How compressed streams begin.
/// Source: RFC 1952, section 2.3.1; the bzip2 and xz file formats; RFC 8878, section 3.1.1.
const MAGICS: [(&[u8], Compression); 3] = [
    (&[0x1f, 0x8b], Compression::Gzip),
    (b"BZh", Compression::Bzip2),
    (&[0xfd, b'7', b'z', b'X', b'Z'], Compression::Xz),
];

/// A reader whose bytes are looked at.
pub(super) struct Tap<R> {
    inner: R,
    kept: Vec<u8>,
    seeking: Seeking,
}

/// What is wanted of the bytes to come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seeking {
    /// The first block.
    Head,
    /// All of them: they may be a document.
    Document,
    Nothing,
}

impl<R: Read> Tap<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            kept: Vec::new(),
            seeking: Seeking::Head,
        }
    }

    /// Tells the form of what was read, once that was all there is.
    pub(super) fn form(&self) -> StoredForm {
        let head = self.kept.get(..HEAD_BYTES).unwrap_or(&self.kept);
        let is_kept_whole = self.seeking != Seeking::Nothing;
        let document = is_kept_whole.then(|| text::document(&self.kept));
        StoredForm {
            compression: compression(head),
            tar_header: Block::of(head).is_some_and(|block| block.has_right_sum()),
            document: document.flatten(),
        }
    }

    fn see(&mut self, mut piece: &[u8]) {
        if self.seeking == Seeking::Head {
            let missing = HEAD_BYTES.saturating_sub(self.kept.len());
            let (head, rest) = piece.split_at(missing.min(piece.len()));
            self.kept.extend_from_slice(head);
            piece = rest;
            if self.kept.len() == HEAD_BYTES {
                self.seeking = if text::may_begin(&self.kept) {
                    Seeking::Document
                } else {
                    Seeking::Nothing
                };
            }
        }
        if self.seeking != Seeking::Document {
            return;
        }
        if self.kept.len().saturating_add(piece.len()) > MAX_DOCUMENT_BYTES {
            self.seeking = Seeking::Nothing;
            self.kept.truncate(HEAD_BYTES);
            self.kept.shrink_to_fit();
        } else {
            self.kept.extend_from_slice(piece);
        }
    }
}

impl<R: Read> Read for Tap<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        if self.seeking != Seeking::Nothing {
            self.see(into.get(..read).unwrap_or_default());
        }
        Ok(read)
    }
}

fn compression(head: &[u8]) -> Option<Compression> {
    if super::decompress::is_zstd(head) {
        return Some(Compression::Zstd);
    }
    let (_, compression) = MAGICS.iter().find(|(magic, _)| head.starts_with(magic))?;
    Some(*compression)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Document;

    fn form(bytes: &[u8]) -> StoredForm {
        let mut tap = Tap::new(bytes);
        // In odd pieces, as networks bring them.
        let mut piece = [0; 77];
        while tap.read(&mut piece).unwrap() > 0 {}
        tap.form()
    }

    /// A block with a right checksum, counted as some old archivers do where `signed`.
    fn tar_block(first: &[u8], signed: bool) -> Vec<u8> {
        let mut block = vec![0_u8; HEAD_BYTES];
        block[..first.len()].copy_from_slice(first);
        block[300] = 0xe9;
        block[148..156].fill(b' ');
        let unsigned: i64 = block.iter().map(|byte| i64::from(*byte)).sum();
        let sum = if signed { unsigned - 256 } else { unsigned };
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block
    }

    #[test]
    fn compressions_are_told_by_how_they_begin() {
        for (magic, wanted) in [
            (&b"\x1f\x8b\x08rest"[..], Compression::Gzip),
            (b"BZh91AY&SY", Compression::Bzip2),
            (b"\xfd7zXZ\0\0", Compression::Xz),
            (b"\x28\xb5\x2f\xfd\0", Compression::Zstd),
            (b"\x5a\x2a\x4d\x18\x04\0\0\0abcd", Compression::Zstd),
        ] {
            assert_eq!(form(magic).compression, Some(wanted), "{magic:?}");
            assert!(form(magic).begins_like_an_archive());
        }
        assert_eq!(form(b"{\"a\":1}").compression, None);
        assert_eq!(form(b"").compression, None);
    }

    #[test]
    fn tar_headers_are_told_by_either_checksum() {
        for signed in [false, true] {
            let mut archive = tar_block(b"etc/passwd", signed);
            archive.resize(2048, 0);
            assert!(form(&archive).tar_header, "signed: {signed}");
        }
        let mut wrong = tar_block(b"etc/passwd", false);
        wrong[0] = b'x';
        assert!(!form(&wrong).tar_header);
        assert!(!form(&[0; 1024]).tar_header, "an end marker is no header");
    }

    #[test]
    fn a_valid_document_that_begins_with_a_tar_header_is_both() {
        // JSON allows bytes of a name before the number that ends up as the checksum.
        let mut block = tar_block(b"{\"a\":\"", false);
        for byte in &mut block {
            if *byte == 0 {
                *byte = b' ';
            }
        }
        block[300] = b'x';
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o} ").as_bytes());
        block.extend_from_slice(b"\"}");
        let form = form(&block);
        assert_eq!(
            (form.document, form.tar_header),
            (Some(Document::Json), true)
        );
        assert!(form.begins_like_an_archive());
    }

    #[test]
    fn a_document_is_one_and_whole() {
        let long = format!("[\"{}\"]", "x".repeat(100_000));
        assert_eq!(form(long.as_bytes()).document, Some(Document::Json));
        let too_long = format!("[\"{}\"]", "x".repeat(MAX_DOCUMENT_BYTES));
        assert_eq!(form(too_long.as_bytes()).document, None);
    }
}
