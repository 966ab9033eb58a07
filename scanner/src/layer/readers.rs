//! What an entry is to each program that may unpack it.
//!
//! | | Go | GNU tar | libarchive | Python |
//! |---|---|---|---|---|
//! | prefix is used with | `ustar\0`; GNU's magic where a time there is no number | `ustar\0` | `ustar`, but GNU's magic | any magic |
//! | of star's form | 131 bytes of it | 155 | 155 | 155 |
//! | which name counts | GNU's over pax's | pax's over GNU's | the first | the first |
//! | a sparse file's name in pax | over `path` | over `path` | over `path` | the last of the two |
//! | a directory, but for its type | type zero, whole name ends in `/` | types zero, `0` and `7`, whole name ends in `/` | as GNU tar | type zero, the header's own name ends in `/` |
//! | sums | signed or unsigned | signed or unsigned | signed or unsigned | signed or unsigned |
//! | a wrong number | ends the archive | a wrong size ends it | is read as far as it goes | ends it |
//!
//! Where they agree there is one reading; `walk.rs` keeps all of several. What they differ on in a
//! way that moves the next header, `archive.rs` refuses. `maps.rs` knows the sparse maps that libarchive
//! alone reads.
//!
//! Source: Go 1.26, `archive/tar`; GNU tar 1.34, `list.c`, `extract.c`; libarchive 3.6,
//! `archive_read_support_format_tar.c`; Python 3.11, `tarfile.py`. A test compares all four.

pub(super) mod maps;
mod numbers;

use crate::facts::{Reader, ReaderSet};
use crate::path;

pub(super) use self::numbers::size_at;
use self::numbers::{is_plain, number, sum};
use super::header::{
    Block, DEV_MAJOR, DEV_MINOR, GID, GNU_TIMES, Kind, MODE, MTIME, PREFIX, SIZE, STAR_PREFIX,
    STAR_TIMES, SUM, UID,
};
use super::pax::PaxRecords;

/// One reading of an entry, names as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) kind: Kind,
    pub(super) name: Vec<u8>,
    /// Where a link points; empty of other kinds.
    pub(super) target: Vec<u8>,
}

/// Extended headers that wait for their entry.
#[derive(Default)]
pub(super) struct Extensions {
    pub(super) long_name: Option<Vec<u8>>,
    pub(super) long_target: Option<Vec<u8>>,
    pub(super) pax: Option<PaxRecords>,
    /// Whether the pax header came before GNU's long name, and long target.
    pub(super) pax_is_first: [bool; 2],
}

impl Extensions {
    /// Tells whether they say nothing.
    pub(super) fn is_empty(&self) -> bool {
        let says_nothing = |pax: &PaxRecords| *pax == PaxRecords::default();
        self.long_name.is_none()
            && self.long_target.is_none()
            && self.pax.as_ref().is_none_or(says_nothing)
    }

    /// Tells whether names come from two extended headers.
    fn compete(&self) -> bool {
        let Some(pax) = &self.pax else { return false };
        let sparse = pax.sparse_name();
        let names = [&self.long_name, &pax.path].map(Option::is_some);
        let count = names.into_iter().filter(|is| *is).count() + usize::from(sparse.is_some());
        count > 1 || (self.long_target.is_some() && pax.link_path.is_some())
    }

    fn name(&self, reader: Reader) -> Option<&[u8]> {
        let long = self.long_name.as_deref();
        let sparse = self.pax.as_ref().and_then(PaxRecords::sparse_name);
        let path = self.pax.as_ref().and_then(|pax| pax.path.as_deref());
        let path_is_last = self.pax.as_ref().is_some_and(|pax| pax.path_is_last);
        let by_pax = match reader {
            Reader::Python if path_is_last => path.or(sparse),
            _ => sparse.or(path),
        };
        match reader {
            Reader::Go => sparse.or(long).or(path),
            Reader::Gnu => by_pax.or(long),
            Reader::Libarchive | Reader::Python if self.pax_is_first[0] => by_pax.or(long),
            Reader::Libarchive | Reader::Python => long.or(by_pax),
        }
    }

