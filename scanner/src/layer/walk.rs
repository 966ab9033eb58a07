//! Walks a layer's archive once and collects its facts.
//!
//! Only files that an analyzer claims are kept, one at a time: in memory, or in a spool where they
//! are large. Of the others the name's hash remains. What is wrong with an entry or the archive becomes a gap.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sluicegate_model::coverage::{Gap, GapKind};

use crate::dispatch::{Dispatch, dispatch};
use crate::facts::{Event, FileFacts, LayerFacts, PathHash, PathSet};
use crate::gaps::GapList;
use crate::limits::{Limits, STOPPED};
use crate::path;

use super::archive::{Archive, ArchiveError, EntryHeader};
use super::chart::ChartSigns;
use super::chunks::ChunkReader;
use super::header::Kind;
use super::pairs::Pairs;
use super::spool::Spool;
use super::witnesses::Witnesses;

mod content;

/// Prefix of names that remove what lower layers have. Source: OCI image-spec, layer.md.
const WHITEOUT: &str = ".wh.";

/// Name that hides everything lower layers have in its directory.
const OPAQUE: &str = ".wh..wh..opq";

/// Prefix of names that AUFS keeps for itself.
const WHITEOUT_META: &str = ".wh..wh.";

/// Walks the archive to its end.
pub(super) fn walk(stream: &mut ChunkReader, limits: &Limits) -> LayerFacts {
    let mut walk = Walk {
        limits,
        dispatch: dispatch(),
        facts: LayerFacts::default(),
        seen: Vec::new(),
        gaps: GapList::default(),
        kept_name_bytes: 0,
        kept_bytes: 0,
        packages: 0,
        owned_files: 0,
        witnesses: Witnesses::default(),
        content: Vec::new(),
        spool: Spool::new(limits),
        pairs: Pairs::default(),
        chart: ChartSigns::default(),
        path: String::new(),
    };
    let mut archive = Archive::new(stream);
    if let Err(stop) = walk.entries(&mut archive) {
        walk.gaps.push(stop);
    }
    walk.join_pairs();
    walk.facts.tar = archive.is_recognized();
    walk.facts.chart = walk.chart.are_a_chart();
    walk.finish()
}

struct Walk<'a> {
    limits: &'a Limits,
    dispatch: &'static Dispatch,
    facts: LayerFacts,
    /// Every path with what it was as its mark, in archive order.
    seen: Vec<PathHash>,
    gaps: GapList,
    kept_name_bytes: u64,
    /// What all facts take, names included.
    kept_bytes: u64,
    packages: u64,
    owned_files: u64,
    witnesses: Witnesses,
    /// The claimed file being read; reused.
    content: Vec<u8>,
    spool: Spool<'a>,
    pairs: Pairs,
    chart: ChartSigns,
    /// The entry's path; reused.
    path: String,
}

/// What a path is to others: two shapes at one path in one layer cannot both be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Directory = 0,
    Plain = 1,
    Symlink = 2,
}

/// What keeping one event costs beside its names, in bytes: itself, its allocations, and a place in
/// the sets that look for contradictions.
const EVENT_BYTES: u64 = 112;

/// What a file that was read costs beside what was found in it, in bytes.
const FILE_BYTES: u64 = size_of::<FileFacts>() as u64;

/// What keeping a path's hash costs, in bytes.
const HASH_BYTES: u64 = 16;

