//! Which verdicts of earlier bases count under the one that is in force: those on images that nothing
//! since could have judged otherwise.
//!
//! A step is kept before it counts, so that a restart finds the same. A basis that no steps lead from
//! is none whose verdicts count.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sluicegate_model::Digest;

use crate::ledger::{ImageNumbers, Ledger, LedgerError, Step};

/// Most steps that are kept apart; with more the older half becomes one, for which whatever concerned
/// an image in any of them concerns it in all.
const MAX_STEPS: usize = 96;
/// Most names of the step that so many became, and most bases that it leads from: verdicts of those are
/// made anew where it has more.
const MAX_TERMS: usize = 8_192;
const MAX_BASES: usize = 1_024;

/// What counts under one basis.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    /// The basis that is in force; none where nothing is known yet.
    to: Option<Digest>,
    /// The steps that lead to it, the last one at the end.
    steps: Vec<Step>,
    /// For each earlier basis the images that no step since concerns.
    untouched: HashMap<Digest, Arc<ImageNumbers>>,
}

/// What a step asks for.
pub(crate) enum Concerned {
    /// Verdicts on the images of these numbers do not count any more.
    Images(Vec<u32>),
    /// Others do not, either.
    Anything,
}

impl Carried {
    /// Begins with nothing but verdicts of the basis itself.
    pub(crate) fn nothing_to(basis: Digest) -> Self {
        Self {
            to: Some(basis),
            ..Self::default()
        }
    }

    /// Takes up the steps that were kept and lead to a basis.
    pub(crate) async fn restored(ledger: &dyn Ledger, basis: &Digest) -> Result<Self, LedgerError> {
        let kept = ledger.steps().await?;
        Self::along(ledger, &kept, basis).await
    }

    /// Walks back from a basis along the steps that lead to it.
    async fn along(
        ledger: &dyn Ledger,
        kept: &[Step],
        basis: &Digest,
    ) -> Result<Self, LedgerError> {
        let mut carried = Self::nothing_to(basis.clone());
        let (mut at, mut since): (_, Option<Arc<ImageNumbers>>) = (basis, None);
        while let Some(step) = kept.iter().find(|step| step.to == *at) {
            let is_known = |from: &Digest| from == basis || carried.untouched.contains_key(from);
            let Some(first) = step.from.first().filter(|first| !is_known(first)) else {
                break;
            };
            let mut without = ledger.part_images(&step.terms).await?.without;
            if let Some(later) = &since {
                without.keep_common(later);
            }
            let without = Arc::new(without);
            let from: Vec<&Digest> = step.from.iter().filter(|from| !is_known(from)).collect();
            for from in from {
                carried.untouched.insert(from.clone(), Arc::clone(&without));
            }
            carried.steps.insert(0, step.clone());
            (at, since) = (first, Some(without));
        }
        Ok(carried)
    }

    /// Takes a step further.
    pub(crate) async fn stepped(
        &self,
        ledger: &dyn Ledger,
        (from, to): (Digest, Digest),
        step: Step,
    ) -> Result<(Self, Concerned), LedgerError> {
        let continues = self.to.as_ref() == Some(&from);
        let mut steps = Vec::new();
        if continues {
            steps.clone_from(&self.steps);
        }
        steps.push(step.clone());
        if steps.len() > MAX_STEPS {
            let later = steps.split_off(MAX_STEPS / 2);
            let steps: Vec<Step> = joined(&steps).into_iter().chain(later).collect();
            ledger.keep_steps(&steps).await?;
            let next = Self::along(ledger, &steps, &to).await?;
            return Ok((next, Concerned::Anything));
        }
        ledger.keep_steps(&steps).await?;
        let parted = ledger.part_images(&step.terms).await?;
        let mut next = Self::nothing_to(to.clone());
        next.steps = steps;
        let earlier = self.untouched.iter().filter(|_| continues);
        // Those that were one step are one set.
        let mut common: Vec<(Arc<ImageNumbers>, Arc<ImageNumbers>)> = Vec::new();
        for (basis, images) in earlier {
            let known = common.iter().find(|(of, _)| Arc::ptr_eq(of, images));
            let left = if let Some((_, left)) = known {
                Arc::clone(left)
            } else {
                let mut left = ImageNumbers::clone(images);
                left.keep_common(&parted.without);
                let left = Arc::new(left);
                common.push((Arc::clone(images), Arc::clone(&left)));
                left
            };
            next.untouched.insert(basis.clone(), left);
        }
        next.untouched.insert(from, Arc::new(parted.without));
        next.untouched.remove(&to);
        Ok((next, Concerned::Images(parted.with)))
    }

