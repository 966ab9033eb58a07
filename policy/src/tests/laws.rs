//! Laws that hold for every policy, not only for the built-in one.

use super::*;

fn action() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["refuse", "annotate", "allow"])
}

fn condition() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "severityAtLeast",
        "severityUnknown",
        "fixable",
        "kev",
        "quieted",
        "kind",
        "status",
        "evidence",
        "package",
    ]);
    prop::collection::btree_set(key, 0..3)
        .prop_flat_map(|keys| {
            let values = |key: &str| match key {
                "severityAtLeast" => vec!["negligible", "high"],
                "kind" => vec!["vulnerability", "malware"],
                "status" => vec!["affected", "not_affected"],
                "evidence" => vec!["installed", "cached"],
                "package" => vec!["'pkg:maven/**'", "'pkg:npm/x'"],
                _ => vec!["true", "false"],
            };
            let one = |key: &'static str| {
                prop::sample::select(values(key)).prop_map(move |value| format!("{key}: {value}"))
            };
            keys.into_iter().map(one).collect::<Vec<_>>()
        })
        .prop_map(|conditions| conditions.join(", "))
}

fn any_policy(name: &'static str) -> impl Strategy<Value = String> {
    let mode = prop::sample::select(vec!["enforce", "annotate", "audit"]);
    let rules = prop::collection::vec((condition(), action()), 0..4);
    (mode, action(), action(), rules).prop_map(move |(mode, partial, unscannable, rules)| {
        let rules: Vec<String> = rules
            .iter()
            .enumerate()
            .map(|(at, (when, action))| {
                format!("    - {{id: r{at}, when: {{{when}}}, action: {action}}}\n")
            })
            .collect();
        let rules = if rules.is_empty() {
            "    []\n".into()
        } else {
            rules.concat()
        };
        format!(
            "---\napiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: {name}}}\nspec:\n  \
             mode: {mode}\n  onInconclusive: {{partial: {partial}, unscannable: {unscannable}}}\n  \
             rules:\n{rules}"
        )
    })
}

fn exception_until(day: &str) -> String {
    format!("---\n{}", exception("").replace("2026-06-30", day))
}

proptest! {
    #[test]
    fn more_findings_never_loosen_any_policy(
        text in any_policy("p"), some in findings(), more in findings(),
    ) {
        let set = set(&text);
        let fewer = decided(&set, IMAGE, &report(some.clone(), vec![])).decision;
        let all = [some, more].concat();
        prop_assert!(decided(&set, IMAGE, &report(all, vec![])).decision >= fewer);
    }

    #[test]
    fn one_more_policy_never_loosens_a_decision(
        one in any_policy("p"), other in any_policy("q"), some in findings(),
    ) {
        let report = report(some, vec![Gap::partial(GapKind::NoFeed, "x")]);
        let alone = decided(&set(&one), IMAGE, &report).decision;
        let both = decided(&set(&format!("{one}{other}")), IMAGE, &report);
        prop_assert!(both.decision >= alone);
        prop_assert_eq!(both.policy.name, "p+q");
    }

    #[test]
    fn an_exception_never_tightens_any_policy(text in any_policy("p"), some in findings()) {
        let report = report(some, vec![]);
        let without = decided(&set(&text), IMAGE, &report).decision;
        let with = set(&[text, exception_until("2026-06-30")].concat());
        prop_assert!(decided(&with, IMAGE, &report).decision <= without);
    }

    #[test]
    fn an_expired_exception_has_no_effect(text in any_policy("p"), some in findings()) {
        let report = report(some, vec![]);
        let without = decided(&set(&text), IMAGE, &report);
        let with = decided(&set(&[text, exception_until("2026-05-31")].concat()), IMAGE, &report);
        prop_assert_eq!(with.decision, without.decision);
        prop_assert_eq!(with.reasons, without.reasons);
        prop_assert_eq!(with.report.findings, without.report.findings);
        prop_assert_eq!(with.valid_until, None);
    }

    #[test]
    fn the_decision_is_never_stricter_than_what_was_asked(text in any_policy("p"), some in findings()) {
        let outcome = decided(&set(&text), IMAGE, &report(some, vec![]));
        let asked = outcome.reasons.iter().map(|reason| reason.action).max();
        prop_assert!(outcome.decision <= asked.unwrap_or(Decision::Allow));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(apiVersion|kind|spec|rules|when|[-:{}\\[\\]'&*!|> \n]|sluicegate/v1|Policy){0,40}") {
        let file = SourceFile { name: "x.yaml".into(), text };
        if let Err(errors) = PolicySet::parse(&[file]) {
            prop_assert!(!errors.0.is_empty());
        }
    }
}

#[test]
fn a_verdict_holds_until_its_first_exception_ends() {
    let bad = report(vec![finding("CVE-1", Severity::Low, None, true)], vec![]);
    let later = exception_until("2026-07-15").replace("name: e", "name: later");
    let text = [policy("  rules: []"), later, exception_until("2026-06-10")].concat();
    let outcome = decided(&set(&text), IMAGE, &bad);
    assert_eq!(
        outcome.valid_until,
        Some("2026-06-11T00:00:00Z".parse().unwrap())
    );
}
