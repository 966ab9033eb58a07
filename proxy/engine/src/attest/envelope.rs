//! Statements in DSSE envelopes, and those in sigstore's bundles.
//!
//! Sources: secure-systems-lab/dsse `protocol.md` and `envelope.md`; sigstore/protobuf-specs
//! `protos/sigstore_bundle.proto`, version 0.3, in its JSON form. No log and no authority of time has
//! seen them: whoever verifies goes by the key.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sluicegate_model::Digest;

use super::key::AttestationKey;

/// The media type of an envelope.
pub const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
/// The media type of a bundle, and the type of the artifact that holds one.
pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The type of what an envelope holds.
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// What a verdict says, signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// What was signed, and by which key.
    pub(super) basis: Digest,
    /// The key, as sigstore's programs name it.
    pub(super) hint: String,
    /// An envelope for each statement.
    pub envelopes: Vec<Envelope>,
}

/// A signed statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The type of its predicate.
    pub predicate: String,
    /// The envelope, as JSON.
    pub text: String,
}

impl Signed {
    /// Names these signatures.
    pub(super) fn id(&self) -> Digest {
        let texts = self
            .envelopes
            .iter()
            .map(|it| Digest::of(it.text.as_bytes()));
        let text = texts.fold(self.basis.to_string(), |text, it| text + "\n" + it.as_str());
        Digest::of(text.as_bytes())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bundle<'a> {
    media_type: &'static str,
    verification_material: Value,
    dsse_envelope: &'a RawValue,
}

/// Signs a statement and puts it in an envelope.
pub(super) fn seal(key: &AttestationKey, statement: &[u8]) -> io::Result<String> {
    let signature = key.sign(&authenticated(IN_TOTO, statement));
    let signature = signature.map_err(|_| io::Error::other("there was no randomness"))?;
    let envelope = json!({
        "payloadType": IN_TOTO,
        "payload": STANDARD.encode(statement),
        // Programs hold a name of a key against names of their own kind, and pass over others.
        "signatures": [{"keyid": "", "sig": STANDARD.encode(signature)}],
    });
    Ok(envelope.to_string())
}

/// Puts an envelope in a bundle that names the key.
pub(super) fn bundle(hint: &str, envelope: &str) -> io::Result<String> {
    let envelope: &RawValue = serde_json::from_str(envelope)?;
    let bundle = Bundle {
        media_type: BUNDLE,
        verification_material: json!({"publicKey": {"hint": hint}, "tlogEntries": []}),
        dsse_envelope: envelope,
    };
    Ok(serde_json::to_string(&bundle)?)
}

/// Gives the bytes that are signed: DSSE's pre-authentication encoding.
fn authenticated(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let (kind_len, len) = (payload_type.len(), payload.len());
    let mut message = format!("DSSEv1 {kind_len} {payload_type} {len} ").into_bytes();
    message.extend_from_slice(payload);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_as_dsse_s_own_example() {
        let message = authenticated("http://example.com/HelloWorld", b"hello world");
        let wanted = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(message, wanted);
    }
}
