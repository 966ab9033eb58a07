//! One file's archives under one budget: bytes inflated, entries listed, memory held.
//!
//! What cannot be read becomes a gap here, so that analyzers only say what they want of which
//! entry.

use std::io::Read;

use flate2::read::DeflateDecoder;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Evidence, Package};

use super::directory::{Directory, Entry, u16_at};
use super::source::Source;
use super::{MAX_MEMORY_BYTES, ZipError};
use crate::facts::{FoundPackage, Observations};
use crate::limits::{Limits, MIB};

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const LOCAL_BYTES: u64 = 30;
/// Most bytes of names and versions that are kept of one file.
const MAX_NAME_BYTES: u64 = 16 * MIB;
/// Most gaps that are kept of one file.
const MAX_GAPS: u32 = 256;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// The budgets shared by a file's archive and all archives inside it, and where findings go.
pub(in crate::analyzers) struct Reading<'a> {
    limits: &'a Limits,
    bytes_left: u64,
    entries_left: u64,
    memory_left: u64,
    name_bytes_left: u64,
    gaps_left: u32,
    path: &'a str,
    found: &'a mut Observations,
}

impl<'a> Reading<'a> {
    /// Begins with the whole budget for the file at `path`.
    pub(in crate::analyzers) fn new(
        limits: &'a Limits,
        path: &'a str,
        found: &'a mut Observations,
    ) -> Self {
        Self {
            limits,
            bytes_left: limits.max_nested_bytes,
            entries_left: limits.max_nested_entries,
            memory_left: MAX_MEMORY_BYTES,
            name_bytes_left: MAX_NAME_BYTES,
            gaps_left: MAX_GAPS,
            path,
            found,
        }
    }

    /// Hands every entry of an archive to `visit`, in the directory's order, repeats included.
    ///
    /// `inside` is the archive's path within the file, empty for the file itself. An error says
    /// that it is no zip archive; what is wrong with a part of it is a gap.
    pub(in crate::analyzers) fn entries<'s>(
        &mut self,
        source: Source<'s>,
        inside: &str,
        mut visit: impl FnMut(&mut Self, &Directory<'s>, Entry),
    ) -> Result<(), ZipError> {
        let directory = Directory::find(source)?;
        if directory.tail {
            let detail = "bytes follow the archive's end";
            self.gap(GapKind::StreamGarbage, inside, detail.to_owned());
        }
        if directory.stated_entries() > self.entries_left {
            self.budget(inside, "more entries than are read");
            return Ok(());
        }
        for entry in directory.entries() {
            if self.entries_left == 0 {
                self.budget(inside, "more entries than are read");
                break;
            }
            self.entries_left -= 1;
            match entry {
                Ok(entry) if length(&entry.raw_name) > self.limits.max_name_bytes => {
                    self.budget(inside, "names longer than are kept");
                }
                Ok(entry) => visit(self, &directory, entry),
                Err(error) => {
                    let detail = format!("a part of the archive could not be read: {error}");
                    self.gap(GapKind::FileUnreadable, inside, detail);
                }
            }
        }
        Ok(())
    }

    /// Reads an entry of at most `most` bytes in full; none where that leaves a gap.
    pub(in crate::analyzers) fn content(
        &mut self,
        directory: &Directory<'_>,
        entry: &Entry,
        inside: &str,
        most: u64,
    ) -> Option<Vec<u8>> {
        let most = most.min(self.bytes_left);
        let content = place(directory, entry).and_then(|packed| unpack(packed, entry, most));
        match content {
            Ok(Some(content)) => {
                self.bytes_left = self.bytes_left.saturating_sub(length(&content));
                Some(content)
            }
            Ok(None) => {
                self.budget(inside, "contents larger than are read");
                None
            }
            Err(error) => {
                self.unreadable(inside, &entry.name, &error.to_string());
                None
            }
        }
    }

