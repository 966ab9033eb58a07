//! What a layer says of one path twice: flagged at its end, when all its paths are known.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sluicegate_model::coverage::{Gap, GapKind};

use crate::facts::{Event, LayerFacts, PathHash, PathSet};

use super::{PathShape, Walk};

impl Walk<'_> {
    pub(super) fn finish(mut self) -> LayerFacts {
        self.seen.sort_unstable();
        self.seen.dedup();
        self.flag_shape_changes();
        self.flag_files_used_as_directories();
        self.flag_whiteouts();
        self.flag_whiteouts_above();
        self.flag_repeats();
        if self.witnesses.is_full() {
            let detail = "the layer has more directories of packages than are looked into";
            self.gaps.push(Gap::partial(GapKind::Budget, detail));
        }
        self.facts.readers.index.finish();
        self.facts.gaps = self.gaps.into_gaps();
        let mut plain = self.seen;
        plain.retain(|hash| hash.mark() == PathShape::Plain as u8);
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
                let plain = PathHash::of(dir).marked(PathShape::Plain as u8);
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

    /// A directory that the layer removes and has something below, without an entry of its own: some take
    /// away what came before the removal too.
    fn flag_whiteouts_above(&mut self) {
        let events = || self.facts.events.iter();
        let removed = events().filter_map(|event| match event {
            Event::Whiteout {
                path,
                ambiguous: false,
            } => Some(path.as_str()),
            _ => None,
        });
        let removed: BTreeSet<&str> = removed.collect();
        if removed.is_empty() {
            return;
        }
        let others = events().filter(|event| !matches!(event, Event::Whiteout { .. }));
        let above = others.flat_map(|event| ancestors(event.path()));
        let found: BTreeSet<&str> = above.filter(|dir| removed.contains(dir)).collect();
        let detail = "the layer removes this directory and has files below it";
        let gap = |dir: &str| Gap::partial(GapKind::AmbiguousLayer, detail).at(dir);
        self.gaps.extend(found.into_iter().map(gap));
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

/// Gives the directories that a path lies in, the innermost first.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(above(path), |directory| above(directory))
}

fn above(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(directory, _)| directory)
}
