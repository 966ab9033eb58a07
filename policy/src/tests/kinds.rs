//! Rules and kinds of findings.

use super::*;

#[test]
fn a_rule_means_what_is_no_weakness_only_where_it_says_so() {
    let unmaintained = || Finding {
        kind: FindingKind::Informational,
        ..finding("RUSTSEC-1", Severity::Unknown, Some("2"), true)
    };
    let found = || report(vec![unmaintained()], vec![]);
    let outcome = decided(&PolicySet::built_in(), IMAGE, &found());
    assert_eq!(outcome.decision, Decision::Allow);
    assert_eq!(outcome.report.findings.len(), 1);
    let refusing = |when: &str| {
        let rule = format!("  rules: [{{id: r, when: {when}, action: refuse}}]");
        decided(&set(&policy(&rule)), IMAGE, &found()).decision
    };
    for (when, wanted) in [
        ("{kind: informational}", Decision::Refuse),
        ("{kind: informational, fixable: true}", Decision::Refuse),
        ("{kind: vulnerability}", Decision::Allow),
        ("{fixable: true}", Decision::Allow),
        ("{severityUnknown: true}", Decision::Allow),
        ("{kev: true}", Decision::Allow),
    ] {
        assert_eq!(refusing(when), wanted, "{when}");
    }
}

#[test]
fn a_rule_sees_secrets_only_where_it_asks_for_them_and_says_where_they_are() {
    let mut secret = finding("SECRET-GITHUB-TOKEN", Severity::High, None, false);
    secret.kind = FindingKind::Secret;
    secret.package.path = "app/.env".to_owned();
    let found = || report(vec![secret.clone()], vec![]);
    let outcome = decided(&PolicySet::built_in(), IMAGE, &found());
    assert_eq!(outcome.decision, Decision::Allow);
    let deciding = |when: &str| {
        let rule = format!("  rules: [{{id: r, when: {when}, action: refuse}}]");
        decided(&set(&policy(&rule)), IMAGE, &found())
    };
    for (when, wanted) in [
        ("{kind: secret}", Decision::Refuse),
        ("{kind: secret, severityAtLeast: critical}", Decision::Allow),
        ("{kind: secret, path: \"app/*\"}", Decision::Refuse),
        (
            "{kind: secret, ids: [SECRET-GITHUB-TOKEN]}",
            Decision::Refuse,
        ),
        ("{severityAtLeast: low}", Decision::Allow),
        ("{kind: vulnerability}", Decision::Allow),
    ] {
        assert_eq!(deciding(when).decision, wanted, "{when}");
    }
    let message = deciding("{kind: secret}").reasons[0].message.clone();
    assert_eq!(message, "1 finding: SECRET-GITHUB-TOKEN high app/.env");
}

#[test]
fn what_rules_ask_for_by_name_is_known_in_each_scope() {
    let asking =
        |kind: &str| format!("  rules: [{{id: r, when: {{kind: {kind}}}, action: refuse}}]");
    let named = |name: &str, spec: &str| {
        format!(
            "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: {name}}}\nspec:\n{spec}\n"
        )
    };
    let binding = "\
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: b}
spec: {policy: strict, repositories: [docker.io/library/alpine]}
";
    let everywhere = named(
        "all",
        "  rules: [{id: a, unless: {kind: eol}, action: refuse}]",
    );
    let strict = named("strict", &asking("informational"));
    let set = set(&format!("{everywhere}---\n{strict}---\n{binding}"));
    let (bound, other) = (
        scope("docker.io/library/alpine"),
        scope("docker.io/library/busybox"),
    );
    for (kind, place, wanted) in [
        (FindingKind::Informational, None, true),
        (FindingKind::Informational, Some(&bound), true),
        (FindingKind::Informational, Some(&other), false),
        // What a rule sees unasked it does not ask for, nor what it spares.
        (FindingKind::Vulnerability, Some(&bound), false),
        (FindingKind::Eol, None, false),
    ] {
        assert_eq!(set.asks(kind, place), wanted, "{kind:?} {place:?}");
    }
    assert!(!PolicySet::built_in().asks(FindingKind::Informational, None));
}
