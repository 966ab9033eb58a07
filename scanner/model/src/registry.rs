//! What a registry says about a repository without sending content: where a reference points, which
//! tags there are, and what refers to a manifest.

use crate::digest::Digest;
use crate::image::Tag;
use crate::manifest::Descriptor;

/// Most referrers of one manifest taken over.
pub const MAX_REFERRERS: usize = 1_000;

/// What a registry says about a manifest without sending it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestHead {
    /// The promised digest.
    pub digest: Digest,
    /// The Content-Type without parameters.
    pub media_type: String,
}

/// One answer to "which tags are there".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagPage {
    /// The tags in the registry's order. What breaks the grammar cannot be asked for, and is left
    /// out.
    pub tags: Vec<Tag>,
    /// The parameters by which the next page is asked for, where there is one.
    pub next: Option<Vec<(String, String)>>,
}

/// What refers to a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Referrers {
    /// The referrers in the registry's order, each once: image manifests and indexes, without
    /// places outside the registry, and without annotations where those are larger than notes are.
    pub found: Vec<Descriptor>,
    /// Whether the registry has more than [`MAX_REFERRERS`].
    pub are_cut: bool,
}
