//! Rules on the licences that packages declare.

use proptest::prelude::*;
use serde_json::json;

use super::vex::{openvex, said};
use super::*;
use crate::{Case, CaseResult, Explanation, JudgedImage, Sources, explain};

/// The licence that a package declares.
pub(super) fn licence(id: &str) -> Finding {
    Finding {
        kind: FindingKind::Licence,
        aliases: Vec::new(),
        advisories: Vec::new(),
        source: "the package's own metadata".into(),
        ..finding(id, Severity::Unknown, None, false)
    }
}

fn refusing(conditions: &str) -> PolicySet {
    set(&policy(&format!(
        "  rules: [{{id: r, {conditions}, action: refuse}}]"
    )))
}

fn refuses(conditions: &str, id: &str) -> bool {
    let found = report(vec![licence(id)], vec![]);
    decided(&refusing(conditions), IMAGE, &found).decision == Decision::Refuse
}

/// A weakness that no rule of these tests hits.
fn weakness() -> Finding {
    finding("CVE-1", Severity::Low, None, false)
}

const COPYLEFT: &str = "when: {licence: [AGPL-3.0-only, SSPL-1.0]}";
const ALLOWED: &str = "when: {kind: licence}, unless: {licence: [MIT, Apache-2.0]}";

#[test]
fn a_deny_list_hits_what_cannot_be_had_without_and_an_allow_list_spares_what_is_enough() {
    for (id, denied, not_allowed) in [
        ("AGPL-3.0-only", true, true),
        ("AGPL-3.0-or-later", true, true),
        ("MIT OR AGPL-3.0-only", false, false),
        ("MIT AND AGPL-3.0-only", true, true),
        ("SSPL-1.0 OR AGPL-3.0-only", true, true),
        ("MIT", false, false),
        ("MIT AND Apache-2.0", false, false),
        ("MIT AND ISC", false, true),
        ("MIT OR ISC", false, false),
        // Nobody knows: no list means it.
        ("NOASSERTION", false, true),
        ("SEE LICENSE IN LICENSE.md", false, true),
        ("BSD", false, true),
    ] {
        let got = (refuses(COPYLEFT, id), refuses(ALLOWED, id));
        assert_eq!(got, (denied, not_allowed), "{id}");
    }
}

#[test]
fn what_is_not_known_is_meant_by_its_word() {
    for (conditions, unreadable, mit) in [
        ("when: {licence: unknown}", true, false),
        ("when: {licence: [unknown, AGPL-3.0-only]}", true, false),
        ("when: {licence: [unknown, MIT]}", true, true),
        (
            "when: {kind: licence}, unless: {licence: unknown}",
            false,
            true,
        ),
        (
            "when: {kind: licence}, unless: {licence: [unknown, MIT]}",
            false,
            false,
        ),
    ] {
        for id in ["NOASSERTION", "BSD"] {
            assert_eq!(refuses(conditions, id), unreadable, "{conditions}: {id}");
        }
        assert_eq!(refuses(conditions, "MIT"), mit, "{conditions}");
    }
}

#[test]
fn the_other_conditions_hold_for_the_same_licence() {
    for (conditions, wanted) in [
        ("when: {kind: licence}", true),
        ("when: {kind: licence, licence: MIT}", true),
        ("when: {licence: MIT, ecosystem: Maven}", true),
        ("when: {licence: MIT, ecosystem: npm}", false),
        ("when: {licence: MIT, path: 'app/**'}", true),
        ("when: {licence: MIT, path: 'usr/**'}", false),
        ("when: {licence: MIT, ids: mit}", true),
        (
            "when: {licence: MIT}, unless: {package: 'pkg:maven/**'}",
            false,
        ),
        // Without the kind a rule does not see it.
        ("when: {}", false),
        ("when: {ecosystem: Maven}", false),
        ("when: {severityUnknown: true}", false),
        ("unless: {kev: true}", false),
    ] {
        assert_eq!(refuses(conditions, "MIT"), wanted, "{conditions}");
    }
    // Nor does a rule on licences see a weakness.
    let weak = report(vec![weakness()], vec![]);
    for conditions in [COPYLEFT, ALLOWED, "when: {licence: unknown}"] {
        let outcome = decided(&refusing(conditions), IMAGE, &weak);
        assert_eq!(outcome.decision, Decision::Allow, "{conditions}");
    }
}

