//! What VEX documents say of findings, and what of it counts.

use serde_json::{Value, json};
use sluicegate_model::vex::{VexJustification, VexStatus};

use super::*;
use crate::{AttachedFile, AttachedText, LoadErrors, NamedFile, Sources};

/// A policy that refuses what is critical and believes these files.
pub(super) fn believing(paths: &[&str]) -> String {
    policy(&format!(
        "  vex: [{}]\n  rules: [{{id: worst, when: {{severityAtLeast: critical}}, action: refuse}}]",
        paths.join(", ")
    ))
}

pub(super) fn attached(by: &str, path: &str, text: &str) -> AttachedFile {
    AttachedFile {
        named: NamedFile {
            by: by.into(),
            path: path.into(),
        },
        found: Ok(vec![AttachedText {
            path: path.into(),
            file: SourceFile {
                name: format!("at/{path}"),
                text: text.into(),
            },
        }]),
    }
}

pub(super) fn load(text: &str, files: &[(&str, String)]) -> Result<PolicySet, LoadErrors> {
    let attached = files.iter();
    let attached: Vec<AttachedFile> = attached
        .map(|(path, text)| attached_to_p(path, text))
        .collect();
    PolicySet::load(&Sources {
        files: &[SourceFile {
            name: "p.yaml".into(),
            text: text.into(),
        }],
        attached: &attached,
        now: now(),
    })
}

pub(super) fn attached_to_p(path: &str, text: &str) -> AttachedFile {
    attached("p.yaml", path, text)
}

/// An OpenVEX document of these statements.
pub(super) fn openvex(author: &str, statements: &Value) -> String {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.org/vex/1",
        "author": author,
        "timestamp": "2026-05-01T00:00:00Z",
        "version": 1,
        "statements": statements,
    })
    .to_string()
}

/// The package of every finding of tests.
const PACKAGE: &str = "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1";

/// A statement on CVE-1 in the package of tests.
pub(super) fn said(status: &str, more: &Value) -> Value {
    let mut statement = json!({
        "vulnerability": {"name": "CVE-1"},
        "products": [{"@id": PACKAGE}],
        "status": status,
    });
    if status == "not_affected" {
        statement["justification"] = "vulnerable_code_not_present".into();
    }
    for (key, value) in more.as_object().unwrap() {
        statement[key] = value.clone();
    }
    statement
}

fn critical() -> Report {
    report(
        vec![finding("CVE-1", Severity::Critical, None, false)],
        vec![],
    )
}

