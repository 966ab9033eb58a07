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
