//! Layers too large to lie in memory, made while they are read: bombs and millions of entries.

use std::io::{self, Read, Write as _};

use crate::archives::entry;

/// A layer that is made while it is read.
pub type Made = Box<dyn Read + Send>;

/// Gives each with its name; `whole` makes the larger ones as large as they get.
pub fn layers(whole: bool) -> Vec<(&'static str, Made)> {
    let entries = if whole { 2_100_000 } else { 200_000 };
    vec![
        ("files", entries_of(entries, b'0')),
        ("symbolic links", entries_of(entries, b'2')),
        ("hard links", entries_of(entries, b'1')),
        ("directories", entries_of(entries, b'5')),
        (
            "a gzip bomb",
            gzip_bomb(if whole { 10 << 30 } else { 4 << 30 }),
        ),
        ("a zstd bomb", zstd_bomb()),
        (
            "a file of packages",
            one_file(
                b"var/lib/dpkg/status",
                b"Package: a\nVersion: 1\n\n",
                60 << 20,
            ),
        ),
        (
            "a database of nothing",
            one_file(b"lib/apk/db/installed", b"\n", 60 << 20),
        ),
        (
            "a file of brackets",
            one_file(b"srv/package.json", b"[", 15 << 20),
        ),
    ]
}

/// Gives `parts` one after the other.
struct Pieces<I> {
    parts: I,
    part: Vec<u8>,
    at: usize,
}

impl<I: Iterator<Item = Vec<u8>>> Read for Pieces<I> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.part.len() {
            match self.parts.next() {
                Some(part) => (self.part, self.at) = (part, 0),
                None => return Ok(0),
            }
        }
        let count = (&self.part[self.at..]).read(into)?;
        self.at += count;
        Ok(count)
    }
}

fn made(parts: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Made {
    Box::new(Pieces {
        parts,
        part: Vec::new(),
        at: 0,
    })
}

fn entries_of(count: u64, kind: u8) -> Made {
    made((0..count).map(move |number| {
        let mut tar = Vec::new();
        let name = format!("srv/{}/{number}", number / 1_000);
        let target = if kind == b'5' || kind == b'0' {
            ""
        } else {
            "srv/0/0"
        };
        entry(&mut tar, kind, name.as_bytes(), target.as_bytes(), b"");
        tar
    }))
}

/// A file of zeros: a thousandth of them compressed, member after member.
fn gzip_bomb(bytes: u64) -> Made {
    let gzip = |content: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(content).expect("compress in memory");
        encoder.finish().expect("compress in memory")
    };
    let mut header = Vec::new();
    header.extend(size_header(bytes));
    let member = gzip(&vec![0; 16 << 20]);
    let first = std::iter::once(gzip(&header));
    made(first.chain(std::iter::repeat_n(
        member,
        usize::try_from(bytes >> 24).expect("a count"),
    )))
}

fn zstd_bomb() -> Made {
    let first = zstd::bulk::compress(&size_header(1 << 40), 1).expect("compress in memory");
    let frame = zstd::bulk::compress(&vec![0; 16 << 20], 19).expect("compress in memory");
    made(std::iter::once(first).chain(std::iter::repeat_n(frame, 1 << 16)))
}

fn one_file(name: &'static [u8], piece: &'static [u8], bytes: usize) -> Made {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes as u64);
    header.set_mode(0o644);
    header.as_gnu_mut().expect("a GNU header").name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    let part = piece.repeat((64 << 10) / piece.len());
    let parts = bytes / part.len();
    let mut last = vec![b'\n'; bytes - parts * part.len()];
    let end = last.len().next_multiple_of(512) + (bytes.next_multiple_of(512) - bytes) % 512 + 1024;
    last.resize(end, 0);
    let all = std::iter::once(header.as_bytes().to_vec()).chain(std::iter::repeat_n(part, parts));
    made(all.chain(std::iter::once(last)))
}

fn size_header(bytes: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path("srv/zeros").expect("a short name");
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_cksum();
    header.as_bytes().to_vec()
}
