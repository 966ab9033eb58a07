//! The values of records, as they are kept: compact, and missing rather than wrong when unreadable.

use bytes::Bytes;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sluicegate_engine::ledger::{
    BasisNumber, Mark, Packed, PackedBytes, Replacement, Stamp, Summary,
};
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Audience, Digest, Domain, Repository, Scope, Sighting};

use super::version;
use crate::store::{Key, Op, StoreError};

/// Largest record, in bytes before the engine's compression.
///
/// The largest real ones are memberships: 256 children or some hundred layers of 71 bytes each.
const MAX_RECORD_BYTES: usize = 256 * 1024;
/// What the store keeps of a verdict beside its findings.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct VerdictRow {
    pub(super) decided_at: Timestamp,
    pub(super) decision: Decision,
    /// Hashes of names, in rows of a time when lists were filtered by them; none since.
    pub(super) marks: Option<Vec<u32>>,
    pub(super) body: VerdictBody,
    /// The number of the basis that it rests on, behind all else.
    #[serde(skip)]
    pub(super) basis: BasisNumber,
}

/// Where the verdict is, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum VerdictBody {
    /// Of an earlier form: all of it in the row, compressed.
    Inline(Vec<u8>),
    /// Of an earlier form: all of it in the content store, under this key.
    Document(String),
    /// Its text apart from what changes whenever it is made anew.
    Based {
        stamp: Box<Stamp>,
        text: Digest,
        /// The text's length before compression.
        text_bytes: u64,
        /// Whether the text is a document of the content store, and not a row.
        is_document: bool,
    },
}

/// Largest compressed text that lies in a row, in bytes: half of what a row should have.
const MAX_INLINE_BYTES: usize = 4096;
/// Largest verdict in a row, in bytes before compression; a bound on what a damaged row can ask for.
pub(super) const MAX_INLINE_TEXT_BYTES: usize = 1024 * 1024;

impl VerdictRow {
    pub(super) fn of(summary: &Summary, body: VerdictBody, basis: BasisNumber) -> Self {
        Self {
            decided_at: summary.provenance.decided_at,
            decision: summary.decision,
            marks: None,
            body,
            basis,
        }
    }
}

impl VerdictBody {
    /// Says where a verdict's text will be.
    pub(super) fn of(new: &Replacement) -> Self {
        let Packed { bytes, text_bytes } = &new.text;
        let is_document = match bytes {
            PackedBytes::New { bytes, .. } => {
                bytes.len() > MAX_INLINE_BYTES || *text_bytes > MAX_INLINE_TEXT_BYTES
            }
            PackedBytes::Same(same) => same.is_apart,
        };
        Self::Based {
            stamp: Box::new(Stamp::of(&new.summary)),
            text: new.text.digest().clone(),
            text_bytes: *text_bytes as u64,
            is_document,
        }
    }

    /// Gives the digest of a text that is a row of its own.
    pub(super) fn text_row(&self) -> Option<&Digest> {
        match self {
            Self::Based {
                text,
                is_document: false,
                ..
            } => Some(text),
            _ => None,
        }
    }

    /// Names the document that holds the text, where one does. A text says for whom it is, so that those of two audiences have two names.
    pub(super) fn document(&self, repository: &Repository) -> Option<String> {
        match self {
            Self::Document(key) => Some(key.clone()),
            Self::Based {
                text,
                is_document: true,
                ..
            } => Some(format!("{repository} {text}")),
            Self::Inline(_) | Self::Based { .. } => None,
        }
    }

    /// Gives the mark of the verdict. The names of documents of an earlier form end in theirs.
    pub(super) fn mark(&self) -> Mark {
        let named = match self {
            Self::Inline(packed) => return Mark(Digest::of(packed)),
            Self::Based { stamp, text, .. } => return stamp.mark(text),
            Self::Document(key) => key,
        };
        let digest = named.rsplit(' ').next().and_then(|word| word.parse().ok());
        Mark(digest.unwrap_or_else(|| Digest::of(named.as_bytes())))
    }
}

/// The newest basis.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BasisRow {
    pub(super) number: BasisNumber,
    pub(super) basis: Digest,
}

