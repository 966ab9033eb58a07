//! What counts as signed, and everything that does not.
//!
//! The files in `data` were made by OpenSSL: keys of each kind, and signatures of one document. All
//! else is signed here.

mod forms;
mod keys;
mod random;
mod vex;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _,
};
use serde_json::{Value, json};
use sluicegate_model::signature::{Signed, Statement};
use sluicegate_model::{Digest, Repository};

use crate::{PublicKey, Subject, Wanted};

/// The manifest that everything here is about.
const MANIFEST: &[u8] = b"manifest";
const SPDX: &str = "https://spdx.dev/Document";

static DIGEST: LazyLock<Digest> = LazyLock::new(|| Digest::of(MANIFEST));
static NAMES: LazyLock<Vec<Repository>> = LazyLock::new(|| {
    let names = [
        "corp.example/team/app",
        "registry.corp.example:5443/v2x/team/app",
    ];
    names.map(|name| name.parse().unwrap()).to_vec()
});

/// Somebody who signs.
struct Signer {
    pair: EcdsaKeyPair,
    key: PublicKey,
}

impl Signer {
    fn new() -> Self {
        // What stands before a P-256 point in its DER form.
        let head = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
        Self::with(&ECDSA_P256_SHA256_ASN1_SIGNING, head)
    }

    fn with(algorithm: &'static EcdsaSigningAlgorithm, head: &str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        let key = PublicKey::from_pem(&pem(head, pair.public_key().as_ref())).unwrap();
        Self { pair, key }
    }

    fn sign(&self, message: &[u8]) -> String {
        let signature = self.pair.sign(&SystemRandom::new(), message).unwrap();
        STANDARD.encode(signature)
    }

    /// Signs a statement, and puts it into an envelope.
    fn envelope(&self, statement: &Value) -> Value {
        let payload = statement.to_string();
        let kind = "application/vnd.in-toto+json";
        let message = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len());
        json!({
            "payload": STANDARD.encode(&payload),
            "payloadType": kind,
            "signatures": [{"keyid": "", "sig": self.sign(message.as_bytes())}],
        })
    }

    /// Tells what it has said of the manifest.
    fn said(&self, statement: &Statement) -> BTreeSet<Signed> {
        BTreeSet::from([Signed {
            key: self.key.id().clone(),
            statement: statement.clone(),
            manifest: DIGEST.clone(),
        }])
    }
}

fn pem(head: &str, key: &[u8]) -> String {
    let bytes = (0..head.len()).step_by(2);
    let bytes = bytes.map(|at| u8::from_str_radix(&head[at..at + 2], 16).unwrap());
    let der: Vec<u8> = bytes.chain(key.iter().copied()).collect();
    let text = STANDARD.encode(der);
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}

fn subject() -> Subject<'static> {
    Subject {
        digest: &DIGEST,
        bytes: MANIFEST,
        names: &NAMES,
    }
}

fn spdx() -> Statement {
    Statement::Attestation(SPDX.to_owned())
}

/// Looks for everything that one signer may say.
fn wanted(signer: &Signer) -> Wanted {
    Wanted::new([&signer.key], [Statement::Signature, spdx()])
}

/// Says that a manifest is signed, as simple signing does.
fn payload(reference: &str, digest: &Digest) -> Value {
    json!({
        "critical": {
            "identity": {"docker-reference": reference},
            "image": {"docker-manifest-digest": digest.as_str()},
            "type": "cosign container image signature",
        },
        "optional": null,
    })
}

/// Says something of a manifest, as in-toto does.
fn statement(predicate: &str, digest: &Digest) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "app", "digest": {"sha256": digest.hex()}}],
        "predicateType": predicate,
        "predicate": {"spdxVersion": "SPDX-2.3"},
    })
}

/// Puts an envelope into a bundle.
fn bundle(envelope: &Value) -> Value {
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "any"}, "tlogEntries": []},
        "dsseEnvelope": envelope,
    })
}
