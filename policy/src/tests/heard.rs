//! What keys say of an image in documents that are attached to it: what of it a policy hears.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use sluicegate_model::heard::{HeardVex, Remembered, SignedDocument, VexMark};
use sluicegate_model::signature::Signatures;

use super::signed::quoted;
use super::vex::{attached_to_p, load, openvex, said};
use super::*;
use crate::{NotHeard, said_in};

pub(super) const ONE: &str = quoted!(one);
pub(super) const OTHER: &str = quoted!(other);

pub(super) fn key(quoted: &str) -> Digest {
    let text = quoted.trim_matches('"').replace("\\n", "\n");
    let key = sluicegate_signatures::PublicKey::from_pem(&text).unwrap();
    key.id().clone()
}

/// A policy that refuses what is critical and hears one key.
pub(super) fn hearing(more: &str) -> String {
    policy(&format!(
        "  trustVex: [{ONE}]\n{more}  rules: [{{id: worst, when: {{severityAtLeast: critical}}, \
         action: refuse}}]"
    ))
}

pub(super) fn signed(key: Digest, manifest: &Digest, text: &str) -> SignedDocument {
    SignedDocument {
        key,
        manifest: manifest.clone(),
        digest: Digest::of(text.as_bytes()),
        text: text.into(),
    }
}

pub(super) fn document(statements: &Value) -> SignedDocument {
    signed(key(ONE), &DIGEST, &openvex("a", statements))
}

/// Says what is known where everything was looked for.
pub(super) fn known(documents: Vec<SignedDocument>) -> Signatures {
    Signatures {
        keys: BTreeSet::new(),
        statements: BTreeSet::new(),
        found: Vec::new(),
        looked_up_at: now(),
        unknown: None,
        vex: Some(HeardVex {
            keys: BTreeSet::from([key(ONE), key(OTHER)]),
            documents,
            ..HeardVex::default()
        }),
    }
}

fn outcome(policy: &PolicySet, signatures: Option<&Signatures>) -> Outcome {
    let scope = scope(IMAGE);
    let subject = Subject {
        scope: &scope,
        digest: &DIGEST,
        content: Content::Image,
        created: None,
        run: None,
        first_seen: None,
        graces: &[],
        signatures,
    };
    let finding = finding("CVE-1", Severity::Critical, None, false);
    let report = report(vec![finding], vec![]);
    let standing = FeedStanding::default();
    decide(policy, &subject, report, &standing, by_number, now())
}

fn is_quieted_for(policy: &PolicySet, signatures: &Signatures) -> bool {
    let outcome = outcome(policy, Some(signatures));
    let is_allowed = outcome.decision == Decision::Allow;
    assert_eq!(is_allowed, !outcome.report.findings[0].vex.is_empty());
    assert_eq!(is_allowed, !outcome.allowed_by.is_empty());
    is_allowed
}

pub(super) fn is_quieted(signatures: &Signatures) -> bool {
    is_quieted_for(&set(&hearing("")), signatures)
}

fn quiet() -> Value {
    json!([said("not_affected", &json!({}))])
}

fn at(time: &str) -> Value {
    json!({"timestamp": time})
}

/// What the key said of the package of tests, and says no more.
fn before(status: &str, time: &str, product: &Value) -> Remembered {
    let statement = said(status, &json!({"timestamp": time, "products": [product]}));
    let said = said_in(&openvex("a", &json!([statement]))).unwrap();
    Remembered {
        key: key(ONE),
        manifest: DIGEST.clone(),
        said: said.into_iter().next().unwrap(),
    }
}

pub(super) fn remembering(mut known: Signatures, remembered: Vec<Remembered>) -> Signatures {
    known.vex.as_mut().unwrap().remembered = remembered;
    known
}

pub(super) const PACKAGE: &str = "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1";

#[test]
fn a_trusted_key_quiets_and_who_it_is_stands_beside_the_finding() {
    let document = document(&quiet());
    let outcome = outcome(&set(&hearing("")), Some(&known(vec![document.clone()])));
    assert_eq!(outcome.decision, Decision::Allow);
    assert_eq!(outcome.allowed_by, [format!("vex:{}", document.digest)]);
    let statement = &outcome.report.findings[0].vex[0];
    assert_eq!(statement.key, Some(key(ONE)));
    assert_eq!(statement.file, document.digest.to_string());
    assert_eq!(statement.policies, ["p"]);
    assert!(statement.to_string().contains(key(ONE).as_str()));
}

