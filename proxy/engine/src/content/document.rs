//! Derived documents as they are kept: layer facts, inventories, reports, full verdicts, attestations.
//!
//! Each names its kind and key inside and carries a checksum over everything, so a damaged or
//! misplaced one is missing, never wrong. All but verdicts and attestations can be derived again.

use sluicegate_model::digest::Algorithm;
use sluicegate_model::{Digest, DigestHasher};

use super::error::ContentError;
use crate::packing;

/// First bytes of every document: the format and its version.
const MAGIC: &[u8; 8] = b"sgdoc\0\0\x01";
/// Bytes of the checksum, the hexadecimal SHA-256 of what follows it, kind and key.
const CHECKSUM_BYTES: usize = 64;
/// Longest header of a zstd frame, in bytes. Source: RFC 8878, section 3.1.1.1: 4 + 1 + 1 + 4 + 8.
const MAX_FRAME_HEADER_BYTES: usize = 18;
/// Largest document, in bytes before compression; an inventory of 100,000 packages has about 40 MB.
const MAX_DOCUMENT_BYTES: usize = 128 * 1024 * 1024;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// What one layer holds.
    Facts,
    /// What one image holds.
    Inventory,
    /// What is known about one image under one feed snapshot.
    Report,
    /// A verdict with all its findings; never evicted, its record in the verdict store names it.
    Verdict,
    /// What a key signed of a verdict, and what is made of that; never evicted, for a signature is
    /// another one each time.
    Attestation,
    /// What an image holds, in one of the field's formats, as it is attached to the image.
    Bill,
}

impl DocumentKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Facts,
        Self::Inventory,
        Self::Report,
        Self::Verdict,
        Self::Attestation,
        Self::Bill,
    ];

    /// Names the kind, for logs and for where its documents are kept.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::Inventory => "inventory",
            Self::Report => "report",
            Self::Verdict => "verdict",
            Self::Attestation => "attestation",
            Self::Bill => "bill",
        }
    }

    /// Tells whether documents of the kind can be derived again, and so be evicted.
    pub const fn is_derived(self) -> bool {
        !matches!(self, Self::Verdict | Self::Attestation)
    }
}

/// A document as it is kept: compressed, and sealed with its kind and key.
#[derive(Clone, Debug)]
pub struct PackedDocument {
    kind: DocumentKind,
    key: String,
    sealed: Vec<u8>,
}

impl PackedDocument {
    /// Most bytes from the start of a sealed document that [`Self::stated_bytes`] reads.
    pub const START_BYTES: usize = MAGIC.len() + CHECKSUM_BYTES + MAX_FRAME_HEADER_BYTES;

    /// Compresses a document and seals it with its kind and key; takes as long as that does.
    pub fn new(kind: DocumentKind, key: &str, body: &[u8]) -> Result<Self, ContentError> {
        let packed =
            packing::pack(body).map_err(|error| ContentError::io("compressing", key, error))?;
        Self::from_packed(kind, key, body.len(), &packed)
    }

    /// Seals a document of `len` bytes that zstd has compressed already, in one frame.
    pub fn from_packed(
        kind: DocumentKind,
        key: &str,
        len: usize,
        packed: &[u8],
    ) -> Result<Self, ContentError> {
        if len > MAX_DOCUMENT_BYTES {
            return Err(ContentError::TooLarge {
                digest: Digest::of(key.as_bytes()),
                len: len as u64,
                max: MAX_DOCUMENT_BYTES as u64,
            });
        }
        let checksum = checksum(kind, key, packed);
        Ok(Self {
            kind,
            key: key.to_owned(),
            sealed: [&MAGIC[..], checksum.hex().as_bytes(), packed].concat(),
        })
    }

    /// Gives what it is.
    pub fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// Gives the key it is asked for by.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Gives the bytes to keep.
    pub fn sealed(&self) -> &[u8] {
        &self.sealed
    }

    /// Opens what was kept under a kind and a key; none where it is damaged or another document.
    pub fn unseal(kind: DocumentKind, key: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let rest = sealed.strip_prefix(MAGIC)?;
        let (stated, packed) = rest.split_at_checked(CHECKSUM_BYTES)?;
        if stated != checksum(kind, key, packed).hex().as_bytes() {
            return None;
        }
        let announced = zstd::zstd_safe::get_frame_content_size(packed).ok()??;
        let len = usize::try_from(announced).ok()?;
        if len > MAX_DOCUMENT_BYTES {
            return None;
        }
        packing::unpack(packed, len).ok()
    }

    /// Reads how many bytes a document has from the start of what was kept.
    pub fn stated_bytes(start: &[u8]) -> Option<u64> {
        let frame = start.get(MAGIC.len() + CHECKSUM_BYTES..)?;
        zstd::zstd_safe::get_frame_content_size(frame).ok()?
    }
}

fn checksum(kind: DocumentKind, key: &str, packed: &[u8]) -> Digest {
    let mut hasher = DigestHasher::new(Algorithm::Sha256);
    for part in [kind.name().as_bytes(), key.as_bytes()] {
        // The length before each part keeps two splits of one text apart.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.update(packed);
    hasher.finish()
}
