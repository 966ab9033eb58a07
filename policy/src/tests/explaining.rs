//! Why decisions came out as they did.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sluicegate_model::run_config::RunConfig;

use super::laws::{Said, any_policy, decided_on, findings, said_of_image};
use super::*;
use crate::{Asked, ExplainedRule, Explanation, explain};

fn explained(set: &PolicySet, report: &Report) -> Explanation {
    let scope = scope(IMAGE);
    let run = RunConfig::default();
    let subject = Subject {
        scope: &scope,
        digest: &DIGEST,
        content: Content::Image,
        created: None,
        run: Some(&run),
        first_seen: None,
        graces: &[],
        signatures: None,
    };
    let standing = FeedStanding::default();
    explain(set, &subject, report.clone(), &standing, by_number, now())
}

fn rule<'a>(explanation: &'a Explanation, id: &str) -> &'a ExplainedRule {
    let rules = explanation.policies.iter().flat_map(|it| &it.rules);
    let mut found = rules.filter(|rule| rule.id.as_str() == id);
    found.next().unwrap()
}

fn told(asked: &[Asked]) -> Vec<String> {
    let told = asked.iter().map(|it| {
        let holds = match it.holds {
            Some(true) => "holds",
            Some(false) => "does not",
            None => "not known",
        };
        format!("{}: {} for {}: {holds}", it.condition, it.got, it.wanted)
    });
    told.collect()
}

const CRITICAL: &str = "  rules:
    - {id: fixable, when: {severityAtLeast: critical, fixable: true}, action: refuse}
    - {id: noted, when: {severityAtLeast: high}, action: annotate}
    - {id: root, image: {user: root}, action: annotate}";

#[test]
fn a_rule_that_hits_names_the_values_and_what_would_turn_them() {
    let bad = finding("CVE-1", Severity::Critical, Some("2.15.0"), false);
    let explanation = explained(&set(&policy(CRITICAL)), &report(vec![bad], vec![]));
    assert_eq!(explanation.decision, Decision::Refuse);
    let fixable = rule(&explanation, "fixable");
    assert_eq!((fixable.speaks, fixable.hits), (Some(true), 1));
    assert_eq!(
        told(&fixable.findings[0].asked),
        [
            "severityAtLeast: critical for critical: holds",
            "fixable: fixed in 2.15.0 for true: holds"
        ]
    );
    let turn = explanation.turn.unwrap();
    assert_eq!((turn.to, turn.changes.len()), (Decision::Annotate, 1));
    let change = &turn.changes[0];
    assert_eq!(change.rule.as_str(), "fixable");
    assert!(change.what.starts_with("CVE-1 in org.apache"), "{change:?}");
    assert_eq!(change.how, "upgrade to 2.15.0, or an exception");
}

#[test]
fn a_rule_that_hits_nothing_names_what_it_misses_by_least() {
    let near = finding("CVE-1", Severity::Critical, None, false);
    let far = finding("CVE-2", Severity::Low, None, false);
    let rules = "  rules: [{id: r, when: {severityAtLeast: critical, fixable: true, kev: false}, action: refuse}]";
    let explanation = explained(&set(&policy(rules)), &report(vec![far, near], vec![]));
    assert_eq!(explanation.decision, Decision::Allow);
    let silent = rule(&explanation, "r");
    assert_eq!(silent.speaks, Some(false));
    assert_eq!(silent.findings[0].id, "CVE-1");
    let turn = explanation.turn.unwrap();
    assert_eq!(turn.to, Decision::Refuse);
    assert_eq!(turn.changes[0].how, "fixable is no fix, wanted true");
}

#[test]
fn an_exception_is_what_a_rule_misses() {
    let text = format!(
        "{}---\napiVersion: sluicegate/v1\nkind: Exception\nmetadata: {{name: mine}}\n\
         spec: {{id: CVE-1, statement: s, expiresAt: 2027-01-31}}\n",
        policy("  rules: [{id: r, when: {fixable: true}, action: refuse}]")
    );
    let bad = finding("CVE-1", Severity::Critical, Some("2"), false);
    let explanation = explained(&set(&text), &report(vec![bad], vec![]));
    assert_eq!(explanation.decision, Decision::Allow);
    assert_eq!(explanation.allowed_by, ["mine"]);
    let turn = explanation.turn.unwrap();
    assert_eq!(turn.changes[0].how, "exception is mine, wanted none");
}

