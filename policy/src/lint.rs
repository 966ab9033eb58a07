//! What loads and still surprises: exceptions without effect, rules that never decide, policies that
//! loosen more than they say.
//!
//! A warning is one line for a person and changes no decision. Called by `policy lint` and for
//! status.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sluicegate_model::verdict::Decision;
use sluicegate_model::vex::VexStatus;

use crate::exception::Exception;
use crate::rules::{Mode, Policy, Rule};
use crate::set::PolicySet;
use crate::vex::Statement;

/// What a service has seen, as far as documents speak of it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The canonical repositories of its verdicts.
    pub repositories: BTreeSet<String>,
    /// Those of the exceptions' ids that a finding has, under any of its names.
    pub ids: BTreeSet<String>,
}

impl PolicySet {
    /// Lists what is surprising about the documents themselves, one line each.
    pub fn lint(&self, now: Timestamp) -> Vec<String> {
        let mut warnings = Vec::new();
        for exception in self.exceptions() {
            warnings.extend(of_exception(exception, now));
        }
        for policy in self.own_policies() {
            for rule in &policy.rules {
                warnings.extend(of_rule(policy, rule));
            }
            warnings.extend(hidden(policy));
            warnings.extend(closed(policy));
            warnings.extend(of_vex(policy, now));
            warnings.extend(of_trust(policy));
            // A policy in a delegated directory only ever adds.
            if policy.delegated_by.is_none() {
                warnings.extend(self.loosened(policy));
            }
        }
        warnings
    }

    /// Lists what concerns nothing that a service has seen, one line each.
    pub fn lint_seen(&self, seen: &Seen) -> Vec<String> {
        let mut warnings = Vec::new();
        for binding in self.bindings() {
            let name = &binding.name;
            if !seen
                .repositories
                .iter()
                .any(|it| binding.covers_repository(it))
            {
                warnings.push(format!(
                    "binding {name:?} covers no repository that was seen"
                ));
            }
        }
        for policy in self.own_policies() {
            warnings.extend(of_unseen(policy, seen));
        }
        for exception in self.exceptions() {
            let (name, id) = (&exception.name, &exception.id);
            let covers = |it: &String| exception.covers_repository(it);
            if !seen.repositories.iter().any(covers) {
                warnings.push(format!("exception {name:?} names no image that was seen"));
            } else if !seen.ids.contains(id) {
                warnings.push(format!(
                    "exception {name:?} matches nothing known: no finding is called {id:?}"
                ));
            }
        }
        warnings
    }

    /// Lists the ids that exceptions name.
    pub fn excepted_ids(&self) -> BTreeSet<String> {
        let ids = self
            .exceptions()
            .iter()
            .map(|exception| exception.id.clone());
        ids.collect()
    }

    /// Tells what the built-in policy would refuse and nothing that replaces it does, where `policy`
    /// is what replaces it.
    fn loosened(&self, policy: &Policy) -> Option<String> {
        let patterns = self.patterns_of(policy);
        let beside: Vec<&Policy> = self.beside(policy, &patterns);
        let refuses = |action: Decision, by: &Policy| by.ceiling(action) >= Decision::Refuse;
        let built_in = self.default_policy();
        let strict = built_in.rules.iter();
        let strict = strict.filter(|rule| rule.action == Decision::Refuse);
        let is_lost = |rule: &&Rule| {
            let hits = |by: &&Policy| {
                let mut rules = by.rules.iter();
                rules.any(|own| own.covers(rule) && refuses(own.action, by))
            };
            !beside.iter().any(hits)
        };
        let mut lost: Vec<&str> = strict
            .filter(is_lost)
            .map(|rule| rule.id.as_str())
            .collect();
        if !beside.iter().any(|by| refuses(by.on_unscannable, by)) {
            lost.push("images that cannot be scanned");
        }
        if lost.is_empty() {
            return None;
        }
        let place = if patterns.is_empty() {
            "every image".to_owned()
        } else {
            patterns.join(", ")
        };
        let mode = match policy.mode {
            Mode::Enforce => "",
            Mode::Annotate => " (its mode is annotate)",
            Mode::Audit => " (its mode is audit)",
        };
        Some(format!(
            "policy {:?} switches the built-in policy off for {place} and does not refuse what that \
             refuses{mode}: {}; a Binding of \"default\" to the same repositories keeps both",
            policy.name,
            lost.join(", ")
        ))
    }
}

fn of_exception(exception: &Exception, now: Timestamp) -> Option<String> {
    let (name, id) = (&exception.name, &exception.id);
    if let Some(end) = exception.expires_at.filter(|end| *end <= now) {
        return Some(format!(
            "exception {name:?} ended at {end} and has no effect"
        ));
    }
    let upper = id.to_ascii_uppercase();
    let is_odd =
        (upper.starts_with("CVE") && !is_cve(id)) || (upper.starts_with("GHSA") && !is_ghsa(id));
    is_odd.then(|| {
        format!("exception {name:?} matches nothing known: no finding can be called {id:?}")
    })
}