    fn target(&self, reader: Reader) -> Option<&[u8]> {
        let long = self.long_target.as_deref();
        let by_pax = self.pax.as_ref().and_then(|pax| pax.link_path.as_deref());
        match reader {
            Reader::Gnu => by_pax.or(long),
            Reader::Libarchive | Reader::Python if self.pax_is_first[1] => by_pax.or(long),
            Reader::Go | Reader::Libarchive | Reader::Python => long.or(by_pax),
        }
    }
}

/// Tells whether a program takes the block for a header: its sum, numbers and map that it stops at.
pub(super) fn takes(reader: Reader, block: &Block) -> bool {
    let is_right = has_right_sum(reader, block);
    let numbers = match reader {
        Reader::Go => {
            let mut fields = vec![MODE, UID, GID, MTIME];
            if block.is_ustar() || block.is_gnu() {
                fields.extend([DEV_MAJOR, DEV_MINOR]);
            }
            if block.is_star() {
                fields.extend(STAR_TIMES);
            }
            fields
        }
        Reader::Python => vec![MODE, UID, GID, MTIME, DEV_MAJOR, DEV_MINOR],
        Reader::Gnu | Reader::Libarchive => Vec::new(),
    };
    let is_number = |at| number(reader, block.field(at)).is_some();
    let is_sound = reader != Reader::Libarchive || maps::is_sound(block);
    is_right && is_sound && numbers.into_iter().all(is_number)
}

/// Tells whether a program reads the sum that a header has.
pub(super) fn has_right_sum(reader: Reader, block: &Block) -> bool {
    let stated = sum(reader, block.field(SUM));
    stated.is_some_and(|stated| block.sums().contains(&stated))
}

/// Gives a header's size as a program reads it; none where it stops.
pub(super) fn size(reader: Reader, block: &Block) -> Option<u64> {
    if reader == Reader::Gnu && block.flag() == b'1' {
        return Some(0);
    }
    size_at(reader, block, SIZE)
}

/// Tells whether every program reads a header's own fields alike, as those that tools write.
pub(super) fn is_usual(block: &Block) -> bool {
    let numbers = [MODE, UID, GID, SIZE, MTIME, DEV_MAJOR, DEV_MINOR];
    let is_known = if block.is_gnu() || block.magic() == [0; 8] {
        block.field(PREFIX).iter().all(|byte| *byte == 0)
    } else {
        block.magic() == b"ustar\x0000" && !block.is_star()
    };
    let [unsigned, _] = block.sums();
    let stated = block.field(SUM);
    is_known
        && is_plain(stated)
        && sum(Reader::Gnu, stated) == Some(unsigned)
        && numbers.into_iter().all(|at| is_plain(block.field(at)))
}

/// Gives what an entry is to the programs of `active`, the reading of runtimes first.
pub(super) fn readings(
    block: &Block,
    extensions: &Extensions,
    active: ReaderSet,
) -> Vec<(ReaderSet, Reading)> {
    let go = reading(Reader::Go, block, extensions);
    let is_slashed = block.own_name().ends_with(b"/") || go.name.ends_with(b"/");
    let may_be_directory = is_slashed && matches!(block.flag(), 0 | b'0' | b'7' | b'S');
    if is_usual(block) && !extensions.compete() && !may_be_directory {
        return vec![(ReaderSet::ALL, go)];
    }
    let mut groups = vec![([Reader::Go].into_iter().collect::<ReaderSet>(), go)];
    for reader in [Reader::Gnu, Reader::Libarchive, Reader::Python] {
        if !active.has(reader) {
            // It left nothing more behind; what runtimes read counts.
            groups
                .iter_mut()
                .take(1)
                .for_each(|(readers, _)| readers.add(reader));
            continue;
        }
        let its = reading(reader, block, extensions);
        match groups.iter_mut().find(|(_, other)| is_same(other, &its)) {
            Some((readers, _)) => readers.add(reader),
            None => groups.push(([reader].into_iter().collect(), its)),
        }
    }
    groups
}