impl Walk<'_> {
    fn entries(&mut self, archive: &mut Archive<'_>) -> Result<(), Gap> {
        let unreadable =
            |error: ArchiveError| Gap::fatal(GapKind::LayerUnreadable, error.to_string());
        while let Some(entry) = archive.next(self.limits).map_err(unreadable)? {
            if self.limits.stop.is_requested() {
                return Err(Gap::fatal(GapKind::Interrupted, STOPPED));
            }
            self.facts.entries += 1;
            if self.facts.entries > self.limits.max_entries {
                let most = self.limits.max_entries;
                return Err(Gap::fatal(
                    GapKind::Budget,
                    format!("the layer has more than {most} entries"),
                ));
            }
            let mut path = std::mem::take(&mut self.path);
            let outcome = if path::clean(&entry.name, &mut path).is_ok() {
                self.entry(archive, &entry, &path)
            } else {
                self.gaps.push(escapes(&entry.name));
                Ok(())
            };
            self.path = path;
            outcome?;
        }
        if archive.has_tail() {
            let detail = "bytes other than zero follow the archive's end";
            self.gaps.push(Gap::fatal(GapKind::StreamGarbage, detail));
        }
        Ok(())
    }

    fn entry(
        &mut self,
        archive: &mut Archive<'_>,
        entry: &EntryHeader,
        path: &str,
    ) -> Result<(), Gap> {
        if path.is_empty() {
            return Ok(());
        }
        self.chart.see(path, entry.kind == Kind::File);
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.starts_with(WHITEOUT) {
            return self.whiteout(dir, name);
        }
        match entry.kind {
            Kind::Directory => {
                self.see(path, Shape::Directory)?;
                self.keep(Event::Directory(path.to_owned()))
            }
            Kind::Symlink => {
                self.see(path, Shape::Symlink)?;
                let target = path::readable(&entry.target).into_owned();
                self.keep(Event::Symlink {
                    path: path.to_owned(),
                    target,
                })
            }
            Kind::Hardlink => self.hardlink(path, &entry.target),
            Kind::OverlayWhiteout => self.keep(Event::Whiteout {
                path: path.to_owned(),
                ambiguous: false,
            }),
            Kind::Special => {
                self.see(path, Shape::Plain)?;
                Ok(())
            }
            Kind::Unknown(flag) => {
                self.see(path, Shape::Plain)?;
                let flag = char::from(flag);
                let detail = format!("archive entries of type {flag:?} are not read");
                let gap = Gap::fatal(GapKind::LayerUnreadable, detail);
                self.gaps.push(gap.at(path));
                Ok(())
            }
            Kind::File => {
                self.see(path, Shape::Plain)?;
                self.file(archive, entry.size_bytes, path)
            }
        }
    }

    fn whiteout(&mut self, dir: &str, name: &str) -> Result<(), Gap> {
        if name == OPAQUE {
            return self.keep(Event::Opaque(dir.to_owned()));
        }
        if name.starts_with(WHITEOUT_META) {
            return Ok(());
        }
        let removed = name.strip_prefix(WHITEOUT).unwrap_or_default();
        if removed.is_empty() || removed == "." || removed == ".." {
            let detail = "a whiteout names no file";
            self.gaps
                .push(Gap::fatal(GapKind::UnsafePath, detail).at(format!("{dir}/{name}")));
            return Ok(());
        }
        let path = if dir.is_empty() {
            removed.to_owned()
        } else {
            format!("{dir}/{removed}")
        };
        self.keep(Event::Whiteout {
            path,
            ambiguous: false,
        })
    }

    fn hardlink(&mut self, path: &str, target: &[u8]) -> Result<(), Gap> {
        self.see(path, Shape::Plain)?;
        let mut clean_target = String::new();
        if path::clean(target, &mut clean_target).is_err() {
            self.gaps.push(escapes(target));
            return Ok(());
        }
        self.keep(Event::Hardlink {
            path: path.to_owned(),
            target: clean_target,
        })
    }

    fn record(&mut self, mut facts: FileFacts) -> Result<(), Gap> {
        if facts.found.is_empty() && !self.dispatch.is_exact(&facts.path) {
            return self.pass(&facts.path);
        }
        let found = u64::try_from(facts.found.packages.len()).unwrap_or(u64::MAX);
        self.packages = self.packages.saturating_add(found);
        if self.packages > self.limits.max_packages {
            let most = self.limits.max_packages;
            return Err(Gap::fatal(
                GapKind::Budget,
                format!("the layer names more than {most} packages"),
            ));
        }
        let owned = u64::try_from(facts.found.owned.len()).unwrap_or(u64::MAX);
        self.owned_files = self.owned_files.saturating_add(owned);
        if self.owned_files > self.limits.max_owned_files {
            let most = self.limits.max_owned_files;
            let detail = format!("the layer's packages own more than {most} files");
            return Err(Gap::fatal(GapKind::Budget, detail));
        }
        // Most files name one package, for which a list has room for four.
        facts.found.packages.shrink_to_fit();
        facts.found.gaps.shrink_to_fit();
        let found = facts.found.weight();
        self.take(found.saturating_add(FILE_BYTES))?;
        self.keep(Event::File(Box::new(facts)))
    }

    /// Leaves a file in which nothing was found, unless its place says something.
    fn pass(&mut self, path: &str) -> Result<(), Gap> {
        if self.witnesses.want(path) {
            return self.keep(Event::Witness(path.to_owned()));
        }
        Ok(())
    }

    fn see(&mut self, path: &str, shape: Shape) -> Result<(), Gap> {
        self.seen.push(PathHash::of(path).marked(shape as u8));
        self.pay(HASH_BYTES)
    }

    /// Takes memory from the budget of names.
    fn pay(&mut self, bytes: u64) -> Result<(), Gap> {
        self.kept_name_bytes = self.kept_name_bytes.saturating_add(bytes);
        if self.kept_name_bytes > self.limits.max_kept_name_bytes {
            let most = self.limits.max_kept_name_bytes;
            return Err(Gap::fatal(
                GapKind::Budget,
                format!("the layer's names take more than {most} bytes"),
            ));
        }
        self.take(bytes)
    }

    /// Takes memory from the budget of all facts.
    fn take(&mut self, bytes: u64) -> Result<(), Gap> {
        self.kept_bytes = self.kept_bytes.saturating_add(bytes);
        self.limits.allowance.ask_for(self.kept_bytes);
        let most = self.limits.max_facts_bytes;
        if self.kept_bytes > most {
            let detail = format!("what was found in the layer takes more than {most} bytes");
            return Err(Gap::fatal(GapKind::Budget, detail));
        }
        Ok(())
    }

    fn keep(&mut self, event: Event) -> Result<(), Gap> {
        let bytes = match &event {
            Event::Directory(path)
            | Event::Opaque(path)
            | Event::Witness(path)
            | Event::Whiteout { path, .. } => path.len(),
            Event::Symlink { path, target } | Event::Hardlink { path, target } => {
                path.len() + target.len()
            }
            Event::File(facts) => facts.path.len(),
        };
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.pay(bytes.saturating_add(EVENT_BYTES))?;
        self.facts.events.push(event);
        Ok(())
    }

    fn finish(mut self) -> LayerFacts {
        self.seen.sort_unstable();
        self.seen.dedup();
        self.flag_shape_changes();
        self.flag_files_used_as_directories();
        self.flag_whiteouts();
        self.flag_repeats();
        if self.witnesses.is_full() {
            let detail = "the layer has more directories of packages than are looked into";
            self.gaps.push(Gap::partial(GapKind::Budget, detail));
        }
        self.facts.gaps = self.gaps.into_gaps();
        let mut plain = self.seen;
        plain.retain(|hash| hash.mark() == Shape::Plain as u8);
        self.facts.plain_paths = PathSet::of(plain);
        self.facts
    }

    /// A path that is two things in one layer: what remains depends on who unpacks it.
    fn flag_shape_changes(&mut self) {
        let changes = self
            .seen
            .windows(2)
            .filter(|pair| matches!(pair, [left, right] if left.marked(0) == right.marked(0)))
            .count();
        if changes > 0 {
            let detail = format!("{changes} paths are more than one kind of file in this layer");
            self.gaps.push(Gap::fatal(GapKind::AmbiguousLayer, detail));
        }
    }

    /// A file with something below it: what remains depends on the order and on who unpacks.
    fn flag_files_used_as_directories(&mut self) {
        let mut checked = HashSet::new();
        let mut found = BTreeSet::new();
        for event in &self.facts.events {
            let mut path = event.path();
            while let Some((dir, _)) = path.rsplit_once('/')
                && checked.insert(dir)
            {
                let plain = PathHash::of(dir).marked(Shape::Plain as u8);
                if self.seen.binary_search(&plain).is_ok() {
                    found.insert(dir);
                }
                path = dir;
            }
        }
        let detail = "the layer has this path as a file and as a directory";
        let gap = |dir: &str| Gap::fatal(GapKind::AmbiguousLayer, detail).at(dir);
        self.gaps.extend(found.into_iter().map(gap));
    }

    fn flag_whiteouts(&mut self) {
        let seen = &self.seen;
        for event in &mut self.facts.events {
            let Event::Whiteout { path, ambiguous } = event else {
                continue;
            };
            let hash = PathHash::of(path);
            let at = seen.partition_point(|other| *other < hash);
            *ambiguous = seen.get(at).is_some_and(|other| other.marked(0) == hash);
            if *ambiguous {
                let detail = "the layer both removes and has this path";
                self.gaps
                    .push(Gap::partial(GapKind::AmbiguousLayer, detail).at(path.as_str()));
            }
        }
    }

    fn flag_repeats(&mut self) {
        let mut times = BTreeMap::<&str, u32>::new();
        for event in &self.facts.events {
            if let Event::File(file) = event {
                *times.entry(&file.path).or_default() += 1;
            }
        }
        for (path, times) in times {
            if times > 1 {
                let detail = format!("the layer has this file {times} times; the last one counts");
                self.gaps
                    .push(Gap::partial(GapKind::AmbiguousLayer, detail).at(path));
            }
        }
    }
}

fn escapes(name: &[u8]) -> Gap {
    let shown: String = path::readable(name).chars().take(256).collect();
    Gap::fatal(
        GapKind::UnsafePath,
        format!("the name {shown:?} leaves the image's root"),
    )
}