#[test]
fn what_no_rule_hits_is_left_out_before_anything_else() {
    let excepted = format!("{}---\n{}", policy("  rules: []"), exception_on("MIT"));
    let plain = report(vec![weakness()], vec![]);
    let found = report(
        vec![weakness(), licence("MIT"), licence("NOASSERTION")],
        vec![],
    );
    for set in [PolicySet::built_in(), set(&excepted), refusing(COPYLEFT)] {
        let (without, with) = (decided(&set, IMAGE, &plain), decided(&set, IMAGE, &found));
        assert_eq!(format!("{with:?}"), format!("{without:?}"));
    }
    let outcome = decided(&refusing("when: {licence: MIT}"), IMAGE, &found);
    let kept: Vec<&str> = outcome
        .report
        .findings
        .iter()
        .map(|it| it.id.as_str())
        .collect();
    assert_eq!(kept, ["CVE-1", "MIT"]);
    assert_eq!(
        outcome.reasons[0].message,
        "1 finding: licence MIT of log4j-core 2.14.1"
    );
    assert_eq!(outcome.reasons[0].findings, ["MIT"]);
}

fn exception_on(id: &str) -> String {
    format!(
        "apiVersion: sluicegate/v1\nkind: Exception\nmetadata: {{name: e}}\nspec: {{id: '{id}', \
         purls: ['pkg:maven/**'], statement: bought, expiresAt: 2026-07-01}}\n"
    )
}

#[test]
fn an_exception_is_on_a_licence_by_its_id_and_package_and_vex_is_not() {
    let rule = "  rules: [{id: r, when: {licence: 'AGPL-*'}, action: refuse}]";
    let found = report(vec![licence("AGPL-3.0-only")], vec![]);
    for (id, wanted) in [
        ("AGPL-3.0-only", Decision::Allow),
        ("MIT", Decision::Refuse),
    ] {
        let set = set(&format!("{}---\n{}", policy(rule), exception_on(id)));
        let outcome = decided(&set, IMAGE, &found);
        assert_eq!(outcome.decision, wanted, "{id}");
        // What is spared stays listed.
        assert_eq!(outcome.report.findings.len(), 1, "{id}");
    }
    let statement = said(
        "fixed",
        &json!({
            "vulnerability": "AGPL-3.0-only",
            "products": ["pkg:maven/org.apache.logging.log4j/log4j-core"],
            "timestamp": "2026-05-31T00:00:00Z",
        }),
    );
    let text = policy(&format!("  vex: [a.json]\n{rule}"));
    let files = [("a.json", openvex("a", &json!([statement])))];
    let believing = super::vex::load(&text, &files).unwrap();
    assert_eq!(
        decided(&believing, IMAGE, &found).decision,
        Decision::Refuse
    );
}

#[test]
fn what_names_no_licence_is_a_mistake_with_its_place() {
    let said = |rule: &str| {
        let found = mistakes(&policy(&format!(
            "  rules:\n    - {{id: r, {rule}, action: refuse}}"
        )));
        assert_eq!(found.len(), 1, "{rule}: {found:?}");
        (found[0].0, found[0].1, found[0].2.clone())
    };
    for (rule, column, wanted) in [
        (
            "when: {licence: GPL}",
            31,
            "\"GPL\" is no licence on SPDX's list; wanted",
        ),
        (
            "when: {licence: [MIT, Mitt]}",
            37,
            "\"Mitt\" is no licence on SPDX's list",
        ),
        ("when: {licence: '*'}", 31, "is no licence"),
        ("when: {licence: MIT AND ISC}", 31, "joins licences by AND"),
        ("when: {licence: []}", 31, "wanted a licence"),
        ("when: {licence: 1}", 31, "wanted a licence"),
        (
            "when: {kind: eol, licence: MIT}",
            42,
            "of kind licence alone",
        ),
        (
            "when: {kev: true}, unless: {licence: MIT}",
            42,
            "which `when` does not ask for",
        ),
        (
            "unless: {licence: MIT}",
            23,
            "which `when` does not ask for",
        ),
        (
            "unless: {kind: licence}",
            23,
            "which `when` does not ask for",
        ),
    ] {
        let (line, at, message) = said(rule);
        assert!(message.contains(wanted), "{rule}: {message}");
        assert_eq!((line, at), (6, column), "{rule}: {message}");
    }
    for rule in [
        "MIT",
        "MIT OR ISC",
        "gpl-*",
        "LicenseRef-*",
        "unknown",
        "[MIT, unknown]",
    ] {
        assert!(refusing(&format!("when: {{licence: {rule}}}")).asks(FindingKind::Licence, None));
    }
}

