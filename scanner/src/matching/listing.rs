//! What an image lists of all that was found: everything, or groups of copies, worst first.
//!
//! Findings never expand before the bound: what is said of one package and version is kept once,
//! beside the components that have it. Called by `judge`; policy sees only what is listed, so that
//! what does not fit is a fatal gap.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::mem::size_of;
use std::sync::Arc;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::finding::{Finding, FindingKind, MAX_PATHS};
use sluicegate_model::package::Component;

use super::finding;
use crate::limits::MIB;

/// Most findings that an image lists.
pub(super) const MAX_FINDINGS: usize = 20_000;

/// Most memory that the listed findings take, in bytes: 20,000 of usual ones take 18 MiB, and what
/// is made of a verdict takes as much again, several times.
const MAX_BYTES: u64 = 24 * MIB;

/// What the allocator adds to a text.
const TEXT_BYTES: usize = 16;

/// Findings while they are collected.
pub(super) struct Listing<'a> {
    entries: Vec<ListedFinding<'a>>,
    /// What the entries take as groups.
    bytes: u64,
    /// How many findings there are one by one, and what those take.
    all: u64,
    all_bytes: u64,
    most: usize,
    dropped: u64,
}

/// What is said of one package and version, and the components that have it, at least one.
struct ListedFinding<'a> {
    said: Arc<Finding>,
    copies: &'a [&'a Component],
    /// What is said takes in memory.
    own: u64,
}

impl<'a> Listing<'a> {
    /// Begins a list of at most `most` findings.
    pub(super) fn of(most: usize) -> Self {
        Self {
            entries: Vec::new(),
            bytes: 0,
            all: 0,
            all_bytes: 0,
            most,
            dropped: 0,
        }
    }

    /// Takes in what is true of each group of copies; the places are theirs.
    pub(super) fn add(&mut self, said: Arc<Finding>, groups: &[&'a [&'a Component]]) {
        let place = groups.iter().find_map(|copies| copies.first());
        let place = u64::try_from(place.map_or(0, |copy| copy.path.len())).unwrap_or(u64::MAX);
        let own = said.weight().saturating_add(place);
        for copies in groups.iter().copied().filter(|copies| !copies.is_empty()) {
            let count = u64::try_from(copies.len()).unwrap_or(u64::MAX);
            self.all = self.all.saturating_add(count);
            self.all_bytes = self.all_bytes.saturating_add(own.saturating_mul(count));
            let said = Arc::clone(&said);
            let entry = ListedFinding { said, copies, own };
            self.bytes = self.bytes.saturating_add(entry.weight());
            self.entries.push(entry);
        }
        if self.entries.len() > self.most.saturating_mul(2) || self.bytes > MAX_BYTES * 2 {
            self.cut();
        }
    }

    /// Gives every weakness by each of its names, with the package that has it.
    pub(super) fn weaknesses(&self) -> HashSet<(&str, &str)> {
        let mut all = HashSet::new();
        for entry in &self.entries {
            let names = std::iter::once(&entry.said.id).chain(&entry.said.aliases);
            for name in names {
                let purls = entry.copies.iter().map(|copy| copy.purl.as_str());
                all.extend(purls.map(|purl| (purl, name.as_str())));
            }
        }
        all
    }

    /// Gives what is listed, in no order, and a gap where that is not everything.
    pub(super) fn finish(mut self) -> (Vec<Finding>, Option<Gap>) {
        let fits = usize::try_from(self.all).is_ok_and(|all| all <= self.most);
        if self.dropped == 0 && fits && self.all_bytes.max(self.bytes) <= MAX_BYTES {
            let mut each = Vec::with_capacity(usize::try_from(self.all).unwrap_or_default());
            each.extend(self.entries.iter().flat_map(ListedFinding::each));
            return (each, None);
        }
        self.cut();
        let gap = (self.dropped > 0).then(|| {
            let (all, listed) = (self.all, self.entries.len());
            let detail = format!(
                "{all} findings are too many: {listed} groups of them are listed, the worst, and \
                 {} are not",
                self.dropped
            );
            Gap::fatal(GapKind::Budget, detail)
        });
        let grouped = self.entries.into_iter().map(ListedFinding::together);
        (grouped.collect(), gap)
    }

    /// Keeps as many of the worst as there is room for.
    fn cut(&mut self) {
        self.entries.sort_by(|a, b| a.badness().cmp(&b.badness()));
        let (mut kept, mut bytes) = (0, 0_u64);
        for entry in self.entries.iter().take(self.most) {
            let with = bytes.saturating_add(entry.weight());
            if with > MAX_BYTES {
                break;
            }
            (kept, bytes) = (kept + 1, with);
        }
        let dropped = self.entries.len().saturating_sub(kept);
        let dropped = u64::try_from(dropped).unwrap_or(u64::MAX);
        self.dropped = self.dropped.saturating_add(dropped);
        self.entries.truncate(kept);
        self.bytes = bytes;
    }
}

