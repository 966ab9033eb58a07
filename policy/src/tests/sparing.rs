//! Graces and fallbacks.

use jiff::SignedDuration;
use proptest::prelude::*;
use sluicegate_model::verdict::Grace;

use super::laws::{any_policy, findings};
use super::*;

const RULES: &str = "  rules:
    - {id: r, when: {severityAtLeast: high}, action: refuse, graceForServed: 3d, fallback: lastAllowedDigest, fallbackMaxAge: 10d}
    - {id: kev, when: {kev: true}, action: refuse}";

fn decided_with(set: &PolicySet, graces: &[Grace], findings: Vec<Finding>) -> Outcome {
    let scope = scope(IMAGE);
    let subject = Subject {
        scope: &scope,
        digest: &DIGEST,
        content: Content::Image,
        created: None,
        run: None,
        first_seen: None,
        graces,
        signatures: None,
    };
    let standing = FeedStanding::default();
    decide(
        set,
        &subject,
        report(findings, vec![]),
        &standing,
        by_number,
        now(),
    )
}

fn given(hours_ago: i64) -> Grace {
    Grace {
        policy: "p".into(),
        rule: "r".to_owned().into(),
        since: now() - SignedDuration::from_hours(hours_ago),
    }
}

fn bad() -> Finding {
    finding("CVE-1", Severity::High, Some("2"), false)
}

#[test]
fn a_grace_lowers_what_its_own_rule_refuses_until_it_ends() {
    let set = set(&policy(RULES));
    let refused = decided_with(&set, &[], vec![bad()]);
    assert_eq!(refused.decision, Decision::Refuse);
    assert_eq!(refused.ungiven, [given(0)]);
    let spared = decided_with(&set, &[given(71)], vec![bad()]);
    assert_eq!(spared.decision, Decision::Annotate);
    assert_eq!(spared.allowed_by, ["grace:r"]);
    assert_eq!(spared.ungiven, []);
    let end = now() + SignedDuration::from_hours(1);
    assert_eq!(spared.valid_until, Some(end));
    // An ended one is never given again, and one that is still to come is none.
    for hours in [72, 1_000, -1] {
        let ended = decided_with(&set, &[given(hours)], vec![bad()]);
        assert_eq!((ended.decision, ended.ungiven), (Decision::Refuse, vec![]));
    }
    let exploited = finding("CVE-2", Severity::High, None, true);
    let other_rule = decided_with(&set, &[given(1)], vec![exploited]);
    assert_eq!(other_rule.decision, Decision::Refuse);
    assert_eq!(other_rule.allowed_by, [""; 0]);
    let others = [Grace {
        policy: "q".into(),
        ..given(1)
    }];
    assert_eq!(
        decided_with(&set, &others, vec![bad()]).decision,
        Decision::Refuse
    );
}

#[test]
fn a_fallback_is_for_what_every_refusal_allows_it() {
    let set = set(&policy(RULES));
    let scope = scope(IMAGE);
    let oldest = |outcome: &Outcome| set.fallback(&scope, &DIGEST, &outcome.reasons);
    let of_rule = decided_with(&set, &[], vec![bad()]);
    assert_eq!(oldest(&of_rule), Some(SignedDuration::from_hours(240)));
    let exploited = finding("CVE-2", Severity::High, None, true);
    assert_eq!(oldest(&decided_with(&set, &[], vec![exploited])), None);
    let fatal = Gap::fatal(GapKind::OsUnknown, "no os-release");
    let inconclusive = decided(&set, IMAGE, &report(vec![bad()], vec![fatal]));
    assert_eq!(oldest(&inconclusive), None);
}

#[test]
fn what_another_policy_refuses_without_a_fallback_has_none() {
    let text = format!(
        "{}---\n{}",
        policy(RULES),
        policy("  rules: [{id: own, when: {severityAtLeast: high}, action: refuse}]")
            .replace("name: p", "name: q")
    );
    let both = set(&text);
    let outcome = decided_with(&both, &[], vec![bad()]);
    assert_eq!(
        both.fallback(&scope(IMAGE), &DIGEST, &outcome.reasons),
        None
    );
    // One whose mode lets it through does not decide.
    let audit = set(&text.replace("name: q}\nspec:\n", "name: q}\nspec:\n  mode: audit\n"));
    let outcome = decided_with(&audit, &[], vec![bad()]);
    assert!(
        audit
            .fallback(&scope(IMAGE), &DIGEST, &outcome.reasons)
            .is_some()
    );
}

#[test]
fn what_spares_nothing_is_a_mistake() {
    for (rule, wanted) in [
        (
            "when: {}, action: annotate, graceForServed: 1d",
            "only a rule that refuses",
        ),
        (
            "when: {}, action: annotate, fallback: lastAllowedDigest",
            "only a rule that refuses",
        ),
        (
            "image: {user: root}, action: refuse, graceForServed: 1d",
            "no advisory makes",
        ),
        (
            "image: {tags: latest}, action: refuse, fallback: lastAllowedDigest",
            "nothing to fall back to",
        ),
        (
            "when: {}, action: refuse, fallback: newest",
            "one of lastAllowedDigest",
        ),
        (
            "when: {}, action: refuse, fallbackMaxAge: 1d",
            "there is none",
        ),
    ] {
        let text = policy(&format!("  rules: [{{id: r, {rule}}}]"));
        let told = mistakes(&text);
        assert!(
            told.iter().any(|it| it.2.contains(wanted)),
            "{rule}: {told:?}"
        );
    }
}

/// Gives every rule on findings that refuses some time and something to fall back to.
fn sparing(policy: &str) -> String {
    let mut rules = policy.split("{id: r");
    let mut text = rules.next().unwrap_or_default().to_owned();
    for rule in rules {
        let is_on_findings = !rule.split_once(", ").unwrap().1.starts_with("image:");
        let more = "action: refuse, graceForServed: 3d, fallback: lastAllowedDigest}";
        let rule = if is_on_findings {
            rule.replace("action: refuse}", more)
        } else {
            rule.to_owned()
        };
        text.push_str("{id: r");
        text.push_str(&rule);
    }
    text
}

proptest! {
    #[test]
    fn a_grace_and_a_fallback_serve_nothing_that_was_refused_from_the_start(
        text in any_policy("p"), some in findings(), ended in any::<bool>(),
    ) {
        let graces: Vec<Grace> = (0..4)
            .map(|number| Grace { rule: format!("r{number}").into(), ..given(72) })
            .filter(|_| ended)
            .collect();
        let without = decided_with(&set(&text), &[], some.clone());
        let with = decided_with(&set(&sparing(&text)), &graces, some);
        prop_assert_eq!(with.decision, without.decision);
        prop_assert_eq!(with.reasons, without.reasons);
        prop_assert_eq!(with.allowed_by, without.allowed_by);
    }

    #[test]
    fn a_grace_that_lasts_never_tightens_and_never_hides(
        text in any_policy("p"), some in findings(),
    ) {
        let graces: Vec<Grace> = (0..4)
            .map(|number| Grace { rule: format!("r{number}").into(), ..given(1) })
            .collect();
        let without = decided_with(&set(&text), &[], some.clone());
        let with = decided_with(&set(&sparing(&text)), &graces, some);
        prop_assert!(with.decision <= without.decision);
        prop_assert!(with.decision >= without.decision.min(Decision::Annotate));
        prop_assert_eq!(with.reasons.len(), without.reasons.len());
    }
}
