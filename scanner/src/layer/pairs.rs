//! Files that are read together with one beside them: kept on disk until the layer's end.
//!
//! An archive may have the two in any order, and each is read alone as well, so that one without
//! the other is judged too. `walk.rs` fills it and asks at the end.

use std::fs::File;

use crate::analyzer::{Analyzer, Pair, SpooledFile};
use crate::facts::FileFacts;
use crate::limits::Limits;
use crate::plugin_set::{self, ClaimedFile, PluginSet};

use super::spool::Spool;

/// Most files that are kept: each costs a file descriptor, and an honest layer has one pair.
const MAX_KEPT: usize = 8;

/// The kept files of one layer, in archive order.
#[derive(Default)]
pub(super) struct Pairs<'a> {
    kept: Vec<FirstOfPair<'a>>,
}

struct FirstOfPair<'a> {
    path: String,
    /// Where the facts of the file alone are, if there are any.
    event: usize,
    size_bytes: u64,
    content: File,
    /// Whose pair it is, and its place in the set.
    analyzer: &'a dyn Analyzer,
    place: u16,
    pair: Pair<'a>,
}

/// What a pair says together.
pub(super) struct Joined {
    /// The facts of the file.
    pub(super) facts: FileFacts,
    /// Where the facts of the file alone are.
    pub(super) event: usize,
    /// The path of the one beside it, and where its facts are, which no longer count.
    pub(super) beside: (String, usize),
    /// The place of the analyzer that read them.
    pub(super) reader: u16,
}

impl<'a> Pairs<'a> {
    /// Keeps a claimed file if it is one of a pair. One that cannot be kept counts alone.
    pub(super) fn keep(
        &mut self,
        plugins: &'a PluginSet,
        spool: &mut Spool<'_>,
        file: ClaimedFile<'_>,
        event: usize,
    ) {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let Some((place, analyzer, pair)) = plugins.pair_of(name) else {
            return;
        };
        if file.size_bytes == 0 || self.kept.len() >= MAX_KEPT {
            return;
        }
        let content = match (file.spool, file.memory) {
            (Some(spooled), _) => spooled.ok(),
            (None, Some(content)) => spool.copy(content),
            (None, None) => None,
        };
        self.kept.extend(content.map(|content| FirstOfPair {
            path: file.path.to_owned(),
            event,
            size_bytes: file.size_bytes,
            content,
            analyzer,
            place,
            pair,
        }));
    }

    /// Reads every pair; of files with one path the last counts.
    pub(super) fn join(&self, limits: &Limits) -> Vec<Joined> {
        let mut joined = Vec::new();
        for (at, file) in self.kept.iter().enumerate() {
            let Some(dir) = file.path.strip_suffix(file.pair.file) else {
                continue;
            };
            let later = self.kept.get(at + 1..).unwrap_or_default();
            let is_replaced = later.iter().any(|other| other.path == file.path);
            let path = format!("{dir}{}", file.pair.beside);
            let beside = self.kept.iter().rfind(|other| other.path == path);
            if let Some(beside) = beside.filter(|_| !is_replaced) {
                let facts = plugin_set::analyze_pair(
                    file.analyzer,
                    file.spooled(limits),
                    beside.spooled(limits),
                );
                joined.push(Joined {
                    facts,
                    event: file.event,
                    beside: (path, beside.event),
                    reader: file.place,
                });
            }
        }
        joined
    }
}

impl FirstOfPair<'_> {
    fn spooled<'f>(&'f self, limits: &'f Limits) -> SpooledFile<'f> {
        SpooledFile {
            path: &self.path,
            content: &self.content,
            size_bytes: self.size_bytes,
            limits,
        }
    }
}
