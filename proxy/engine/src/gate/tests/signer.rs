//! Somebody who signs images of a stage, in every form that cosign writes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::signature::Signatures;
use sluicegate_model::{Digest, Scope, media_type};

use super::images::{Image, document};
use super::stage::{Stage, repository};
use crate::ledger::Verdicts as _;

pub(super) const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
pub(super) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Somebody who signs.
pub(super) struct Signer(EcdsaKeyPair);

impl Signer {
    pub(super) fn new() -> Self {
        let (kind, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).unwrap())
    }

    /// Gives the key as it is written in YAML between braces.
    pub(super) fn key(&self) -> String {
        let head = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
        let der = [&head, self.0.public_key().as_ref()].concat();
        let text = STANDARD.encode(der);
        format!("\"-----BEGIN PUBLIC KEY-----\\n{text}\\n-----END PUBLIC KEY-----\"")
    }

    pub(super) fn sign(&self, message: &[u8]) -> String {
        let signature = self.0.sign(&SystemRandom::new(), message).unwrap();
        STANDARD.encode(signature)
    }

    /// Refuses what this one has not signed.
    pub(super) fn refuse_unsigned(&self) -> String {
        policy(&format!("unless: {{signedBy: {}}}", self.key()))
    }

    /// Makes what cosign puts under the tag of a manifest's signatures.
    pub(super) fn simple(&self, reference: &str, digest: &Digest) -> Image {
        let payload = json!({
            "critical": {
                "identity": {"docker-reference": reference},
                "image": {"docker-manifest-digest": digest.as_str()},
                "type": "cosign container image signature",
            },
            "optional": null,
        });
        let payload = payload.to_string();
        let signature = self.sign(payload.as_bytes());
        Image::of(vec![document(&payload, SIMPLE_SIGNING)]).edited(|manifest| {
            let notes = json!({"dev.cosignproject.cosign/signature": signature});
            manifest["layers"][0]["annotations"] = notes;
        })
    }

    pub(super) fn envelope(&self, predicate: &str, digest: &Digest) -> Value {
        self.stated(predicate, digest, &json!({}))
    }

    /// Signs what is said of a manifest.
    pub(super) fn stated(&self, predicate: &str, digest: &Digest, said: &Value) -> Value {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": digest.hex()}}],
            "predicateType": predicate,
            "predicate": said,
        });
        let (payload, kind) = (statement.to_string(), "application/vnd.in-toto+json");
        let message = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len());
        let signature = self.sign(message.as_bytes());
        let payload = STANDARD.encode(payload);
        json!({"payloadType": kind, "payload": payload, "signatures": [{"sig": signature}]})
    }

    /// Makes a bundle as cosign 3 writes it.
    pub(super) fn bundle(&self, predicate: &str, digest: &Digest) -> Image {
        bundled(&self.envelope(predicate, digest))
    }
}

/// Puts an envelope into a bundle as cosign 3 writes it.
pub(super) fn bundled(envelope: &Value) -> Image {
    let bundle = json!({
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": "x"}},
        "dsseEnvelope": envelope,
    });
    Image::artifact(BUNDLE, vec![document(&bundle.to_string(), BUNDLE)])
}

pub(super) fn policy(image: &str) -> String {
    format!(
        "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: signed}}\nspec:\n  \
         onInconclusive: allow\n  \
         rules: [{{id: unsigned, image: {{{image}}}, action: refuse}}]\n"
    )
}

pub(super) fn tag(digest: &Digest, suffix: &str) -> String {
    format!("sha256-{}.{suffix}", digest.hex())
}

impl Stage {
    pub(super) fn sign(&self, path: &str, signer: &Signer, digest: &Digest) {
        let reference = format!("origin.test:5000/{path}");
        self.push(
            path,
            &tag(digest, "sig"),
            &signer.simple(&reference, digest),
        );
    }

    /// Lists an artifact among what refers to a manifest.
    pub(super) fn refer(&self, path: &str, digest: &Digest, kind: Option<&str>, artifact: &Image) {
        self.push(path, "referrer", artifact);
        let listed = Descriptor {
            media_type: media_type::OCI_MANIFEST.to_owned(),
            digest: artifact.digest(),
            size: artifact.manifest.len() as u64,
            platform: None,
            urls: Vec::new(),
            artifact_type: kind.map(str::to_owned),
            annotations: [].into(),
        };
        self.upstream.push_referrer(path, digest, listed);
    }

    /// Counts the looks for signatures.
    pub(super) fn looks(&self) -> usize {
        self.upstream.count("/referrers/")
    }

    pub(super) async fn pulled(&self, path: &str, reference: &str) -> String {
        self.manifest(&self.get(path), reference).await
    }

    pub(super) async fn signatures(&self, path: &str, digest: &Digest) -> Option<Signatures> {
        let scope = Scope::for_all(repository(path));
        let verdict = self.ledger.verdict(&scope, digest).await.unwrap();
        verdict.unwrap().signatures
    }
}
