//! What keys say in CSAF documents that are attached to an image, and what is remembered of it.

use serde_json::{Value, json};
use sluicegate_model::heard::Remembered;

use super::csaf::{csaf, product};
use super::heard::{ONE, OTHER, PACKAGE, document, is_quieted, key, known, remembering, signed};
use super::vex::said;
use super::*;
use crate::said_in;

/// A document that says that products are fixed.
fn fixed(tree: &Value) -> String {
    csaf(tree, "fixed", &json!(["P"]), &json!({})).to_string()
}

fn named(purl: &str) -> Value {
    json!({"full_product_names": [product("P", purl)]})
}

/// A tree with a range of versions of a package.
fn ranged(purl: &str, range: &str) -> Value {
    json!({"branches": [{
        "category": "product_version_range",
        "name": range,
        "product": product("P", purl),
    }]})
}

/// A tree with a package as part of another product.
fn part_of(whole: &Value) -> Value {
    json!({
        "full_product_names": [product("C", PACKAGE), whole],
        "relationships": [{
            "category": "default_component_of",
            "full_product_name": {"product_id": "P", "name": "x"},
            "product_reference": "C",
            "relates_to_product_reference": "W",
        }],
    })
}

#[test]
fn a_trusted_key_quiets_by_csaf_too() {
    let text = fixed(&named(PACKAGE));
    let by = |who: &str| known(vec![signed(key(who), &DIGEST, &text)]);
    assert!(is_quieted(&by(ONE)) && !is_quieted(&by(OTHER)));
    let draft = text.replace("final", "draft");
    assert!(!is_quieted(&known(vec![signed(key(ONE), &DIGEST, &draft)])));
}

#[test]
fn what_it_said_and_says_no_more_outvotes_what_is_older_of_the_same_product() {
    let bare = PACKAGE.split('@').next().unwrap();
    let image = format!("pkg:oci/app@{}", *DIGEST);
    let other = format!("pkg:oci/app@sha256:{}", "b".repeat(64));
    let platform = json!({"product_id": "W", "name": "Example Linux 9"});
    for (tree, is_meant) in [
        (named(PACKAGE), true),
        (named(bare), true),
        (named(&format!("{bare}@2.15.0")), false),
        (named(&format!("{PACKAGE}?type=jar")), true),
        (named("pkg:npm/%40angular/core@1%2B2"), false),
        (named(&image), true),
        (named(&other), false),
        (ranged(bare, "vers:maven/2.13.0|2.14.1"), true),
        (ranged(bare, "vers:maven/!=2.14.1"), false),
        (part_of(&product("W", &image)), true),
        (part_of(&product("W", &other)), false),
        // Of what, nobody can tell: it may be meant.
        (part_of(&platform), true),
    ] {
        let said_before = said_in(&fixed(&tree)).unwrap();
        let [said_before] = &said_before[..] else {
            panic!("{said_before:?}");
        };
        let older = said("fixed", &json!({"timestamp": "2026-04-01T00:00:00Z"}));
        let older = document(&json!([older]));
        let gone = Remembered {
            key: key(ONE),
            manifest: DIGEST.clone(),
            said: said_before.clone(),
        };
        let signatures = remembering(known(vec![older]), vec![gone]);
        assert_eq!(
            is_quieted(&signatures),
            !is_meant,
            "{}",
            said_before.product
        );
    }
}

#[test]
fn a_product_that_nobody_can_recognize_says_nothing() {
    let tree = json!({"full_product_names": [{"product_id": "P", "name": "Example Linux 9"}]});
    assert_eq!(said_in(&fixed(&tree)).unwrap().len(), 0);
}
