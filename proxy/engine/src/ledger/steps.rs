//! Steps from one basis to the next that changed nothing for most images, and which images those are.
//!
//! A verdict that rests on an earlier basis counts under a later one where every step between leaves
//! its image untouched. Whatever has no step, or is not listed by its packages, does not count.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sluicegate_model::{Digest, Sighting};

use super::error::LedgerError;
use super::term::Term;

/// A change of what verdicts rest on that concerns no image without one of some names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The digests of bases before; the first is that to which the step before leads.
    pub from: Vec<Digest>,
    /// The digest of the basis after.
    pub to: Digest,
    /// What the images that it concerns can be asked for by.
    pub terms: Vec<Term>,
}

/// Numbers under which images are listed, as bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageNumbers(Vec<u64>);

impl ImageNumbers {
    /// Adds a number.
    pub fn insert(&mut self, number: u32) {
        let (word, bit) = place(number);
        if self.0.len() <= word {
            self.0.resize(word.saturating_add(1), 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    /// Takes a number out.
    pub fn remove(&mut self, number: u32) {
        let (word, bit) = place(number);
        if let Some(word) = self.0.get_mut(word) {
            *word &= !bit;
        }
    }

    /// Tells whether a number is in it.
    pub fn has(&self, number: u32) -> bool {
        let (word, bit) = place(number);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Names them, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let words = (0_u32..).zip(&self.0);
        words.flat_map(|(at, word)| {
            let set = (0..u64::BITS).filter(move |bit| word >> bit & 1 == 1);
            set.map(move |bit| at.saturating_mul(u64::BITS).saturating_add(bit))
        })
    }

    /// Leaves what is in both.
    pub fn keep_common(&mut self, other: &Self) {
        self.0.truncate(other.0.len());
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }
}

fn place(number: u32) -> (usize, u64) {
    let word = usize::try_from(number / u64::BITS).unwrap_or(usize::MAX);
    (word, 1 << (number % u64::BITS))
}

/// The images that are listed, told apart by names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parted {
    /// Those that have one of the names, in order.
    pub with: Vec<u32>,
    /// All others.
    pub without: ImageNumbers,
}

/// The steps, and the images by their numbers.
#[async_trait]
pub trait Steps: Send + Sync {
    /// Gives the steps that are kept, in no order.
    async fn steps(&self) -> Result<Vec<Step>, LedgerError>;

    /// Keeps these steps and no others; durable on return.
    async fn keep_steps(&self, steps: &[Step]) -> Result<(), LedgerError>;

    /// Tells the images apart that are listed by their packages when it is called. One that is listed
    /// meanwhile may be in neither part, and is never in the wrong one.
    async fn part_images(&self, terms: &[Term]) -> Result<Parted, LedgerError>;

    /// Gives the numbers under which the packages of images are listed, as the analyzers see them now.
    async fn listed_as(&self, images: &[Sighting]) -> Result<Vec<Option<u32>>, LedgerError>;

    /// Names the images of some numbers; none for those that are not listed any more.
    async fn images_listed(&self, numbers: &[u32]) -> Result<Vec<Option<Sighting>>, LedgerError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[u32]) -> ImageNumbers {
        let mut all = ImageNumbers::default();
        for number in numbers {
            all.insert(*number);
        }
        all
    }

    #[test]
    fn numbers_are_there_until_they_are_taken_out_or_not_common() {
        let mut numbers = of(&[0, 63, 64, 1_000]);
        assert!([0, 63, 64, 1_000].into_iter().all(|it| numbers.has(it)));
        assert!(
            [1, 62, 65, 999, 1_001, u32::MAX]
                .into_iter()
                .all(|it| !numbers.has(it))
        );
        assert!(numbers.iter().eq([0, 63, 64, 1_000]));
        numbers.remove(63);
        numbers.remove(u32::MAX);
        assert!(!numbers.has(63));
        numbers.keep_common(&of(&[0, 63, 100]));
        assert!(numbers.has(0));
        assert!([63, 64, 100, 1_000].into_iter().all(|it| !numbers.has(it)));
    }
}