#[test]
fn nobody_else_quiets_and_nothing_does_where_not_all_is_known() {
    let said = openvex("a", &quiet());
    let by = |who: &str| known(vec![signed(key(who), &DIGEST, &said)]);
    assert!(is_quieted(&by(ONE)) && !is_quieted(&by(OTHER)));
    let plain = set(&hearing("").replace("trustVex", "vex").replace(ONE, ""));
    assert!(!is_quieted_for(&plain, &by(ONE)), "nobody is trusted");
    let unknown = Signatures {
        unknown: Some("the list of referrers fails".into()),
        ..by(ONE)
    };
    assert!(!is_quieted(&unknown));
    let mut unasked = by(ONE);
    unasked.vex.as_mut().unwrap().keys = BTreeSet::from([key(OTHER)]);
    assert!(!is_quieted(&unasked));
    assert_eq!(outcome(&set(&hearing("")), None).decision, Decision::Refuse);
    // What cannot be read any more may be the newest word.
    let broken = signed(key(ONE), &DIGEST, "{");
    assert!(!is_quieted(&known(vec![broken, document(&quiet())])));
}

#[test]
fn the_product_is_the_image_or_the_index_that_the_document_is_attached_to() {
    let index = Digest::of(b"index");
    let elsewhere = Digest::of(b"elsewhere");
    let on = |product: &Digest, manifest: &Digest| {
        let product = json!([{"@id": format!("pkg:oci/app@{product}")}]);
        let statement = said("not_affected", &json!({"products": product}));
        let text = openvex("a", &json!([statement]));
        is_quieted(&known(vec![signed(key(ONE), manifest, &text)]))
    };
    assert!(on(&DIGEST, &DIGEST) && on(&DIGEST, &index) && on(&index, &index));
    assert!(!on(&index, &DIGEST) && !on(&elsewhere, &DIGEST) && !on(&elsewhere, &index));
}

#[test]
fn what_bears_or_is_open_changes_nothing_and_the_newest_counts() {
    for (statements, wanted) in [
        (json!([said("affected", &json!({}))]), false),
        (json!([said("under_investigation", &json!({}))]), false),
        (json!([said("fixed", &json!({}))]), true),
        (
            json!([
                said("fixed", &at("2026-01-01T00:00:00Z")),
                said("affected", &at("2026-02-01T00:00:00Z"))
            ]),
            false,
        ),
        (
            json!([
                said("affected", &at("2026-01-01T00:00:00Z")),
                said("fixed", &at("2026-02-01T00:00:00Z"))
            ]),
            true,
        ),
        (json!([said("fixed", &at("2099-01-01T00:00:00Z"))]), false),
    ] {
        assert_eq!(
            is_quieted(&known(vec![document(&statements)])),
            wanted,
            "{statements}"
        );
    }
    // Authors in documents say what they like: the key tells who speaks.
    let newer = json!([said("affected", &at("2026-04-30T00:00:00Z"))]);
    let newer = signed(key(ONE), &DIGEST, &openvex("somebody else", &newer));
    let older = document(&json!([said("fixed", &at("2026-04-01T00:00:00Z"))]));
    assert!(!is_quieted(&known(vec![newer, older])));
}

#[test]
fn an_older_word_is_outvoted_by_one_that_is_said_no_more() {
    let (early, late) = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    let listed = || known(vec![document(&json!([said("fixed", &at(early))]))]);
    let whole = json!({"@id": format!("pkg:oci/app@{}", *DIGEST)});
    let part = json!({"@id": whole["@id"], "subcomponents": [{"@id": PACKAGE}]});
    let hashed = json!({"hashes": {"sha-256": DIGEST.hex()}});
    // However the product was called then.
    for product in [json!(PACKAGE), whole, part, hashed] {
        for status in ["affected", "under_investigation", "not_affected", "fixed"] {
            let known = remembering(listed(), vec![before(status, late, &product)]);
            assert!(!is_quieted(&known), "{status} {product}");
        }
        let known = remembering(
            listed(),
            vec![before("affected", "2025-01-01T00:00:00Z", &product)],
        );
        assert!(is_quieted(&known), "{product}");
        let older = remembering(
            listed(),
            vec![before("fixed", "2025-01-01T00:00:00Z", &product)],
        );
        assert!(is_quieted(&older), "{product}");
        // As new, and as quiet.
        let same = remembering(listed(), vec![before("fixed", early, &product)]);
        assert!(is_quieted(&same), "{product}");
        let stricter = remembering(listed(), vec![before("affected", early, &product)]);
        assert!(!is_quieted(&stricter), "{product}");
    }
    // Of something else it says nothing.
    let other = json!("pkg:npm/other");
    assert!(is_quieted(&remembering(
        listed(),
        vec![before("affected", late, &other)]
    )));
}

