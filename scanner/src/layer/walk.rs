//! Walks a layer's archive once and collects its facts.
//!
//! Only files that an analyzer claims are kept, one at a time: in memory, or in a spool where they
//! are large. Of the others the name's hash remains. What is wrong with an entry or the archive becomes a gap.
//! An entry that readers take differently is walked once for each reading.

use std::thread;

use sluicegate_model::coverage::{Gap, GapKind};

use crate::facts::{Event, FileFacts, LayerFacts, NO_ENTRY, PathHash, ReaderSet, Readers};
use crate::gaps::GapList;
use crate::limits::{Limits, STOPPED};
use crate::path;
use crate::plugin_set::{Claimants, Earlier, FedWork, PluginSet};

use super::archive::{Archive, ArchiveError, Content};
use super::chart::ChartSigns;
use super::chunks::ChunkReader;
use super::header::Kind;
use super::pairs::Pairs;
use super::pieces::{self, Pieces};
use super::readers::Reading;
use super::spool::Spool;
use super::witnesses::Witnesses;

mod content;
mod contradictions;
mod disputed;
mod fed;
mod kept;

/// Prefix of names that remove what lower layers have. Source: OCI image-spec, layer.md.
const WHITEOUT: &str = ".wh.";

/// Name that hides everything lower layers have in its directory.
const OPAQUE: &str = ".wh..wh..opq";

/// Prefix of names that AUFS keeps for itself.
const WHITEOUT_META: &str = ".wh..wh.";

/// Walks the archive to its end; of what was found earlier, what still holds is taken over. Plugins that
/// read in pieces do so beside it.
pub(super) fn walk(
    stream: &mut ChunkReader,
    limits: &Limits,
    plugins: &PluginSet,
    earlier: Option<&LayerFacts>,
) -> LayerFacts {
    if !plugins.has_in_pieces() {
        return walk_alone(stream, limits, plugins, earlier, None);
    }
    thread::scope(|scope| {
        let (pieces, batches) = pieces::channel();
        let hearing = thread::Builder::new()
            .name("detect".to_owned())
            .spawn_scoped(scope, move || pieces::hear(&batches, plugins, &limits.stop));
        let mut facts = walk_alone(stream, limits, plugins, earlier, Some(pieces));
        if let Ok(Ok(heard)) = hearing.map(thread::ScopedJoinHandle::join) {
            heard.add_to(&mut facts);
        } else {
            // Another time there may be a thread.
            let detail = "no thread could look at the layer's files in pieces";
            facts.gaps.push(Gap::fatal(GapKind::Interrupted, detail));
        }
        facts
    })
}

fn walk_alone(
    stream: &mut ChunkReader,
    limits: &Limits,
    plugins: &PluginSet,
    earlier: Option<&LayerFacts>,
    pieces: Option<Pieces>,
) -> LayerFacts {
    let mut walk = Walk {
        limits,
        plugins,
        earlier: earlier.and_then(|facts| Earlier::of(facts, plugins)),
        facts: LayerFacts {
            readers: Readers::of_none(plugins.names()),
            ..LayerFacts::default()
        },
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
        fed: FedWork::default(),
        pieces,
        mode: 0,
        path: String::new(),
        whose: ReaderSet::ALL,
        stopped: ReaderSet::default(),
    };
    let mut archive = Archive::new(stream);
    if let Err(stop) = walk.entries(&mut archive) {
        walk.gaps.push(stop);
    }
    walk.join_pairs();
    walk.end_fed();
    if let Some(pieces) = walk.pieces.take() {
        pieces.close();
    }
    walk.facts.tar = archive.is_recognized();
    walk.facts.chart = walk.chart.are_a_chart();
    walk.finish()
}

struct Walk<'a> {
    limits: &'a Limits,
    plugins: &'a PluginSet,
    earlier: Option<Earlier<'a>>,
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
    pairs: Pairs<'a>,
    chart: ChartSigns,
    fed: FedWork,
    /// The mode of the entry at hand.
    mode: u32,
    /// Where files go that are read in pieces.
    pieces: Option<Pieces>,
    /// The entry's path; reused.
    path: String,
    /// Whose reading is being walked.
    whose: ReaderSet,
    /// Readers that have come to their end before the archive did.
    stopped: ReaderSet,
}

