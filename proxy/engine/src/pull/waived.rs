//! Which images somebody let through, and what their verdicts are while that lasts.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use sluicegate_model::clock::Clock;
use sluicegate_model::verdict::{Decision, Reason, RuleId, Verdict};
use sluicegate_model::{Digest, Domain, Repository};

use crate::ledger::Waiver;

/// What stands before whoever let an image through, where an answer rests on that.
const BREAK_GLASS: &str = "break-glass:";

/// What is let through, as far as it was taken up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waived(Arc<RwLock<HashMap<(Repository, Digest), Waiver>>>);

impl Waived {
    /// Lets an image through, in place of an earlier time for it.
    pub(crate) fn put(&self, waiver: Waiver) {
        let key = (waiver.repository.clone(), waiver.digest.clone());
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, it| it.until > waiver.since);
        held.insert(key, waiver);
    }

    /// Lists what is let through at a moment, what ends first at the beginning.
    pub(crate) fn in_force(&self, now: Timestamp) -> Vec<Waiver> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let in_force = held.values().filter(|it| is_in_force(it, now));
        let mut in_force: Vec<Waiver> = in_force.cloned().collect();
        in_force.sort_by_key(|waiver| waiver.until);
        in_force
    }

    /// Gives a verdict as it is answered by: that of an image which was let through lets it through,
    /// and says so. What is broken is never let through: nobody can answer for what that is.
    pub(crate) fn applied(&self, verdict: Arc<Verdict>, clock: &Clock) -> Arc<Verdict> {
        if verdict.decision != Decision::Refuse {
            return verdict;
        }
        let (now, held) = (clock.now(), self.0.read());
        let held = held.unwrap_or_else(PoisonError::into_inner);
        let key = (verdict.repository.clone(), verdict.digest.clone());
        let waiver = held.get(&key).filter(|it| is_in_force(it, now));
        let waiver = waiver.filter(|_| is_coverable(&verdict)).cloned();
        drop(held);
        match waiver {
            Some(waiver) => Arc::new(let_through(&verdict, &waiver)),
            None => verdict,
        }
    }
}

/// Tells whether an answer rests on what somebody let through.
pub(crate) fn is_waived(verdict: &Verdict) -> bool {
    let mut names = verdict.allowed_by.iter();
    names.any(|name| name.starts_with(BREAK_GLASS))
}

fn is_in_force(waiver: &Waiver, now: Timestamp) -> bool {
    // A clock that jumped back is no reason to let anything through for longer.
    waiver.since <= now && now < waiver.until
}

fn is_coverable(verdict: &Verdict) -> bool {
    let mut gaps = verdict.coverage.gaps.iter();
    let is_said = matches!(verdict.domain, Domain::Reporter(_));
    !is_said && !gaps.any(|gap| gap.kind.is_broken())
}

fn let_through(verdict: &Verdict, waiver: &Waiver) -> Verdict {
    let Waiver { by, until, .. } = waiver;
    let words = format!("{by} let it through until {until}: {}", waiver.reason);
    let reason = Reason {
        rule: RuleId::BREAK_GLASS,
        action: Decision::Annotate,
        message: sluicegate_policy::one_line(&words),
        findings: Vec::new(),
    };
    let mut through = verdict.clone();
    through.decision = Decision::Annotate;
    through.reasons.insert(0, reason);
    through.allowed_by.push(format!("{BREAK_GLASS}{by}"));
    through
}