#[test]
fn rules_ask_for_licences_by_their_kind_or_by_name() {
    let asks = |conditions: &str| refusing(conditions).asks(FindingKind::Licence, None);
    assert!(asks(COPYLEFT) && asks(ALLOWED) && asks("when: {kind: licence}"));
    assert!(!asks("when: {kev: true}") && !asks("unless: {kev: true}"));
    assert!(!PolicySet::built_in().asks(FindingKind::Licence, None));
}

#[test]
fn lint_tells_of_what_no_licence_has_and_of_lists_that_hide_others() {
    let rules = "  rules:
    - {id: vain, when: {licence: MIT, severityAtLeast: low}, action: annotate}
    - {id: all, when: {licence: 'GPL-*'}, action: refuse}
    - {id: one, when: {licence: GPL-2.0-only}, action: refuse}
    - {id: own, when: {licence: ISC}, unless: {licence: ISC}, action: refuse}";
    let mut warnings = set(&policy(rules)).lint(now());
    warnings.retain(|warning| !warning.contains("switches the built-in policy off"));
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("rule \"vain\" of policy \"p\" never hits: a licence has no"));
    assert!(warnings[1].starts_with("rule \"one\" of policy \"p\" never decides: rule \"all\""));
}

fn explained(set: &PolicySet, found: &Report) -> Explanation {
    let scope = scope(IMAGE);
    let subject = Subject {
        scope: &scope,
        digest: &DIGEST,
        content: Content::Image,
        created: None,
        run: None,
        first_seen: None,
        graces: &[],
        signatures: None,
    };
    let standing = FeedStanding::default();
    explain(set, &subject, found.clone(), &standing, by_number, now())
}

/// Tells what a rule got where it asked for the licence, and how that could be turned.
fn asked(conditions: &str, id: &str) -> (String, bool, String) {
    let found = report(vec![weakness(), licence(id)], vec![]);
    let explanation = explained(&refusing(conditions), &found);
    let told = &explanation.policies[0].rules[0].findings[0];
    let mut parts = told.asked.iter();
    let part = parts
        .find(|it| ["licence", "unless"].contains(&it.condition))
        .unwrap();
    let turn = explanation.turn.unwrap();
    (
        part.got.clone(),
        part.holds.unwrap(),
        turn.changes[0].how.clone(),
    )
}

#[test]
fn an_explanation_names_the_licence_that_decided() {
    assert_eq!(
        asked(COPYLEFT, "MIT AND AGPL-3.0-only"),
        (
            "MIT AND AGPL-3.0-only".to_owned(),
            true,
            "another licence, another package, or an exception".to_owned()
        )
    );
    // One that is not hit is not listed, and still the nearest.
    assert_eq!(
        asked(COPYLEFT, "ISC"),
        (
            "ISC".to_owned(),
            false,
            "licence is ISC, wanted AGPL-3.0-only, SSPL-1.0".to_owned()
        )
    );
    let (got, holds, _) = asked("when: {licence: unknown}", "BSD");
    assert_eq!((got.as_str(), holds), ("not known: BSD", true));
    let (got, holds, _) = asked(ALLOWED, "GPL-2.0-only");
    assert_eq!(
        (got.as_str(), holds),
        ("kind licence and licence GPL-2.0-only", true)
    );
    // It says nothing of how near another rule is.
    let exploited = explained(
        &refusing("when: {kev: true}"),
        &report(vec![licence("MIT")], vec![]),
    );
    assert_eq!(exploited.policies[0].rules[0].findings, []);
    assert_eq!(exploited.turn, None);
}

