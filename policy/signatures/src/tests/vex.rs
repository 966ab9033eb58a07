//! Which VEX documents a key has signed for a manifest, and everything that is none.

use super::*;
use crate::{MAX_VEX_BYTES, vex_in_bundle, vex_in_envelope};

const OPENVEX: &str = "https://openvex.dev/ns";

fn hearing(signer: &Signer) -> Wanted {
    Wanted::new([], []).hearing([&signer.key])
}

fn vex(predicate: &str, digest: &Digest, said: &Value) -> Value {
    let mut statement = statement(predicate, digest);
    statement["predicate"] = said.clone();
    statement
}

#[test]
fn a_document_is_found_in_both_forms_with_the_digest_of_what_was_signed() {
    let signer = Signer::new();
    let said = json!({"b": 1, "a": ["x"]});
    for predicate in [
        OPENVEX,
        "https://openvex.dev/ns/",
        "https://openvex.dev/ns/v0.2.0",
        "https://docs.oasis-open.org/csaf/csaf/v2.0/csaf_json_schema.json",
    ] {
        let statement = vex(predicate, &DIGEST, &said);
        let envelope = signer.envelope(&statement);
        let [plain, bundled] = [&envelope, &bundle(&envelope)].map(ToString::to_string);
        let wanted = hearing(&signer);
        let found = vex_in_envelope(plain.as_bytes(), subject(), &wanted);
        assert_eq!(found, vex_in_bundle(bundled.as_bytes(), subject(), &wanted));
        assert_eq!(found.len(), 1, "{predicate}");
        assert_eq!(found[0].key, *signer.key.id());
        assert_eq!(
            found[0].digest,
            Digest::of(statement.to_string().as_bytes())
        );
        let text: Value = serde_json::from_str(found[0].text.as_ref().unwrap()).unwrap();
        assert_eq!(text, said);
    }
}

#[test]
fn what_another_signed_or_is_about_something_else_is_no_document() {
    let (signer, other) = (Signer::new(), Signer::new());
    let (said, elsewhere) = (json!({}), Digest::of(b"elsewhere"));
    let wanted = hearing(&signer);
    let good = vex(OPENVEX, &DIGEST, &said);
    let mut tampered = signer.envelope(&good);
    tampered["payload"] = STANDARD
        .encode(vex(OPENVEX, &DIGEST, &json!([])).to_string())
        .into();
    let mut kind = signer.envelope(&good);
    kind["payloadType"] = "application/json".into();
    let mut many = signer.envelope(&good);
    let signature = many["signatures"][0].clone();
    many["signatures"] = vec![signature; 9].into();
    let of = |predicate: &str| signer.envelope(&vex(predicate, &DIGEST, &said));
    for envelope in [
        other.envelope(&good),
        signer.envelope(&vex(OPENVEX, &elsewhere, &said)),
        of("https://openvex.dev/nsv0.2.0"),
        of("https://openvex.dev/ns/v"),
        of("https://openvex.dev/ns/v1."),
        of("https://openvex.dev/ns/latest"),
        of("https://docs.oasis-open.org/csaf/csaf/v2.0"),
        of(SPDX),
        of("https://sigstore.dev/cosign/sign/v1"),
        tampered,
        kind,
        many,
    ] {
        for text in [envelope.to_string(), bundle(&envelope).to_string()] {
            let (one, two) = (
                vex_in_envelope(text.as_bytes(), subject(), &wanted),
                vex_in_bundle(text.as_bytes(), subject(), &wanted),
            );
            assert!(one.is_empty() && two.is_empty(), "{text}");
        }
    }
    // Whoever is asked for a signature alone is not heard.
    let text = signer.envelope(&good).to_string();
    let unheard = super::wanted(&signer);
    assert!(vex_in_envelope(text.as_bytes(), subject(), &unheard).is_empty());
    assert_ne!(wanted.id(), Wanted::new([], []).id());
    assert!(Wanted::new([], []).is_empty() && !wanted.is_empty());
}

#[test]
fn a_document_that_is_too_large_to_keep_is_known_to_be_there() {
    let signer = Signer::new();
    let said = json!({"a": "x".repeat(MAX_VEX_BYTES)});
    let text = signer.envelope(&vex(OPENVEX, &DIGEST, &said)).to_string();
    let found = vex_in_envelope(text.as_bytes(), subject(), &hearing(&signer));
    assert_eq!((found.len(), &found[0].text), (1, &None));
}
