//! Where signatures and what is made of them lie: documents of the content store, each found by the
//! repository that it belongs to. A missing or damaged one is made anew.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use sluicegate_model::{Digest, Repository, Scope};

use super::envelope::Signed;
use super::manifests::{Attached, Named};
use super::piece::{Header, Piece};
use crate::blocking;
use crate::content::{Content, DocumentKind, PackedDocument};
use crate::pull::error::PullError;

/// Keeps them.
#[derive(Clone, Debug)]
pub(super) struct Kept(Arc<dyn Content>);

const KIND: DocumentKind = DocumentKind::Attestation;

impl Kept {
    pub(super) fn new(content: Arc<dyn Content>) -> Self {
        Self(content)
    }

    pub(super) async fn signed(
        &self,
        scope: &Scope,
        digest: &Digest,
    ) -> Result<Option<Signed>, PullError> {
        self.read(&of_verdict("signed", scope, digest)).await
    }

    pub(super) async fn keep_signed(
        &self,
        scope: &Scope,
        digest: &Digest,
        signed: &Signed,
    ) -> Result<(), PullError> {
        let key = of_verdict("signed", scope, digest);
        let text = serde_json::to_vec(signed).map_err(PullError::storage)?;
        Ok(self.0.put_document(KIND, &key, text).await?)
    }

    pub(super) async fn attached(
        &self,
        scope: &Scope,
        digest: &Digest,
    ) -> Result<Option<Attached>, PullError> {
        self.read(&of_verdict("attached", scope, digest)).await
    }

    /// Tells whether all pieces can be had.
    pub(super) async fn has_pieces(
        &self,
        repository: &Repository,
        attached: &Attached,
    ) -> Result<bool, PullError> {
        for piece in attached.pieces.iter().filter(|piece| piece.is_bill) {
            let key = of_piece(repository, &piece.digest);
            let bill = self.0.document_bytes(DocumentKind::Bill, &key).await?;
            if bill.is_none() {
                return Ok(false);
            }
        }
        self.has_signed(repository, attached).await
    }