impl ListedFinding<'_> {
    /// The order: known exploited, malware, severity; the rest only makes it total.
    fn badness(&self) -> impl Ord + '_ {
        let said = &self.said;
        let copy = self.copies.first();
        (
            (!said.kev, said.kind != FindingKind::Malware),
            Reverse(said.severity),
            &said.id,
            copy.map(|copy| (&copy.package.name, &copy.package.version, &copy.purl)),
            copy.map(|copy| (&copy.path, &copy.layer)),
        )
    }

    fn weight(&self) -> u64 {
        let paths = self.copies.iter().take(MAX_PATHS);
        let paths: usize = paths.map(|copy| copy.path.len() + TEXT_BYTES).sum();
        let paths = u64::try_from(paths).unwrap_or(u64::MAX);
        self.own.saturating_add(paths)
    }

    /// Gives a finding for each copy.
    fn each(&self) -> impl Iterator<Item = Finding> + '_ {
        let copies = self.copies.iter();
        copies.map(|copy| finding::placed(&self.said, finding::package(copy, &self.said)))
    }

    /// Gives one finding for all copies.
    fn together(self) -> Finding {
        let copies = u64::try_from(self.copies.len()).unwrap_or(u64::MAX);
        let mut paths = Vec::new();
        if copies > 1 {
            let first = self.copies.iter().take(MAX_PATHS);
            paths.extend(first.map(|copy| copy.path.clone()));
        }
        let first = self.copies.first();
        let first = first.map(|copy| finding::package(copy, &self.said));
        let said = Arc::unwrap_or_clone(self.said);
        Finding {
            package: first.unwrap_or_else(|| said.package.clone()),
            copies,
            paths,
            ..said
        }
    }
}

/// What a value takes in memory.
pub(super) trait Weight {
    /// Estimates it, in bytes, with what lies behind it.
    fn weight(&self) -> u64;
}

impl Weight for Finding {
    fn weight(&self) -> u64 {
        let package = &self.package;
        let lists = self.aliases.iter().chain(&self.advisories);
        let texts = [&self.id, &self.source, &package.name, &package.version]
            .into_iter()
            .chain([&package.purl, &package.path])
            .chain(&self.severity_source)
            .chain(&self.fixed)
            .chain(&self.detail);
        let own = self.attributed.as_deref();
        let own = own.map_or(0, |own| {
            size_of_val(own) + own.name.len() + own.version.len() + own.purl.len()
        });
        let listed: usize = lists
            .map(|name| name.len() + size_of::<String>() + TEXT_BYTES)
            .sum();
        let texts: usize = texts.map(|text| text.len() + TEXT_BYTES).sum();
        let layer = package.layer.as_str().len() + TEXT_BYTES;
        let all = size_of::<Self>() + listed + texts + layer + own;
        u64::try_from(all).unwrap_or(u64::MAX)
    }
}