#[test]
fn files_and_signed_documents_speak_together() {
    let policy = |status: &str| {
        let text = hearing("  vex: [a.json]\n");
        let file = openvex("author", &json!([said(status, &json!({}))]));
        load(&text, &[("a.json", file)]).unwrap()
    };
    let signed = |status: &str| known(vec![document(&json!([said(status, &json!({}))]))]);
    assert!(is_quieted_for(&policy("fixed"), &signed("fixed")));
    assert!(is_quieted_for(
        &policy("under_investigation"),
        &signed("fixed")
    ));
    assert!(is_quieted_for(
        &policy("fixed"),
        &signed("under_investigation")
    ));
    assert!(!is_quieted_for(&policy("affected"), &signed("fixed")));
    assert!(!is_quieted_for(&policy("fixed"), &signed("affected")));
}

#[test]
fn what_a_document_says_is_read_word_by_word() {
    let statement = json!({
        "vulnerability": {"name": "CVE-1", "aliases": ["GHSA-1"]},
        "products": [PACKAGE, {"@id": "pkg:oci/app", "supplier": "x", "subcomponents": ["pkg:a/b", "pkg:a/c"]}],
        "status": "fixed",
        "timestamp": "2026-01-01T00:00:00Z", "last_updated": "2026-03-01T00:00:00Z",
    });
    let words = said_in(&openvex("a", &json!([statement]))).unwrap();
    let products: Vec<&str> = words.iter().map(|it| it.product.as_str()).collect();
    assert_eq!(
        products,
        [
            &*format!("{{\"@id\":\"{PACKAGE}\"}}"),
            "{\"@id\":\"pkg:oci/app\",\"subcomponents\":[{\"@id\":\"pkg:a/b\"}]}",
            "{\"@id\":\"pkg:oci/app\",\"subcomponents\":[{\"@id\":\"pkg:a/c\"}]}",
        ]
    );
    let first: &VexMark = &words[0];
    assert_eq!((&*first.vulnerability, first.aliases.len()), ("CVE-1", 1));
    assert_eq!(first.at.to_string(), "2026-03-01T00:00:00Z");
}

#[test]
fn what_says_too_much_or_is_no_document_is_not_heard() {
    let of = |products: Vec<Value>| said("fixed", &json!({"products": products}));
    let many = |count: usize| {
        (0..count)
            .map(|at| json!(format!("pkg:npm/p{at}")))
            .collect()
    };
    let read = |statement: Value| said_in(&openvex("a", &json!([statement]))).map(|it| it.len());
    assert_eq!(read(of(many(1_000))), Ok(1_000));
    assert_eq!(read(of(many(1_001))), Err(NotHeard::TooMuch));
    let long = json!(format!("pkg:npm/{}", "x".repeat(2_048)));
    assert_eq!(read(of(vec![long])), Err(NotHeard::LongProduct));
    let aliases: Vec<String> = (0..21).map(|at| format!("GHSA-{at}")).collect();
    let named = said(
        "fixed",
        &json!({"vulnerability": {"name": "CVE-1", "aliases": aliases}}),
    );
    assert_eq!(read(named), Err(NotHeard::ManyAliases));
    for text in ["", "{}", "[", "{\"@context\": 1}", &"[".repeat(100_000)] {
        assert!(
            matches!(said_in(text), Err(NotHeard::Mistake(_))),
            "{}",
            &text[..text.len().min(20)]
        );
    }
}

