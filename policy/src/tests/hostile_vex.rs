//! VEX and CSAF files that somebody wrote to do harm: each is read or refused with a place, and a
//! decision under it compares no more than its bounds allow.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use serde_json::{Value, json};

use super::vex::{believing, load, openvex, said};
use super::*;

const OPENVEX: &str = r#"{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:x", "author": "a",
 "timestamp": "2026-05-01T00:00:00Z", "version": 1, "statements": [
 {"vulnerability": {"name": "CVE-1", "aliases": ["GHSA-1"]}, "status": "not_affected",
  "justification": "vulnerable_code_not_present", "timestamp": "2026-05-01T00:00:00Z",
  "products": [ {"@id": "pkg:npm/x@1?vers=vers:npm/<2#y", "identifiers": {"purl": "pkg:npm/y"},
  "hashes": {"sha-256": "00"}, "subcomponents": [ {"@id": "pkg:npm/z"} ] } ] } ] }"#;

const CSAF: &str = r#"{"document": {"category": "csaf_vex", "csaf_version": "2.0", "title": "x",
 "publisher": {"category": "vendor", "name": "a", "namespace": "urn:a"},
 "tracking": {"id": "1", "status": "final", "current_release_date": "2026-05-01T00:00:00Z"} },
 "product_tree": {"branches": [ {"category": "vendor", "name": "v", "branches": [
 {"category": "product_version_range", "name": "vers:npm/>=1|<2", "product": {"product_id": "P",
 "name": "p", "product_identification_helper": {"purl": "pkg:npm/x"} } } ] } ],
 "full_product_names": [ {"product_id": "Q", "name": "q"} ],
 "product_groups": [ {"group_id": "G", "product_ids": [ "P", "Q" ] } ],
 "relationships": [ {"category": "installed_on", "product_reference": "P",
 "relates_to_product_reference": "Q", "full_product_name": {"product_id": "R", "name": "r"} } ] },
 "vulnerabilities": [ {"cve": "CVE-1", "ids": [ {"system_name": "s", "text": "t"} ],
 "product_status": {"known_not_affected": [ "P", "R" ], "fixed": [ "Q" ] },
 "flags": [ {"label": "component_not_present", "group_ids": [ "G" ], "product_ids": [ "P" ] } ],
 "threats": [ {"category": "impact", "details": "d", "product_ids": [ "P" ] } ] } ] }"#;

/// Values that are wrong in most places, or too much.
fn odd_value() -> impl Strategy<Value = String> {
    let long = |text: &'static str| (1_000..20_000_usize).prop_map(move |n| text.repeat(n));
    prop_oneof![
        prop::sample::select(vec![
            "null",
            "true",
            "-1",
            "1e309",
            "[]",
            "{}",
            "[[[]]]",
            "\"\"",
            "\"\\u0000\"",
            "\"\\ud800\"",
            "\"pkg:\"",
            "\"pkg:a/\"",
            "\"pkg:a/b@\"",
            "\"pkg:a/b?vers=vers:npm/\"",
            "\"vers:npm/>=1|>=2\"",
            "\"9999-12-31T23:59:59Z\"",
            "\"2026-02-30T00:00:00Z\"",
            "\"CVE-1\"",
            "\"P\"",
            "\"R\"",
            "\"pkg:npm/*\"",
            "NaN",
            "'x'",
            "{\"a\":1,\"a\":2}",
            "// x",
        ])
        .prop_map(str::to_owned),
        long("[").prop_map(|text| text.chars().take(200).collect()),
        long("x").prop_map(|text| format!("\"{text}\"")),
        long("\"P\", ").prop_map(|text| format!("[{text}\"P\"]")),
        long("|1").prop_map(|text| format!("\"vers:npm/1{text}\"")),
        "\\PC{0,40}",
    ]
}