/// Under which number the packages of an image are listed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ImageRow {
    /// The analyzers that made the inventory, hashed.
    pub(super) analyzers: u32,
    pub(super) number: u32,
}

/// What a repository's manifest refers to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MemberRow {
    pub(super) media_type: String,
    pub(super) blobs: Vec<Digest>,
    pub(super) children: Vec<Digest>,
}

/// Makes the change that keeps `row` under `key`.
pub(super) fn put<T: Serialize>(key: Key, row: &T) -> Result<Op, StoreError> {
    let body = encoded(row, version::begin())?;
    Ok(Op::Put {
        key,
        body: body.into(),
    })
}

/// Writes a value behind what stands before it.
fn encoded<T: Serialize>(value: &T, before: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    let body = postcard::to_extend(value, before).map_err(|error| StoreError::Engine {
        attempt: "encoding a record for",
        why: error.to_string(),
    })?;
    if body.len() > MAX_RECORD_BYTES {
        return Err(StoreError::TooLarge {
            len: body.len(),
            max: MAX_RECORD_BYTES,
        });
    }
    Ok(body)
}

/// Makes the change that keeps the row of a verdict under `key`.
pub(super) fn put_verdict(key: Key, row: &VerdictRow) -> Result<Op, StoreError> {
    put(key, &(row, row.basis))
}

/// Reads the row of a verdict. Those of a time without an order of bases have no number.
pub(super) fn read_verdict(body: &[u8]) -> Option<VerdictRow> {
    if !version::has_bases(body) {
        return read(body);
    }
    let (row, basis): (VerdictRow, BasisNumber) = read(body)?;
    Some(VerdictRow { basis, ..row })
}

/// Makes the change that keeps nothing but the fact that `key` is there.
pub(super) fn mark_present(key: Key) -> Op {
    Op::Put {
        key,
        body: Bytes::new(),
    }
}

/// Reads a row; one of another shape or of a later version is none.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    if let Ok((row, [])) = postcard::take_from_bytes(version::content(body)?) {
        return Some(row);
    }
    tracing::warn!("verdict store holds a record of another shape; taken for missing");
    None
}

/// Makes the change that keeps the number of a verdict under `key`, and for whom and by whose word
/// that is, where it is not for everybody or not by this machine's.
pub(super) fn put_number(key: Key, number: u32, scope: &Scope) -> Result<Op, StoreError> {
    let Scope {
        audience, domain, ..
    } = scope;
    let mut body = number.to_be_bytes().to_vec();
    if !audience.is_everybody() || !domain.is_here() {
        body = encoded(audience, body)?;
    }
    if !domain.is_here() {
        body = encoded(domain, body)?;
    }
    Ok(Op::Put {
        key,
        body: body.into(),
    })
}

/// Reads a number; none where the key was only marked as there.
pub(super) fn read_number(body: &[u8]) -> Option<u32> {
    body.first_chunk().copied().map(u32::from_be_bytes)
}

/// Reads for whom the verdict of a number is, and by whose word; none where that is damaged.
pub(super) fn read_whom(body: &[u8]) -> Option<(Audience, Domain)> {
    let rest = body.get(size_of::<u32>()..).unwrap_or_default();
    if rest.is_empty() {
        return Some((Audience::EVERYBODY, Domain::Here));
    }
    let (audience, rest) = postcard::take_from_bytes(rest).ok()?;
    if rest.is_empty() {
        return Some((audience, Domain::Here));
    }
    Some((audience, postcard::from_bytes(rest).ok()?))
}

/// Makes the change that says which image a number is.
pub(super) fn put_image(key: Key, image: &Sighting) -> Op {
    let text = if image.domain.is_here() {
        image.digest.to_string()
    } else {
        format!("{} {}", image.digest, image.domain)
    };
    Op::Put {
        key,
        body: text.into_bytes().into(),
    }
}

/// Reads which image a number is; none where that is damaged.
pub(super) fn read_image(body: &[u8]) -> Option<Sighting> {
    let text = std::str::from_utf8(body).ok()?;
    let (digest, domain) = text.split_once(' ').unwrap_or((text, ""));
    Some(Sighting {
        domain: domain.parse().ok()?,
        digest: digest.parse().ok()?,
    })
}
