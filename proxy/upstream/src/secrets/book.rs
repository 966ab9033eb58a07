//! Which byte strings must not be seen: found by their first bytes, however many there are.

use std::collections::{HashMap, VecDeque};

/// Bytes by which a needle is looked up; none is shorter.
pub(super) const HEAD_BYTES: usize = 6;
/// Secrets of short life remembered: as many as tokens are kept for one upstream.
const MAX_PASSING: usize = 10_000;
/// Bits of the first two bytes of every needle ever kept.
const FIRSTS: usize = 1 << 16;
/// Shortest needle that is no common word, in bytes.
const LONG_BYTES: usize = 12;

/// Lower-case needles, each with how many secrets it belongs to.
#[derive(Default)]
pub(super) struct Book {
    by_head: HashMap<[u8; HEAD_BYTES], Vec<Needle>>,
    /// Whether some needle begins with these two bytes: saves most look-ups. Never cleared.
    firsts: Vec<bool>,
    passing: VecDeque<Vec<Vec<u8>>>,
}

struct Needle {
    bytes: Box<[u8]>,
    owners: usize,
}

/// What a look-up wants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WantedSecret {
    /// Every needle.
    Any,
    /// Those that are no common word.
    Long,
}

impl Book {
    /// Keeps needles for good.
    pub(super) fn keep(&mut self, needles: Vec<Vec<u8>>) {
        for needle in needles {
            self.add(needle.to_ascii_lowercase());
        }
    }

    /// Keeps the needles of one secret until enough newer ones have come.
    pub(super) fn keep_for_now(&mut self, needles: Vec<Vec<u8>>) {
        let needles: Vec<_> = needles.iter().map(|one| one.to_ascii_lowercase()).collect();
        for needle in &needles {
            self.add(needle.clone());
        }
        self.passing.push_back(needles);
        if self.passing.len() > MAX_PASSING
            && let Some(oldest) = self.passing.pop_front()
        {
            for needle in oldest {
                self.remove(&needle);
            }
        }
    }

    /// Tells whether there is nothing to look for.
    pub(super) fn is_empty(&self) -> bool {
        self.by_head.is_empty()
    }

    /// Gives the length of the longest needle that the lower-case bytes begin with.
    pub(super) fn longest_at(&self, bytes: &[u8], wanted: WantedSecret) -> Option<usize> {
        let head = bytes.first_chunk::<HEAD_BYTES>()?;
        if !self.firsts.get(first_two(*head)).copied().unwrap_or(false) {
            return None;
        }
        let least = match wanted {
            WantedSecret::Any => 0,
            WantedSecret::Long => LONG_BYTES,
        };
        let needles = self.by_head.get(head)?.iter();
        let fits =
            |needle: &&Needle| needle.bytes.len() >= least && bytes.starts_with(&needle.bytes);
        needles.filter(fits).map(|needle| needle.bytes.len()).max()
    }

    fn add(&mut self, needle: Vec<u8>) {
        let Some(head) = needle.first_chunk::<HEAD_BYTES>().copied() else {
            return;
        };
        if self.firsts.is_empty() {
            self.firsts = vec![false; FIRSTS];
        }
        if let Some(first) = self.firsts.get_mut(first_two(head)) {
            *first = true;
        }
        let needles = self.by_head.entry(head).or_default();
        if let Some(known) = needles.iter_mut().find(|known| *known.bytes == *needle) {
            known.owners += 1;
            return;
        }
        needles.push(Needle {
            bytes: needle.into(),
            owners: 1,
        });
    }

    fn remove(&mut self, needle: &[u8]) {
        let Some(head) = needle.first_chunk::<HEAD_BYTES>() else {
            return;
        };
        let Some(needles) = self.by_head.get_mut(head) else {
            return;
        };
        if let Some(known) = needles.iter_mut().find(|known| *known.bytes == *needle) {
            known.owners = known.owners.saturating_sub(1);
        }
        needles.retain(|known| known.owners > 0);
        if needles.is_empty() {
            self.by_head.remove(head);
        }
    }
}

fn first_two(head: [u8; HEAD_BYTES]) -> usize {
    usize::from(head[0]) << 8 | usize::from(head[1])
}
