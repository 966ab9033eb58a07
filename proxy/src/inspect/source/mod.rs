//! Where images come from: one small trait, one connector file for each kind of source.
//!
//! A source names its image by a manifest and opens blobs on demand; it proves nothing, for
//! `scan.rs` holds every byte against its digest. Everything here may block.
//!
//! Reading order: this file (the trait), `name` (what the user wrote), `called` (what the image is
//! judged as), `files` and `tar_index` (directories and archives alike), `oci_layout`, `docker_archive`, `rootfs`, `registry`,
//! `docker`, `podman`, `containerd`; `open` picks one.

mod called;
mod containerd;
mod docker;
mod docker_archive;
mod engine_socket;
mod error;
mod files;
mod name;
mod oci_layout;
mod open;
mod platform;
mod podman;
mod program;
mod registry;
mod rootfs;
mod spool;
mod tar_index;

#[cfg(test)]
mod tests;

use std::io::Read;
use std::sync::Arc;

use sluicegate_config::{Environment, Settings};
use sluicegate_model::coverage::Gap;
use sluicegate_model::image::Tag;
use sluicegate_model::manifest::{Descriptor, ImageManifest, Platform};
use sluicegate_model::{Digest, Repository};

pub use error::SourceError;
pub use name::{SourceName, image_name};
pub use open::{Stdin, open};
pub use registry::{Registry, RegistryImage};
pub use rootfs::packed;

/// An image, wherever it lies.
pub trait Source: Send + Sync {
    /// Says which image this is.
    fn image(&self) -> &SourceImage;

    /// Opens the config or a layer from its first byte. Blocks.
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>, SourceError>;

    /// Tells whether reading a blob means fetching it, so that one whose facts are known is left
    /// where it is.
    fn is_remote(&self) -> bool {
        false
    }

    /// Gives what the source could not read of a layer.
    fn gaps(&self) -> Vec<Gap> {
        Vec::new()
    }
}

/// Which image a source holds.
#[derive(Clone, Debug)]
pub struct SourceImage {
    /// The canonical repository as it was given; `local/…` where nobody named the image.
    pub repository: Repository,
    /// The tag that was given.
    pub tags: Vec<Tag>,
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest; written here for sources that have none.
    pub manifest: ImageManifest,
    /// What the archive or engine calls it, where that is something else. Selects nothing.
    pub claimed_name: Option<String>,
}

/// What sources need to know of the program around them.
#[derive(Clone)]
pub struct Surroundings {
    /// Registries and the data directory.
    pub settings: Arc<Settings>,
    /// Sockets and credentials of the user.
    pub environment: Arc<Environment>,
    /// The platform that was asked for; none = this machine's, where there is a choice.
    pub platform: Option<Platform>,
    /// The runtime on which network requests run.
    pub runtime: tokio::runtime::Handle,
    /// Told of bytes that are copied before the scan: the total so far.
    pub on_copy: Arc<dyn Fn(u64) + Send + Sync>,
    /// Told what a person should know, one line each.
    pub on_note: Arc<dyn Fn(&str) + Send + Sync>,
}
