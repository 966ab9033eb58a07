//! How much an index says of what images hold, kept where the next image asks: a table of fixed size
//! that forgets what a later name needs the place of.

use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Names whose sizes are kept; each takes eight bytes.
const PLACES: usize = 1 << 13;

/// The half of a place that holds a size.
const LOW: u64 = u32::MAX as u64;

/// Sizes by name. Of two names that look alike one may get the other's size: they are for estimates.
#[derive(Debug)]
pub(super) struct Sizes {
    hasher: RandomState,
    /// The upper half of a name's hash, and its size and one; 0 where nothing is kept.
    places: Box<[AtomicU64]>,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Sizes {
    /// Gives the size of a name where it is kept.
    pub(super) fn get(&self, name: impl Hash) -> Option<u64> {
        let (place, looks_like) = self.place(name)?;
        let kept = place.load(Ordering::Relaxed);
        let size = kept & LOW;
        (kept & !LOW == looks_like && size != 0).then(|| size - 1)
    }

    /// Keeps the size of a name, up to 4 GiB.
    pub(super) fn keep(&self, name: impl Hash, size: u64) {
        if let Some((place, looks_like)) = self.place(name) {
            let wanted = looks_like | (size.min(LOW - 1) + 1);
            // Most is known already: whoever only reads disturbs no other thread.
            if place.load(Ordering::Relaxed) != wanted {
                place.store(wanted, Ordering::Relaxed);
            }
        }
    }

    /// Gives the place of a name, and what it looks like there.
    fn place(&self, name: impl Hash) -> Option<(&AtomicU64, u64)> {
        let hash = self.hasher.hash_one(name);
        let at = usize::try_from(hash & LOW).unwrap_or_default() % PLACES;
        Some((self.places.get(at)?, hash & !LOW))
    }
}

/// Hashes what is a hash already: its first bytes are one as well.
pub(super) type FirstBytes = BuildHasherDefault<FirstBytesHasher>;

/// Takes the last eight bytes that are written at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FirstBytesHasher(u64);

impl Hasher for FirstBytesHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let first = bytes.first_chunk::<8>();
        self.0 = first.map_or(self.0, |first| u64::from_le_bytes(*first));
    }

    // The length of what follows, which is always the same.
    fn write_usize(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher as _;

    use super::*;

    #[test]
    fn a_size_is_kept_and_never_another() {
        let sizes = Sizes::default();
        assert_eq!(sizes.get(("npm", "left")), None);
        // Few enough that hardly one takes another's place.
        for number in 0..20_u64 {
            sizes.keep(("npm", number), number);
        }
        let kept = (0..20_u64).filter(|number| sizes.get(("npm", *number)) == Some(*number));
        assert!(kept.count() > 15);
        for number in 0..50_000_u64 {
            sizes.keep(("npm", number), number);
            assert_eq!(sizes.get(("npm", number)), Some(number));
        }
        for number in 0..50_000_u64 {
            assert!(sizes.get(("npm", number)).is_none_or(|size| size == number));
            assert_eq!(sizes.get(("pypi", number)), None);
        }
    }

    #[test]
    fn a_size_past_the_bound_is_the_bound() {
        let sizes = Sizes::default();
        sizes.keep("left", u64::MAX);
        assert_eq!(sizes.get("left"), Some(u64::from(u32::MAX) - 1));
    }

    #[test]
    fn a_key_is_hashed_by_its_first_bytes() {
        let mut key = [7_u8; 32];
        key[8..].fill(9);
        let hash = FirstBytes::default().hash_one(key);
        assert_eq!(hash, u64::from_le_bytes([7; 8]));
    }
}
