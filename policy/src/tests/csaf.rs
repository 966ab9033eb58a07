//! What CSAF documents say: trees of products, ranges of versions, groups, relationships.

use serde_json::{Value, json};
use sluicegate_model::vex::VexJustification;

use super::vex::{believing, load};
use super::*;

/// A product with its package URL.
pub(super) fn product(id: &str, purl: &str) -> Value {
    json!({
        "product_id": id,
        "name": id,
        "product_identification_helper": {"purl": purl},
    })
}

/// A document that says `status` of products.
pub(super) fn csaf(tree: &Value, status: &str, products: &Value, more: &Value) -> Value {
    let mut weakness = json!({"cve": "CVE-1", "product_status": {status: products}});
    for (key, value) in more.as_object().unwrap() {
        weakness[key] = value.clone();
    }
    json!({
        "document": {
            "category": "csaf_vex",
            "csaf_version": "2.0",
            "title": "x",
            "publisher": {"category": "vendor", "name": "Example", "namespace": "https://example.org"},
            "tracking": {
                "id": "EX-1",
                "status": "final",
                "current_release_date": "2026-05-01T00:00:00Z",
            },
        },
        "product_tree": tree,
        "vulnerabilities": [weakness],
    })
}

fn under(document: &Value, purl: &str, version: &str) -> Outcome {
    let mut found = report(
        vec![finding("CVE-1", Severity::Critical, None, false)],
        vec![],
    );
    found.findings[0].package.purl = purl.into();
    found.findings[0].package.version = version.into();
    let files = [("a.json", document.to_string())];
    let set = load(&believing(&["a.json"]), &files).unwrap();
    decided(&set, IMAGE, &found)
}

fn is_quieted(document: &Value, purl: &str, version: &str) -> bool {
    under(document, purl, version).decision == Decision::Allow
}

const XML: &str = "pkg:deb/debian/libxml2";

#[test]
fn every_status_means_what_it_says_and_not_affected_says_why() {
    let tree = json!({"full_product_names": [product("P", &format!("{XML}@1"))]});
    let flag = json!({"flags": [{"label": "vulnerable_code_not_present", "product_ids": ["P"]}]});
    let impact = json!({"threats": [{"category": "impact", "details": "d", "product_ids": ["P"]}]});
    for (status, more, wanted) in [
        ("fixed", json!({}), true),
        ("first_fixed", json!({}), true),
        ("recommended", json!({}), false),
        ("known_affected", flag.clone(), false),
        ("last_affected", json!({}), false),
        ("under_investigation", flag.clone(), false),
        ("known_not_affected", json!({}), false),
        ("known_not_affected", flag.clone(), true),
        ("known_not_affected", impact, true),
        // Who says it of no product says it of none.
        (
            "known_not_affected",
            json!({"threats": [{"category": "impact", "details": "Moderate"}]}),
            false,
        ),
        (
            "known_not_affected",
            json!({"threats": [{"category": "exploit_status", "details": "d", "product_ids": ["P"]}]}),
            false,
        ),
    ] {
        let document = csaf(&tree, status, &json!(["P"]), &more);
        let purl = format!("{XML}@1");
        assert_eq!(is_quieted(&document, &purl, "1"), wanted, "{status} {more}");
        assert!(!is_quieted(&document, &format!("{XML}@2"), "2"));
    }
    let document = csaf(&tree, "known_not_affected", &json!(["P"]), &flag);
    let outcome = under(&document, &format!("{XML}@1"), "1");
    let said = &outcome.report.findings[0].vex[0];
    assert_eq!(
        (said.author.as_str(), said.document.as_str()),
        ("Example (https://example.org)", "EX-1")
    );
    assert_eq!(
        said.justification,
        Some(VexJustification::VulnerableCodeNotPresent)
    );
}

#[test]
fn branches_say_which_versions_are_meant() {
    let branch = |category: &str, name: &str, purl: &str| {
        let inner = json!({"category": category, "name": name, "product": product("P", purl)});
        let name = json!({"category": "product_name", "name": "x", "branches": [inner]});
        let tree = json!({"branches": [{"category": "vendor", "name": "x", "branches": [name]}]});
        csaf(&tree, "fixed", &json!(["P"]), &json!({}))
    };
    for (category, name, purl, inside, outside) in [
        ("product_version", "3", XML, "3", "4"),
        (
            "product_version",
            "v3",
            "pkg:deb/debian/libxml2@3",
            "3",
            "4",
        ),
        ("product_version_range", "vers:deb/>=2|<4", XML, "3", "4"),
        ("product_version_range", "vers:deb/>=2|!=3", XML, "2", "3"),
    ] {
        let document = branch(category, name, purl);
        assert!(
            is_quieted(&document, &format!("{XML}@{inside}"), inside),
            "{name}"
        );
        assert!(
            !is_quieted(&document, &format!("{XML}@{outside}"), outside),
            "{name}"
        );
    }
    for (category, name) in [
        ("product_version_range", "< 4"),
        ("product_version_range", "vers:rpm/<4"),
        ("product_version_range", "vers:generic/<4"),
    ] {
        let document = branch(category, name, XML);
        assert!(!is_quieted(&document, &format!("{XML}@3"), "3"), "{name}");
    }
    let all = branch("product_name", "libxml2", XML);
    assert!(is_quieted(&all, &format!("{XML}@9"), "9"));
    let range = branch("product_version_range", "vers:deb/<4", XML);
    assert!(!is_quieted(&range, &format!("{XML}@unknown"), "unknown"));
}

