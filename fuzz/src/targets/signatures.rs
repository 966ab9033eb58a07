//! Targets for what signs images: keys, payloads, envelopes, bundles.

use std::sync::LazyLock;

use sluicegate_model::signature::Statement;
use sluicegate_model::{Digest, Repository};
use sluicegate_signatures::{
    PublicKey, Subject, Wanted, in_bundle, in_envelope, in_simple_signing,
};

use super::Target;

const MANIFEST: &[u8] = b"manifest";
const KEY: &str = include_str!("../../../policy/signatures/src/data/p256.pub");
const SIGNATURE: &str = include_str!("../../../policy/signatures/src/data/p256.sig");
const PAYLOAD: &[u8] = include_bytes!("../../../policy/signatures/src/data/payload.json");
const STATEMENT: &str = r#"{"payloadType":"application/vnd.in-toto+json","payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbXSwicHJlZGljYXRlVHlwZSI6IngifQ==","signatures":[{"sig":"AAAA"}]}"#;

struct Looked {
    digest: Digest,
    names: Vec<Repository>,
    wanted: Wanted,
}

static LOOKED: LazyLock<Looked> = LazyLock::new(|| Looked {
    digest: Digest::of(MANIFEST),
    names: vec!["corp.example/app".parse().expect("a name")],
    wanted: Wanted::new(
        [&PublicKey::from_pem(KEY).expect("a key")],
        [
            Statement::Signature,
            Statement::Attestation("x:y".to_owned()),
        ],
    ),
});

fn subject() -> Subject<'static> {
    Subject {
        digest: &LOOKED.digest,
        bytes: MANIFEST,
        names: &LOOKED.names,
    }
}

pub fn targets() -> Vec<Target> {
    let bundle = format!(
        r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{{"publicKey":{{"hint":"x"}}}},"dsseEnvelope":{STATEMENT}}}"#
    );
    vec![
        Target::new("public-key", key, vec![KEY.as_bytes().to_vec()]),
        Target::new("simple-signing", simple, vec![PAYLOAD.to_vec()]),
        Target::new(
            "signed-envelope",
            envelope,
            vec![STATEMENT.as_bytes().to_vec()],
        ),
        Target::new("signature-bundle", in_any_bundle, vec![bundle.into_bytes()]),
    ]
}

fn key(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(key) = PublicKey::from_pem(text)
    {
        assert!(!key.has_signed(data, data));
    }
}

fn simple(data: &[u8]) {
    let found = in_simple_signing(data, SIGNATURE, subject(), &LOOKED.wanted);
    assert!(
        found.is_empty() || data == PAYLOAD,
        "another document is signed"
    );
}

fn envelope(data: &[u8]) {
    assert!(in_envelope(data, subject(), &LOOKED.wanted).is_empty());
}

fn in_any_bundle(data: &[u8]) {
    assert!(in_bundle(data, subject(), &LOOKED.wanted).is_empty());
}
