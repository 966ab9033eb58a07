//! What rules spare from themselves: images that were served before they hit, for a while, and tags
//! that have a digest to fall back to.

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::verdict::{Decision, Grace, Reason, RuleId};
use sluicegate_model::{Digest, Scope};

use crate::conditions::Moment;
use crate::rules::{Policy, Rule};
use crate::set::PolicySet;

/// What stands before a rule's id where a decision rests on its grace.
const GRACE: &str = "grace:";

/// The times that policies gave to an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Graces<'a>(pub(crate) &'a [Grace]);

impl Graces<'_> {
    /// Tells whether a rule spares the image for now, and notes until when it does.
    pub(crate) fn spare(self, policy: &Policy, rule: &Rule, moment: &Moment) -> bool {
        let Some(length) = rule.grace else {
            return false;
        };
        let given = self.0.iter().find(|it| is_of(it, policy, rule));
        given.is_some_and(|grace| {
            moment.is_here(grace.since) && !moment.is_past(grace.since, length)
        })
    }

    /// Gives the time that a rule could give, and has never given.
    pub(crate) fn ungiven(self, policy: &Policy, rule: &Rule, now: Timestamp) -> Option<Grace> {
        rule.grace?;
        let was_given = self.0.iter().any(|it| is_of(it, policy, rule));
        (!was_given).then(|| Grace {
            policy: policy.name.clone(),
            rule: rule.id.clone(),
            since: now,
        })
    }
}

fn is_of(grace: &Grace, policy: &Policy, rule: &Rule) -> bool {
    grace.policy == policy.name && grace.rule == rule.id
}

/// Names the grace of a rule among what a decision rests on.
pub(crate) fn named(rule: &Rule) -> String {
    format!("{GRACE}{}", rule.id)
}

/// Tells whether a decision rests on any grace.
pub fn rests_on_grace(allowed_by: &[String]) -> bool {
    allowed_by.iter().any(|name| name.starts_with(GRACE))
}

/// A time that a policy gave to an image and that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningGrace {
    /// The policy's name.
    pub policy: String,
    /// The rule that refuses from its end on.
    pub rule: RuleId,
    /// When it began.
    pub since: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
}

impl PolicySet {
    /// Tells whether any rule gives images a time.
    pub fn gives_graces(&self) -> bool {
        let mut rules = self.own_or_default().into_iter();
        rules.any(|policy| policy.rules.iter().any(|rule| rule.grace.is_some()))
    }

    /// Lists the times given to an image that its decision rests on and that have not ended.
    pub fn running_graces(
        &self,
        scope: &Scope,
        digest: &Digest,
        (graces, allowed_by): (&[Grace], &[String]),
        now: Timestamp,
    ) -> Vec<RunningGrace> {
        let mut running = Vec::new();
        for policy in self.covering(scope, Some(digest)) {
            for rule in &policy.rules {
                let given = graces.iter().find(|it| is_of(it, policy, rule));
                let (Some(grace), Some(length)) = (given, rule.grace) else {
                    continue;
                };
                let ends = grace.since.checked_add(length).unwrap_or(Timestamp::MAX);
                if grace.since <= now && now < ends && allowed_by.contains(&named(rule)) {
                    running.push(RunningGrace {
                        policy: grace.policy.clone(),
                        rule: grace.rule.clone(),
                        since: grace.since,
                        ends,
                    });
                }
            }
        }
        running
    }

    /// Tells how old the digest may be that a tag answers with in place of a refused one; nothing
    /// where any of what refused it has no fallback.
    pub fn fallback(
        &self,
        scope: &Scope,
        digest: &Digest,
        reasons: &[Reason],
    ) -> Option<SignedDuration> {
        let policies = self.covering(scope, Some(digest));
        let enforcing = policies
            .iter()
            .filter(|policy| policy.ceiling(Decision::Refuse) == Decision::Refuse);
        let mut oldest = None;
        for policy in enforcing {
            for reason in reasons.iter().filter(|it| it.action == Decision::Refuse) {
                let mut rules = policy.rules.iter();
                let rule = rules.find(|rule| rule.id == reason.rule);
                // What policies say unasked has none, and what another policy's rule says is asked of
                // that one.
                let is_elsewhere = || {
                    let mut all = policies.iter().flat_map(|policy| &policy.rules);
                    all.any(|rule| rule.id == reason.rule)
                };
                match rule {
                    Some(rule) => {
                        let own = rule.fallback?;
                        oldest = Some(oldest.map_or(own, |it: SignedDuration| it.min(own)));
                    }
                    None if is_elsewhere() => {}
                    None => return None,
                }
            }
        }
        oldest
    }
}
