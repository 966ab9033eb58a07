//! Gaps while they are collected: whoever makes millions of faults is shown some of each kind and
//! the number of the others.
//!
//! Every kind stays, and whether it is fatal, so that nothing that is decided by gaps changes.
//! Called wherever gaps of many files come together: the walk, the merge, matching.

use std::collections::BTreeMap;

use sluicegate_model::coverage::{Gap, GapKind};

/// Most gaps of one kind that are listed.
const MAX_LISTED: usize = 1_000;

/// Most bytes of text that the listed gaps of one kind have; the first is listed whatever it has.
const MAX_TEXT_BYTES: usize = 256 * 1024;

/// Gaps of any number, of which a bounded one is kept.
#[derive(Debug, Default)]
pub(crate) struct GapList {
    listed: Vec<Gap>,
    kinds: BTreeMap<(GapKind, bool), Tally>,
}

/// How many gaps of one kind there are.
#[derive(Debug, Default)]
struct Tally {
    listed: usize,
    text_bytes: usize,
    more: u64,
}

impl GapList {
    /// Takes a gap in.
    pub(crate) fn push(&mut self, gap: Gap) {
        let tally = self.kinds.entry((gap.kind, gap.fatal)).or_default();
        let bytes = gap.detail.len() + gap.path.as_ref().map_or(0, String::len);
        let has_room = tally.listed < MAX_LISTED && tally.text_bytes + bytes <= MAX_TEXT_BYTES;
        if has_room || tally.listed == 0 {
            tally.listed += 1;
            tally.text_bytes += bytes;
            self.listed.push(gap);
        } else {
            tally.more += 1;
        }
    }

    /// Counts gaps of a kind that is listed already, without making them.
    pub(crate) fn count_more(&mut self, kind: GapKind, fatal: bool, more: u64) {
        let tally = self.kinds.entry((kind, fatal)).or_default();
        tally.more = tally.more.saturating_add(more);
    }

    /// Gives what is listed, and of each kind with more one gap that counts them.
    pub(crate) fn into_gaps(self) -> Vec<Gap> {
        let mut gaps = self.listed;
        for ((kind, fatal), tally) in self.kinds {
            if tally.more > 0 {
                let detail = format!("and {} more of this kind, which are not listed", tally.more);
                gaps.push(Gap {
                    fatal,
                    ..Gap::partial(kind, detail)
                });
            }
        }
        gaps
    }
}

impl Extend<Gap> for GapList {
    fn extend<I: IntoIterator<Item = Gap>>(&mut self, gaps: I) {
        for gap in gaps {
            self.push(gap);
        }
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_model::coverage::{Coverage, CoverageStatus};

    use super::*;

    fn gap(number: usize) -> Gap {
        Gap::partial(GapKind::FileUnreadable, "it ends early").at(format!("srv/{number}"))
    }

    #[test]
    fn what_an_honest_image_has_is_listed_whole() {
        let mut list = GapList::default();
        list.extend((0..MAX_LISTED).map(gap));
        let gaps: Vec<Gap> = (0..MAX_LISTED).map(gap).collect();
        assert_eq!(list.into_gaps(), gaps);
    }

    #[test]
    fn two_million_faults_are_some_and_a_number() {
        let mut list = GapList::default();
        list.extend((0..2_000_000).map(gap));
        list.push(Gap::fatal(GapKind::FileUnreadable, "fatal"));
        list.push(Gap::fatal(GapKind::Budget, "another kind"));
        let gaps = list.into_gaps();
        assert_eq!(gaps.len(), MAX_LISTED + 3);
        let told = "and 1999000 more of this kind, which are not listed";
        assert!(gaps.iter().any(|gap| gap.detail == told && !gap.fatal));
        assert_eq!(
            Coverage::from_gaps(gaps).status,
            CoverageStatus::Unscannable
        );
    }

    #[test]
    fn long_paths_are_bounded_by_their_bytes() {
        let mut list = GapList::default();
        let path = "x".repeat(4_096);
        list.extend((0..5_000).map(|_| Gap::partial(GapKind::FileTooLarge, "").at(&*path)));
        assert_eq!(list.into_gaps().len(), MAX_TEXT_BYTES / 4_096 + 1);
        let mut list = GapList::default();
        let path = "x".repeat(MAX_TEXT_BYTES + 1);
        list.push(Gap::partial(GapKind::FileTooLarge, "").at(path));
        assert_eq!(list.into_gaps().len(), 1, "never none of a kind");
    }
}
