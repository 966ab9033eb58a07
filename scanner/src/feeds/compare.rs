//! What two indexes answer otherwise: the names of packages for which asking both may differ.
//!
//! Blocks are compared byte by byte, tables row by row. What a table says of a weakness concerns every
//! package whose advisories name that weakness, be they the same in both. Nothing here knows of images.
//! Called by `change`.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;

use super::blocks::{Decoded, bytes_of, decode};
use super::cve::CveNumber;
use super::error::FeedError;
use super::exploits::shown_probability;
use super::index::FeedIndex;
use super::layout::KeyEntry;
use super::names::name_hash;
use crate::names::without_group;

/// What the tables of two indexes say otherwise.
#[derive(Debug, Default)]
struct Otherwise {
    cves: HashSet<CveNumber>,
    /// Hashes of names behind which there is another CVE, or one of those.
    names: HashSet<u64>,
}

impl FeedIndex {
    /// Names the packages, in normal form and of Maven's without the group as well, of which this index
    /// and a later one may say different things.
    ///
    /// Of the probabilities of exploitation only those count that have come to the other side of a
    /// threshold.
    pub(crate) fn differing(
        &self,
        later: &Self,
        thresholds: &[f64],
    ) -> Result<BTreeSet<String>, FeedError> {
        let mut names = BTreeSet::new();
        let same = self.differing_blocks(later, &mut names)?;
        let otherwise = self.differing_tables(later, thresholds);
        if otherwise.cves.is_empty() && otherwise.names.is_empty() {
            return Ok(names);
        }
        let Some(file) = &later.file else {
            return Ok(names);
        };
        for key in same {
            let block = decode(file, &key)?;
            if otherwise.concerns(&block) {
                note(&mut names, &block);
            }
        }
        Ok(names)
    }

    /// Notes the names of blocks that only one of the two has; gives the later one's others.
    fn differing_blocks(
        &self,
        later: &Self,
        names: &mut BTreeSet<String>,
    ) -> Result<Vec<KeyEntry>, FeedError> {
        let mut unchanged: HashSet<u64> = HashSet::new();
        for key in self.each_block() {
            match self.same_block(later, &key)? {
                Some(offset) => {
                    unchanged.insert(offset);
                }
                None => note_block(self.file.as_ref(), &key, names)?,
            }
        }
        let mut same = Vec::with_capacity(unchanged.len());
        for key in later.each_block() {
            if unchanged.contains(&key.offset) {
                same.push(key);
            } else {
                note_block(later.file.as_ref(), &key, names)?;
            }
        }
        Ok(same)
    }

    /// Lists every block once, in the order of the file: a name without its group leads to the same.
    fn each_block(&self) -> Vec<KeyEntry> {
        let mut keys = self.keys.clone();
        keys.sort_unstable_by_key(|key| key.offset);
        keys.dedup_by_key(|key| key.offset);
        keys
    }

    /// Finds the block of a later index that has the same bytes.
    fn same_block(&self, later: &Self, key: &KeyEntry) -> Result<Option<u64>, FeedError> {
        let (Some(own), Some(other)) = (&self.file, &later.file) else {
            return Ok(None);
        };
        let is_alike =
            |it: &&KeyEntry| it.length == key.length && it.crc == key.crc && it.hash == key.hash;
        let mut alike = later.keys_of(key.hash).filter(is_alike).peekable();
        if alike.peek().is_none() {
            return Ok(None);
        }
        let bytes = bytes_of(own, key)?;
        for candidate in alike {
            if bytes_of(other, candidate)? == bytes {
                return Ok(Some(candidate.offset));
            }
        }
        Ok(None)
    }

    fn differing_tables(&self, later: &Self, thresholds: &[f64]) -> Otherwise {
        let (old, new) = (&self.tables, &later.tables);
        let mut cves: HashSet<CveNumber> = HashSet::new();
        cves.extend(only_in_one(&old.known_exploited, &new.known_exploited));
        let ratings = only_in_one(&old.names.ratings, &new.names.ratings);
        cves.extend(ratings.map(|(cve, _)| cve));
        let scored = only_in_one(&self.severities, &later.severities);
        cves.extend(scored.filter_map(|rating| CveNumber::unpacked(rating.cve())));
        for (cve, _) in only_in_one(&old.exploit_scores, &new.exploit_scores) {
            let shown = |index: &Self| index.exploit_probability(cve).map(shown_probability);
            let reaches = |least: &f64, shown: Option<f64>| shown.is_some_and(|it| it >= *least);
            let (before, after) = (shown(self), shown(later));
            if thresholds
                .iter()
                .any(|least| reaches(least, before) != reaches(least, after))
            {
                cves.insert(cve);
            }
        }
        let behind = only_in_one(&old.names.names, &new.names.names);
        let mut names: HashSet<u64> = behind.map(|(name, _)| name).collect();
        let leading = new.names.names.iter().filter(|(_, cve)| cves.contains(cve));
        names.extend(leading.map(|(name, _)| *name));
        Otherwise { cves, names }
    }
}

impl Otherwise {
    /// Tells whether advisories name a weakness of which something else is said.
    fn concerns(&self, block: &Decoded) -> bool {
        block.advisories.iter().any(|advisory| {
            let own = || std::iter::once(&advisory.id).chain(&advisory.aliases);
            let all = own().chain(&advisory.upstream);
            let is_known = |cve: CveNumber| self.cves.contains(&cve);
            all.filter_map(|name| CveNumber::of_record(name))
                .any(is_known)
                || (!self.names.is_empty()
                    && own().any(|name| self.names.contains(&name_hash(name))))
        })
    }
}

/// Gives the rows that only one of two tables has; both are sorted by the start of a row, which no two
/// of a table share.
fn only_in_one<'a, T: PartialEq + Clone + Keyed>(
    one: &'a [T],
    other: &'a [T],
) -> impl Iterator<Item = T> + 'a {
    let missing = |from: &'a [T], to: &'a [T]| {
        from.iter().filter(move |row| {
            let at = to.binary_search_by_key(&row.key(), Keyed::key);
            at.ok().and_then(|at| to.get(at)) != Some(row)
        })
    };
    missing(one, other).chain(missing(other, one)).cloned()
}

/// What a table is sorted by.
trait Keyed {
    type Key: Ord;
    fn key(&self) -> Self::Key;
}

impl Keyed for CveNumber {
    type Key = Self;
    fn key(&self) -> Self {
        *self
    }
}

impl Keyed for super::severities::Rating {
    type Key = u64;
    fn key(&self) -> u64 {
        self.cve()
    }
}

impl<K: Ord + Copy, V> Keyed for (K, V) {
    type Key = K;
    fn key(&self) -> K {
        self.0
    }
}

fn note_block(
    file: Option<&File>,
    key: &KeyEntry,
    names: &mut BTreeSet<String>,
) -> Result<(), FeedError> {
    if let Some(file) = file {
        note(names, &decode(file, key)?);
    }
    Ok(())
}

fn note(names: &mut BTreeSet<String>, block: &Decoded) {
    let alone = without_group(&block.ecosystem, &block.name);
    names.extend(alone.map(str::to_owned));
    names.insert(block.name.to_string());
}
