//! The port to an upstream: what pulls ask of a registry, in the words in which they decide.
//!
//! An origin gives what it has for a repository and decides nothing on it. How it is asked politely
//! is its own business; how long anybody waits for it, and that a blob which was cut is resumed, is
//! that of whoever asks. `testkit` has one in memory and the suite that every one passes.

mod askers;
mod error;

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use sluicegate_model::registry::{ManifestHead, Referrers, TagPage};
use sluicegate_model::{Digest, Reference, Repository, Tag};

pub use askers::Askers;
pub use error::{Failure, OriginError};

/// Every origin, by the repositories it has.
pub trait Origins: Send + Sync {
    /// Finds the origin of a repository.
    ///
    /// *Errors*: [`Failure::Absent`] where no registry of that name is known.
    fn of(&self, repository: &Repository) -> Result<Arc<dyn Origin>, OriginError>;
}

/// A registry upstream.
#[async_trait]
pub trait Origin: Send + Sync {
    /// Tells what else a repository is called there: signers write the name that they push to.
    fn known_as(&self, repository: &Repository) -> Vec<Repository>;

    /// Fetches a manifest and proves its digest, however long a limit is waited for.
    ///
    /// *Errors*: [`Failure::Broken`] where other bytes come than were asked for.
    async fn manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<OriginManifest, OriginError>;

    /// Does the same for a manifest that something else can stand for, and so waits less.
    async fn manifest_soon(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<OriginManifest, OriginError>;

    /// Asks where a reference points without fetching the manifest; none where that is not said. It
    /// proves nothing: only the bytes of the manifest do.
    async fn head(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<Option<ManifestHead>, OriginError>;

    /// Starts fetching a blob from `offset` on, when it is the turn of those who need it; one
    /// attempt. Nothing of it is proven: the reader hashes.
    async fn blob(
        &self,
        askers: &Askers,
        repository: &Repository,
        digest: &Digest,
        offset: u64,
    ) -> Result<OriginBlob, OriginError>;

    /// Fetches a part of a blob, a few KiB.
    ///
    /// *Errors*: none where the origin answers no, which is [`BlobPart::Neither`].
    async fn blob_part(
        &self,
        repository: &Repository,
        digest: &Digest,
        part: Range<u64>,
    ) -> Result<BlobPart, OriginError>;

    /// Lists tags; `query` is the client's, such as `n=100&last=x`.
    async fn tags(&self, repository: &Repository, query: &str) -> Result<TagPage, OriginError>;

    /// Lists all tags, each once.
    async fn all_tags(&self, repository: &Repository) -> Result<Vec<Tag>, OriginError>;

    /// Lists what refers to a manifest; of one type only where that is given.
    async fn referrers(
        &self,
        repository: &Repository,
        manifest: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Referrers, OriginError>;
}

/// A manifest whose bytes hash to `digest`.
#[derive(Clone, Debug)]
pub struct OriginManifest {
    /// The bytes as the origin sent them.
    pub bytes: Bytes,
    /// The Content-Type without parameters; empty if there was none.
    pub media_type: String,
    /// The digest of the bytes, computed here.
    pub digest: Digest,
}

/// A blob that is arriving.
pub struct OriginBlob {
    /// The length of the whole blob in bytes, if the origin says it.
    pub total_len: Option<u64>,
    /// Where the pieces start: 0 if the wanted offset was ignored, so the reader skips.
    pub offset: u64,
    /// The bytes from there on; the blob has ended where they end without an error.
    pub pieces: BoxStream<'static, Result<Bytes, OriginError>>,
}

/// What an origin gives that is asked for a part of a blob.
pub enum BlobPart {
    /// That part.
    Part(Bytes),
    /// The whole, from its first byte on: it knows no parts.
    Whole(OriginBlob),
    /// Something else, or nothing. What that means, the whole must tell.
    Neither,
}
