//! Files that somebody wrote to do harm: each is a policy or a list of mistakes, and none is more
//! work than its length and the bounds on rules, patterns and documents allow.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::*;
use crate::AskedName;

/// Values that are wrong in most places, or too much.
fn odd_value() -> impl Strategy<Value = String> {
    let long = |text: &'static str| (1_000..20_000_usize).prop_map(move |n| text.repeat(n));
    prop_oneof![
        prop::sample::select(vec![
            "",
            "null",
            "true",
            "-1",
            "1e309",
            ".nan",
            "0x7fffffffffffffff",
            "99999999999999999999",
            "[]",
            "{}",
            "[[[]]]",
            "{a: {b: {c: d}}}",
            "!!binary aGk=",
            "!x y",
            "'\\u0000'",
            "\"\\u202e\"",
            "&a [*a]",
            "*b",
            "<<: {a: b}",
            "2026-02-30",
            "2026-01-31T25:00:00Z",
            "99999999w",
            "0d",
            "'vers:npm/'",
            "'vers:npm/>=1|>=2'",
            "'pkg:/'",
            "'pkg:a/b@'",
            "'**/**/**/**'",
            "|\n  x\n y",
        ])
        .prop_map(str::to_owned),
        long("[").prop_map(|text| text.chars().take(200).collect()),
        long("*a").prop_map(|text| format!("'{text}'")),
        long("x").prop_map(|text| format!("'{text}'")),
        long("'1', ").prop_map(|text| format!("[{text}]")),
        long("k: v, ").prop_map(|text| format!("{{{text}}}")),
        long("|1").prop_map(|text| format!("'vers:npm/1{text}'")),
        "\\PC{0,40}",
    ]
}

/// Keys of every kind of document, and some of none.
fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "apiVersion",
        "kind",
        "metadata",
        "spec",
        "name",
        "mode",
        "default",
        "onInconclusive",
        "feeds",
        "maxAge",
        "artifacts",
        "rules",
        "id",
        "when",
        "unless",
        "image",
        "action",
        "message",
        "severityAtLeast",
        "cvssAtLeast",
        "ids",
        "olderThan",
        "fixAvailableFor",
        "package",
        "purl",
        "vers",
        "ecosystem",
        "path",
        "repositories",
        "tags",
        "digestOnly",
        "createdBefore",
        "user",
        "labels",
        "firstSeenWithin",
        "gap",
        "signedBy",
        "attestedBy",
        "cel",
        "policy",
        "clients",
        "images",
        "expiresAt",
        "<<",
        "kind ",
        "Kind",
    ])
}

/// A document with everything in it, to be damaged.
const WHOLE: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: p, owner: a}
spec:
  mode: enforce
  default: refuse
  onInconclusive: {partial: annotate, unscannable: refuse}
  feeds: {maxAge: 7d, onStale: annotate}
  artifacts: {default: refuse, allow: [signatures]}
  rules:
    - id: a
      when: {severityAtLeast: high, cvssAtLeast: 7, ids: [CVE-1], olderThan: 7d, ecosystem: npm}
      unless: {path: ['a/**'], package: {purl: 'pkg:npm/*', vers: 'vers:npm/>=1|<2'}}
      image: {user: root, labels: {a: b}, gap: [no-feed], createdBefore: 2026-01-01}
      action: refuse
      message: 'Rebuild {package}'
    - {id: b, image: {repositories: ['docker.io/**'], tags: ['1.*']}, action: allow}
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: b}
spec: {policy: p, repositories: ['docker.io/**'], clients: ['key:*', 10.0.0.0/8]}
---
apiVersion: sluicegate/v1
kind: Exception
metadata: {name: e}
spec: {id: CVE-1, purls: ['pkg:npm/*'], images: ['docker.io/**'], statement: x, expiresAt: 2027-01-31}
";

/// Puts an odd value or key in the place of one of the words of the document.
fn damaged() -> impl Strategy<Value = String> {
    let damage = prop_oneof![odd_value(), key().prop_map(str::to_owned)];
    let words = WHOLE.split([' ', '\n']).count();
    prop::collection::vec((0..words, damage), 1..4).prop_map(|damages| {
        let mut parts: Vec<String> = WHOLE.split_inclusive([' ', '\n']).map(Into::into).collect();
        for (at, damage) in damages {
            if let Some(part) = parts.get_mut(at) {
                let end = part.chars().last().filter(|end| end.is_whitespace());
                *part = format!("{damage}{}", end.map_or(String::new(), String::from));
            }
        }
        parts.concat()
    })
}