    /// Tells whether all pieces can be had but for bills.
    pub(super) async fn has_signed(
        &self,
        repository: &Repository,
        attached: &Attached,
    ) -> Result<bool, PullError> {
        for piece in &attached.pieces {
            let key = of_piece(repository, &piece.digest);
            if self.0.document_bytes(KIND, &key).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Keeps what is attached to an image in place of what was before. Durable on return, but for
    /// bills; what was replaced before that is gone.
    pub(super) async fn keep_attached(
        &self,
        scope: &Scope,
        digest: &Digest,
        before: Option<Attached>,
        mut attached: Attached,
        pieces: Vec<Piece>,
    ) -> Result<Attached, PullError> {
        let repository = &scope.repository;
        let (current, older) = before.map_or_else(Default::default, |it| (it.pieces, it.previous));
        let is_in = |list: &[Named], it: &Named| list.iter().any(|other| other.digest == it.digest);
        let replaced = current
            .into_iter()
            .filter(|it| !is_in(&attached.pieces, it));
        attached.previous = replaced.collect();
        for bill in pieces.iter().filter(|piece| piece.header.is_bill) {
            let (key, text) = (of_piece(repository, &bill.digest), bill.bytes.to_vec());
            self.0.put_document(DocumentKind::Bill, &key, text).await?;
        }
        let key = of_verdict("attached", scope, digest);
        let text = serde_json::to_vec(&attached).map_err(PullError::storage)?;
        let within = repository.clone();
        let pack = move || {
            let mut documents = packed(&within, &pieces)?;
            documents.push(PackedDocument::new(KIND, &key, &text)?);
            Ok::<_, PullError>(documents)
        };
        let documents = blocking::run(pack).await;
        let documents = documents.map_err(|error| PullError::broken("attesting", error))??;
        self.0.put_documents(documents).await?;
        let is_used = |it: &Named| is_in(&attached.pieces, it) || is_in(&attached.previous, it);
        for gone in older.iter().filter(|it| !is_used(it)) {
            self.remove_piece(repository, gone).await?;
        }
        Ok(attached)
    }

    async fn remove_piece(&self, repository: &Repository, piece: &Named) -> Result<(), PullError> {
        let key = of_piece(repository, &piece.digest);
        self.0.remove_document(KIND, &key).await?;
        if piece.is_bill {
            self.0.remove_document(DocumentKind::Bill, &key).await?;
        }
        Ok(())
    }

    /// Notes an index in whose statements an image is named, so that they go with its verdict.
    pub(super) async fn note_index(
        &self,
        scope: &Scope,
        image: &Digest,
        index: &Digest,
    ) -> Result<(), PullError> {
        let mut indexes = self.indexes(scope, image).await?;
        if indexes.contains(index) {
            return Ok(());
        }
        indexes.push(index.clone());
        let text = serde_json::to_vec(&indexes).map_err(PullError::storage)?;
        let key = of_verdict("indexes", scope, image);
        Ok(self.0.put_document(KIND, &key, text).await?)
    }

    /// Names the indexes in whose statements an image is named.
    pub(super) async fn indexes(
        &self,
        scope: &Scope,
        image: &Digest,
    ) -> Result<Vec<Digest>, PullError> {
        let indexes = self.read(&of_verdict("indexes", scope, image)).await?;
        Ok(indexes.unwrap_or_default())
    }

    /// Drops all that belongs to one verdict, but for what is attached by those of other scopes too.
    pub(super) async fn forget(
        &self,
        scope: &Scope,
        digest: &Digest,
        others: &[Scope],
    ) -> Result<(), PullError> {
        if let Some(attached) = self.attached(scope, digest).await? {
            let mut shared = Vec::new();
            for other in others {
                if let Some(other) = self.attached(other, digest).await? {
                    shared.extend(other.pieces.into_iter().chain(other.previous));
                }
            }
            let all = attached.pieces.iter().chain(&attached.previous);
            for piece in all.filter(|it| shared.iter().all(|other| other.digest != it.digest)) {
                self.remove_piece(&scope.repository, piece).await?;
            }
        }
        for what in ["attached", "signed", "indexes"] {
            let key = of_verdict(what, scope, digest);
            self.0.remove_document(KIND, &key).await?;
        }
        Ok(())
    }

    /// Tells how many bytes a piece has; none where nothing of that digest is attached.
    pub(super) async fn piece_bytes(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<u64>, PullError> {
        let key = of_piece(repository, digest);
        let Some(header) = self.0.document_bytes(KIND, &key).await? else {
            return Ok(None);
        };
        let bill = self.0.document_bytes(DocumentKind::Bill, &key).await?;
        Ok(Some(header.max(bill.unwrap_or(0))))
    }

    /// Tells what was attached to some image of a repository, without its bytes.
    pub(super) async fn header(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Header>, PullError> {
        let key = of_piece(repository, digest);
        let text = self.0.document(KIND, &key).await?;
        Ok(text.and_then(parted).map(|(header, _)| header))
    }

    /// Gives what was attached to some image of a repository.
    pub(super) async fn piece(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Piece>, PullError> {
        let key = of_piece(repository, digest);
        let text = self.0.document(KIND, &key).await?;
        let Some((header, mut bytes)) = text.and_then(parted) else {
            return Ok(None);
        };
        if header.is_bill {
            let Some(bill) = self.0.document(DocumentKind::Bill, &key).await? else {
                return Ok(None);
            };
            bytes = bill;
        }
        let piece = Piece::new(header, bytes);
        Ok((piece.digest == *digest).then_some(piece))
    }

    async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, PullError> {
        let text = self.0.document(KIND, key).await?;
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
    }
}

/// Packs pieces, each behind what it is; of a bill that alone.
fn packed(repository: &Repository, pieces: &[Piece]) -> Result<Vec<PackedDocument>, PullError> {
    let mut documents = Vec::new();
    for piece in pieces {
        let mut text = serde_json::to_vec(&piece.header).map_err(PullError::storage)?;
        text.push(b'\n');
        if !piece.header.is_bill {
            text.extend_from_slice(&piece.bytes);
        }
        let key = of_piece(repository, &piece.digest);
        documents.push(PackedDocument::new(KIND, &key, &text)?);
    }
    Ok(documents)
}

/// Parts a piece, as it is packed, into what it is and its bytes.
fn parted(mut text: Vec<u8>) -> Option<(Header, Vec<u8>)> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let bytes = text.split_off(end + 1);
    Some((serde_json::from_slice(&text).ok()?, bytes))
}

/// Names what belongs to the verdict on an image in a scope.
fn of_verdict(what: &str, scope: &Scope, digest: &Digest) -> String {
    let audience = scope.audience.bindings().join("\n");
    let (repository, domain) = (&scope.repository, scope.domain.in_keys());
    let domain = domain.unwrap_or_default();
    format!("{what} 1\n{repository}\n{digest}\n{domain}\n{audience}")
}

/// Names a piece in a repository.
fn of_piece(repository: &Repository, digest: &Digest) -> String {
    format!("piece 1\n{repository}\n{digest}")
}