#[test]
fn another_trusted_key_is_another_policy_and_an_empty_list_is_a_mistake() {
    let one = set(&hearing(""));
    let other = set(&hearing("").replace(ONE, OTHER));
    assert_ne!(
        one.digest_for(&scope(IMAGE)),
        other.digest_for(&scope(IMAGE))
    );
    let wanted = one.wanted_signatures(&scope(IMAGE)).unwrap();
    assert_eq!(wanted.vex_keys(), BTreeSet::from([key(ONE)]));
    assert!(wanted.keys().is_empty() && wanted.asks_for_attestations());
    assert_ne!(
        wanted.id(),
        other.wanted_signatures(&scope(IMAGE)).unwrap().id()
    );
    for (written, part) in [
        ("[]", "at least one public key"),
        (ONE, "a list"),
        ("[keys/x.pub]", "is not there"),
    ] {
        let found = mistakes(&policy(&format!("  trustVex: {written}")));
        assert!(found[0].2.contains(part), "{written}: {found:?}");
    }
    let file = ONE.trim_matches('"').replace("\\n", "\n");
    let files = [SourceFile {
        name: "p.yaml".into(),
        text: policy("  trustVex: [a.pub]"),
    }];
    let sources = crate::Sources {
        files: &files,
        attached: &[attached_to_p("a.pub", &file)],
        now: now(),
    };
    assert_eq!(crate::named_files(&files).len(), 1);
    assert!(PolicySet::load(&sources).is_ok());
}

#[test]
fn trust_that_quiets_nothing_is_told() {
    let told = |text: &str| {
        let warnings = set(text).lint(now());
        warnings
            .iter()
            .any(|it| it.contains("what its keys say quiets nothing"))
    };
    assert!(!told(&hearing("")));
    let idle = policy(&format!(
        "  trustVex: [{ONE}]\n  rules: [{{id: r, image: {{user: root}}, action: refuse}}]"
    ));
    assert!(told(&idle));
}

/// Words of one key on the package of tests: their day and status.
fn words() -> impl Strategy<Value = Vec<(u8, usize)>> {
    prop::collection::vec((1..20_u8, 0..4_usize), 1..6)
}

fn statement((day, status): (u8, usize)) -> Value {
    let status = ["not_affected", "fixed", "under_investigation", "affected"][status];
    said(status, &at(&format!("2026-03-{day:02}T00:00:00Z")))
}

proptest! {
    /// Whatever of what was once said is taken away, or said again: nothing is quiet that was not by
    /// the newest word.
    #[test]
    fn what_is_taken_away_never_quiets(words in words(), left in prop::collection::vec(any::<bool>(), 6)) {
        let documents: Vec<SignedDocument> =
            words.iter().map(|word| document(&json!([statement(*word)]))).collect();
        let all = is_quieted(&known(documents.clone()));
        let kept: Vec<SignedDocument> = documents.iter().zip(&left)
            .filter(|(_, stays)| **stays).map(|(it, _)| it.clone()).collect();
        let newest = words.iter().copied().max().unwrap();
        let (day, status) = newest;
        let product = json!(PACKAGE);
        let status = ["not_affected", "fixed", "under_investigation", "affected"][status];
        let gone = before(status, &format!("2026-03-{day:02}T00:00:00Z"), &product);
        let played = is_quieted(&remembering(known(kept), vec![gone]));
        prop_assert!(all || !played);
    }

    #[test]
    fn the_order_of_documents_does_not_matter(words in words()) {
        let mut documents: Vec<SignedDocument> =
            words.iter().map(|word| document(&json!([statement(*word)]))).collect();
        let forwards = is_quieted(&known(documents.clone()));
        documents.reverse();
        prop_assert_eq!(forwards, is_quieted(&known(documents)));
    }

    #[test]
    fn nobody_who_is_not_trusted_changes_anything(words in words(), others in words()) {
        let own = words.iter().map(|word| document(&json!([statement(*word)])));
        let own: Vec<SignedDocument> = own.collect();
        let others = others.iter().map(|word| {
            let text = openvex("a", &json!([statement(*word)]));
            signed(key(OTHER), &DIGEST, &text)
        });
        let all: Vec<SignedDocument> = own.iter().cloned().chain(others).collect();
        prop_assert_eq!(is_quieted(&known(own)), is_quieted(&known(all)));
    }
}
