//! The decision on one report: every covering policy speaks, the strictest wins.

use jiff::Timestamp;
use sluicegate_model::Repository;
use sluicegate_model::coverage::CoverageStatus;
use sluicegate_model::finding::Finding;
use sluicegate_model::report::Report;
use sluicegate_model::verdict::{Decision, PolicyReference, Reason};

use crate::exception::Exception;
use crate::rules::{Content, Policy, Rule};
use crate::set::PolicySet;
use crate::words;

/// What is decided on.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The canonical repository.
    pub repository: &'a Repository,
    /// What the manifest is.
    pub content: Content,
}

/// How the feed snapshot stands.
#[derive(Clone, Copy, Debug)]
pub struct FeedStanding {
    /// When this instance last confirmed it with its source; none where no feed is loaded.
    pub confirmed: Option<Timestamp>,
}

/// The decision and everything that led to it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What came out.
    pub decision: Decision,
    /// The rules that spoke, strictest first.
    pub reasons: Vec<Reason>,
    /// Which policies decided.
    pub policy: PolicyReference,
    /// The next instant at which something in the decision changes by itself.
    pub valid_until: Option<Timestamp>,
    /// The findings, each with the exception that covers it.
    pub findings: Vec<Finding>,
}

/// Decides on a report.
pub fn decide(
    set: &PolicySet,
    subject: &Subject<'_>,
    report: &Report,
    feeds: &FeedStanding,
    now: Timestamp,
) -> Outcome {
    let mut turns = Vec::new();
    let exceptions = set.exceptions_for(subject.repository);
    let findings = excepted(&report.findings, &exceptions, now, &mut turns);
    let policies = set.covering(subject.repository);
    let mut decision = Decision::Allow;
    let mut reasons = Vec::new();
    for policy in &policies {
        let spoken = match subject.content {
            Content::Image => image_reasons(policy, report, &findings, feeds, now, &mut turns),
            Content::Artifact(kind) if policy.artifacts_allowed.contains(&kind) => Vec::new(),
            Content::Artifact(kind) => {
                vec![reason(
                    "artifact",
                    policy.artifacts_default,
                    words::artifact(kind),
                )]
            }
        };
        for reason in spoken {
            decision = decision.max(policy.ceiling(reason.action));
            reasons.push(reason);
        }
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.action));
    reasons.dedup();
    let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
    Outcome {
        decision,
        reasons,
        policy: PolicyReference {
            name: names.join("+"),
            digest: set.digest_for(subject.repository),
        },
        valid_until: turns.into_iter().filter(|turn| *turn > now).min(),
        findings,
    }
}

/// Names the exception in force on each finding, and notes when that will change.
fn excepted(
    findings: &[Finding],
    exceptions: &[&Exception],
    now: Timestamp,
    turns: &mut Vec<Timestamp>,
) -> Vec<Finding> {
    let mut findings = findings.to_vec();
    for finding in &mut findings {
        let covering: Vec<_> = exceptions
            .iter()
            .filter(|e| e.is_in_force(now) && e.names(finding))
            .collect();
        finding.exception = covering.first().map(|exception| exception.name.clone());
        turns.extend(covering.iter().filter_map(|exception| exception.expires_at));
    }
    findings
}

fn image_reasons(
    policy: &Policy,
    report: &Report,
    findings: &[Finding],
    feeds: &FeedStanding,
    now: Timestamp,
    turns: &mut Vec<Timestamp>,
) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = policy
        .rules
        .iter()
        .filter_map(|rule| rule_reason(rule, findings))
        .collect();
    let inconclusive = match report.coverage.status {
        CoverageStatus::Complete => None,
        CoverageStatus::Partial => Some(policy.on_partial),
        CoverageStatus::Unscannable => Some(policy.on_unscannable),
    };
    if let Some(action) = inconclusive {
        reasons.push(reason(
            "inconclusive",
            action,
            words::coverage(&report.coverage),
        ));
    }
    if let (Some((max_age, action)), Some(confirmed)) = (policy.max_feed_age, feeds.confirmed) {
        match confirmed.checked_add(max_age) {
            Ok(stale_at) if stale_at > now => turns.push(stale_at),
            Ok(_) => reasons.push(reason("stale-feeds", action, words::stale(confirmed))),
            Err(_beyond_all_time) => {}
        }
    }
    reasons
}

fn rule_reason(rule: &Rule, findings: &[Finding]) -> Option<Reason> {
    let hits: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.exception.is_none() && rule.when.hold(finding))
        .collect();
    let first = hits.first()?;
    let mut ids: Vec<String> = hits.iter().map(|finding| finding.id.clone()).collect();
    ids.dedup();
    let mut seen = std::collections::BTreeSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    let message = match &rule.message {
        Some(template) => words::fill(template, first),
        None => words::findings(&hits),
    };
    Some(Reason {
        rule: rule.id.clone(),
        action: rule.action,
        message,
        findings: ids,
    })
}

fn reason(rule: &str, action: Decision, message: String) -> Reason {
    Reason {
        rule: rule.to_owned(),
        action,
        message,
        findings: Vec::new(),
    }
}