    /// Gives the images whose verdicts of an earlier basis count under one that is in force.
    pub(crate) fn untouched(&self, earlier: &Digest, basis: &Digest) -> Option<&ImageNumbers> {
        let is_in_force = self.to.as_ref() == Some(basis);
        let images = self.untouched.get(earlier).filter(|_| is_in_force);
        images.map(AsRef::as_ref)
    }
}

/// Makes one step of several that follow each other; none where that has too many names.
fn joined(steps: &[Step]) -> Option<Step> {
    let to = steps.last()?.to.clone();
    let terms: BTreeSet<_> = steps.iter().flat_map(|step| &step.terms).collect();
    let mut from: Vec<Digest> = Vec::new();
    for earlier in steps.iter().flat_map(|step| &step.from) {
        if !from.contains(earlier) && *earlier != to {
            from.push(earlier.clone());
        }
    }
    let fits = terms.len() <= MAX_TERMS && from.len() <= MAX_BASES;
    fits.then(|| Step {
        from,
        to,
        terms: terms.into_iter().copied().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::term::Term;
    use crate::testkit::MemoryLedger;
    use crate::testkit::ledger_suite::packages::{inventory, judge};

    fn basis(number: usize) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    async fn walked(ledger: &MemoryLedger, steps: usize) -> (Carried, usize) {
        let mut carried = Carried::nothing_to(basis(0));
        let mut all = 0;
        for number in 0..steps {
            // The name of `five` changes once, that of `none` never.
            let names = if number == 5 { &["five"][..] } else { &["x"] };
            let step = Step {
                from: vec![basis(number)],
                to: basis(number + 1),
                terms: names.iter().map(|name| Term::installed(name)).collect(),
            };
            let ends = (basis(number), basis(number + 1));
            let (next, concerned) = carried.stepped(ledger, ends, step).await.unwrap();
            carried = next;
            all += usize::from(matches!(concerned, Concerned::Anything));
        }
        (carried, all)
    }

    #[tokio::test]
    async fn verdicts_count_however_many_steps_leave_their_images_untouched() {
        let ledger = MemoryLedger::default();
        for image in ["five", "none"] {
            judge(&ledger, image, Some(&inventory([image.to_owned()]))).await;
        }
        let (carried, all) = walked(&ledger, 300).await;
        assert_eq!(all, 5, "the older half became one");
        assert!(carried.steps.len() <= MAX_STEPS, "{}", carried.steps.len());
        let (from, to) = (basis(0), basis(300));
        let restored = Carried::restored(&ledger, &to).await.unwrap();
        for carried in [&carried, &restored] {
            let before = carried.untouched(&from, &to).unwrap();
            assert!(before.iter().eq([1]), "{before:?}");
            let recent = carried.untouched(&basis(299), &to).unwrap();
            assert!(recent.iter().eq([0, 1]), "{recent:?}");
            assert!(carried.untouched(&from, &basis(299)).is_none());
            assert!(carried.untouched(&basis(1_000), &to).is_none());
        }
        let other = Carried::restored(&ledger, &basis(7)).await.unwrap();
        assert!(other.untouched(&from, &basis(7)).is_none());
    }
}
