//! What a change of what is in force asks for: every verdict looked at, or only those on the images
//! that it concerns.
//!
//! Other advisories are held against those before them, record by record. Whatever is not known to be
//! the next after what was seen here, and whatever else changed with it, concerns everything.

use std::sync::Arc;
use std::thread;

use jiff::Timestamp;
use sluicegate_model::Digest;
use sluicegate_policy::{Ages, PolicySet};
use sluicegate_scanner::Reach;
use tokio::sync::oneshot;

use super::Rejudge;
use crate::lacks::lacks;
use crate::ledger::Step;
use crate::ledger::term;
use crate::pull::carried::{Carried, Concerned};
use crate::pull::error::PullError;
use crate::pull::judging::Judging;
use crate::snapshots::{Advisories, Epoch};

/// Most names of a step: what changes for more concerns most images.
const MAX_NAMES: usize = 4_096;

/// What was in force when it was looked at last.
pub(crate) struct Seen {
    epoch: Epoch,
    basis: Digest,
    policies: Arc<PolicySet>,
    advisories: Advisories,
    /// Whether what is beside the records was another at first: verdicts may rest on either.
    is_mixed: bool,
    /// Whether every verdict was looked at under it.
    pub(super) is_settled: bool,
}

/// Which verdicts are to be looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of them.
    All,
    /// Those on the images that are listed under these numbers.
    Images(Vec<u32>),
}

impl Seen {
    fn of(judging: &Judging) -> Self {
        let in_force = &judging.in_force;
        Self {
            epoch: in_force.epoch,
            basis: judging.basis().digest(),
            policies: Arc::clone(&in_force.policies),
            advisories: in_force.advisories.clone(),
            is_mixed: false,
            is_settled: false,
        }
    }

    /// Takes up what changed beside the records.
    fn beside(&mut self, judging: &Judging) {
        let advisories = &judging.in_force.advisories;
        let before = self.advisories.standing.expires;
        self.is_mixed |= before != advisories.standing.expires;
        self.epoch = judging.in_force.epoch;
        self.advisories = advisories.clone();
    }

    /// Tells whether what is in force came right after it, and only advisories did.
    fn is_right_before(&self, judging: &Judging) -> bool {
        let epoch = judging.in_force.epoch;
        !self.is_mixed
            && self.epoch.policies == epoch.policies
            && self.epoch.feeds.checked_add(1) == Some(epoch.feeds)
            && self.policies.digest() == judging.in_force.policies.digest()
    }
}

impl Rejudge {
    /// Takes note of what changes beside the records while those stay.
    pub(crate) fn note_beside(&self, seen: &mut Option<Seen>) {
        let judging = self.judge.judging();
        if let Some(seen) = seen
            && seen.basis == judging.basis().digest()
        {
            seen.beside(&judging);
        }
    }

    /// Looks at what is in force, has verdicts of before count where it does not concern them, and
    /// tells which are to be looked at.
    pub(crate) async fn take_up(&self, seen: &mut Option<Seen>) -> Result<Wanted, PullError> {
        let judging = self.judge.judging();
        let basis = judging.basis().digest();
        let Some(before) = seen else {
            let carried = Carried::restored(&*self.ledger, &basis).await?;
            self.judge.carry(carried);
            *seen = Some(Seen::of(&judging));
            return Ok(Wanted::All);
        };
        if before.basis == basis {
            before.beside(&judging);
            return Ok(Wanted::All);
        }
        let (from, was_settled) = (before.basis.clone(), before.is_settled);
        let step = self.step_from(before, &judging).await;
        let Some(step) = step else {
            self.ledger.keep_steps(&[]).await?;
            self.judge.carry(Carried::nothing_to(basis));
            *seen = Some(Seen::of(&judging));
            return Ok(Wanted::All);
        };
        let carried = self.judge.carried();
        let carried = carried.stepped(&*self.ledger, (from, basis), step).await;
        let (carried, concerned) = carried?;
        self.judge.carry(carried);
        *seen = Some(Seen::of(&judging));
        Ok(match concerned {
            Concerned::Images(numbers) if was_settled => Wanted::Images(numbers),
            Concerned::Images(_) | Concerned::Anything => Wanted::All,
        })
    }

    /// Makes the step to what is in force; none where it may concern everything.
    async fn step_from(&self, before: &Seen, judging: &Judging) -> Option<Step> {
        if !before.is_right_before(judging) {
            return None;
        }
        let policies = Arc::clone(&before.policies);
        let (earlier, later) = (&before.advisories, &judging.in_force.advisories);
        let (earlier, later, now) = (earlier.clone(), later.clone(), judging.now);
        let (sender, answer) = oneshot::channel();
        let give_way = self.give_way;
        let work = move || {
            give_way();
            // Whoever asked may be gone.
            let _ = sender.send(reach(&policies, &earlier, &later, now));
        };
        // Without the thread nobody answers, which concerns everything.
        thread::Builder::new()
            .name("reach".into())
            .spawn(work)
            .ok()?;
        let Reach::Packages(names) = answer.await.ok()? else {
            return None;
        };
        tracing::info!(names = names.len(), "advisories changed on packages");
        (names.len() <= MAX_NAMES).then(|| Step {
            from: vec![before.basis.clone()],
            to: judging.basis().digest(),
            terms: term::of_asked(&names),
        })
    }
}

/// Tells how far a change of advisories reaches under some policies.
fn reach(policies: &PolicySet, earlier: &Advisories, later: &Advisories, now: Timestamp) -> Reach {
    let [known, known_later] = [earlier, later].map(|it| it.index.all_knowledge(now));
    let before = Ages {
        known: &known,
        standing: &earlier.standing,
    };
    let after = Ages {
        known: &known_later,
        standing: &later.standing,
    };
    let stand = policies.ages_as_well(before, after, now);
    if !stand || lacks(&earlier.index) != lacks(&later.index) {
        return Reach::Everything;
    }
    let thresholds = policies.thresholds();
    let reach = sluicegate_scanner::reach(&earlier.index, &later.index, &thresholds, now);
    reach.unwrap_or_else(|error| {
        tracing::warn!(%error, "advisories not compared; every verdict is made anew");
        Reach::Everything
    })
}
