//! Which manifest belongs where, what it lists, what was released, where tags point.

use async_trait::async_trait;
use sluicegate_model::{Digest, Repository, Tag};

use super::error::LedgerError;
use super::tags::{TagRecord, Tagged};

/// Most indexes that are named for one manifest.
pub const MAX_INDEXES: usize = 256;
/// Most platforms of one repository that are remembered; each starts jobs when an index is pulled.
pub const MAX_PLATFORMS: usize = 16;
/// Longest name of a platform: it is the image author's text.
const MAX_PLATFORM_BYTES: usize = 128;

/// A manifest that its upstream serves in this repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The media type under which the upstream served it.
    pub media_type: String,
    /// The blobs it lists: config and layers.
    pub blobs: Vec<Digest>,
    /// The manifests it lists, where it is an index.
    pub children: Vec<Digest>,
    /// Whether it has ever been served here.
    pub released: bool,
}

/// How a manifest was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// It was said to be there.
    Announced,
    /// It was given out with its bytes.
    Given,
}

/// Tells whether a text may be remembered as a platform.
pub fn is_platform(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_PLATFORM_BYTES && !text.contains('\0')
}

/// What upstreams have proven of their repositories, and what was served from them.
#[async_trait]
pub trait Membership: Send + Sync {
    /// Records that an upstream gave a manifest in a repository, its bytes, and what it lists.
    async fn add_membership(
        &self,
        repository: &Repository,
        manifest: &Digest,
        media_type: &str,
        blobs: &[Digest],
        children: &[Digest],
    ) -> Result<(), LedgerError>;

    /// Gives what is known of a manifest in a repository; none where its upstream never served it.
    async fn membership(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<Option<Member>, LedgerError>;

    /// Tells whether an upstream gave a manifest in a repository.
    async fn is_member(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<bool, LedgerError>;

    /// Names the manifests of a repository that list a blob.
    async fn manifests_listing(
        &self,
        repository: &Repository,
        blob: &Digest,
    ) -> Result<Vec<Digest>, LedgerError>;

    /// Names the indexes of a repository that list a manifest, directly or through another; at most
    /// [`MAX_INDEXES`].
    async fn indexes_listing(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<Vec<Digest>, LedgerError>;

    /// Tells whether it is known of the manifests that an index lists that it does: that was not
    /// always recorded.
    async fn knows_children(
        &self,
        repository: &Repository,
        index: &Digest,
        children: &[Digest],
    ) -> Result<bool, LedgerError>;

    /// Records that an upstream gave a blob in a repository, or parts of it that it could not
    /// choose.
    async fn mark_blob_present(
        &self,
        repository: &Repository,
        blob: &Digest,
    ) -> Result<(), LedgerError>;

    /// Tells whether an upstream has proven that it has a blob in a repository.
    async fn blob_present(
        &self,
        repository: &Repository,
        blob: &Digest,
    ) -> Result<bool, LedgerError>;

    /// Records that a manifest was served: that it is there, or given out with its bytes.
    async fn mark_released(
        &self,
        repository: &Repository,
        manifest: &Digest,
        release: Release,
    ) -> Result<(), LedgerError>;

    /// Tells whether a manifest has ever been served.
    async fn is_released(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<bool, LedgerError>;

    /// Tells whether a manifest has ever been given out with its bytes.
    async fn is_given(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<bool, LedgerError>;

    /// Records where a tag points.
    async fn put_tag(
        &self,
        repository: &Repository,
        tag: &Tag,
        record: &TagRecord,
    ) -> Result<(), LedgerError>;

    /// Gives where a tag pointed.
    async fn tag(
        &self,
        repository: &Repository,
        tag: &Tag,
    ) -> Result<Option<TagRecord>, LedgerError>;

    /// Lists the manifests that a tag has pointed to, the newest first, each once; at most
    /// [`MAX_TAGGED`](super::MAX_TAGGED).
    async fn tag_history(
        &self,
        repository: &Repository,
        tag: &Tag,
    ) -> Result<Vec<Tagged>, LedgerError>;

    /// Records that a platform, `os/architecture[/variant]`, was pulled from a repository.
    ///
    /// The first [`MAX_PLATFORMS`] are kept, of those that [`is_platform`] accepts: the text is the
    /// image author's, and each one costs work.
    async fn add_platform(
        &self,
        repository: &Repository,
        platform: &str,
    ) -> Result<(), LedgerError>;

    /// Names the platforms that were pulled from a repository, in order.
    async fn platforms(&self, repository: &Repository) -> Result<Vec<String>, LedgerError>;
}
