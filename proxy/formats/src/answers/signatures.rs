//! What was known of who signed an image.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;
use sluicegate_model::form::{Each, Maybe};
use sluicegate_model::forms;
use sluicegate_model::heard::{HeardVex, Remembered, SignedDocument, Unheard, VexMark};
use sluicegate_model::schema::Instant;
use sluicegate_model::signature::{Signatures, Signed, Statement};
use sluicegate_model::vex::VexStatus;

/// What was known of who signed the image.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Signatures")]
pub struct SignaturesAnswer {
    /// The keys that were looked for, each by the SHA-256 of its DER form.
    keys: BTreeSet<Digest>,
    /// What they were asked for to say: `signature`, and types of predicates of attestations.
    #[serde(rename = "types")]
    #[schemars(with = "BTreeSet<String>")]
    statements: BTreeSet<Statement>,
    /// Which of them did.
    #[serde(with = "Each::<SignedAnswer>")]
    found: Vec<Signed>,
    /// When the registry was asked for what is listed here.
    #[schemars(with = "Instant")]
    looked_up_at: Timestamp,
    /// Why there may be more than was found; left out where there is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    /// What keys say of weaknesses in documents attached to the image; left out where no policy
    /// believes any.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "Maybe::<HeardAnswer>"
    )]
    vex: Option<HeardVex>,
}

/// What was heard of keys that policies trust (`trustVex`).
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "HeardVex")]
pub(super) struct HeardAnswer {
    /// The keys that were looked for, each by the SHA-256 of its DER form.
    keys: BTreeSet<Digest>,
    /// The documents that they have signed; while `unknown` says something, none of them counts.
    #[serde(with = "Each::<SignedDocumentAnswer>")]
    documents: Vec<SignedDocument>,
    /// What they said once and say no more: what is older does not count.
    #[serde(with = "Each::<RememberedAnswer>")]
    remembered: Vec<Remembered>,
    /// What is there and does not count.
    #[serde(with = "Each::<UnheardAnswer>")]
    unheard: Vec<Unheard>,
}

/// A document that a key has signed.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "SignedDocument")]
pub(super) struct SignedDocumentAnswer {
    /// The key.
    key: Digest,
    /// The manifest that it is about: the image's own, or an index that lists it.
    manifest: Digest,
    /// The digest of what was signed.
    digest: Digest,
    /// What findings show of it stands beside them.
    #[serde(skip, default = "no_text")]
    text: Arc<str>,
}

/// A word that a key says no more.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Remembered")]
pub(super) struct RememberedAnswer {
    /// The key.
    key: Digest,
    /// The manifest that it is about.
    manifest: Digest,
    /// What it said.
    #[serde(with = "VexMarkAnswer")]
    said: VexMark,
}

/// One word on a product and a weakness.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "VexMark")]
pub(super) struct VexMarkAnswer {
    /// The product, as JSON of OpenVEX.
    product: String,
    /// What the weakness is called.
    vulnerability: String,
    /// Its other names.
    aliases: Vec<String>,
    /// What was said.
    status: VexStatus,
    /// Since when.
    #[schemars(with = "Instant")]
    at: Timestamp,
}

/// What is there and does not count.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Unheard")]
pub(super) struct UnheardAnswer {
    /// The key.
    key: Digest,
    /// The manifest that it is about.
    manifest: Digest,
    /// The digest of what was signed; null where the key is not heard at all.
    document: Option<Digest>,
    /// Why.
    why: String,
}

fn no_text() -> Arc<str> {
    "".into()
}

/// A key that has signed the image, or an index that lists it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Signed")]
pub struct SignedAnswer {
    /// The key, by the SHA-256 of its DER form.
    key: Digest,
    /// What it says: `signature`, or the type of an attestation's predicate.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    statement: Statement,
    /// The manifest that it signed: the image's own, or an index of the repository that lists it.
    #[serde(rename = "digest")]
    manifest: Digest,
}

forms! {
    SignaturesAnswer => Signatures,
    SignedAnswer => Signed,
    HeardAnswer => HeardVex,
    SignedDocumentAnswer => SignedDocument,
    RememberedAnswer => Remembered,
    VexMarkAnswer => VexMark,
    UnheardAnswer => Unheard,
}
