//! Cases beside the policies: what they play, and that they are no policy.

use serde_json::json;
use sluicegate_model::artifact::Content;

use super::signed::quoted;
use super::*;
use crate::{Case, CaseResult, Held, JudgedImage, Sources};

const POLICIES: &str = r"
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: base}
spec:
  onInconclusive: annotate
  rules:
    - {id: exploited, when: {kev: true}, action: refuse}
    - {id: no-latest, image: {tags: latest}, action: refuse}
    - {id: no-root, image: {user: root}, action: annotate}
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: all}
spec: {policy: base, repositories: ['docker.io/**'], clients: ['key:prod-*']}
---
apiVersion: sluicegate/v1
kind: Exception
metadata: {name: until-june, author: a}
spec: {id: CVE-1, statement: not reached, expiresAt: 2026-06-01}
";

fn with_case(spec: &str) -> (PolicySet, Vec<Case>) {
    let file = SourceFile {
        name: "policies.yaml".into(),
        text: format!(
            "{POLICIES}---\napiVersion: sluicegate/v1\nkind: PolicyTest\nmetadata: {{name: one}}\n\
             spec: {{report: app.json, {spec}}}\n"
        ),
    };
    let sources = Sources {
        files: &[file],
        attached: &[],
        now: now(),
    };
    PolicySet::load_with_cases(&sources).unwrap()
}

fn played(spec: &str) -> CaseResult {
    let (set, cases) = with_case(spec);
    let [case] = &cases[..] else {
        panic!("{cases:?}")
    };
    assert_eq!(case.held, Held::Report("app.json".into()));
    let image = JudgedImage {
        repository: IMAGE.parse().unwrap(),
        digest: DIGEST.clone(),
        content: Content::Image,
        first_seen: None,
        signatures: None,
        report: report(vec![finding("CVE-1", Severity::High, None, true)], vec![]),
    };
    case.play(&set, image, by_number, now())
}

#[test]
fn a_case_says_what_came_out_and_how_that_differs() {
    let prod = "client: 'key:prod-1', user: app";
    for (spec, differences) in [
        (
            "now: 2026-06-02, expect: {decision: refuse, rules: [exploited]}",
            vec![],
        ),
        ("now: 2026-06-02, expect: {decision: refuse}", vec![]),
        (
            "now: 2026-06-02, expect: {decision: allow, rules: []}",
            vec![
                "decision: wanted allow, got refuse",
                "rules: wanted none, got exploited",
            ],
        ),
        (
            "now: 2026-05-31, expect: {decision: allow, rules: []}",
            vec![],
        ),
        (
            "image: 'docker.io/library/app:latest', expect: {decision: refuse, rules: [no-latest]}",
            vec![],
        ),
        (
            "now: 2026-05-31, image: 'quay.io/a/app:latest', expect: {decision: allow}",
            vec![],
        ),
    ] {
        let result = played(&format!("{prod}, {spec}"));
        assert_eq!(result.differences, differences, "{spec}: {result:?}");
    }
    let root = "client: 'key:prod-1', user: root, now: 2026-05-31";
    let noted = played(&format!(
        "{root}, expect: {{decision: annotate, rules: [no-root]}}"
    ));
    assert_eq!(noted.differences, [""; 0]);
}

#[test]
fn a_case_is_no_policy() {
    let (set, _) = with_case("expect: {decision: allow}");
    let (other, _) = with_case("now: 2026-05-31, expect: {decision: refuse}");
    assert_eq!(set.digest(), other.digest());
    assert_eq!(set.digest(), super::set(POLICIES).digest());
    assert_eq!(set.documents().len(), 3);
}

#[test]
fn mistakes_in_a_case_have_their_place() {
    let case = |spec: &str| {
        mistakes(&format!(
            "apiVersion: sluicegate/v1\nkind: PolicyTest\nmetadata: {{name: one}}\nspec: {spec}\n"
        ))
    };
    for (spec, words) in [
        ("{expect: {decision: allow}}", "report, a file, or digest"),
        ("{report: a.json}", "expect"),
        ("{report: a.json, expect: {decision: deny}}", "one of"),
        (
            "{report: a.json, expect: {decision: allow}, clock: 1}",
            "clock",
        ),
        (
            "{digest: 'sha256:1', expect: {decision: allow}}",
            "a digest",
        ),
        (
            "{report: a.json, client: somebody, expect: {decision: allow}}",
            "key:NAME",
        ),
        (
            "{report: a.json, now: soon, expect: {decision: allow}}",
            "a date",
        ),
    ] {
        let told = case(spec);
        assert!(
            told.iter()
                .any(|(line, _, text)| *line == 4 && text.contains(words)),
            "{spec}: {told:?}"
        );
    }
}

