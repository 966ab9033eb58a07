//! Which kinds of findings the rules in force ask for by name.
//!
//! What no rule asks for does not have to be looked for, nor listed.

use sluicegate_model::Scope;
use sluicegate_model::finding::FindingKind;

use crate::rules::Policy;
use crate::set::PolicySet;

impl PolicySet {
    /// Tells whether a rule asks for findings of a kind by its name: one of a policy that applies in a
    /// scope, to whatever of its images, or of any policy at all. Those of delegated directories count.
    pub fn asks(&self, kind: FindingKind, scope: Option<&Scope>) -> bool {
        let policies = match scope {
            Some(scope) => self.applying(scope),
            None => self.own_or_default(),
        };
        policies.iter().any(|policy| policy.asks(kind))
    }
}

impl Policy {
    /// Tells whether one of its rules asks for findings of a kind by its name.
    fn asks(&self, kind: FindingKind) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| rule.asks_for(kind))
    }
}