#[test]
fn what_an_image_is_asked_for_is_shown_with_what_is_not_known() {
    let rules = "  rules:
    - {id: old, image: {createdBefore: 180d}, action: annotate}
    - {id: tagged, image: {tags: latest}, action: refuse}
    - {id: root, image: {user: root, unless: {labels: {team: x}}}, action: refuse}";
    let explanation = explained(&set(&policy(rules)), &report(vec![], vec![]));
    let old = rule(&explanation, "old");
    assert_eq!(old.speaks, Some(true));
    let wanted = "createdBefore: not known for was built more than 180 days ago: not known";
    assert_eq!(told(&old.image), [wanted]);
    assert_eq!(rule(&explanation, "tagged").speaks, None);
    assert_eq!(
        told(&rule(&explanation, "root").image),
        [
            "user: root for runs as root: holds",
            "unless: labels none for is none that is labelled team=x: holds"
        ]
    );
    let turn = explanation.turn.unwrap();
    assert_eq!(turn.to, Decision::Annotate);
    let wanted = "one of these would have to differ: user is root; unless is ";
    assert!(turn.changes[0].how.starts_with(wanted), "{turn:?}");
}

#[test]
fn what_a_policy_says_unasked_is_part_of_it() {
    let fatal = Gap::fatal(GapKind::OsUnknown, "no os-release");
    let explanation = explained(&PolicySet::built_in(), &report(vec![], vec![fatal]));
    let own = &explanation.policies[0].built_in;
    assert_eq!(own[0].rule.as_str(), "inconclusive");
    let turn = explanation.turn.unwrap();
    assert_eq!((turn.to, turn.changes.len()), (Decision::Allow, 1));
    assert!(turn.changes[0].how.contains("no os-release"), "{turn:?}");
}

#[test]
fn an_image_without_findings_is_near_to_no_rule_on_findings() {
    let explanation = explained(&PolicySet::built_in(), &report(vec![], vec![]));
    assert_eq!(explanation.turn, None);
}

fn explained_on(set: &PolicySet, said: &Said, report: &Report) -> Explanation {
    let scope = scope(IMAGE);
    let subject = Subject {
        scope: &scope,
        digest: &DIGEST,
        content: Content::Image,
        created: said.created,
        run: said.run.as_ref(),
        first_seen: said.first_seen,
        graces: &[],
        signatures: said.signatures.as_ref(),
    };
    let standing = FeedStanding::default();
    explain(set, &subject, report.clone(), &standing, by_number, now())
}

proptest! {
    #[test]
    fn an_explanation_says_what_was_decided_and_what_turns_it(
        one in any_policy("p"), other in any_policy("q"), said in said_of_image(), some in findings(),
    ) {
        let (set, all) = (set(&format!("{one}{other}")), report(some, vec![]));
        let outcome = decided_on(&set, &said, &all);
        let told = explained_on(&set, &said, &all);
        prop_assert_eq!(told.decision, outcome.decision);
        let spoke: BTreeSet<String> = told.policies.iter().flat_map(|policy| {
            let rules = policy.rules.iter().filter(|rule| rule.speaks == Some(true));
            let own = policy.built_in.iter().map(|reason| reason.rule.to_string());
            rules.map(|rule| rule.id.to_string()).chain(own)
        }).collect();
        let reasons = outcome.reasons.iter().map(|reason| reason.rule.to_string());
        prop_assert_eq!(spoke, reasons.collect::<BTreeSet<String>>());
        let Some(turn) = told.turn.filter(|_| told.decision > Decision::Allow) else {
            return Ok(());
        };
        prop_assert!(!turn.changes.is_empty());
        if turn.changes.iter().all(|change| change.what != "the image") {
            let mut fewer = all;
            fewer.findings.retain(|it| {
                let what = format!("{} in {} {}", it.id, it.package.name, it.package.version);
                turn.changes.iter().all(|change| change.what != what)
            });
            prop_assert_eq!(decided_on(&set, &said, &fewer).decision, turn.to);
        }
    }
}
