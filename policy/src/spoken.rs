//! What rules said while one report was decided on: in which order it is told, and what of it refuses.

use std::collections::BTreeSet;

use sluicegate_model::verdict::{Decision, Reason};

use crate::rules::Policy;

/// One rule that spoke.
pub(crate) struct Spoken {
    /// What its policy's mode and grace let through of what it asks for.
    pub(crate) effect: Decision,
    pub(crate) reason: Reason,
    /// The places in the report of the findings that it hit.
    pub(crate) hits: Vec<usize>,
}

impl Spoken {
    /// Takes up what a rule says that looks at no finding.
    pub(crate) fn of(policy: &Policy, reason: Reason) -> Self {
        Self {
            effect: policy.ceiling(reason.action),
            reason,
            hits: Vec::new(),
        }
    }
}

/// What a refusal rests on; empty where nothing refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusing {
    /// The places in the report of the findings that rules refuse for, each once and in order.
    pub findings: Vec<usize>,
    /// What refuses for something else than findings, strictest first.
    pub others: Vec<Reason>,
}

impl Refusing {
    pub(crate) fn of(spoken: &[Spoken]) -> Self {
        let refusing = spoken.iter().filter(|it| it.effect == Decision::Refuse);
        let findings: BTreeSet<usize> = refusing.clone().flat_map(|it| it.hits.clone()).collect();
        let mut others: Vec<Reason> = Vec::new();
        for said in refusing.filter(|it| it.hits.is_empty()) {
            if !others.contains(&said.reason) {
                others.push(said.reason.clone());
            }
        }
        Self {
            findings: findings.into_iter().collect(),
            others,
        }
    }
}

/// Puts what decided first, and what several policies say alike once.
///
/// What a policy asks for and its mode does not let through comes after what came out.
pub(crate) fn ordered(mut spoken: Vec<Spoken>) -> Vec<Reason> {
    spoken.sort_by_key(|it| std::cmp::Reverse((it.effect, it.reason.action)));
    let mut reasons: Vec<Reason> = Vec::new();
    for Spoken { reason, .. } in spoken {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
}