/// Decides on CVE-1 under documents, each of an author.
fn under(documents: &[(&str, Value)]) -> Outcome {
    let names: Vec<String> = (0..documents.len())
        .map(|at| format!("{at}.json"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let texts = documents.iter().map(|(author, it)| openvex(author, it));
    let files: Vec<(&str, String)> = names.iter().copied().zip(texts).collect();
    let set = load(&believing(&names), &files).unwrap();
    decided(&set, IMAGE, &critical())
}

fn is_quieted(statements: &Value) -> bool {
    let outcome = under(&[("a", statements.clone())]);
    let is_allowed = outcome.decision == Decision::Allow;
    assert_eq!(is_allowed, !outcome.report.findings[0].vex.is_empty());
    assert_eq!(is_allowed, !outcome.allowed_by.is_empty());
    is_allowed
}

#[test]
fn a_statement_quiets_and_stands_beside_the_finding() {
    let more = json!({"impact_statement": "the class\nis removed"});
    let outcome = under(&[(
        "mailto:vex@example.org",
        json!([said("not_affected", &more)]),
    )]);
    assert_eq!(outcome.decision, Decision::Allow);
    assert_eq!(outcome.allowed_by, ["vex:0.json"]);
    let statement = &outcome.report.findings[0].vex[0];
    assert_eq!(
        (statement.status, statement.justification),
        (
            VexStatus::NotAffected,
            Some(VexJustification::VulnerableCodeNotPresent)
        )
    );
    assert_eq!(statement.statement.as_deref(), Some("the class is removed"));
    assert_eq!(statement.author, "mailto:vex@example.org");
    assert_eq!(statement.document, "https://example.org/vex/1");
    assert_eq!(statement.policies, ["p"]);
    assert_eq!(statement.timestamp.to_string(), "2026-05-01T00:00:00Z");
}

#[test]
fn only_what_says_why_quiets() {
    for (status, more, wanted) in [
        ("not_affected", json!({}), true),
        ("fixed", json!({}), true),
        ("affected", json!({"action_statement": "update"}), false),
        ("under_investigation", json!({}), false),
    ] {
        assert_eq!(
            is_quieted(&json!([said(status, &more)])),
            wanted,
            "{status}"
        );
    }
    let mut bare = said("not_affected", &json!({}));
    bare.as_object_mut().unwrap().remove("justification");
    assert!(!is_quieted(&json!([bare])));
    bare["impact_statement"] = " ".into();
    assert!(!is_quieted(&json!([bare])));
    bare["impact_statement"] = "not linked".into();
    assert!(is_quieted(&json!([bare])));
}

#[test]
fn a_weakness_is_known_by_any_of_its_own_names() {
    for (vulnerability, wanted) in [
        (json!("CVE-1"), true),
        (json!({"name": "CVE-1"}), true),
        (json!({"name": "GHSA-CVE-1"}), true),
        (json!({"name": "X-1", "aliases": ["CVE-1"]}), true),
        (json!({"name": "X-1", "aliases": ["CVE-2"]}), false),
        (
            json!({"@id": "https://x.test/CVE-1", "name": "CVE-2"}),
            false,
        ),
    ] {
        let statement = said("fixed", &json!({"vulnerability": vulnerability}));
        assert_eq!(is_quieted(&json!([statement])), wanted, "{vulnerability}");
    }
}

#[test]
fn a_product_is_an_image_a_package_or_one_in_the_other() {
    let digest = DIGEST.to_string();
    let hex = digest.split_once(':').unwrap().1.to_owned();
    let image = format!(
        "pkg:oci/app@{}?repository_url=quay.io/x",
        digest.replace(':', "%3A")
    );
    let other = format!("pkg:oci/app@sha256:{}", "b".repeat(64));
    let name = "pkg:maven/org.apache.logging.log4j/log4j-core";
    for (products, wanted) in [
        (json!([PACKAGE]), true),
        (json!([{"identifiers": {"purl": name}}]), true),
        (json!([{"@id": format!("{name}@2.14.2")}]), false),
        (json!([{"@id": format!("{name}@2.14.1?type=jar")}]), true),
        (
            json!([{"@id": format!("{name}@2.14.1?classifier=sources")}]),
            false,
        ),
        (json!([{"@id": format!("{name}@2.14.1#lib")}]), false),
        (
            json!([{"@id": "pkg:maven/org.apache.logging.log4j/*"}]),
            false,
        ),
        (json!([{"@id": "https://example.org/app"}]), false),
        (json!([{"@id": image}]), true),
        (json!([{"@id": other}]), false),
        (
            json!([{"@id": "pkg:oci/app?repository_url=docker.io/library/app"}]),
            false,
        ),
        (json!([{"@id": digest}]), true),
        (json!([{"hashes": {"sha-256": hex.to_uppercase()}}]), true),
        (
            json!([{"@id": PACKAGE, "hashes": {"sha-256": "c".repeat(64)}}]),
            true,
        ),
        (
            json!([{"@id": format!("{name}@1"), "hashes": {"sha-256": hex}}]),
            false,
        ),
        (
            json!([{"@id": image, "subcomponents": [{"@id": name}]}]),
            true,
        ),
        (
            json!([{"@id": image, "subcomponents": [{"@id": "pkg:maven/x/y"}]}]),
            false,
        ),
        (
            json!([{"@id": image, "subcomponents": [{"@id": "urn:x"}]}]),
            false,
        ),
        (
            json!([{"@id": other, "subcomponents": [{"@id": name}]}]),
            false,
        ),
        // Whether it came by that package nobody can tell.
        (
            json!([{"@id": "pkg:maven/a/b@1", "subcomponents": [{"@id": PACKAGE}]}]),
            false,
        ),
        (
            json!([{"@id": "urn:x", "subcomponents": [{"@id": PACKAGE}]}]),
            false,
        ),
        (json!(["pkg:npm/x@1", PACKAGE]), true),
    ] {
        let statement = said("fixed", &json!({"products": products}));
        assert_eq!(is_quieted(&json!([statement])), wanted, "{products}");
    }
    let old = json!({"products": [image], "subcomponents": ["pkg:npm/x", PACKAGE]});
    assert!(is_quieted(&json!([said("fixed", &old)])));
}

#[test]
fn versions_are_compared_by_the_order_of_their_ecosystem() {
    let name = "pkg:maven/org.apache.logging.log4j/log4j-core";
    let is_quieted_at = |version: &str, purl: &str| {
        let mut found = critical();
        let package = &mut found.findings[0].package;
        package.version = version.into();
        package.purl = format!("{name}@{version}");
        let statement = said("fixed", &json!({"products": [{"@id": purl}]}));
        let files = [("0.json", openvex("a", &json!([statement])))];
        let set = load(&believing(&["0.json"]), &files).unwrap();
        decided(&set, IMAGE, &found).decision == Decision::Allow
    };
    let range = format!("{name}?vers=vers:maven/>=2|<3");
    assert!(is_quieted_at("2.10", &format!("{name}@2.1")));
    assert!(is_quieted_at("2.5", &range));
    assert!(!is_quieted_at("3", &range));
    assert!(!is_quieted_at("unknown", &range));
    assert!(!is_quieted_at("2.5", &range.replace("maven/>", "npm/>")));
}

#[test]
fn qualifiers_that_are_not_known_to_be_the_same_quiet_nothing() {
    let on = |purl: &str, product: &str| {
        let mut found = critical();
        found.findings[0].package.purl = purl.into();
        let statement = said("fixed", &json!({"products": [product]}));
        let files = [("0.json", openvex("a", &json!([statement])))];
        let set = load(&believing(&["0.json"]), &files).unwrap();
        decided(&set, IMAGE, &found).decision == Decision::Allow
    };
    let installed = "pkg:rpm/redhat/openssl@3.0.7-27.el9?arch=x86_64&distro=rhel-9.4&epoch=1";
    for (product, wanted) in [
        (
            "pkg:rpm/redhat/openssl@3.0.7-27.el9?arch=x86_64&epoch=1",
            true,
        ),
        ("pkg:rpm/redhat/openssl@1:3.0.7-27.el9?arch=x86_64", true),
        ("pkg:rpm/redhat/openssl@3.0.7-27.el9?arch=x86_64", false),
        (
            "pkg:rpm/redhat/openssl@3.0.7-27.el9?arch=aarch64&epoch=1",
            false,
        ),
        ("pkg:rpm/redhat/openssl?arch=src", false),
        ("pkg:rpm/redhat/openssl?distro=rhel-9.4", true),
        ("pkg:rpm/redhat/openssl?repository_id=x", false),
    ] {
        assert_eq!(on(installed, product), wanted, "{product}");
    }
}

#[test]
fn of_one_author_the_newest_counts_and_of_equally_new_ones_the_strictest() {
    let at = |status: &str, day: &str| {
        said(
            status,
            &json!({"timestamp": format!("2026-0{day}T00:00:00Z")}),
        )
    };
    for (first, second, wanted) in [
        (at("affected", "1-01"), at("not_affected", "1-02"), true),
        (at("not_affected", "1-01"), at("affected", "1-02"), false),
        (at("not_affected", "1-01"), at("affected", "1-01"), false),
        (
            at("not_affected", "1-01"),
            at("under_investigation", "1-01"),
            false,
        ),
        (at("under_investigation", "1-01"), at("fixed", "1-02"), true),
        (at("fixed", "1-01"), at("not_affected", "1-01"), true),
        // What is to come says nothing yet.
        (at("not_affected", "1-01"), at("affected", "6-02"), true),
        (at("affected", "1-01"), at("not_affected", "6-02"), false),
    ] {
        for both in [json!([first, second]), json!([second, first])] {
            assert_eq!(is_quieted(&both), wanted, "{both}");
        }
        let apart = [("a", json!([first])), ("a", json!([second]))];
        let outcome = under(&apart);
        assert_eq!(
            outcome.decision == Decision::Allow,
            wanted,
            "{first} {second}"
        );
    }
    // One that may be about the package takes back what is about it.
    let broad = |day: &str| {
        let products = json!(["pkg:maven/org.apache.logging.log4j/log4j-core?classifier=x"]);
        let timestamp = format!("2026-01-{day}T00:00:00Z");
        said(
            "affected",
            &json!({"products": products, "timestamp": timestamp}),
        )
    };
    assert!(!is_quieted(&json!([at("fixed", "1-02"), broad("03")])));
    assert!(is_quieted(&json!([at("fixed", "1-02"), broad("01")])));
}

#[test]
fn a_statement_to_come_ends_the_verdict() {
    let later = json!({"timestamp": "2026-06-02T00:00:00Z"});
    let outcome = under(&[("a", json!([said("fixed", &later)]))]);
    assert_eq!(outcome.decision, Decision::Refuse);
    assert_eq!(
        outcome.valid_until,
        Some("2026-06-02T00:00:00Z".parse().unwrap())
    );
}

#[test]
fn where_authors_disagree_nobody_quiets() {
    let fixed = || json!([said("fixed", &json!({}))]);
    let old = json!({"timestamp": "2020-01-01T00:00:00Z"});
    for (status, wanted) in [
        ("affected", Decision::Refuse),
        // Who does not know yet contradicts nobody.
        ("under_investigation", Decision::Allow),
        ("not_affected", Decision::Allow),
    ] {
        let outcome = under(&[("a", fixed()), ("b", json!([said(status, &old)]))]);
        assert_eq!(outcome.decision, wanted, "{status}");
    }
    let both = under(&[("a", fixed()), ("b", fixed())]);
    assert_eq!(both.allowed_by, ["vex:0.json", "vex:1.json"]);
    assert_eq!(both.report.findings[0].vex.len(), 2);
}

#[test]
fn it_counts_for_the_policy_that_believes_it_and_for_no_other() {
    let text = [
        believing(&["0.json"]),
        believing(&["0.json"]).replace("name: p", "name: q"),
        believing(&[])
            .replace("name: p", "name: z")
            .replace("refuse", "annotate"),
    ]
    .join("---\n");
    let files = [("0.json", openvex("a", &json!([said("fixed", &json!({}))])))];
    let set = load(&text, &files).unwrap();
    let outcome = decided(&set, IMAGE, &critical());
    assert_eq!(outcome.decision, Decision::Annotate);
    assert_eq!(outcome.allowed_by, ["vex:0.json"]);
    assert_eq!(outcome.report.findings[0].vex[0].policies, ["p", "q"]);
}

#[test]
fn exceptions_and_statements_on_the_same_finding_are_all_named() {
    let text = format!("{}---\n{}", believing(&["0.json"]), exception(""));
    let files = [("0.json", openvex("a", &json!([said("fixed", &json!({}))])))];
    let outcome = decided(&load(&text, &files).unwrap(), IMAGE, &critical());
    assert_eq!(outcome.allowed_by, ["e", "vex:0.json"]);
    let audit = text.replace("spec:\n  vex", "spec:\n  mode: audit\n  vex");
    let outcome = decided(&load(&audit, &files).unwrap(), IMAGE, &critical());
    assert_eq!(outcome.allowed_by, [""; 0]);
}
