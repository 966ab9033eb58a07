//! What was known of who signed an image.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;
use sluicegate_model::form::Each;
use sluicegate_model::forms;
use sluicegate_model::schema::Instant;
use sluicegate_model::signature::{Signatures, Signed, Statement};

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
}