/// What a path is to others: two shapes at one path in one layer cannot both be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PathShape {
    Directory = 0,
    Plain = 1,
    Symlink = 2,
}

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
            self.note_stopped(&entry);
            self.mode = entry.mode;
            match entry.readings.as_slice() {
                [(_, reading)] => self.reading(archive, reading, entry.size_bytes)?,
                readings => self.disputed(archive, readings, entry.size_bytes)?,
            }
        }
        if archive.has_tail() {
            let detail = "bytes other than zero follow the archive's end";
            self.gaps.push(Gap::fatal(GapKind::StreamGarbage, detail));
        }
        Ok(())
    }

    /// Walks what an entry is to those whose reading this is.
    fn reading(
        &mut self,
        content: &mut dyn Content,
        reading: &Reading,
        size_bytes: u64,
    ) -> Result<(), Gap> {
        let mut path = std::mem::take(&mut self.path);
        let outcome = if path::clean(&reading.name, &mut path).is_ok() {
            self.entry(content, reading, size_bytes, &path)
        } else {
            self.gaps.push(escapes(&reading.name));
            Ok(())
        };
        self.path = path;
        outcome
    }

    fn entry(
        &mut self,
        content: &mut dyn Content,
        entry: &Reading,
        size_bytes: u64,
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
                self.see(path, PathShape::Directory)?;
                self.keep(Event::Directory(path.to_owned()))?;
                self.show_header(path, true);
                Ok(())
            }
            Kind::Symlink => {
                self.see(path, PathShape::Symlink)?;
                let target = path::text(&entry.target).into_owned();
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
            Kind::Special => self.special(path),
            Kind::Unknown(flag) => {
                self.see(path, PathShape::Plain)?;
                let flag = char::from(flag);
                let detail = format!("archive entries of type {flag:?} are not read");
                let gap = Gap::fatal(GapKind::LayerUnreadable, detail);
                self.gaps.push(gap.at(path));
                Ok(())
            }
            Kind::File => {
                self.see(path, PathShape::Plain)?;
                self.show_header(path, false);
                self.file(content, size_bytes, path)
            }
        }
    }

    fn special(&mut self, path: &str) -> Result<(), Gap> {
        self.see(path, PathShape::Plain)?;
        if self.whose == ReaderSet::ALL {
            return Ok(());
        }
        self.pass(path)
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
        self.see(path, PathShape::Plain)?;
        let mut clean_target = String::new();
        if path::clean(target, &mut clean_target).is_err() {
            self.gaps.push(escapes(target));
            return Ok(());
        }
        let missed = self.plugins.fed_claimants_of_name(path, &clean_target);
        self.keep(Event::Hardlink {
            path: path.to_owned(),
            target: clean_target,
        })?;
        self.fed_missed(path, &missed);
        Ok(())
    }

    fn record(&mut self, mut facts: FileFacts, claimants: &Claimants) -> Result<(), Gap> {
        if facts.found.is_empty() && !self.plugins.is_exact(&facts.path) {
            return self.pass(&facts.path);
        }
        let found = facts.found.packages.len() + facts.found.archives.len();
        let found = u64::try_from(found).unwrap_or(u64::MAX);
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
        self.take_file(found)?;
        // What an entry has for each reading is found anew in every scan.
        let is_one = self.whose == ReaderSet::ALL;
        let entry = if is_one {
            self.entry_number()
        } else {
            NO_ENTRY
        };
        let event = self.facts.events.len();
        let readers = &mut self.facts.readers;
        readers.note(entry, event, claimants.places());
        self.keep(Event::File(Box::new(facts)))
    }

    /// Leaves a file in which nothing was found, unless its place says something, or only some
    /// readers have it, so that what it replaces has to be known.
    fn pass(&mut self, path: &str) -> Result<(), Gap> {
        if self.whose != ReaderSet::ALL || self.witnesses.want(path) {
            return self.keep(Event::Witness(path.to_owned()));
        }
        Ok(())
    }
}

fn escapes(name: &[u8]) -> Gap {
    let shown: String = path::shown(&path::text(name)).chars().take(256).collect();
    Gap::fatal(
        GapKind::UnsafePath,
        format!("the name {shown:?} leaves the image's root"),
    )
}
