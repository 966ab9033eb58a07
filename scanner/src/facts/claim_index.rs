//! What a layer's files are called and how they begin, in a few bytes each: enough to say that no
//! file of it can be one that an analyzer claims.
//!
//! A claim that it cannot deny may still be nobody's; one that it denies has no file. It keeps
//! hashes of 32 bits, of which there are far fewer than files; two that are the same cost a scan
//! and nothing else.

use std::io::{self, Read, Write};

/// Most hashes of one layer; a layer with more is looked at for every claim.
const MAX_HASHES: usize = 256 * 1024;

/// Hashes that are taken in before repeats are dropped.
const UNSORTED_HASHES: usize = 64 * 1024;

/// How many parts of a name, from its end, are kept as endings: `.tar.gz` is of two.
const MAX_DOTS: usize = 3;

/// How many of a file's first bytes are kept.
const START_BYTES: usize = 4;

/// What is hashed, so that a directory is never taken for a name.
#[derive(Clone, Copy)]
enum Kind {
    Dir,
    DirName,
    Name,
    Ending,
    Start,
}

/// The hashes of a layer's names and beginnings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClaimIndex {
    /// Sorted and each once as soon as the index is [`finish`](Self::finish)ed.
    hashes: Vec<u32>,
    /// How many of them are sorted.
    sorted: usize,
    /// The layer has more than are kept.
    is_full: bool,
    /// The directory that was taken in last: most files have the one of the file before.
    last_dir: String,
}

impl ClaimIndex {
    /// Takes a file in.
    pub(crate) fn add(&mut self, path: &str, head: &[u8]) {
        if self.is_full {
            return;
        }
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        if self.last_dir != dir || self.hashes.is_empty() {
            self.last_dir.clear();
            self.last_dir.push_str(dir);
            self.hashes.push(hash(Kind::Dir, dir.bytes()));
            self.hashes.push(hash(Kind::DirName, last(dir).bytes()));
        }
        self.hashes.push(hash(Kind::Name, name.bytes()));
        for (at, _) in name.rmatch_indices('.').take(MAX_DOTS) {
            let ending = name.get(at..).unwrap_or_default().bytes();
            self.hashes.push(hash(Kind::Ending, lower(ending)));
        }
        for length in 1..=head.len().min(START_BYTES) {
            let start = head.get(..length).unwrap_or_default();
            self.hashes.push(hash(Kind::Start, start.iter().copied()));
        }
        if self.hashes.len() > 2 * self.sorted + UNSORTED_HASHES {
            self.sort();
        }
    }

    /// Drops repeats, after the last file.
    pub(crate) fn finish(&mut self) {
        self.sort();
        self.hashes.shrink_to_fit();
        self.last_dir = String::new();
    }

    fn sort(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self.sorted = self.hashes.len();
        if self.sorted > MAX_HASHES {
            self.is_full = true;
            self.hashes = Vec::new();
            self.sorted = 0;
        }
    }

    /// Tells whether a file may lie right in a directory.
    pub(crate) fn may_have_dir(&self, dir: &str) -> bool {
        self.has(Kind::Dir, dir.bytes())
    }

    /// Tells whether a file may lie right in a directory of this name.
    pub(crate) fn may_have_dir_named(&self, name: &str) -> bool {
        self.has(Kind::DirName, name.bytes())
    }

    /// Tells whether a file may have a name.
    pub(crate) fn may_have_name(&self, name: &str) -> bool {
        self.has(Kind::Name, name.bytes())
    }

    /// Tells whether a file's name may end so, whatever the case.
    pub(crate) fn may_have_ending(&self, ending: &str) -> bool {
        let is_kept = ending.starts_with('.') && ending.matches('.').count() <= MAX_DOTS;
        !is_kept || self.has(Kind::Ending, lower(ending.bytes()))
    }

    /// Tells whether a file may start so.
    pub(crate) fn may_have_start(&self, starts: &[u8]) -> bool {
        let kept = starts.get(..START_BYTES).unwrap_or(starts);
        kept.is_empty() || self.has(Kind::Start, kept.iter().copied())
    }

