//! One file's archives under one budget: bytes inflated, entries listed, memory held.
//!
//! What cannot be read becomes a gap here, so that analyzers only say what they want of which
//! entry.

use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::rc::Rc;

use sha1::Digest as _;
use sluicegate_model::archive::Sha1Digest;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Evidence, Package};

use super::content::length;
use super::directory::Directory;
use super::error::ZipError;
use super::member::Member;
use super::source::Source;
use super::unread::Unread;
use super::zip_member::ZipMember;
use crate::facts::{FoundArchive, FoundPackage, Observations, Record};
use crate::limits::{Limits, MIB};

/// Largest archive taken in memory, and most bytes of archives inside it that are held at a time.
pub(in crate::analyzers) const MAX_MEMORY_BYTES: u64 = 32 * MIB;
/// Most bytes of names and versions that are kept of one file.
const MAX_NAME_BYTES: u64 = 16 * MIB;
/// Most archives of one file whose digests are kept.
const MAX_ARCHIVES: usize = 10_000;
/// Bytes that are hashed at a time.
const HASHED_BYTES: usize = 256 * 1024;
/// Most gaps that are kept of one file.
const MAX_GAPS: u32 = 256;
/// How many times its own size an archive may inflate to, whatever the budget for small ones is.
const MAX_GROWTH: u64 = 2;
/// How many times its own size a compressed stream may inflate to: all of it is read to list it.
const MAX_STREAM_GROWTH: u64 = 16;

/// The budgets shared by a file's archive and all archives inside it, and where findings go.
pub(in crate::analyzers) struct Reading<'a> {
    limits: &'a Limits,
    bytes_left: u64,
    entries_left: u64,
    memory_left: u64,
    /// Bytes of archives that may still be hashed: each once for every archive that it is in.
    hashed_left: u64,
    name_bytes_left: u64,
    gaps_left: u32,
    /// Bytes that compressed streams may still inflate to; shared by those inside each other.
    stream_left: Rc<Cell<u64>>,
    /// Whether something was seen that packages are made of.
    holds: bool,
    path: &'a str,
    unread: &'a Unread,
    found: &'a mut Observations,
}

impl<'a> Reading<'a> {
    /// Begins with the whole budget for the file at `path`, of `size_bytes`.
    pub(in crate::analyzers) fn new(
        limits: &'a Limits,
        path: &'a str,
        size_bytes: u64,
        unread: &'a Unread,
        found: &'a mut Observations,
    ) -> Self {
        let own = size_bytes.saturating_mul(MAX_GROWTH);
        let stream = size_bytes.saturating_mul(MAX_STREAM_GROWTH);
        Self {
            limits,
            bytes_left: limits.max_nested_bytes.max(own),
            entries_left: limits.max_nested_entries,
            memory_left: MAX_MEMORY_BYTES,
            hashed_left: limits.max_nested_bytes.max(own),
            name_bytes_left: MAX_NAME_BYTES,
            gaps_left: MAX_GAPS,
            stream_left: Rc::new(Cell::new(limits.max_nested_bytes.max(stream))),
            holds: false,
            path,
            unread,
            found,
        }
    }

    /// Gives where an archive lies in the image, whose path is `path` where it is in no other.
    pub(in crate::analyzers) fn whole(&self, path: &str, inside: &str) -> String {
        if inside.is_empty() {
            path.to_owned()
        } else {
            Self::join(self.path, inside)
        }
    }

    /// Records that something was seen that packages are made of.
    pub(in crate::analyzers) fn hold(&mut self) {
        self.holds = true;
    }

