//! What was known of who signed an image, as it is kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;
use sluicegate_model::form::{Each, Maybe};
use sluicegate_model::forms;
use sluicegate_model::heard::{HeardVex, Remembered, SignedDocument, Unheard, VexMark};
use sluicegate_model::signature::{Signatures, Signed, Statement};
use sluicegate_model::vex::VexStatus;

#[derive(Serialize, Deserialize)]
#[serde(remote = "Signatures")]
pub(super) struct StoredSignatures {
    keys: BTreeSet<Digest>,
    statements: BTreeSet<Statement>,
    #[serde(with = "Each::<StoredSigned>")]
    found: Vec<Signed>,
    looked_up_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "Maybe::<StoredHeard>"
    )]
    vex: Option<HeardVex>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "HeardVex")]
pub(super) struct StoredHeard {
    keys: BTreeSet<Digest>,
    #[serde(with = "Each::<StoredSignedDocument>")]
    documents: Vec<SignedDocument>,
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "Each::<StoredRemembered>"
    )]
    remembered: Vec<Remembered>,
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "Each::<StoredUnheard>"
    )]
    unheard: Vec<Unheard>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "SignedDocument")]
pub(super) struct StoredSignedDocument {
    key: Digest,
    manifest: Digest,
    digest: Digest,
    #[serde(with = "shared_text")]
    text: Arc<str>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Remembered")]
pub(super) struct StoredRemembered {
    key: Digest,
    manifest: Digest,
    #[serde(with = "StoredMark")]
    said: VexMark,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "VexMark")]
pub(super) struct StoredMark {
    product: String,
    vulnerability: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
    status: VexStatus,
    at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Unheard")]
pub(super) struct StoredUnheard {
    key: Digest,
    manifest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    document: Option<Digest>,
    why: String,
}

/// A text that several hold.
mod shared_text {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
        Ok(String::deserialize(from)?.into())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Signed")]
pub(super) struct StoredSigned {
    key: Digest,
    statement: Statement,
    manifest: Digest,
}

forms! {
    StoredSignatures => Signatures,
    StoredSigned => Signed,
    StoredHeard => HeardVex,
    StoredSignedDocument => SignedDocument,
    StoredRemembered => Remembered,
    StoredMark => VexMark,
    StoredUnheard => Unheard,
}
