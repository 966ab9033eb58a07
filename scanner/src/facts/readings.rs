//! Who reads an archive, and which of a layer's events only some of them have.
//!
//! Programs differ on headers that no tool writes. Where they do, the layer has an event for each
//! reading, and notes here whose it is; the merge lays a tree for each program that differs.

use serde::{Deserialize, Serialize};

/// A program whose reading of an archive counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reader {
    /// Go's `archive/tar`, which container runtimes use.
    Go,
    /// GNU tar.
    Gnu,
    /// libarchive, the reader of `bsdtar`.
    Libarchive,
    /// Python's `tarfile`.
    Python,
}

/// A set of programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReaderSet(u8);

/// An event that only some programs have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disputed {
    /// Where among the layer's events it is.
    pub event: usize,
    /// Who has it.
    pub readers: ReaderSet,
}

impl Reader {
    /// All of them, the one that runtimes use first.
    pub const ALL: [Self; 4] = [Self::Go, Self::Gnu, Self::Libarchive, Self::Python];

    /// Gives its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Go => "Go",
            Self::Gnu => "GNU tar",
            Self::Libarchive => "libarchive",
            Self::Python => "Python",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Go => 1,
            Self::Gnu => 2,
            Self::Libarchive => 4,
            Self::Python => 8,
        }
    }
}

impl ReaderSet {
    /// Every program.
    pub const ALL: Self = Self(15);

    /// Tells whether a program is among them.
    pub fn has(self, reader: Reader) -> bool {
        self.0 & reader.bit() != 0
    }

    /// Adds a program.
    pub fn add(&mut self, reader: Reader) {
        self.0 |= reader.bit();
    }

    /// Adds programs.
    pub fn join(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// Takes programs away.
    pub fn remove(&mut self, others: Self) {
        self.0 &= !others.0;
    }

    /// Tells whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Lists their names for people.
    pub fn names(self) -> String {
        let names = Reader::ALL.into_iter().filter(|reader| self.has(*reader));
        names.map(Reader::name).collect::<Vec<_>>().join(", ")
    }
}

impl FromIterator<Reader> for ReaderSet {
    fn from_iter<T: IntoIterator<Item = Reader>>(readers: T) -> Self {
        let mut set = Self::default();
        for reader in readers {
            set.add(reader);
        }
        set
    }
}