#[test]
fn a_part_counts_where_its_whole_is_the_image_or_its_version_names_it() {
    let image = format!("pkg:oci/app@{}", DIGEST.as_str());
    let other = format!("pkg:oci/app@sha256:{}", "b".repeat(64));
    let related = |part: &str, whole: &Value| {
        let tree = json!({
            "full_product_names": [product("C", part), whole],
            "relationships": [{
                "category": "default_component_of",
                "full_product_name": {"product_id": "W:C", "name": "x"},
                "product_reference": "C",
                "relates_to_product_reference": "W",
            }],
        });
        csaf(&tree, "fixed", &json!(["W:C"]), &json!({}))
    };
    let platform = json!({"product_id": "W", "name": "Example Linux 9"});
    for (part, whole, wanted) in [
        (XML, product("W", &image), true),
        (XML, product("W", &other), false),
        ("pkg:deb/debian/libxml2@3", platform.clone(), true),
        // On which system this holds nobody can tell.
        (XML, platform.clone(), false),
        (
            "pkg:deb/debian/libxml2@3",
            product("W", "pkg:npm/x@1"),
            false,
        ),
        (&image, platform.clone(), true),
        (&other, platform.clone(), false),
    ] {
        let document = related(part, &whole);
        assert_eq!(
            is_quieted(&document, &format!("{XML}@3"), "3"),
            wanted,
            "{part} {whole}"
        );
    }
    let npm = related("pkg:npm/x@1", &platform);
    assert!(!is_quieted(&npm, "pkg:npm/x@1", "1"), "npm has no system");
    let lost = json!({"relationships": [{
        "category": "installed_on",
        "full_product_name": {"product_id": "W:C", "name": "x"},
        "product_reference": "C",
        "relates_to_product_reference": "W",
    }]});
    let files = [(
        "a.json",
        csaf(&lost, "fixed", &json!([]), &json!({})).to_string(),
    )];
    let told = load(&believing(&["a.json"]), &files)
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("it relates products that are not there"),
        "{told}"
    );
}

#[test]
fn groups_are_their_products() {
    let tree = json!({
        "full_product_names": [product("P", XML), product("Q", "pkg:npm/q")],
        "product_groups": [{"group_id": "G", "product_ids": ["P", "Q"]}],
    });
    let flag = json!({"flags": [{"label": "component_not_present", "group_ids": ["G"]}]});
    let document = csaf(&tree, "known_not_affected", &json!(["P", "Q"]), &flag);
    assert!(is_quieted(&document, &format!("{XML}@1"), "1"));
    assert!(is_quieted(&document, "pkg:npm/q@1", "1"));
}

#[test]
fn mistakes_have_their_places() {
    let tree = json!({
        "full_product_names": [product("P", XML)],
        "product_groups": [{"group_id": "G", "product_ids": ["P"]}],
    });
    let flag = json!({"flags": [{"label": "component_not_present", "group_ids": ["G"]}]});
    let document = csaf(&tree, "known_not_affected", &json!(["P"]), &flag);
    let good = serde_json::to_string_pretty(&document).unwrap();
    for (from, to, wanted) in [
        ("\"2.0\"", "\"2.1\"", "wanted CSAF 2.0, got \"2.1\""),
        ("\"final\"", "\"draft\"", "a draft says nothing yet"),
        ("\"cve\"", "\"cwe\"", "\"cve\" or \"ids\" is missing"),
        (
            "component_not_present",
            "trust_me",
            "wanted one of component_not_present",
        ),
        ("            \"G\"", "\"H\"", "the id of a group"),
        (
            "affected\": [\n          \"P\"",
            "affected\": [\"X\"",
            "the id of a product in the tree",
        ),
        ("\"id\": \"EX-1\"", "\"id\": \"\"", "wanted text"),
        ("2026-05-01T00", "2026-15-01T00", "wanted an instant"),
    ] {
        let damaged = good.replace(from, to);
        let told = match load(&believing(&["a.json"]), &[("a.json", damaged.clone())]) {
            Err(errors) => errors.to_string(),
            Ok(_) => panic!("{from} to {to} was taken\n{damaged}"),
        };
        assert!(
            told.starts_with("at/a.json:") && told.contains(wanted),
            "{told}"
        );
    }
    let twice = json!({"full_product_names": [product("P", XML), product("P", XML)]});
    let files = [(
        "a.json",
        csaf(&twice, "fixed", &json!(["P"]), &json!({})).to_string(),
    )];
    let told = load(&believing(&["a.json"]), &files)
        .unwrap_err()
        .to_string();
    assert!(told.contains("another product has the id \"P\""), "{told}");
}
