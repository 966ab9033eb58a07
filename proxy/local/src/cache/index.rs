//! What is stored and what goes first: sizes, order of use, pins. Pure bookkeeping.
//!
//! It touches no file; `store` and `documents` delete what [`CacheIndex::overflow`] names.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// What files take is counted in blocks of so many bytes, as ext4, XFS and tmpfs give them.
const BLOCK_BYTES: u64 = 4096;

/// Entries by key, with the order in which they were last used.
#[derive(Debug)]
pub(super) struct CacheIndex<K> {
    entries: HashMap<K, CachedFile>,
    by_use: BTreeMap<u64, K>,
    pins: HashMap<K, u32>,
    next_use: u64,
    used_bytes: u64,
}

/// What is known of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct CachedFile {
    pub(super) len: u64,
    last_use: u64,
    /// Whether this process has seen that the content is what its name says.
    pub(super) is_proven: bool,
}

impl<K: Clone + Eq + Hash> CacheIndex<K> {
    pub(super) fn new() -> Self {
        Self {
            entries: HashMap::new(),
            by_use: BTreeMap::new(),
            pins: HashMap::new(),
            next_use: 0,
            used_bytes: 0,
        }
    }

    /// Adds or replaces an entry as the most recently used one.
    pub(super) fn insert(&mut self, key: K, len: u64, is_proven: bool) {
        self.remove(&key);
        let last_use = self.tick();
        self.by_use.insert(last_use, key.clone());
        let entry = CachedFile {
            len,
            last_use,
            is_proven,
        };
        self.entries.insert(key, entry);
        self.used_bytes = self.used_bytes.saturating_add(taken(len));
    }

    /// Gives an entry and makes it the most recently used one.
    pub(super) fn touch(&mut self, key: &K) -> Option<CachedFile> {
        let now = self.tick();
        let entry = self.entries.get_mut(key)?;
        self.by_use.remove(&entry.last_use);
        entry.last_use = now;
        self.by_use.insert(now, key.clone());
        Some(*entry)
    }

    /// Tells whether an entry is there and nothing to doubt about it.
    pub(super) fn is_proven(&self, key: &K) -> bool {
        self.entries.get(key).is_some_and(|entry| entry.is_proven)
    }

    pub(super) fn note_proven(&mut self, key: &K) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.is_proven = true;
        }
    }

    /// Forgets an entry; its pins stay.
    pub(super) fn remove(&mut self, key: &K) -> bool {
        let Some(entry) = self.entries.remove(key) else {
            return false;
        };
        self.by_use.remove(&entry.last_use);
        self.used_bytes = self.used_bytes.saturating_sub(taken(entry.len));
        true
    }

    /// Counts the bytes that the entries' files take of the disk.
    pub(super) fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    /// Protects a key, present or yet to come, from [`CacheIndex::overflow`].
    pub(super) fn pin(&mut self, key: &K) {
        let count = self.pins.entry(key.clone()).or_default();
        *count = count.saturating_add(1);
    }

    /// Takes one protection back.
    pub(super) fn unpin(&mut self, key: &K) {
        if let Some(count) = self.pins.get_mut(key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.pins.remove(key);
            }
        }
    }

    /// Forgets the least recently used entries that nobody pinned until the rest fits, and names them.
    ///
    /// `keep` is spared as well: it has just been written, and somebody is about to ask for it.
    pub(super) fn overflow(&mut self, capacity_bytes: u64, keep: &K) -> Vec<K> {
        let mut excess = self.used_bytes.saturating_sub(capacity_bytes);
        let mut victims = Vec::new();
        for key in self.by_use.values() {
            if excess == 0 {
                break;
            }
            if key == keep || self.pins.contains_key(key) {
                continue;
            }
            let freed = self.entries.get(key).map_or(0, |entry| taken(entry.len));
            excess = excess.saturating_sub(freed);
            victims.push(key.clone());
        }
        for key in &victims {
            self.remove(key);
        }
        victims
    }

    fn tick(&mut self) -> u64 {
        self.next_use = self.next_use.saturating_add(1);
        self.next_use
    }
}

/// Gives what a file of `len` bytes takes of the disk, in bytes.
fn taken(len: u64) -> u64 {
    len.checked_next_multiple_of(BLOCK_BYTES).unwrap_or(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_the_least_recently_used_first() {
        let mut index = CacheIndex::new();
        for key in ["a", "b", "c"] {
            index.insert(key, 10, true);
        }
        assert_eq!(index.touch(&"a").unwrap().len, 10);
        assert_eq!(index.overflow(BLOCK_BYTES * 3 / 2, &"c"), ["b", "a"]);
        assert_eq!(index.used_bytes(), BLOCK_BYTES);
    }

    #[test]
    fn never_drops_what_is_pinned_or_just_written() {
        let mut index = CacheIndex::new();
        index.pin(&"a");
        index.insert("a", 10, true);
        index.insert("b", 10, true);
        assert!(index.overflow(BLOCK_BYTES, &"b").is_empty());
        index.unpin(&"a");
        assert_eq!(index.overflow(BLOCK_BYTES, &"b"), ["a"]);
    }

    #[test]
    fn counts_a_replaced_entry_once() {
        let mut index = CacheIndex::new();
        index.insert("a", BLOCK_BYTES + 1, true);
        assert_eq!(index.used_bytes(), 2 * BLOCK_BYTES);
        index.insert("a", 4, true);
        assert_eq!(index.used_bytes(), BLOCK_BYTES);
        assert!(index.remove(&"a"));
        assert!(!index.remove(&"a"));
        assert_eq!(index.used_bytes(), 0);
    }
}