/// Tells of statements that change nothing, one line for each document and reason.
fn of_vex(policy: &Policy, now: Timestamp) -> Vec<String> {
    let mut warnings = Vec::new();
    for document in policy.vex.documents() {
        let statements = document.statements.iter();
        let count =
            |is: &dyn Fn(&Statement) -> bool| statements.clone().filter(|it| is(it)).count();
        let unjustified = |it: &Statement| it.status == VexStatus::NotAffected && !it.quiets();
        let unrecognized = |it: &Statement| it.quiets() && it.subjects.is_empty();
        let lines = [
            (
                count(&unjustified),
                "say not_affected without a justification or an impact statement",
            ),
            (count(&|it| it.at > now), "are dated in the future"),
            (
                count(&unrecognized),
                "name no product that can be recognized: an image by its digest, or a package URL",
            ),
        ];
        for (count, what) in lines.into_iter().filter(|(count, _)| *count > 0) {
            let (path, all) = (&document.path, document.statements.len());
            warnings.push(format!(
                "vex {path:?} of policy {:?}: {count} of {all} statements {what}, and change nothing",
                policy.name
            ));
        }
    }
    warnings
}

/// Tells of keys whose documents change nothing.
fn of_trust(policy: &Policy) -> Option<String> {
    let has_strict = policy
        .rules
        .iter()
        .any(|rule| rule.is_on_findings && rule.action != Decision::Allow);
    let is_idle = !policy.trust_vex.is_empty() && !has_strict;
    is_idle.then(|| {
        format!(
            "policy {:?} has trustVex and no rule on findings: what its keys say quiets nothing",
            policy.name
        )
    })
}

fn is_cve(id: &str) -> bool {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = id
        .strip_prefix("CVE-")
        .and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(year, number)| {
        year.len() == 4 && number.len() >= 4 && is_number(year) && is_number(number)
    })
}

fn is_ghsa(id: &str) -> bool {
    let is_sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let groups = id.strip_prefix("GHSA-").map(|rest| rest.split('-'));
    groups.is_some_and(|mut groups| {
        groups.clone().count() == 3
            && groups.all(|group| group.len() == 4 && group.bytes().all(is_sound))
    })
}

fn of_rule(policy: &Policy, rule: &Rule) -> Vec<String> {
    let named = format!("rule {:?} of policy {:?}", rule.id.as_str(), policy.name);
    let mut warnings = Vec::new();
    if rule.when.contradicts_itself() {
        warnings.push(format!(
            "{named} never hits: no finding satisfies its conditions on age and fix"
        ));
    }
    if rule.when.ask_licences_in_vain() {
        warnings.push(format!(
            "{named} never hits: a licence has no severity, no fix, no date, and nobody quiets it"
        ));
    }
    if rule.spares_everything() {
        warnings.push(format!(
            "{named} never hits: its `unless` holds wherever its `when` does"
        ));
    }
    if rule.hits_everything() {
        warnings.push(format!(
            "{named} has an empty `when`: it hits every finding"
        ));
    }
    if rule.when.severity_at_least.is_some() && rule.when.severity_unknown == Some(true) {
        warnings.push(format!(
            "{named} never hits: severityAtLeast holds for no unknown severity"
        ));
    }
    if rule.action == Decision::Allow && !policy.is_allow_list {
        warnings.push(format!(
            "{named} changes nothing: a stricter rule wins, and what nothing refuses is allowed; an \
             Exception lets a finding through"
        ));
    }
    warnings
}

/// Tells of rules on repositories of which none was seen.
fn of_unseen<'a>(policy: &'a Policy, seen: &'a Seen) -> impl Iterator<Item = String> + use<'a> {
    let names_none = |rule: &&Rule| {
        let repositories = rule.image.as_ref().and_then(|it| it.repositories.as_ref());
        repositories.is_some_and(|patterns| {
            let mut all = seen.repositories.iter();
            !all.any(|name| patterns.iter().any(|pattern| pattern.matches(name)))
        })
    };
    let unseen = policy.rules.iter().filter(names_none);
    unseen.map(|rule| {
        format!(
            "rule {:?} of policy {:?} names no repository that was seen",
            rule.id, policy.name
        )
    })
}

/// Tells of a list of what is allowed that is empty.
fn closed(policy: &Policy) -> Option<String> {
    let mut rules = policy.rules.iter();
    let is_empty = policy.is_allow_list && !rules.any(|rule| rule.action == Decision::Allow);
    is_empty.then(|| {
        format!(
            "policy {:?} refuses every image: its default is refuse, and none of its rules allows",
            policy.name
        )
    })
}

/// Names the rules that another always hides. Of two that say the same the first stays.
fn hidden(policy: &Policy) -> Vec<String> {
    let mut warnings = Vec::new();
    for (at, rule) in policy.rules.iter().enumerate() {
        let hides = |(other_at, other): &(usize, &Rule)| {
            let is_same = rule.covers(other) && rule.action == other.action;
            *other_at != at
                && other.action >= rule.action
                && other.covers(rule)
                && (!is_same || *other_at < at)
        };
        let other = policy.rules.iter().enumerate().find(hides);
        if let Some((_, other)) = other.filter(|_| rule.action > Decision::Allow) {
            warnings.push(format!(
                "rule {:?} of policy {:?} never decides: rule {:?} hits whatever it hits and asks for \
                 as much",
                rule.id, policy.name, other.id
            ));
        }
    }
    warnings
}
