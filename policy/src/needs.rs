//! Rules that need what the loaded feeds do not have, and so never hit.
//!
//! Whoever wrote such a rule believes that it protects. Called at load, for status, and for each
//! verdict.

use std::collections::BTreeSet;

use sluicegate_model::Scope;

use crate::conditions::Conditions;
use crate::rules::Policy;
use crate::set::PolicySet;

/// What the loaded feeds do not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lacks {
    /// No list of known exploited vulnerabilities.
    pub exploited: bool,
    /// No EPSS scores.
    pub probabilities: bool,
    /// The families of ecosystems of which hardly a record states a severity, where nobody else
    /// does.
    pub severities: BTreeSet<String>,
}

/// Most families that are named.
const NAMED: usize = 5;

impl PolicySet {
    /// Lists what the policies need in vain, one line for each policy and need: those that apply in a
    /// scope, or all.
    pub fn unmet(&self, scope: Option<&Scope>, lacks: &Lacks) -> Vec<String> {
        let policies = match scope {
            Some(scope) => self.applying(scope),
            None => self.own_or_default(),
        };
        policies
            .into_iter()
            .flat_map(|policy| of_policy(policy, lacks))
            .collect()
    }
}

fn of_policy(policy: &Policy, lacks: &Lacks) -> Vec<String> {
    let mut warnings = Vec::new();
    if lacks.exploited {
        let needs = |when: &Conditions| when.kev == Some(true);
        let what = "a list of known exploited vulnerabilities, and the loaded feeds have none";
        warnings.extend(warning(policy, needs, what));
    }
    if lacks.probabilities {
        let needs = |when: &Conditions| when.epss_at_least.is_some();
        let what = "EPSS scores, and the loaded feeds have none";
        warnings.extend(warning(policy, needs, what));
    }
    if !lacks.severities.is_empty() {
        let needs = |when: &Conditions| when.severity_at_least.is_some();
        let named: Vec<&str> = lacks.severities.iter().map(String::as_str).collect();
        let more = match named.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named: Vec<&str> = named.into_iter().take(NAMED).collect();
        let what = format!(
            "severities, and the loaded feeds state none for {}{more}; NVD's files would",
            named.join(", ")
        );
        warnings.extend(warning(policy, needs, &what));
    }
    warnings
}

fn warning(policy: &Policy, needs: impl Fn(&Conditions) -> bool, what: &str) -> Option<String> {
    let rules = policy.rules.iter().filter(|rule| needs(&rule.when));
    let rules: Vec<String> = rules
        .map(|rule| format!("{:?}", rule.id.as_str()))
        .collect();
    let (noun, verb) = match rules.len() {
        0 => return None,
        1 => ("rule", "needs"),
        _ => ("rules", "need"),
    };
    let name = &policy.name;
    Some(format!(
        "{noun} {} of policy {name:?} {verb} {what}",
        rules.join(", ")
    ))
}
