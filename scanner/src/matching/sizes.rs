//! How much an index says of a name, kept where the next image asks: a table of fixed size that forgets
//! what a later name needs the place of.

use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Names whose sizes are kept; each takes eight bytes.
const PLACES: usize = 1 << 13;

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
    /// Gives the size of a name, up to 4 GiB; it is measured where it is not kept.
    pub(super) fn of(&self, name: (&str, &str), measure: impl FnOnce() -> u64) -> u64 {
        let hash = self.hasher.hash_one(name);
        let at = usize::try_from(hash).unwrap_or_default() % PLACES;
        let Some(place) = self.places.get(at) else {
            return measure();
        };
        let (looks_like, low) = (hash >> 32, u64::from(u32::MAX));
        let kept = place.load(Ordering::Relaxed);
        if kept >> 32 == looks_like && kept & low != 0 {
            return (kept & low) - 1;
        }
        let size = measure().min(low - 1);
        place.store(looks_like << 32 | (size + 1), Ordering::Relaxed);
        size
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
    use std::cell::Cell;
    use std::hash::BuildHasher as _;

    use super::*;

    #[test]
    fn a_size_is_measured_once_and_never_another() {
        let (sizes, measured) = (Sizes::default(), Cell::new(0));
        for _ in 0..2 {
            // Few enough that hardly one takes another's place.
            for number in 0..20_u64 {
                let name = number.to_string();
                let size = sizes.of(("npm", &name), || {
                    measured.set(measured.get() + 1);
                    number
                });
                assert_eq!(size, number);
            }
        }
        assert!(measured.get() < 30, "{}", measured.get());
        let names: Vec<String> = (0..50_000).map(|number| format!("name-{number}")).collect();
        for (number, name) in (0_u64..).zip(&names) {
            assert_eq!(sizes.of(("npm", name), || number), number);
        }
    }

    #[test]
    fn a_size_past_the_bound_is_the_bound() {
        let sizes = Sizes::default();
        for _ in 0..2 {
            let size = sizes.of(("npm", "left"), || u64::MAX);
            assert_eq!(size, u64::from(u32::MAX) - 1);
        }
    }

    #[test]
    fn a_key_is_hashed_by_its_first_bytes() {
        let mut key = [7_u8; 32];
        key[8..].fill(9);
        let hash = FirstBytes::default().hash_one(key);
        assert_eq!(hash, u64::from_le_bytes([7; 8]));
    }
}
