//! Envelopes with an in-toto statement: what it says of which manifest, and who signed that.
//!
//! Source: secure-systems-lab/dsse `protocol.md` and `envelope.md`, in-toto/attestation
//! `spec/v1/statement.md`. What an envelope says is bytes that were signed; nothing beside them, such
//! as an annotation with the predicate's type, is believed.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sluicegate_model::signature::{Signed, Statement};
use sluicegate_model::strict_json;

use crate::wanted::{MAX_DOCUMENT_BYTES, Subject, Wanted};

/// The predicate by which cosign 3 says that an image is signed.
pub const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

/// The type of what an envelope holds.
const IN_TOTO: &str = "application/vnd.in-toto+json";
/// The versions of statements that are read.
const STATEMENTS: [&str; 2] = [
    "https://in-toto.io/Statement/v0.1",
    "https://in-toto.io/Statement/v1",
];
/// Most signatures of one envelope looked at: each is held against each key.
const MAX_SIGNATURES: usize = 8;

/// An envelope.
#[derive(Deserialize)]
pub(crate) struct Envelope {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    pub(crate) signatures: Vec<EnvelopeSignature>,
}

/// A signature of what an envelope holds.
#[derive(Deserialize)]
pub(crate) struct EnvelopeSignature {
    sig: String,
}

#[derive(Deserialize)]
struct InTotoStatement {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    subject: Vec<InTotoSubject>,
}

#[derive(Deserialize)]
struct InTotoSubject {
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

/// Tells who has signed a manifest, or attested to something of it, by an envelope.
pub fn in_envelope(text: &[u8], subject: Subject<'_>, wanted: &Wanted) -> BTreeSet<Signed> {
    let envelope = read(text);
    envelope.map_or_else(BTreeSet::new, |it| in_read(&it, subject, wanted))
}

/// Reads an envelope; none where it is not what it has to be.
pub(crate) fn read(text: &[u8]) -> Option<Envelope> {
    let is_clear = text.len() <= MAX_DOCUMENT_BYTES && strict_json::check(text, &[]).is_ok();
    let read = || serde_json::from_slice::<Envelope>(text).ok();
    is_clear.then(read).flatten()
}

/// Does the same for one that was read.
pub(crate) fn in_read(
    envelope: &Envelope,
    subject: Subject<'_>,
    wanted: &Wanted,
) -> BTreeSet<Signed> {
    let Some(payload) = payload_of(envelope) else {
        return BTreeSet::new();
    };
    let statement = statement_on(&payload, subject);
    let statement = statement.filter(|it| wanted.statements().contains(it));
    let Some(statement) = statement else {
        return BTreeSet::new();
    };
    let (message, signatures) = signed_by(envelope, &payload);
    wanted.signers(&message, &signatures, &statement, subject.digest)
}

/// Gives what an envelope holds; none where that is no statement, or is signed too often.
pub(crate) fn payload_of(envelope: &Envelope) -> Option<Vec<u8>> {
    let is_sound = envelope.payload_type == IN_TOTO && envelope.signatures.len() <= MAX_SIGNATURES;
    let payload = is_sound.then(|| STANDARD.decode(&envelope.payload).ok());
    payload.flatten()
}

/// Gives the bytes that are signed, and the signatures.
pub(crate) fn signed_by(envelope: &Envelope, payload: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let signatures = envelope.signatures.iter();
    let signatures = signatures.filter_map(|it| STANDARD.decode(&it.sig).ok());
    (authenticated(IN_TOTO, payload), signatures.collect())
}

/// Reads what a statement says of a manifest; none where it says nothing of it.
pub(crate) fn statement_on(payload: &[u8], subject: Subject<'_>) -> Option<Statement> {
    strict_json::check(payload, &[]).ok()?;
    let read: InTotoStatement = serde_json::from_slice(payload).ok()?;
    let (algorithm, hex) = (subject.digest.algorithm().as_str(), subject.digest.hex());
    let is_it = |named: &InTotoSubject| named.digest.get(algorithm).is_some_and(|it| it == hex);
    let speaks_of_it = STATEMENTS.contains(&read.kind.as_str()) && read.subject.iter().any(is_it);
    speaks_of_it.then(|| match read.predicate_type.as_str() {
        SIGN_PREDICATE => Statement::Signature,
        // It would be read back as one.
        _ if read.predicate_type == Statement::Signature.as_str() => {
            Statement::Attestation(String::new())
        }
        _ => Statement::Attestation(read.predicate_type),
    })
}

/// Gives the bytes that are signed: DSSE's pre-authentication encoding.
fn authenticated(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let (kind_len, len) = (payload_type.len(), payload.len());
    let mut message = format!("DSSEv1 {kind_len} {payload_type} {len} ").into_bytes();
    message.extend_from_slice(payload);
    message
}
