//! VEX documents that a key has signed for a manifest: an in-toto statement with OpenVEX or CSAF in it.
//!
//! Sources, for the predicate's type: <https://github.com/openvex/spec>, "Attesting OpenVEX"; OASIS,
//! "Common Security Advisory Framework Version 2.0", whose schema's address it is, for nobody has given
//! CSAF another. Nothing beside what was signed is believed, and what no wanted key has signed is nothing
//! at all.

use serde_json::Value;
use sluicegate_model::Digest;
use sluicegate_model::signature::Statement;

use crate::bundle;
use crate::envelope::{self, Envelope};
use crate::wanted::{Subject, Wanted};

/// The type of the predicate; a version may stand behind it.
const OPENVEX: &str = "https://openvex.dev/ns";

/// The type of the predicate that is a document of CSAF.
const CSAF: &str = "https://docs.oasis-open.org/csaf/csaf/v2.0/csaf_json_schema.json";

/// Largest document that is kept, in bytes: it is part of what verdicts rest on.
pub const MAX_VEX_BYTES: usize = 256 * 1024;

/// A document that a key has signed for a manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignedVex {
    /// The key, by the SHA-256 of its DER form.
    pub key: Digest,
    /// The digest of what was signed.
    pub digest: Digest,
    /// The document, as JSON; none where it has more than [`MAX_VEX_BYTES`].
    pub text: Option<String>,
}

/// Gives the VEX document in a bundle, once for each wanted key that has signed it.
pub fn vex_in_bundle(text: &[u8], subject: Subject<'_>, wanted: &Wanted) -> Vec<SignedVex> {
    let envelope = bundle::envelope_in(text);
    envelope.map_or_else(Vec::new, |it| in_read(&it, subject, wanted))
}

/// Does the same for an envelope.
pub fn vex_in_envelope(text: &[u8], subject: Subject<'_>, wanted: &Wanted) -> Vec<SignedVex> {
    let envelope = envelope::read(text);
    envelope.map_or_else(Vec::new, |it| in_read(&it, subject, wanted))
}

fn in_read(envelope: &Envelope, subject: Subject<'_>, wanted: &Wanted) -> Vec<SignedVex> {
    let Some(payload) = envelope::payload_of(envelope) else {
        return Vec::new();
    };
    let is_vex = match envelope::statement_on(&payload, subject) {
        Some(Statement::Attestation(predicate)) => predicate == CSAF || is_openvex(&predicate),
        Some(Statement::Signature) | None => false,
    };
    if !is_vex {
        return Vec::new();
    }
    let signers = wanted.vex_signers(&envelope::signed_by(envelope, &payload));
    if signers.is_empty() {
        return Vec::new();
    }
    // Only now: what somebody else signed costs no more than the look for its signature.
    let text = predicate_of(&payload).filter(|text| text.len() <= MAX_VEX_BYTES);
    let digest = Digest::of(&payload);
    let signers = signers.into_iter();
    signers
        .map(|key| SignedVex {
            key,
            digest: digest.clone(),
            text: text.clone(),
        })
        .collect()
}

/// Tells whether a predicate's type is that of OpenVEX, with or without a version.
fn is_openvex(predicate: &str) -> bool {
    let is_version = |text: &str| {
        let mut parts = text.split('.');
        parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match predicate.strip_prefix(OPENVEX) {
        Some("" | "/") => true,
        Some(rest) => rest.strip_prefix("/v").is_some_and(is_version),
        None => false,
    }
}

/// Gives the predicate of a statement, its keys in order.
fn predicate_of(payload: &[u8]) -> Option<String> {
    let mut statement: Value = serde_json::from_slice(payload).ok()?;
    Some(statement.get_mut("predicate")?.take().to_string())
}
