//! What an SPDX document says of an inventory.

use std::collections::BTreeSet;

use serde_json::Value;
use sluicegate_model::samples;

use super::write;

fn document() -> Value {
    let mut out = Vec::new();
    write(&samples::verdict(), &samples::inventory(), &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn packages(document: &Value) -> &Vec<Value> {
    document["packages"].as_array().unwrap()
}

#[test]
fn the_document_describes_the_image_by_digest() {
    let document = document();
    assert_eq!(document["documentDescribes"][0], "SPDXRef-Image");
    let image = &packages(&document)[0];
    assert_eq!(image["primaryPackagePurpose"], "CONTAINER");
    assert_eq!(image["checksums"][0]["algorithm"], "SHA256");
    assert_eq!(document["creationInfo"]["created"], "2026-11-20T10:00:01Z");
}

#[test]
fn ids_are_unique_and_hold_only_what_ids_may() {
    let document = document();
    let packages = packages(&document);
    let ids: BTreeSet<&str> = packages
        .iter()
        .map(|package| package["SPDXID"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), packages.len());
    for id in ids {
        let rest = id.strip_prefix("SPDXRef-").unwrap();
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        assert!(rest.chars().all(allowed), "{id}");
    }
}

#[test]
fn the_image_contains_what_is_installed_and_only_names_what_is_declared() {
    let document = document();
    let relationships = document["relationships"].as_array().unwrap();
    let of = |kind: &str| {
        let found = relationships.iter();
        found.filter(|one| one["relationshipType"] == kind).count()
    };
    assert_eq!(of("DESCRIBES"), 1);
    assert_eq!(of("CONTAINS"), 5);
    assert_eq!(of("OTHER"), 1);
    let purls: Vec<&Value> = packages(&document)
        .iter()
        .filter_map(|package| package["externalRefs"].get(0))
        .collect();
    assert_eq!(purls.len(), 6);
    assert_eq!(
        purls[3]["referenceLocator"],
        "pkg:maven/org.example/app@1.0"
    );
}

#[test]
fn what_was_not_looked_at_is_annotated() {
    let document = document();
    assert_eq!(document["annotations"].as_array().unwrap().len(), 6);
    let comment = document["comment"].as_str().unwrap();
    assert!(comment.contains("unscannable; 6 things"), "{comment}");
}

#[test]
fn a_declared_licence_is_an_expression_or_a_comment() {
    for (declared, wanted, comment) in [
        (Some("MIT/ASL 2.0"), "MIT OR Apache-2.0", None),
        (Some("GPLv2+ and MIT"), "GPL-2.0-or-later AND MIT", None),
        (Some("BSD"), "NOASSERTION", Some("Declared as: BSD")),
        (
            Some("LicenseRef-Ours"),
            "NOASSERTION",
            Some("Declared as: LicenseRef-Ours"),
        ),
        (None, "NOASSERTION", None),
    ] {
        let mut inventory = samples::inventory();
        inventory.components[0].package.licence = declared.map(Into::into);
        let mut out = Vec::new();
        write(&samples::verdict(), &inventory, &mut out).unwrap();
        let document: Value = serde_json::from_slice(&out).unwrap();
        let package = &packages(&document)[2];
        assert_eq!(package["licenseDeclared"], wanted, "{declared:?}");
        assert_eq!(package["licenseComments"].as_str(), comment, "{declared:?}");
    }
}
