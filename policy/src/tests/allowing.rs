//! Whom a decision rests on: exactly the exceptions without which a stricter one would come out.

use proptest::prelude::*;

use super::*;

const POLICY: &str = "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  \
    onInconclusive: annotate\n  rules:\n    \
    - {id: worst, when: {severityAtLeast: critical}, action: refuse}\n    \
    - {id: bad, when: {severityAtLeast: high}, action: annotate}\n";

fn exception(name: &str, id: &str, more: &str) -> String {
    format!(
        "---\napiVersion: sluicegate/v1\nkind: Exception\nmetadata: {{name: {name}}}\n\
         spec: {{id: {id}, statement: fine, expiresAt: 2027-01-31{more}}}\n"
    )
}

fn allowed_by(exceptions: &[String], findings: &[(&str, Severity)]) -> (Decision, Vec<String>) {
    let set = set(&format!("{POLICY}{}", exceptions.concat()));
    let findings = findings
        .iter()
        .map(|(id, severity)| finding(id, *severity, None, false));
    let outcome = decided(&set, IMAGE, &report(findings.collect(), vec![]));
    (outcome.decision, outcome.allowed_by)
}

#[test]
fn only_what_makes_the_difference_is_named() {
    use Severity::{Critical, High, Low};
    let one = || exception("one", "CVE-1", "");
    let two = || exception("two", "CVE-2", "");
    for (exceptions, findings, decision, wanted) in [
        (
            vec![one()],
            vec![("CVE-1", Critical)],
            Decision::Allow,
            vec!["one"],
        ),
        (
            vec![one(), two()],
            vec![("CVE-1", Critical), ("CVE-2", High)],
            Decision::Allow,
            vec!["one", "two"],
        ),
        // What is left decides as strictly.
        (
            vec![one()],
            vec![("CVE-1", Critical), ("CVE-2", Critical)],
            Decision::Refuse,
            vec![],
        ),
        (
            vec![one()],
            vec![("CVE-1", High), ("CVE-2", High)],
            Decision::Annotate,
            vec![],
        ),
        // From refused to noted is a difference.
        (
            vec![one()],
            vec![("CVE-1", Critical), ("CVE-2", High)],
            Decision::Annotate,
            vec!["one"],
        ),
        // No rule speaks of it.
        (vec![one()], vec![("CVE-1", Low)], Decision::Allow, vec![]),
        (vec![one()], vec![("CVE-2", Low)], Decision::Allow, vec![]),
        (vec![], vec![("CVE-2", Low)], Decision::Allow, vec![]),
    ] {
        let (got, by) = allowed_by(&exceptions, &findings);
        assert_eq!(got, decision, "{findings:?}");
        assert_eq!(by, wanted, "{findings:?}");
    }
}

#[test]
fn of_several_that_cover_the_same_all_are_named_and_only_those_in_force() {
    let exceptions = [
        exception("early", "CVE-1", ""),
        exception("again", "GHSA-CVE-1", ""),
        exception("ended", "CVE-1", "").replace("2027-01-31", "2026-01-31"),
        exception("elsewhere", "CVE-1", ", images: [docker.io/library/other]"),
        exception("another-package", "CVE-1", ", purls: [\"pkg:npm/x\"]"),
    ];
    let (decision, by) = allowed_by(&exceptions, &[("CVE-1", Severity::Critical)]);
    assert_eq!(decision, Decision::Allow);
    assert_eq!(by, ["again", "early"]);
}

#[test]
fn what_a_mode_lets_through_nobody_allowed() {
    let audit = POLICY.replace("spec:\n", "spec:\n  mode: audit\n");
    let text = format!("{audit}{}", exception("one", "CVE-1", ""));
    let found = report(
        vec![finding("CVE-1", Severity::Critical, None, false)],
        vec![],
    );
    assert_eq!(
        decided(&set(&text), IMAGE, &found).allowed_by,
        Vec::<String>::new()
    );
}

fn cases() -> impl Strategy<Value = (Vec<usize>, Vec<(usize, usize)>)> {
    let exceptions = prop::collection::vec(0..4_usize, 0..5);
    let findings = prop::collection::vec((0..4_usize, 0..4_usize), 0..6);
    (exceptions, findings)
}

proptest! {
    /// Deciding again says the same: without those that are named a stricter decision comes out,
    /// and without the others the same one.
    #[test]
    fn deciding_again_without_them_says_the_same((excepted, found) in cases()) {
        let severities = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
        let named: Vec<(String, String)> = excepted
            .iter()
            .enumerate()
            .map(|(at, id)| (format!("e{at}"), exception(&format!("e{at}"), &format!("CVE-{id}"), "")))
            .collect();
        let ids: Vec<String> = found.iter().map(|(id, _)| format!("CVE-{id}")).collect();
        let findings: Vec<(&str, Severity)> = ids
            .iter()
            .zip(&found)
            .map(|(id, (_, severity))| (&**id, severities[*severity]))
            .collect();
        let with = |keep: &dyn Fn(&str) -> bool| {
            let kept = named.iter().filter(|(name, _)| keep(name));
            let texts: Vec<String> = kept.map(|(_, text)| text.clone()).collect();
            allowed_by(&texts, &findings)
        };
        let (decision, by) = with(&|_| true);
        let (without_named, _) = with(&|name| !by.iter().any(|b| b == name));
        let (only_named, _) = with(&|name| by.iter().any(|b| b == name));
        prop_assert_eq!(only_named, decision);
        if by.is_empty() {
            prop_assert_eq!(without_named, decision);
            prop_assert_eq!(with(&|_| false).0, decision);
        } else {
            prop_assert!(without_named > decision);
        }
    }
}
