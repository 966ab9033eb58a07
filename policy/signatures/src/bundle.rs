//! Sigstore's bundles, version 0.3, as far as a key alone verifies them.
//!
//! Source: sigstore/protobuf-specs `protos/sigstore_bundle.proto` in its JSON form. The key that a
//! bundle hints at is a hint, and an entry of a transparency log proves nothing here: a log that is
//! not compared with signature and key is how a signature was forged before (GHSA-whqx-f9j3-ch6m),
//! and by a key that somebody has named none is needed.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sluicegate_model::signature::{Signed, Statement};
use sluicegate_model::strict_json;

use crate::envelope::{self, Envelope};
use crate::wanted::{MAX_DOCUMENT_BYTES, Subject, Wanted};

/// The media types of bundles that are read.
pub const BUNDLE_TYPES: [&str; 2] = [
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: Material,
    #[serde(default)]
    message_signature: Option<MessageSignature>,
    #[serde(default)]
    dsse_envelope: Option<Envelope>,
}

/// By what a bundle is to be verified: one of these.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    #[serde(default)]
    public_key: Option<IgnoredAny>,
    #[serde(default)]
    certificate: Option<IgnoredAny>,
    #[serde(default)]
    x509_certificate_chain: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageSignature {
    signature: String,
    #[serde(default)]
    message_digest: Option<MessageDigest>,
}

#[derive(Deserialize)]
struct MessageDigest {
    algorithm: String,
    digest: String,
}

/// Tells who has signed a manifest, or attested to something of it, by a bundle.
pub fn in_bundle(text: &[u8], subject: Subject<'_>, wanted: &Wanted) -> BTreeSet<Signed> {
    match read(text) {
        Some((Some(signed), None)) => in_message(&signed, subject, wanted),
        Some((None, Some(envelope))) => envelope::in_read(&envelope, subject, wanted),
        _ => BTreeSet::new(),
    }
}

/// Gives the envelope in a bundle, where it has one.
pub(crate) fn envelope_in(text: &[u8]) -> Option<Envelope> {
    match read(text)? {
        (None, envelope) => envelope,
        (Some(_), _) => None,
    }
}

/// Reads what a bundle holds; none where it is not what it has to be.
fn read(text: &[u8]) -> Option<(Option<MessageSignature>, Option<Envelope>)> {
    let is_clear = text.len() <= MAX_DOCUMENT_BYTES && strict_json::check(text, &[]).is_ok();
    let read = || serde_json::from_slice::<Bundle>(text).ok();
    let bundle = is_clear.then(read).flatten().filter(is_by_key_alone)?;
    // Version 0.3 has one signature in an envelope.
    let is_sound = |it: &Envelope| it.signatures.len() == 1;
    if !bundle.dsse_envelope.as_ref().is_none_or(is_sound) {
        return None;
    }
    Some((bundle.message_signature, bundle.dsse_envelope))
}

fn is_by_key_alone(bundle: &Bundle) -> bool {
    let material = &bundle.verification_material;
    BUNDLE_TYPES.contains(&bundle.media_type.as_str())
        && material.public_key.is_some()
        && material.certificate.is_none()
        && material.x509_certificate_chain.is_none()
}

/// Tells who has signed the bytes of a manifest.
fn in_message(
    signed: &MessageSignature,
    subject: Subject<'_>,
    wanted: &Wanted,
) -> BTreeSet<Signed> {
    let is_of_it = signed
        .message_digest
        .as_ref()
        .is_none_or(|it| is_of(it, subject));
    let signature = STANDARD.decode(&signed.signature);
    match signature {
        Ok(signature) if is_of_it && wanted.asks_for_signatures() => {
            let signatures = [signature];
            wanted.signers(
                subject.bytes,
                &signatures,
                &Statement::Signature,
                subject.digest,
            )
        }
        _ => BTreeSet::new(),
    }
}

/// Tells whether a digest that is named beside a signature is the manifest's, where it is of a kind
/// that says so.
fn is_of(named: &MessageDigest, subject: Subject<'_>) -> bool {
    let algorithm = match named.algorithm.as_str() {
        "SHA2_256" => "sha256",
        "SHA2_512" => "sha512",
        // The signature itself decides.
        _ => return true,
    };
    if algorithm != subject.digest.algorithm().as_str() {
        return true;
    }
    let hex = |bytes: Vec<u8>| {
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<String>()
    };
    let named = STANDARD.decode(&named.digest).map(hex);
    named.is_ok_and(|named| named == subject.digest.hex())
}