fn reading(reader: Reader, block: &Block, extensions: &Extensions) -> Reading {
    let name = extensions.name(reader);
    let name = name.map_or_else(|| own_name(reader, block), <[u8]>::to_vec);
    let kind = kind(reader, block, &name);
    let target = match kind {
        Kind::Symlink | Kind::Hardlink => extensions.target(reader).unwrap_or(block.link_name()),
        _ => &[],
    };
    Reading {
        kind,
        target: target.to_vec(),
        name,
    }
}

/// Tells whether two readings leave the same behind.
fn is_same(left: &Reading, right: &Reading) -> bool {
    let clean = |name: &[u8]| {
        let mut path = String::new();
        path::clean(name, &mut path).map(|()| path)
    };
    let is_root = |reading: &Reading| clean(&reading.name) == Ok(String::new());
    if is_root(left) && is_root(right) {
        return true;
    }
    let is_place = |left: &[u8], right: &[u8]| {
        left == right
            || matches!((clean(left), clean(right)), (Ok(left), Ok(right)) if left == right)
    };
    let has_target = if left.kind == Kind::Hardlink {
        is_place(&left.target, &right.target)
    } else {
        left.target == right.target
    };
    left.kind == right.kind && has_target && is_place(&left.name, &right.name)
}

/// Gives the name in a header itself.
fn own_name(reader: Reader, block: &Block) -> Vec<u8> {
    let name = block.own_name();
    let prefix = match reader {
        Reader::Go => prefix_of_go(block),
        Reader::Gnu if block.is_ustar() => block.text(PREFIX),
        Reader::Libarchive if block.magic().starts_with(b"ustar") && !block.is_gnu() => {
            block.text(PREFIX)
        }
        Reader::Python if !matches!(block.flag(), b'L' | b'K' | b'S') => block.text(PREFIX),
        Reader::Gnu | Reader::Libarchive | Reader::Python => &[],
    };
    if prefix.is_empty() {
        return name.to_vec();
    }
    [prefix, b"/", name].concat()
}

fn prefix_of_go(block: &Block) -> &[u8] {
    if block.is_star() {
        return block.text(STAR_PREFIX);
    }
    if block.is_ustar() {
        return block.text(PREFIX);
    }
    let is_no_time = |at| {
        let field = block.field(at);
        field.first().is_some_and(|byte| *byte != 0) && number(Reader::Go, field).is_none()
    };
    let prefix = block.text(PREFIX);
    // What Go wrote before 1.8.
    let is_prefix = block.is_gnu() && GNU_TIMES.into_iter().any(is_no_time) && prefix.is_ascii();
    if is_prefix { prefix } else { &[] }
}

/// Decides what an entry is by its type and, for files of old archives, by its name.
fn kind(reader: Reader, block: &Block, name: &[u8]) -> Kind {
    let is_slashed = name.ends_with(b"/");
    let flag = block.flag();
    let is_directory = match reader {
        Reader::Go => flag == 0 && is_slashed,
        Reader::Gnu | Reader::Libarchive => is_slashed,
        Reader::Python => flag == 0 && block.own_name().ends_with(b"/"),
    };
    match flag {
        0 | b'0' | b'7' | b'S' if is_directory => Kind::Directory,
        0 | b'0' | b'7' | b'S' => Kind::File,
        b'1' => Kind::Hardlink,
        b'2' => Kind::Symlink,
        b'3' if is_device_zero(block) => Kind::OverlayWhiteout,
        b'3' | b'4' | b'6' => Kind::Special,
        b'5' => Kind::Directory,
        other => Kind::Unknown(other),
    }
}

/// Tells whether runtimes make device 0, 0 of it; in an old header they read no number.
fn is_device_zero(block: &Block) -> bool {
    let is_zero = |at| number(Reader::Go, block.field(at)) == Some(0);
    let has_numbers = block.is_ustar() || block.is_gnu();
    !has_numbers || (is_zero(DEV_MAJOR) && is_zero(DEV_MINOR))
}