    /// Opens an archive inside the archive and hands it to `read`, unless it is nested too deep.
    ///
    /// A stored one is read where it lies; a compressed one is held in memory meanwhile.
    pub(in crate::analyzers) fn nested(
        &mut self,
        directory: &Directory<'_>,
        entry: &Entry,
        inside: &str,
        depth: u32,
        read: impl FnOnce(&mut Self, Source<'_>, &str) -> Result<(), ZipError>,
    ) {
        if depth >= self.limits.max_nested_depth {
            return self.budget(inside, "archives nested deeper than are read");
        }
        let name = &entry.name;
        let inner = join(inside, name);
        let outcome = if entry.method == STORED {
            place(directory, entry).and_then(|part| read(self, part, &inner))
        } else {
            let Some(content) = self.content(directory, entry, inside, self.memory_left) else {
                return;
            };
            let held = length(&content);
            self.memory_left = self.memory_left.saturating_sub(held);
            let outcome = read(self, Source::Memory(&content), &inner);
            self.memory_left = self.memory_left.saturating_add(held);
            outcome
        };
        if let Err(error) = outcome {
            self.unreadable(inside, name, &error.to_string());
        }
    }

    /// Records a package that an archive names.
    pub(in crate::analyzers) fn add(&mut self, package: Package, inside: &str, evidence: Evidence) {
        let texts = [&package.name, &package.version, inside];
        let bytes: usize = texts.map(str::len).into_iter().sum();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let Some(left) = self.name_bytes_left.checked_sub(bytes) else {
            return self.budget(inside, "more packages than are kept");
        };
        self.name_bytes_left = left;
        self.found.packages.push(FoundPackage {
            package,
            inside: inside.to_owned(),
            evidence,
        });
    }

    /// Records that a budget ran out.
    fn budget(&mut self, inside: &str, what: &str) {
        let gap = Gap::fatal(GapKind::Budget, format!("the archive has {what}"));
        self.push(gap, inside);
    }

    /// Records that an entry could not be read.
    pub(in crate::analyzers) fn unreadable(&mut self, inside: &str, name: &str, why: &str) {
        let detail = format!("{name:?} in the archive could not be read: {why}");
        self.gap(GapKind::FileUnreadable, inside, detail);
    }

    /// Records a gap in an archive.
    pub(in crate::analyzers) fn gap(&mut self, kind: GapKind, inside: &str, detail: String) {
        self.push(Gap::partial(kind, detail), inside);
    }

    /// Keeps a gap; the last one says that there are more.
    fn push(&mut self, gap: Gap, inside: &str) {
        let gap = match self.gaps_left {
            0 => return,
            1 => Gap::fatal(
                GapKind::Budget,
                "the archive has more faults than are listed",
            ),
            _ => gap,
        };
        self.gaps_left -= 1;
        let path = if inside.is_empty() {
            self.path.to_owned()
        } else {
            join(self.path, inside)
        };
        self.found.gaps.push(gap.at(path));
    }
}

/// Finds an entry's bytes, and holds the header before them against the directory's record.
fn place<'a>(directory: &Directory<'a>, entry: &Entry) -> Result<Source<'a>, ZipError> {
    let broken = |what: &str| ZipError::Broken(what.to_owned());
    let outside = || broken("it lies outside of the archive");
    if entry.encrypted {
        return Err(broken("it is encrypted"));
    }
    let source = &directory.source;
    let at = directory
        .shift
        .checked_add(entry.header_at)
        .ok_or_else(outside)?;
    let header: [u8; 30] = source.array(at).ok_or_else(outside)?;
    if !header.starts_with(&LOCAL) {
        return Err(broken("no entry is where the directory says"));
    }
    let name_bytes = u64::from(u16_at(&header, 26));
    let name_at = at + LOCAL_BYTES;
    let mut name = Vec::new();
    source
        .part(name_at, name_bytes)
        .ok_or_else(outside)?
        .reader()
        .read_to_end(&mut name)
        .map_err(|error| ZipError::Read(error.to_string()))?;
    if name != entry.raw_name || u16_at(&header, 8) != entry.method {
        return Err(broken("its header is not what the directory says"));
    }
    let content_at = name_at + name_bytes + u64::from(u16_at(&header, 28));
    source
        .part(content_at, entry.packed_bytes)
        .ok_or_else(outside)
}

/// Unpacks an entry; none where it has more than `most` bytes.
fn unpack(packed: Source<'_>, entry: &Entry, most: u64) -> Result<Option<Vec<u8>>, ZipError> {
    let reader = packed.reader();
    let mut content = Vec::new();
    let outcome = match entry.method {
        STORED => reader
            .take(most.saturating_add(1))
            .read_to_end(&mut content),
        DEFLATED => DeflateDecoder::new(reader)
            .take(most.saturating_add(1))
            .read_to_end(&mut content),
        method => {
            let detail = format!("compression method {method} is not read");
            return Err(ZipError::Broken(detail));
        }
    };
    outcome.map_err(|error| ZipError::Read(error.to_string()))?;
    let bytes = length(&content);
    if bytes > most {
        return Ok(None);
    }
    if bytes != entry.bytes || crc32fast::hash(&content) != entry.crc {
        return Err(ZipError::Broken(
            "its size or checksum is not what the directory says".to_owned(),
        ));
    }
    Ok(Some(content))
}

/// Joins two paths, the first of which may be empty.
fn join(outer: &str, inner: &str) -> String {
    if outer.is_empty() {
        inner.to_owned()
    } else {
        format!("{outer}/{inner}")
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
