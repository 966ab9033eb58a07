//! Which words of a guest count: one shape, bounded, ids of its own, remedies that are no commands.

use sluicegate_model::finding::FindingKind;
use sluicegate_model::severity::Severity;

use super::{MANIFEST, saying};
use crate::{AnswerError, Manifest, check_answer};

fn check(answer: &str) -> Result<sluicegate_scanner::facts::Told, AnswerError> {
    let manifest = Manifest::read(MANIFEST.as_bytes()).unwrap();
    check_answer(&manifest, answer.as_bytes())
}

const FINDING: &str = r#"{"findings":[{"id":"ACME-2024-1","aliases":["CVE-2024-1","GHSA-x"],
    "severity":"high","summary":"debug is on","package":{"name":"acme","version":"1.0",
    "purl":"pkg:npm/acme@1.0"},"remedy":[{"package":"acme","version":"1.1"}],"line":3}]}"#;

#[test]
fn a_finding_is_heard_whole() {
    let plugin = saying(MANIFEST, FINDING.as_bytes()).unwrap();
    let told = plugin.hear("etc/x.conf", b"debug = on").answer.told;
    assert_eq!(told.failed, None);
    let [weakness] = &told.weaknesses[..] else {
        panic!("{told:?}");
    };
    assert_eq!(weakness.id, "ACME-2024-1");
    assert_eq!(weakness.aliases, ["CVE-2024-1", "GHSA-x"]);
    assert_eq!(weakness.kind, FindingKind::Vulnerability);
    assert_eq!(weakness.severity, Severity::High);
    assert_eq!(weakness.remedy[0].version, "1.1");
    assert_eq!(weakness.line, Some(3));
    assert_eq!(check("").unwrap(), check("{}").unwrap());
}

/// What is put in whose place, and what is said of it.
const WRONG: &[(&str, &str, &str)] = &[
    ("\"ACME-2024-1\"", "\"CVE-2024-1\"", "ids begin with ACME-"),
    ("\"ACME-2024-1\"", "\"ACME-\"", "ids begin with ACME-"),
    ("\"ACME-2024-1\"", "\"ACME-a b\"", "letters, digits"),
    ("\"ACME-2024-1\"", "\"OTHER-1\"", "ids begin with ACME-"),
    ("\"GHSA-x\"", "\"\"", "alias"),
    ("\"high\"", "\"awful\"", "unknown variant"),
    (
        "\"severity\"",
        "\"kind\":\"licence\",\"severity\"",
        "findings of kind licence",
    ),
    ("debug is on", "a\\nb", "summary"),
    ("debug is on", "a\\u202eb", "summary"),
    (
        "\"version\":\"1.1\"",
        "\"version\":\"1.1; rm -rf /\"",
        "remedy's version",
    ),
    (
        "\"version\":\"1.1\"",
        "\"version\":\"$(sh)\"",
        "remedy's version",
    ),
    (
        "\"version\":\"1.1\"",
        "\"command\":\"sh\"",
        "unknown field `command`",
    ),
    (
        "\"package\":\"acme\",\"version\"",
        "\"package\":\"--x\",\"version\"",
        "remedy's package",
    ),
    ("pkg:npm/acme@1.0", "pkg:npm/acme", "package URL"),
    ("\"line\":3", "\"line\":-3", "invalid value"),
    (
        "\"line\":3",
        "\"status\":\"not_affected\"",
        "unknown field `status`",
    ),
    (
        "\"line\":3",
        "\"quieted_by\":\"owner\"",
        "unknown field `quieted_by`",
    ),
    (
        "{\"findings\"",
        "{\"packages\":[{\"purl\":\"pkg:npm/a@1\"}],\"findings\"",
        "has packages",
    ),
    (
        "{\"findings\"",
        "{\"remove\":[],\"findings\"",
        "unknown field `remove`",
    ),
    ("}]}", "}]} trailing", "trailing characters"),
];

#[test]
fn what_is_not_its_own_or_not_right_is_refused() {
    for (from, to, wanted) in WRONG {
        let answer = FINDING.replacen(from, to, 1);
        assert_ne!(answer, FINDING, "{from}");
        let refusal = check(&answer).expect_err(to).to_string();
        assert!(refusal.contains(wanted), "{to}: {refusal}");
    }
    let gaps = format!("{{\"gaps\":[{}]}}", vec!["\"x\""; 21].join(","));
    assert!(check(&gaps).unwrap_err().to_string().contains("21 gaps"));
    let deep = format!("{{\"gaps\":{}", "[".repeat(100_000));
    assert!(check(&deep).is_err());
}

#[test]
fn an_analyzer_names_packages_and_no_weaknesses() {
    let manifest = MANIFEST.replace("detector", "analyzer");
    let manifest = Manifest::read(manifest.as_bytes()).unwrap();
    let check = |answer: &str| check_answer(&manifest, answer.as_bytes());
    let told =
        check(r#"{"packages":[{"purl":"pkg:npm/left@1.0.0"},{"purl":"pkg:generic/own@2"}]}"#);
    assert_eq!(told.unwrap().packages.len(), 2);
    let error = check(FINDING).unwrap_err().to_string();
    assert!(error.contains("has findings"), "{error}");
    for purl in ["pkg:unheard/x@1", "pkg:npm/x", "npm x", ""] {
        let answer = format!("{{\"packages\":[{{\"purl\":\"{purl}\"}}]}}");
        assert!(check(&answer).is_err(), "{purl}");
    }
    let many = vec!["{\"purl\":\"pkg:npm/a@1\"}"; 1_001].join(",");
    assert!(check(&format!("{{\"packages\":[{many}]}}")).is_err());
}
