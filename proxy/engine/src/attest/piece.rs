//! One thing that is attached to an image: a manifest of ours, or a blob that one lists.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::{Digest, media_type};

use crate::content::{BlobBytes, BlobSource, StoredBytes};
use crate::memory::Share;

/// The config of artifacts that need none.
pub(super) const EMPTY_CONFIG: &[u8] = b"{}";

/// What it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// The image or index that it is attached to.
    pub(super) subject: Digest,
    pub(super) media_type: String,
    pub(super) is_manifest: bool,
    /// Whether it is a bill of materials, which can be written again.
    pub(super) is_bill: bool,
}

/// One thing that is attached to an image.
#[derive(Clone, Debug)]
pub struct Piece {
    pub(super) header: Header,
    /// The digest of `bytes`.
    pub digest: Digest,
    /// The content.
    pub bytes: Bytes,
    /// The memory that it takes, where that is much.
    share: Option<Arc<Share>>,
}

impl Piece {
    pub(super) fn new(header: Header, bytes: Vec<u8>) -> Self {
        Self {
            header,
            digest: Digest::of(&bytes),
            bytes: bytes.into(),
            share: None,
        }
    }

    /// Holds a share of the memory as long as the content, and those who read it.
    pub(super) fn holding(self, share: Option<Share>) -> Self {
        Self {
            share: share.map(Arc::new),
            ..self
        }
    }

    /// Gives the config of artifacts that need none, which is everybody's.
    ///
    /// Source: image-spec, "Guidance for an Empty Descriptor".
    pub fn empty_config() -> Self {
        let header = Header {
            subject: Digest::of(EMPTY_CONFIG),
            media_type: media_type::OCI_EMPTY.to_owned(),
            is_manifest: false,
            is_bill: false,
        };
        Self::new(header, EMPTY_CONFIG.to_vec())
    }

    /// Gives its media type.
    pub fn media_type(&self) -> &str {
        &self.header.media_type
    }

    /// Tells whether it is a manifest, and no blob.
    pub fn is_manifest(&self) -> bool {
        self.header.is_manifest
    }

    /// Describes it as a manifest that lists it would.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor {
            media_type: self.header.media_type.clone(),
            digest: self.digest.clone(),
            size: self.bytes.len() as u64,
            platform: None,
            urls: Vec::new(),
            artifact_type: None,
            annotations: [].into(),
        }
    }

    /// Gives its bytes as those of a blob that is here.
    pub fn source(&self) -> BlobSource {
        BlobSource::Stored(Arc::new(Whole {
            digest: self.digest.clone(),
            bytes: self.bytes.clone(),
            _share: self.share.clone(),
        }))
    }
}

/// A blob that is in memory, and was proven when it was read.
#[derive(Clone, Debug)]
struct Whole {
    digest: Digest,
    bytes: Bytes,
    _share: Option<Arc<Share>>,
}

impl StoredBytes for Whole {
    fn digest(&self) -> &Digest {
        &self.digest
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn open(&self) -> io::Result<Arc<dyn BlobBytes>> {
        Ok(Arc::new(self.clone()))
    }

    fn is_proven(&self) -> bool {
        true
    }

    fn prove(&self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobBytes for Whole {
    fn read_at_hand(&self, window: &mut [u8], at: u64) -> Option<usize> {
        self.read_at(window, at).ok().filter(|count| *count > 0)
    }

    fn read_at(&self, window: &mut [u8], at: u64) -> io::Result<usize> {
        let from = usize::try_from(at).unwrap_or(usize::MAX);
        let rest = self.bytes.get(from..).unwrap_or_default();
        let count = rest.len().min(window.len());
        if let (Some(to), Some(piece)) = (window.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(piece);
        }
        Ok(count)
    }
}
