//! The decision on one report: every covering policy speaks, the strictest wins.

use jiff::Timestamp;
use sluicegate_model::Repository;
use sluicegate_model::artifact::Content;
use sluicegate_model::coverage::CoverageStatus;
use sluicegate_model::finding::Finding;
use sluicegate_model::report::Report;
use sluicegate_model::verdict::{Decision, PolicyReference, Reason};

use crate::exception::Exception;
use crate::rules::{Policy, Rule};
use crate::set::PolicySet;
use crate::words;

/// What a report says in place of a snapshot's identity where no feed is loaded.
const NO_FEEDS: &str = "none";

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
    /// When this instance last confirmed it with its source; none where it never did.
    pub confirmed: Option<Timestamp>,
}

/// The decision and everything that led to it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What came out.
    pub decision: Decision,
    /// The rules that spoke; the first is the one that decided.
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
    let mut spoken = Vec::new();
    for policy in &policies {
        let kind = artifact_reason(policy, subject.content);
        let found = content_reasons(policy, report, &findings, feeds, now, &mut turns);
        let effects = kind.into_iter().chain(found);
        spoken.extend(effects.map(|reason| (policy.ceiling(reason.action), reason)));
    }
    let effects = spoken.iter().map(|(effect, _)| *effect);
    let decision = effects.max().unwrap_or(Decision::Allow);
    let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
    Outcome {
        decision,
        reasons: ordered(spoken),
        policy: PolicyReference {
            name: names.join("+"),
            digest: set.digest_for(subject.repository),
        },
        valid_until: turns.into_iter().filter(|turn| *turn > now).min(),
        findings,
    }
}

/// Puts what decided first, and what several policies say alike once.
///
/// What a policy asks for and its mode does not let through comes after what came out.
fn ordered(mut spoken: Vec<(Decision, Reason)>) -> Vec<Reason> {
    spoken.sort_by_key(|(effect, reason)| std::cmp::Reverse((*effect, reason.action)));
    let mut reasons: Vec<Reason> = Vec::new();
    for (_, reason) in spoken {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
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

/// Speaks where the policy does not name the artifact's kind. What is in it speaks as an image's
/// content does.
fn artifact_reason(policy: &Policy, content: Content) -> Option<Reason> {
    let kind = content.artifact()?;
    let is_named = policy.artifacts_allowed.contains(&kind);
    (!is_named).then(|| reason("artifact", policy.artifacts_default, words::artifact(kind)))
}

fn content_reasons(
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
    reasons.extend(stale(policy, report, feeds, now, turns));
    reasons
}

/// Speaks where the feeds are too old to say that an image is clean, else notes when they will be.
fn stale(
    policy: &Policy,
    report: &Report,
    feeds: &FeedStanding,
    now: Timestamp,
    turns: &mut Vec<Timestamp>,
) -> Option<Reason> {
    let (max_age, action) = policy.max_feed_age?;
    let Some(confirmed) = feeds.confirmed else {
        // Without any feed nothing can be stale: every package is a gap already.
        let loaded = report.feeds != NO_FEEDS;
        return loaded.then(|| reason("stale-feeds", action, words::never_confirmed()));
    };
    // A clock that was set back must not keep a feed fresh for longer than the policy says.
    let from = confirmed.min(now);
    match from.checked_add(max_age) {
        Ok(stale_at) if stale_at > now => turns.push(stale_at),
        Ok(_) => return Some(reason("stale-feeds", action, words::stale(confirmed))),
        Err(_beyond_all_time) => {}
    }
    None
}

fn rule_reason(rule: &Rule, findings: &[Finding]) -> Option<Reason> {
    let hits: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.exception.is_none() && rule.when.hold(finding))
        .collect();
    let first = hits.first()?;
    let mut ids: Vec<String> = hits.iter().map(|finding| finding.id.clone()).collect();
    let mut seen = std::collections::BTreeSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    let mut message = words::findings(&hits);
    if let Some(template) = &rule.message {
        message = format!("{message}. {}", template.filled(first));
    }
    let spoken = reason(&rule.id, rule.action, message);
    Some(Reason {
        findings: ids,
        ..spoken
    })
}

fn reason(rule: &str, action: Decision, message: String) -> Reason {
    Reason {
        rule: rule.to_owned(),
        action,
        message: words::one_line(&message),
        findings: Vec::new(),
    }
}