    fn has(&self, kind: Kind, text: impl Iterator<Item = u8>) -> bool {
        self.is_full || self.hashes.binary_search(&hash(kind, text)).is_ok()
    }

    /// Tells what the index takes in memory, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.hashes.len() * size_of::<u32>()
    }

    /// Writes the index: whether it is full, how many hashes, then each.
    pub(crate) fn write(&self, into: &mut impl Write) -> io::Result<()> {
        into.write_all(&[u8::from(self.is_full)])?;
        let count = u32::try_from(self.hashes.len()).map_err(io::Error::other)?;
        into.write_all(&count.to_le_bytes())?;
        let mut hashes = self.hashes.iter();
        hashes.try_for_each(|hash| into.write_all(&hash.to_le_bytes()))
    }

    /// Reads what [`Self::write`] wrote.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        let (mut is_full, mut count) = ([0], [0; 4]);
        from.read_exact(&mut is_full)?;
        from.read_exact(&mut count)?;
        let mut hashes = Vec::new();
        for _ in 0..u32::from_le_bytes(count) {
            let mut hash = [0; 4];
            from.read_exact(&mut hash)?;
            hashes.push(u32::from_le_bytes(hash));
        }
        Ok(Self {
            sorted: hashes.len(),
            hashes,
            is_full: is_full != [0],
            last_dir: String::new(),
        })
    }
}

fn last(dir: &str) -> &str {
    dir.rsplit('/').next().unwrap_or_default()
}

fn lower(text: impl Iterator<Item = u8>) -> impl Iterator<Item = u8> {
    text.map(|byte| byte.to_ascii_lowercase())
}

/// FNV-1a, folded. Source: Fowler, Noll and Vo, "The FNV Non-Cryptographic Hash Algorithm".
fn hash(kind: Kind, text: impl Iterator<Item = u8>) -> u32 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    let whole = text.fold(step(OFFSET, kind as u8), step);
    let folded = (whole >> 32) ^ (whole & 0xffff_ffff);
    u32::try_from(folded).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_layer_has_is_never_denied_and_what_it_has_not_mostly_is() {
        let mut index = ClaimIndex::default();
        index.add("var/lib/dpkg/status", b"Package: x");
        index.add("app/meta/A.Tar.GZ", b"\x1f\x8b");
        index.add("top", b"");
        index.finish();
        for (dir, wanted) in [("var/lib/dpkg", true), ("", true), ("var/lib", false)] {
            assert_eq!(index.may_have_dir(dir), wanted, "{dir}");
        }
        for (dir, wanted) in [("dpkg", true), ("meta", true), ("lib", false)] {
            assert_eq!(index.may_have_dir_named(dir), wanted, "{dir}");
        }
        for (name, wanted) in [("status", true), ("top", true), ("dpkg", false)] {
            assert_eq!(index.may_have_name(name), wanted, "{name}");
        }
        for (ending, wanted) in [
            (".gz", true),
            (".tar.gz", true),
            (".TAR.gz", true),
            (".tar", false),
            (".one.two.three.four", true),
            ("no dot", true),
        ] {
            assert_eq!(index.may_have_ending(ending), wanted, "{ending}");
        }
        for (starts, wanted) in [
            (&b"Package:"[..], true),
            (b"Pack", true),
            (b"P", true),
            (b"\x1f\x8b", true),
            (b"PK\x03\x04", false),
            (b"", true),
        ] {
            assert_eq!(index.may_have_start(starts), wanted, "{starts:?}");
        }
    }

    #[test]
    fn a_layer_with_more_names_than_are_kept_may_have_anything() {
        let mut index = ClaimIndex::default();
        for number in 0..MAX_HASHES + 1_000 {
            index.add(&format!("d/{number}"), b"");
        }
        index.finish();
        assert!(index.may_have_name("never seen"));
        assert_eq!(index.weight(), 0);
        let mut written = Vec::new();
        index.write(&mut written).unwrap();
        assert_eq!(ClaimIndex::read(&mut written.as_slice()).unwrap(), index);
    }
}