/// Plays a case against rules on who signed, of what the report says that another key signed.
fn played_signed(rule: &str, said: &str) -> CaseResult {
    let spec = format!("  rules: [{{id: r, image: {rule}, action: refuse}}]");
    let text = format!(
        "{}---\napiVersion: sluicegate/v1\nkind: PolicyTest\nmetadata: {{name: one}}\nspec: \
         {{report: app.json, {said}expect: {{decision: allow, rules: []}}}}\n",
        policy(&spec)
    );
    let files = [SourceFile {
        name: "p.yaml".into(),
        text,
    }];
    let key = quoted!(one).trim_matches('"').replace("\\n", "\n");
    let sources = Sources {
        files: &files,
        attached: &[super::vex::attached_to_p("one.pub", &key)],
        now: now(),
    };
    let (set, cases) = PolicySet::load_with_cases(&sources).unwrap();
    assert!(
        set.documents()
            .iter()
            .all(|it| it.kind != "key" || rule.contains(".pub"))
    );
    let image = JudgedImage {
        repository: IMAGE.parse().unwrap(),
        digest: DIGEST.clone(),
        content: Content::Image,
        first_seen: None,
        signatures: Some(super::signed::signatures([false, true, false])),
        report: report(vec![], vec![]),
    };
    cases[0].play(&set, image, by_number, now())
}

#[test]
fn a_case_says_who_signed_and_nobody_else_did() {
    let (one, other) = (quoted!(one), quoted!(other));
    let by = |key: &str| format!("{{unless: {{signedBy: {key}}}}}");
    let attested = "{unless: {attestedBy: {type: spdx, keys: one.pub}}}";
    for (rule, said, passes) in [
        (&*by(one), "signedBy: one.pub, ", true),
        (&by("one.pub"), &*format!("signedBy: [{one}], "), true),
        (&by(other), "signedBy: one.pub, ", false),
        (&by(one), "signedBy: [], ", false),
        (&by(other), &format!("signedBy: [one.pub, {other}], "), true),
        // Without a word of it, what stands beside the report.
        (&by(one), "", false),
        (&by(other), "", true),
        (attested, "signedBy: one.pub, ", false),
        (attested, "attestedBy: {type: spdx, keys: one.pub}, ", true),
        (
            attested,
            "attestedBy: [{type: vuln, keys: one.pub}], ",
            false,
        ),
        (
            &by(one),
            "attestedBy: [{type: vuln, keys: one.pub}], ",
            false,
        ),
    ] {
        let result = played_signed(rule, said);
        assert_eq!(
            result.differences.is_empty(),
            passes,
            "{rule} {said}: {result:?}"
        );
    }
}

/// Loads a case about what is attached, under a policy that trusts a key and beside one document.
fn attaching(said: &str, text: &str) -> Result<(PolicySet, Vec<Case>), crate::LoadErrors> {
    let spec = format!(
        "  trustVex: [{}]\n  rules: [{{id: r, when: {{kev: true}}, action: refuse}}]",
        quoted!(one)
    );
    let files = [SourceFile {
        name: "p.yaml".into(),
        text: format!(
            "{}---\napiVersion: sluicegate/v1\nkind: PolicyTest\nmetadata: {{name: one}}\nspec:\n  \
             report: app.json\n  {said}\n  expect: {{decision: allow, rules: []}}\n",
            policy(&spec)
        ),
    }];
    PolicySet::load_with_cases(&Sources {
        files: &files,
        attached: &[super::vex::attached_to_p("vex/a.json", text)],
        now: now(),
    })
}

fn fixed() -> String {
    let statement = json!([super::vex::said("fixed", &json!({}))]);
    super::vex::openvex("a", &statement)
}

#[test]
fn a_case_says_what_is_attached_and_by_whom_it_is_signed() {
    let by = |key: &str| format!("attachedVex: [{{file: vex/a.json, key: {key}}}]");
    for (said, passes) in [
        (by(quoted!(one)), true),
        (by(quoted!(other)), false),
        ("attachedVex: []".to_owned(), false),
        (String::new(), false),
    ] {
        let (set, cases) = attaching(&said, &fixed()).unwrap();
        let image = JudgedImage {
            repository: IMAGE.parse().unwrap(),
            digest: DIGEST.clone(),
            content: Content::Image,
            first_seen: None,
            signatures: None,
            report: report(vec![finding("CVE-1", Severity::High, None, true)], vec![]),
        };
        let result = cases[0].play(&set, image, by_number, now());
        assert_eq!(result.differences.is_empty(), passes, "{said}: {result:?}");
    }
}

#[test]
fn what_a_case_attaches_is_read_where_it_is_named() {
    let (one, vex) = (quoted!(one), fixed());
    let here = format!("attachedVex: [{{file: vex/a.json, key: {one}}}]");
    let nowhere = format!("attachedVex: [{{file: vex/b.json, key: {one}}}]");
    for (said, text, part) in [
        (&*nowhere, &*vex, "is not there"),
        (&here, "{}", "wanted OpenVEX"),
        (
            "attachedVex: [{file: vex/a.json}]",
            &vex,
            "\"key\" is missing",
        ),
    ] {
        let told = attaching(said, text).unwrap_err().to_string();
        assert!(told.contains(part), "{said}: {told}");
    }
}