/// Repeats what each costs little, many times over.
fn repeated() -> impl Strategy<Value = String> {
    let rule = "    - {id: rNUMBER, when: {kev: true}, action: refuse}\n";
    let head = WHOLE.split("    - id: a").next().unwrap_or_default();
    let rules = (10..3_000_usize).prop_map(move |count| {
        let rules = (0..count).map(|at| rule.replace("NUMBER", &at.to_string()));
        format!("{head}{}", rules.collect::<String>())
    });
    let documents = (10..2_500_usize).prop_map(|count| {
        let one = |at| format!("---\napiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: p{at}}}\nspec: {{}}\n");
        (0..count).map(one).collect()
    });
    let aliases = (10..20_000_usize, 10..20_000_usize).prop_map(|(count, length)| {
        let list = vec!["*a"; count].join(", ");
        let rule = format!("{{id: r, when: {{ids: [{list}]}}, action: refuse}}");
        format!(
            "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: p, owner: &a '{}'}}\n\
             spec: {{rules: [{rule}]}}\n",
            "x".repeat(length)
        )
    });
    prop_oneof![rules, documents, aliases]
}

fn hostile() -> impl Strategy<Value = String> {
    let mapping = prop::collection::vec((key(), odd_value()), 1..6).prop_map(|entries| {
        let lines = entries
            .iter()
            .map(|(key, value)| format!("{key}: {value}\n"));
        lines.collect::<String>()
    });
    prop_oneof![6 => damaged(), 2 => mapping, 1 => repeated(), 1 => "\\PC{0,400}"]
}

/// Most work that rules of a set can be for one finding, in characters of patterns, and all that is
/// kept of it, in bytes.
fn assert_bounded(set: &PolicySet, text: &str) {
    assert!(set.own_policies().len() <= 1_024);
    let rules = set.own_policies().iter().map(|policy| policy.rules.len());
    assert!(rules.max().unwrap_or(0) <= 1_000);
    let kept: usize = set.documents().iter().map(|it| it.canonical.len()).sum();
    // What is written once is there once: an alias for a long text is no way to make it longer.
    assert!(
        kept <= 8 * text.len() + built_in_text().len() * 8,
        "{kept} of {}",
        text.len()
    );
}

proptest! {
    #![proptest_config(Config {
        cases: 500,
        rng_seed: RngSeed::Fixed(16),
        ..Config::default()
    })]

    #[test]
    fn a_hostile_file_is_a_policy_or_mistakes_with_their_places(text in hostile()) {
        let file = SourceFile { name: "x.yaml".into(), text: text.clone() };
        match PolicySet::parse(&[file]) {
            Err(errors) => {
                prop_assert!(!errors.0.is_empty());
                for error in errors.0 {
                    prop_assert!(error.line > 0 && error.column > 0, "{error}");
                }
            }
            Ok(set) => {
                assert_bounded(&set, &text);
                let found = report(vec![finding("CVE-1", Severity::High, Some("2"), true)], vec![]);
                decided(&set, IMAGE, &found);
                set.refuses_name(&scope(IMAGE), Some(AskedName::Digest { digest: &DIGEST, was_led_to: false }), now());
                set.lint(now());
            }
        }
    }
}

#[test]
fn what_is_held_against_every_finding_is_bounded() {
    let long = "x".repeat(1_025);
    let many = vec!["a"; 1_001].join(", ");
    for (rule, part) in [
        (format!("when: {{path: {long}}}"), "at most 1024 bytes"),
        (
            format!("when: {{package: 'pkg:npm/{long}'}}"),
            "at most 1024 bytes",
        ),
        (format!("when: {{ids: [{many}]}}"), "at most 1000 of them"),
        (
            format!("image: {{labels: {{a: {long}}}}}"),
            "at most 1024 bytes",
        ),
        (
            format!("image: {{repositories: ['**/{long}']}}"),
            "at most 1024 bytes",
        ),
    ] {
        let text = policy(&format!(
            "  rules:\n    - {{id: r, {rule}, action: refuse}}"
        ));
        let found = mistakes(&text);
        assert_eq!((found.len(), found[0].0), (1, 6), "{found:?}");
        assert!(found[0].2.contains(part), "{found:?}");
    }
    let rules = vec!["{id: r, when: {kev: true}, action: refuse}"; 1_001].join(", ");
    let found = mistakes(&policy(&format!("  rules: [{rules}]")));
    assert!(found[0].2.contains("at most 1000 rules"), "{found:?}");
}