/// Puts odd values in the place of some words of a document.
fn damaged(whole: &'static str) -> impl Strategy<Value = String> {
    let words = whole.split([' ', '\n']).count();
    prop::collection::vec((0..words, odd_value()), 1..4).prop_map(move |damages| {
        let mut parts: Vec<String> = whole.split_inclusive([' ', '\n']).map(Into::into).collect();
        for (at, damage) in damages {
            if let Some(part) = parts.get_mut(at) {
                let end = part.trim_end().chars().last();
                let end = end.filter(|end| matches!(end, ',' | ':' | '}' | ']'));
                *part = format!("{damage}{} ", end.map_or(String::new(), String::from));
            }
        }
        parts.concat()
    })
}

/// Says the same, or nearly, many times over.
fn repeated() -> impl Strategy<Value = String> {
    let statements =
        (10..15_000_usize, any::<[bool; 3]>()).prop_map(|(count, [ids, names, ranges])| {
            let one = |at: usize| {
                let id = if ids { at } else { 1 };
                let name = if names { at } else { 1 };
                let range = if ranges {
                    "?vers=vers:npm/>=1|<2|>=3|<4"
                } else {
                    ""
                };
                let more = json!({
                    "vulnerability": {"name": format!("CVE-{id}"), "aliases": ["CVE-1"]},
                    "products": [format!("pkg:npm/x{name}{range}")],
                });
                said("fixed", &more)
            };
            let statements: Vec<Value> = (0..count).map(one).collect();
            openvex("a", &json!(statements))
        });
    let products = (10..3_000_usize, 1..200_usize).prop_map(|(count, parts)| {
        let parts: Vec<String> = (0..parts).map(|at| format!("pkg:npm/x{at}")).collect();
        let image = format!("pkg:oci/a@{}", DIGEST.as_str());
        let products = vec![image; count];
        let more = json!({"products": products, "subcomponents": parts});
        openvex("a", &json!([said("fixed", &more)]))
    });
    let flags = (10..3_000_usize, 10..3_000_usize).prop_map(|(groups, members)| {
        let mut document: Value = serde_json::from_str(CSAF).unwrap();
        document["product_tree"]["product_groups"][0]["product_ids"] = vec!["P"; members].into();
        document["vulnerabilities"][0]["flags"][0]["group_ids"] = vec!["G"; groups].into();
        document.to_string()
    });
    prop_oneof![statements, products, flags]
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => damaged(OPENVEX),
        4 => damaged(CSAF),
        1 => repeated(),
        1 => "\\PC{0,400}",
    ]
}

#[test]
fn what_is_damaged_is_whole_before() {
    for text in [OPENVEX, CSAF] {
        let files = [("a.json", text.to_owned())];
        load(&believing(&["a.json"]), &files).unwrap();
    }
}

proptest! {
    #![proptest_config(Config {
        cases: 500,
        rng_seed: RngSeed::Fixed(16),
        ..Config::default()
    })]

    #[test]
    fn a_hostile_file_is_read_or_refused_with_a_place(text in hostile()) {
        let files = [("a.json", text)];
        match load(&believing(&["a.json"]), &files) {
            Err(errors) => {
                prop_assert!(!errors.0.is_empty() && errors.0.len() <= 21);
                for error in errors.0 {
                    prop_assert!(error.line > 0 && error.column > 0, "{error}");
                    prop_assert!(error.message.len() < 1_000, "{error}");
                }
            }
            Ok(set) => {
                let found = report(vec![finding("CVE-1", Severity::High, Some("2"), true)], vec![]);
                decided(&set, IMAGE, &found);
                set.lint(now());
            }
        }
    }
}

#[test]
fn what_is_said_of_one_package_is_bounded() {
    let many = |count: usize, product: &str| {
        let statement = said("fixed", &json!({"products": [product]}));
        openvex("a", &json!(vec![statement; count]))
    };
    let told = |text: String| load(&believing(&["a.json"]), &[("a.json", text)]).err();
    assert_eq!(told(many(10_000, "pkg:npm/x")), None);
    let alike = told(many(10_001, "pkg:npm/x")).unwrap().to_string();
    assert!(
        alike.starts_with("p.yaml:3:18: the VEX documents of a policy take more"),
        "{alike}"
    );
    // A range takes a comparison for each of its bounds.
    assert!(told(many(4_000, "pkg:npm/x?vers=vers:npm/>=1|<2")).is_some());
}
