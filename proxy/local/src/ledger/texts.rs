//! Where the texts of verdicts lie: small ones as rows, large ones as documents; each is written only
//! where it is not there yet.

use bytes::Bytes;
use sluicegate_engine::content::{DocumentKind, PackedDocument};
use sluicegate_engine::ledger::Replacement;
use sluicegate_model::Repository;

use crate::store::{Op, StoreError};

use super::keys;
use super::records::Records;
use super::rows::VerdictBody;

/// The kind of their documents.
const KIND: DocumentKind = DocumentKind::Verdict;

impl Records {
    /// Writes the documents of large texts, but those that are there and that `is_good` says could be
    /// read.
    pub(super) async fn put_documents(
        &self,
        ready: &[(Replacement, VerdictBody)],
        is_good: impl Fn(&Replacement) -> bool,
    ) -> Result<(), StoreError> {
        let mut documents = Vec::new();
        for (new, body) in ready {
            documents.extend(self.missing_document(new, body, is_good(new)).await?);
        }
        if documents.is_empty() {
            return Ok(());
        }
        Ok(self.content.put_documents(documents).await?)
    }

    async fn missing_document(
        &self,
        new: &Replacement,
        body: &VerdictBody,
        is_good: bool,
    ) -> Result<Option<PackedDocument>, StoreError> {
        let Some(key) = body.document(new.repository()) else {
            return Ok(None);
        };
        if is_good && self.content.document_bytes(KIND, &key).await?.is_some() {
            return Ok(None);
        }
        // Where it is the one that is replaced, it was read just now.
        let Some(packed) = new.text.new_bytes() else {
            return Ok(None);
        };
        let document = PackedDocument::from_packed(KIND, &key, new.text.text_bytes, packed)?;
        Ok(Some(document))
    }

    pub(super) async fn remove_documents(&self, unused: Vec<String>) -> Result<(), StoreError> {
        for key in unused {
            self.content.remove_document(KIND, &key).await?;
        }
        Ok(())
    }
}

/// Names the document of one verdict that the other one does not need.
pub(super) fn left(
    of: Option<&VerdictBody>,
    other: &VerdictBody,
    repository: &Repository,
) -> Option<String> {
    let document = of.and_then(|of| of.document(repository));
    document.filter(|key| other.document(repository).as_ref() != Some(key))
}

/// Makes the change to the row of a text, if there is one; what could not be read is written anew.
pub(super) fn row(new: &Replacement, body: &VerdictBody, old: Option<&VerdictBody>) -> Option<Op> {
    let key = keys::text(&new.scope(), new.digest());
    let was_read = new.old_terms.is_some();
    match (old.and_then(VerdictBody::text_row), body.text_row()) {
        (Some(old), Some(text)) if old == text && was_read => None,
        (_, Some(_)) => new.text.new_bytes().map(|packed| Op::Put {
            key,
            body: Bytes::copy_from_slice(packed),
        }),
        (Some(_), None) => Some(Op::Delete { key }),
        (None, None) => None,
    }
}
