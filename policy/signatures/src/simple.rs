//! Simple signing: a small document that names a manifest and a repository, and a signature of it.
//!
//! Source: cosign's `specs/SIGNATURE_SPEC.md`, and containers/image's
//! `docs/atomic-signature.md` for the document.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sluicegate_model::image::WrittenName;
use sluicegate_model::names::Names;
use sluicegate_model::signature::{Signed, Statement};
use sluicegate_model::{Repository, strict_json};

use crate::envelope::SIGN_PREDICATE;
use crate::wanted::{Subject, Wanted};

/// The annotation of a layer that holds the signature of its content.
pub const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";

/// Largest document, in bytes: it has about 300, and what its signer adds.
const MAX_PAYLOAD_BYTES: usize = 64 * 1024;
/// Longest signature, as it is written: RSA's longest has 1,368 letters.
const MAX_SIGNATURE_BYTES: usize = 4 * 1024;

/// What the document may say that it is: cosign's own name for it, until version 3 and since.
const TYPES: [&str; 2] = ["cosign container image signature", SIGN_PREDICATE];
/// The registry that names without a host are of.
const DOCKER_HUB: &str = "docker.io";

/// Names that some readers take in any letter case.
const FIELDS: &[&str] = &[
    "critical",
    "identity",
    "image",
    "type",
    "docker-reference",
    "docker-manifest-digest",
];

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(rename = "docker-reference", default)]
    reference: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

/// Tells who has signed a manifest by a document and its signature, in base64.
pub fn in_simple_signing(
    payload: &[u8],
    signature: &str,
    subject: Subject<'_>,
    wanted: &Wanted,
) -> BTreeSet<Signed> {
    let is_bounded = payload.len() <= MAX_PAYLOAD_BYTES && signature.len() <= MAX_SIGNATURE_BYTES;
    if !is_bounded || !wanted.asks_for_signatures() || !speaks_of(payload, subject) {
        return BTreeSet::new();
    }
    let Ok(signature) = STANDARD.decode(signature) else {
        return BTreeSet::new();
    };
    wanted.signers(payload, &[signature], &Statement::Signature, subject.digest)
}

/// Tells whether a document is about this manifest, in this repository.
fn speaks_of(payload: &[u8], subject: Subject<'_>) -> bool {
    let is_clear = strict_json::check(payload, FIELDS).is_ok();
    let read = || serde_json::from_slice::<Payload>(payload).ok();
    let Some(Payload { critical }) = is_clear.then(read).flatten() else {
        return false;
    };
    TYPES.contains(&critical.kind.as_str())
        && critical.image.digest == subject.digest.as_str()
        && is_one_of(&critical.identity.reference, subject.names)
}

/// Tells whether a reference is to one of these repositories, or to none at all.
fn is_one_of(reference: &str, names: &[Repository]) -> bool {
    if reference.is_empty() {
        return true;
    }
    let written = WrittenName::of(reference);
    let hosts = names.iter().map(Repository::upstream);
    let known = Names::new(hosts, [], DOCKER_HUB);
    known
        .canonical(written.name, None)
        .is_ok_and(|repository| names.contains(&repository))
}