    /// Gives what is read on disk only.
    pub(in crate::analyzers) fn unread(&self) -> &'a Unread {
        self.unread
    }

    /// Gives how many packages were found so far.
    pub(in crate::analyzers) fn packages(&self) -> &[FoundPackage] {
        &self.found.packages
    }

    /// Says that so many bytes of memory will be taken.
    pub(in crate::analyzers) fn ask_for(&self, bytes: usize) {
        self.limits
            .allowance
            .ask_for(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Gives what compressed streams may still inflate to.
    pub(in crate::analyzers) fn stream_left(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.stream_left)
    }

    /// Tells whether the scan was asked to stop, which is then a gap.
    pub(in crate::analyzers) fn is_stopped(&mut self, inside: &str) -> bool {
        let stops = self.limits.stop.is_requested();
        if stops {
            self.budget(inside, "more than there was time for");
        }
        stops
    }

    /// Tells whether what lies in so many archives may hold another, which is a gap where not.
    pub(in crate::analyzers) fn may_nest(&mut self, inside: &str, depth: u32) -> bool {
        let may = depth < self.limits.max_nested_depth;
        if !may {
            self.budget(inside, "archives nested deeper than are read");
        }
        may
    }

    /// Takes an entry from the budget; false where none is left, which is then a gap.
    pub(in crate::analyzers) fn takes_entry(&mut self, inside: &str) -> bool {
        let Some(left) = self.entries_left.checked_sub(1) else {
            self.budget(inside, "more entries than are read");
            return false;
        };
        self.entries_left = left;
        !self.is_stopped(inside)
    }

    /// Reads what only its content says is an archive: what is wrong with it counts where it holds
    /// what packages are made of. Where a budget ran out before that was known, it is one gap.
    pub(in crate::analyzers) fn quietly(
        &mut self,
        inside: &str,
        read: impl FnOnce(&mut Self) -> Result<(), ZipError>,
    ) -> Result<(), ZipError> {
        let held = std::mem::take(&mut self.holds);
        let (gaps, left) = (self.found.gaps.len(), self.gaps_left);
        let outcome = read(self);
        if self.holds {
            return outcome;
        }
        self.holds = held;
        let dropped = self.found.gaps.split_off(gaps);
        self.gaps_left = left;
        let (interrupted, others): (Vec<_>, Vec<_>) = dropped
            .into_iter()
            .partition(|gap| gap.kind == GapKind::Interrupted);
        self.found.gaps.extend(interrupted);
        if let Some(gap) = others.iter().find(|gap| gap.kind == GapKind::Budget) {
            let detail = format!("what the archive holds is not known: {}", gap.detail);
            self.gap(GapKind::NestedArchive, inside, detail);
        }
        Ok(())
    }

    /// Hands every entry of an archive to `visit`, in the directory's order, repeats included.
    ///
    /// `inside` is the archive's path within the file, empty for the file itself. An error says
    /// that it is no zip archive; what is wrong with a part of it is a gap.
    pub(in crate::analyzers) fn entries(
        &mut self,
        source: Source<'_>,
        inside: &str,
        visit: &mut dyn FnMut(&mut Self, &mut dyn Member),
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
            if !self.takes_entry(inside) {
                break;
            }
            match entry {
                Ok(entry) if length(&entry.raw_name) > self.limits.max_name_bytes => {
                    self.budget(inside, "names longer than are kept");
                }
                Ok(entry) => {
                    let directory = &directory;
                    visit(self, &mut ZipMember { directory, entry });
                }
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
        member: &mut dyn Member,
        inside: &str,
        most: u64,
    ) -> Option<Vec<u8>> {
        let most = most.min(self.bytes_left);
        let mut content = Vec::new();
        let copied = member.copy(most, &mut content);
        let content = copied.map(|whole| whole.then_some(content));
        let content = self.kept(content, member.name(), inside)?;
        self.bytes_left = self.bytes_left.saturating_sub(length(&content));
        Some(content)
    }

    /// Opens an archive inside the archive and hands it to `read`, unless it is nested too deep.
    ///
    /// A stored one is read where it lies; a compressed one is held in memory meanwhile, or in a
    /// spool where it is too large.
    pub(in crate::analyzers) fn nested(
        &mut self,
        member: &mut dyn Member,
        inside: &str,
        depth: u32,
        read: &mut dyn FnMut(&mut Self, Source<'_>, &str) -> Result<(), ZipError>,
    ) {
        if !self.may_nest(inside, depth) {
            return;
        }
        let inner = Self::join(inside, member.name());
        let outcome = if let Some(part) = member.stored() {
            read(self, part, &inner)
        } else {
            let bytes = member.size_bytes();
            let mut copy = |most: u64, into: &mut dyn Write| member.copy(most, into);
            let held = self.held(bytes, &mut copy, &mut |reading, source| {
                read(reading, source, &inner)
            });
            match held {
                Err(Held::Gap(error)) => {
                    self.kept(error.map(|()| None::<()>), member.name(), inside);
                    return;
                }
                Err(Held::Read(error)) => Err(error),
                Ok(()) => Ok(()),
            }
        };
        if let Err(error) = outcome {
            self.unreadable(inside, member.name(), &error.to_string());
        }
    }

    /// Unpacks `bytes` bytes, or what there is where none is stated, with `copy` and hands them to
    /// `read`.
    pub(in crate::analyzers) fn held(
        &mut self,
        bytes: u64,
        copy: &mut dyn FnMut(u64, &mut dyn Write) -> Result<bool, ZipError>,
        read: &mut dyn FnMut(&mut Self, Source<'_>) -> Result<(), ZipError>,
    ) -> Result<(), Held> {
        let gap = |outcome| Held::Gap(outcome);
        if bytes > self.memory_left {
            let mut file = self.spool().map_err(|error| gap(Err(error)))?;
            let whole = copy(self.bytes_left, &mut file).map_err(|error| gap(Err(error)))?;
            let bytes = file.stream_position().unwrap_or(0);
            self.bytes_left = self.bytes_left.saturating_sub(bytes);
            if !whole {
                return Err(gap(Ok(())));
            }
            let source = Source::File {
                file: &file,
                from: 0,
                bytes,
            };
            return read(self, source).map_err(Held::Read);
        }
        let mut content = Vec::new();
        let most = bytes.min(self.bytes_left);
        if !copy(most, &mut content).map_err(|error| gap(Err(error)))? {
            return Err(gap(Ok(())));
        }
        let held = length(&content);
        self.bytes_left = self.bytes_left.saturating_sub(held);
        self.memory_left = self.memory_left.saturating_sub(held);
        let all_held = MAX_MEMORY_BYTES.saturating_sub(self.memory_left);
        self.limits.allowance.ask_for(all_held);
        let outcome = read(self, Source::Memory(&content));
        self.memory_left = self.memory_left.saturating_add(held);
        outcome.map_err(Held::Read)
    }

    /// Joins two paths, the first of which may be empty.
    pub(in crate::analyzers) fn join(outer: &str, inner: &str) -> String {
        if outer.is_empty() {
            inner.to_owned()
        } else {
            format!("{outer}/{inner}")
        }
    }

    fn spool(&self) -> Result<File, ZipError> {
        let dir = self.limits.spool_dir.as_deref();
        let file = dir.map_or_else(tempfile::tempfile, tempfile::tempfile_in);
        file.map_err(|error| ZipError::Spool(error.to_string()))
    }

    /// Gives what was unpacked, or records why it was not.
    fn kept<T>(
        &mut self,
        unpacked: Result<Option<T>, ZipError>,
        name: &str,
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
                self.unreadable(inside, name, &error.to_string());
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
        self.holds = true;
        self.found.packages.push(FoundPackage {
            inside: inside.to_owned(),
            ..FoundPackage::of(evidence, package)
        });
    }

    /// Records an archive that does not state what it is, with the digest of its bytes. Where there is no
    /// room or time for it, the archive is what it is without.
    pub(in crate::analyzers) fn archive(
        &mut self,
        whole: Source<'_>,
        inside: &str,
        called: Option<Package>,
        doubt: Option<String>,
    ) {
        if self.found.archives.len() >= MAX_ARCHIVES {
            return;
        }
        let texts = [inside, doubt.as_deref().unwrap_or_default()];
        let bytes: usize = texts.map(str::len).into_iter().sum();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let Some(left) = self.name_bytes_left.checked_sub(bytes) else {
            return;
        };
        if let Some(sha1) = self.hashed(whole, inside) {
            self.name_bytes_left = left;
            self.found.archives.push(FoundArchive {
                inside: inside.to_owned(),
                sha1,
                called,
                doubt,
            });
        }
    }

    /// Hashes an archive's bytes; none where that would be too much, or they cannot be read.
    fn hashed(&mut self, whole: Source<'_>, inside: &str) -> Option<Sha1Digest> {
        self.hashed_left = self.hashed_left.checked_sub(whole.bytes())?;
        let mut reader = whole.reader();
        let mut hasher = sha1::Sha1::new();
        let mut piece = vec![0; HASHED_BYTES];
        let mut hashed = 0_u64;
        loop {
            if self.is_stopped(inside) {
                return None;
            }
            let read = reader.read(&mut piece).ok()?;
            let Some(piece) = piece.get(..read).filter(|piece| !piece.is_empty()) else {
                break;
            };
            hasher.update(piece);
            hashed = hashed.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        }
        let is_whole = hashed == whole.bytes();
        is_whole.then(|| Sha1Digest(hasher.finalize().into()))
    }

    /// Records what the whole file is under a name that it does not have itself.
    pub(in crate::analyzers) fn candidate(&mut self, record: Record, package: Package) {
        self.found.add_candidate(record, package);
    }

    /// Records that a budget ran out.
    pub(in crate::analyzers) fn budget(&mut self, inside: &str, what: &str) {
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
            Self::join(self.path, inside)
        };
        self.found.gaps.push(gap.at(path));
    }
}

/// Why what is held was not read.
pub(in crate::analyzers) enum Held {
    /// It could not be unpacked, or has more bytes than are read.
    Gap(Result<(), ZipError>),
    /// It is not what it should be.
    Read(ZipError),
}
