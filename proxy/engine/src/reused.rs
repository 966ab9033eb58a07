//! Long texts in memory that a thread of somebody's own uses again: having memory for each given out
//! and taken back costs as much as filling it.

use std::cell::RefCell;
use std::mem;
use std::ops::{Deref, DerefMut};

use crate::blocking;

/// Most texts that a thread keeps for the next image: those of what it holds, of its verdict, and of the
/// one before.
const MOST_KEPT: usize = 3;
/// Longest text whose memory is kept, in bytes; the usual ones have a quarter of that.
const MOST_BYTES: usize = 1024 * 1024;

thread_local! {
    static KEPT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes whose memory the next text of a thread that may wait is written to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reused(Vec<u8>);

impl From<Vec<u8>> for Reused {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Deref for Reused {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Reused {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for Reused {
    fn drop(&mut self) {
        let mut bytes = mem::take(&mut self.0);
        if bytes.capacity() == 0 || bytes.capacity() > MOST_BYTES || !blocking::may_wait() {
            return;
        }
        bytes.clear();
        // A thread that ends has none any more.
        let _ = KEPT.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            if kept.len() < MOST_KEPT {
                kept.push(bytes);
            }
        });
    }
}

/// Gives an empty text with room for so many bytes.
pub fn with_room(bytes: usize) -> Vec<u8> {
    let kept = KEPT.with_borrow_mut(|kept| {
        let fits = kept.iter().position(|kept| kept.capacity() >= bytes);
        fits.map(|at| kept.swap_remove(at)).or_else(|| kept.pop())
    });
    let mut text = kept.unwrap_or_default();
    text.reserve_exact(bytes);
    text
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_of_its_own_writes_to_the_same_memory_again() {
        let of_its_own = || {
            blocking::let_this_thread_wait();
            let first = with_room(100_000);
            let place = first.as_ptr();
            drop(Reused::from(first));
            let second = with_room(1_000);
            (place == second.as_ptr(), second.len(), second.capacity())
        };
        let (is_same, len, capacity) = thread::spawn(of_its_own).join().unwrap();
        assert!(is_same && len == 0 && capacity >= 100_000);
    }

    #[test]
    fn few_and_short_ones_are_kept_and_none_of_other_threads() {
        let kept_after = |bytes: usize, waits: bool| {
            let work = move || {
                if waits {
                    blocking::let_this_thread_wait();
                }
                let texts: Vec<Reused> = (0..9).map(|_| with_room(bytes).into()).collect();
                drop(texts);
                KEPT.with_borrow(Vec::len)
            };
            thread::spawn(work).join().unwrap()
        };
        assert_eq!(kept_after(1_000, true), MOST_KEPT);
        assert_eq!(kept_after(MOST_BYTES + 1, true), 0);
        assert_eq!(kept_after(1_000, false), 0);
    }
}