fn played(found: Vec<Finding>, expect: &str) -> CaseResult {
    let file = SourceFile {
        name: "policies.yaml".into(),
        text: format!(
            "{}---\napiVersion: sluicegate/v1\nkind: PolicyTest\nmetadata: {{name: one}}\n\
             spec: {{report: app.json, expect: {expect}}}\n",
            policy(&format!("  rules: [{{id: r, {COPYLEFT}, action: refuse}}]"))
        ),
    };
    let sources = Sources {
        files: &[file],
        attached: &[],
        now: now(),
    };
    let (set, cases): (PolicySet, Vec<Case>) = PolicySet::load_with_cases(&sources).unwrap();
    let image = JudgedImage {
        repository: IMAGE.parse().unwrap(),
        digest: DIGEST.clone(),
        content: Content::Image,
        first_seen: None,
        signatures: None,
        report: report(found, vec![]),
    };
    cases[0].play(&set, image, by_number, now())
}

#[test]
fn a_case_plays_the_licences_of_its_report() {
    let refused = played(
        vec![licence("MIT"), licence("AGPL-3.0-only")],
        "{decision: refuse, rules: [r]}",
    );
    assert_eq!(refused.differences, [""; 0]);
    let allowed = played(vec![licence("MIT")], "{decision: allow, rules: []}");
    assert_eq!(allowed.differences, [""; 0]);
}

/// Licences, some of them not known.
pub(super) fn ids() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "MIT",
        "ISC",
        "GPL-2.0-only",
        "GPL-2.0-or-later",
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "MIT OR GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "(MIT OR ISC) AND GPL-2.0-or-later",
        "NOASSERTION",
        "BSD",
    ])
}

fn entries() -> impl Strategy<Value = String> {
    let entry = prop::sample::select(vec![
        "MIT",
        "ISC",
        "GPL-2.0-only",
        "GPL-2.0-or-later",
        "GPL-3.0-only",
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "GPL-*",
    ]);
    prop::collection::vec(entry, 1..4).prop_map(|entries| entries.join(", "))
}

proptest! {
    #[test]
    fn what_is_not_known_never_loosens_an_allow_list(list in entries(), id in ids()) {
        let rule = format!("when: {{kind: licence}}, unless: {{licence: [{list}]}}");
        prop_assert!(refuses(&rule, "NOASSERTION") && refuses(&rule, "BSD"));
        prop_assert!(refuses(&rule, "NOASSERTION") >= refuses(&rule, id));
    }

    #[test]
    fn a_longer_list_denies_and_allows_no_less(list in entries(), more in entries(), id in ids()) {
        let deny = |list: &str| refuses(&format!("when: {{licence: [{list}]}}"), id);
        let both = format!("{list}, {more}");
        prop_assert!(deny(&both) >= deny(&list));
        let allow = |list: &str| {
            !refuses(&format!("when: {{kind: licence}}, unless: {{licence: [{list}]}}"), id)
        };
        prop_assert!(allow(&both) >= allow(&list));
    }

    #[test]
    fn another_choice_only_loosens_and_another_duty_only_tightens(
        list in entries(), one in ids(), other in ids(),
    ) {
        prop_assume!(![one, other].iter().any(|id| ["NOASSERTION", "BSD"].contains(id)));
        let (choice, both) = (format!("({one}) OR ({other})"), format!("({one}) AND ({other})"));
        for rule in [
            format!("when: {{licence: [{list}]}}"),
            format!("when: {{kind: licence}}, unless: {{licence: [{list}]}}"),
        ] {
            prop_assert!(refuses(&rule, &choice) <= refuses(&rule, one), "{rule}");
            prop_assert!(refuses(&rule, &both) >= refuses(&rule, one), "{rule}");
        }
    }
}
