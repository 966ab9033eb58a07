//! The decision on one report: every covering policy speaks, the strictest wins.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::Scope;
use sluicegate_model::artifact::Content;
use sluicegate_model::coverage::CoverageStatus;
use sluicegate_model::finding::Finding;
use sluicegate_model::report::Report;
use sluicegate_model::verdict::{Decision, PolicyReference, Reason, RuleId};

use crate::exception::Exception;
use crate::rules::{Policy, Rule};
use crate::set::PolicySet;
use crate::words;

/// How long a verdict stands on a bundle that is past its time.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// What is decided on.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Where, and for whom.
    pub scope: &'a Scope,
    /// What the manifest is.
    pub content: Content,
}

/// How the feed snapshot stands, beside how old its records are.
#[derive(Clone, Copy, Debug, Default)]
pub struct FeedStanding {
    /// When an imported bundle in it passes its time, the first of them; none without one.
    pub expires: Option<Timestamp>,
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
    /// The exceptions without which a stricter decision would have come out, by name.
    pub allowed_by: Vec<String>,
    /// The next instant at which something in the decision changes by itself.
    pub valid_until: Option<Timestamp>,
    /// What was decided on, each finding with the exception that covers it.
    pub report: Report,
}

/// Decides on a report.
pub fn decide(
    set: &PolicySet,
    subject: &Subject<'_>,
    mut report: Report,
    feeds: &FeedStanding,
    now: Timestamp,
) -> Outcome {
    let mut turns = Vec::new();
    let exceptions = set.exceptions_for(&subject.scope.repository);
    except(&mut report.findings, &exceptions, now, &mut turns);
    let policies = set.covering(subject.scope);
    let mut spoken = Vec::new();
    for policy in &policies {
        let kind = artifact_reason(policy, subject.content);
        let found = content_reasons(policy, &report, feeds, now, &mut turns);
        let effects = kind.into_iter().chain(found);
        spoken.extend(effects.map(|reason| (policy.ceiling(reason.action), reason)));
    }
    let effects = spoken.iter().map(|(effect, _)| *effect);
    let decision = effects.max().unwrap_or(Decision::Allow);
    let in_force = exceptions.iter().filter(|e| e.is_in_force(now));
    let allowed_by = allowed_by(decision, &policies, &report.findings, in_force.copied());
    let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
    Outcome {
        decision,
        reasons: ordered(spoken),
        policy: PolicyReference {
            name: names.join("+"),
            digest: set.digest_for(subject.scope),
        },
        allowed_by,
        valid_until: turns.into_iter().filter(|turn| *turn > now).min(),
        report,
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
fn except(
    findings: &mut [Finding],
    exceptions: &[&Exception],
    now: Timestamp,
    turns: &mut Vec<Timestamp>,
) {
    for finding in findings {
        let covering: Vec<_> = exceptions
            .iter()
            .filter(|e| e.is_in_force(now) && e.names(finding))
            .collect();
        finding.exception = covering.first().map(|exception| exception.name.clone());
        turns.extend(covering.iter().filter_map(|exception| exception.expires_at));
    }
}

/// Names the exceptions that a less strict decision rests on.
///
/// Rules hit single findings and the strictest rule decides, so that one finding without its
/// exceptions is enough to see whether they matter. Where several cover it, each alone would do and
/// all are named: nobody may be left out because somebody else allowed the same.
fn allowed_by<'a>(
    decision: Decision,
    policies: &[&Policy],
    findings: &[Finding],
    in_force: impl Iterator<Item = &'a Exception> + Clone,
) -> Vec<String> {
    let is_stricter = |finding: &Finding, policy: &Policy| {
        let hit = policy.rules.iter().filter(|rule| rule.when.hold(finding));
        hit.map(|rule| policy.ceiling(rule.action))
            .any(|effect| effect > decision)
    };
    let excepted = findings
        .iter()
        .filter(|finding| finding.exception.is_some());
    let needed = excepted.filter(|finding| policies.iter().any(|p| is_stricter(finding, p)));
    let names: BTreeSet<&str> = needed
        .flat_map(|finding| in_force.clone().filter(|e| e.names(finding)))
        .map(|exception| exception.name.as_str())
        .collect();
    names.into_iter().map(str::to_owned).collect()
}

/// Speaks where the policy does not name the artifact's kind. What is in it speaks as an image's
/// content does.
fn artifact_reason(policy: &Policy, content: Content) -> Option<Reason> {
    let kind = content.artifact()?;
    let is_named = policy.artifacts_allowed.contains(&kind);
    (!is_named).then(|| {
        reason(
            RuleId::ARTIFACT,
            policy.artifacts_default,
            words::artifact(kind),
        )
    })
}

fn content_reasons(
    policy: &Policy,
    report: &Report,
    feeds: &FeedStanding,
    now: Timestamp,
    turns: &mut Vec<Timestamp>,
) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = policy
        .rules
        .iter()
        .filter_map(|rule| rule_reason(rule, &report.findings))
        .collect();
    let inconclusive = match report.coverage.status {
        CoverageStatus::Complete => None,
        CoverageStatus::Partial => Some(policy.on_partial),
        CoverageStatus::Unscannable => Some(policy.on_unscannable),
    };
    if let Some(action) = inconclusive {
        reasons.push(reason(
            RuleId::INCONCLUSIVE,
            action,
            words::coverage(&report.coverage),
        ));
    }
    reasons.extend(stale(policy, report, feeds, now, turns));
    reasons
}

