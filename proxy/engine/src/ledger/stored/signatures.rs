//! What was known of who signed an image, as it is kept.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;
use sluicegate_model::form::Each;
use sluicegate_model::forms;
use sluicegate_model::signature::{Signatures, Signed, Statement};

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
}
