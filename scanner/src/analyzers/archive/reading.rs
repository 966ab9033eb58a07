//! One file's archives under one budget: bytes inflated, entries listed, memory held.
//!
//! What cannot be read becomes a gap here, so that analyzers only say what they want of which
//! entry.

use std::fs::File;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Evidence, Package};

use super::content::{STORED, length, place, spool, unpack};
use super::directory::{Directory, Entry};
use super::source::Source;
use super::{MAX_MEMORY_BYTES, ZipError};
use crate::facts::{FoundPackage, Observations};
use crate::limits::{Limits, MIB};

/// Most bytes of names and versions that are kept of one file.
const MAX_NAME_BYTES: u64 = 16 * MIB;
/// Most gaps that are kept of one file.
const MAX_GAPS: u32 = 256;
/// How many times its own size an archive may inflate to, whatever the budget for small ones is.
const MAX_GROWTH: u64 = 2;

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
    /// Begins with the whole budget for the file at `path`, of `size_bytes`.
    pub(in crate::analyzers) fn new(
        limits: &'a Limits,
        path: &'a str,
        size_bytes: u64,
        found: &'a mut Observations,
    ) -> Self {
        let own = size_bytes.saturating_mul(MAX_GROWTH);
        Self {
            limits,
            bytes_left: limits.max_nested_bytes.max(own),
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
            if self.limits.stop.is_requested() {
                self.budget(inside, "more than there was time for");
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
        let content = self.kept(content, entry, inside)?;
        self.bytes_left = self.bytes_left.saturating_sub(length(&content));
        Some(content)
    }

    /// Opens an archive inside the archive and hands it to `read`, unless it is nested too deep.
    ///
    /// A stored one is read where it lies; a compressed one is held in memory meanwhile, or in a
    /// spool where it is too large.
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
        let inner = join(inside, &entry.name);
        let outcome = if entry.method == STORED {
            place(directory, entry).and_then(|part| read(self, part, &inner))
        } else if entry.bytes > self.memory_left {
            let Some((file, bytes)) = self.spooled(directory, entry, inside) else {
                return;
            };
            let whole = Source::File {
                file: &file,
                from: 0,
                bytes,
            };
            read(self, whole, &inner)
        } else {
            let Some(content) = self.content(directory, entry, inside, entry.bytes) else {
                return;
            };
            let held = length(&content);
            self.memory_left = self.memory_left.saturating_sub(held);
            let all_held = MAX_MEMORY_BYTES.saturating_sub(self.memory_left);
            self.limits.allowance.ask_for(all_held);
            let outcome = read(self, Source::Memory(&content), &inner);
            self.memory_left = self.memory_left.saturating_add(held);
            outcome
        };
        if let Err(error) = outcome {
            self.unreadable(inside, &entry.name, &error.to_string());
        }
    }

    fn spooled(
        &mut self,
        directory: &Directory<'_>,
        entry: &Entry,
        inside: &str,
    ) -> Option<(File, u64)> {
        let most = self.bytes_left;
        let spooled = place(directory, entry).and_then(|packed| {
            let dir = self.limits.spool_dir.as_deref();
            spool(packed, entry, most, dir)
        });
        let (file, bytes) = self.kept(spooled, entry, inside)?;
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        Some((file, bytes))
    }

    /// Gives what was unpacked, or records why it was not.
    fn kept<T>(
        &mut self,
        unpacked: Result<Option<T>, ZipError>,
        entry: &Entry,
        inside: &str,
    ) -> Option<T> {
        match unpacked {
            Ok(Some(content)) => Some(content),
            Ok(None) => {
                self.budget(inside, "contents larger than are read");
                None
            }
            Err(ZipError::Spool(_)) => {
                let detail = "an archive inside is too large for memory and could not be spooled";
                self.push(Gap::fatal(GapKind::Interrupted, detail), inside);
                None
            }
            Err(error) => {
                self.unreadable(inside, &entry.name, &error.to_string());
                None
            }
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
            maker: None,
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

/// Joins two paths, the first of which may be empty.
fn join(outer: &str, inner: &str) -> String {
    if outer.is_empty() {
        inner.to_owned()
    } else {
        format!("{outer}/{inner}")
    }
}