/// Speaks where what is known of the image's ecosystems is too old to say that it is clean, else
/// notes when it will be.
///
/// That a source was asked a moment ago makes its records no younger: a dead mirror answers too.
fn stale(
    policy: &Policy,
    report: &Report,
    feeds: &FeedStanding,
    now: Timestamp,
    turns: &mut Vec<Timestamp>,
) -> Option<Reason> {
    let (max_age, action) = policy.max_feed_age?;
    let mut told = Vec::new();
    if let Some(expires) = feeds.expires {
        if expires <= now {
            told.push(words::expired(expires));
            // The next bundle may hold the very same records, and then changes nothing else.
            turns.extend(now.checked_add(LOOK_AGAIN).ok());
        } else {
            turns.push(expires);
        }
    }
    let mut old = Vec::new();
    for known in &report.knowledge {
        let most = max_age.of(known);
        // A time in the future would keep it young for longer than the policy says.
        match known.newest.map(|newest| newest.min(now).checked_add(most)) {
            Some(Ok(stale_at)) if stale_at > now => turns.push(stale_at),
            // No time ever ends it.
            Some(Err(_beyond_all_time)) => {}
            Some(Ok(_)) | None => old.push((known, most)),
        }
    }
    old.sort_by_key(|(known, _)| known.newest);
    told.extend(words::stale(&old, now));
    (!told.is_empty()).then(|| reason(RuleId::STALE_FEEDS, action, told.join("; ")))
}

fn rule_reason(rule: &Rule, findings: &[Finding]) -> Option<Reason> {
    let hits: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.exception.is_none() && rule.when.hold(finding))
        .collect();
    let first = hits.first()?;
    let mut ids: Vec<String> = hits.iter().map(|finding| finding.id.clone()).collect();
    let mut seen = BTreeSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    let mut message = words::findings(&hits);
    if let Some(template) = &rule.message {
        message = format!("{message}. {}", template.filled(first));
    }
    let spoken = reason(rule.id.clone(), rule.action, message);
    Some(Reason {
        findings: ids,
        ..spoken
    })
}

fn reason(rule: RuleId, action: Decision, message: String) -> Reason {
    Reason {
        rule,
        action,
        message: words::one_line(&message),
        findings: Vec::new(),
    }
}
