//! Images of a registry, read where they lie: manifests at once, blobs as they are wanted.
//!
//! References are `oci-distribution`'s. Requests go through the proxy's own client instead of that
//! crate's: it bounds manifests, resumes cut blobs, renews tokens, and knows the configured
//! registries, their certificates and credentials.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sluicegate_model::image::{Reference, Tag};
use sluicegate_model::manifest::{Descriptor, ImageManifest, Manifest};
use sluicegate_model::{Digest, Repository};
use sluicegate_upstream::{BlobBody, Upstream, UpstreamError};

use super::called::Called;
use super::error::SourceError;
use super::name::image_name;
use super::platform;
use super::{Source, SourceImage, Surroundings};
use crate::app::proxy_variables;

/// Deepest nesting of indexes followed, as in the proxy.
const MAX_DEPTH: usize = 4;
/// Attempts in a row without a new byte before a blob is given up.
const MAX_IDLE_ATTEMPTS: u32 = 4;
/// The first pause between attempts; doubled each time nothing came.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// A repository of a registry.
#[derive(Clone)]
pub struct Registry {
    upstream: Arc<Upstream>,
    repository: Repository,
    surroundings: Surroundings,
}

/// An image of a repository.
pub struct RegistryImage {
    registry: Registry,
    image: SourceImage,
}

impl Registry {
    /// Finds the registry of an image's name; connects to nothing.
    pub fn of(text: &str, surroundings: &Surroundings) -> Result<(Self, Reference), SourceError> {
        let (repository, reference) = image_name(text, &surroundings.settings)?;
        let settings = &surroundings.settings;
        let (described, warnings) = sluicegate_config::registry_named(
            repository.upstream(),
            settings,
            &surroundings.environment,
        )
        .map_err(|error| SourceError::Name(error.to_string()))?;
        for warning in warnings {
            (surroundings.on_note)(&warning);
        }
        let upstream = Upstream::from_settings(&described, proxy_variables(settings), None)?;
        let registry = Self {
            upstream: Arc::new(upstream),
            repository,
            surroundings: surroundings.clone(),
        };
        Ok((registry, reference))
    }

    /// Takes a repository of an upstream that is known already.
    pub fn at(
        upstream: Arc<Upstream>,
        repository: Repository,
        surroundings: &Surroundings,
    ) -> Self {
        Self {
            upstream,
            repository,
            surroundings: surroundings.clone(),
        }
    }

    /// Takes one layer of it by itself, as an image of nothing else.
    pub fn layer(&self, layer: &Descriptor) -> RegistryImage {
        let manifest = ImageManifest {
            media_type: String::new(),
            artifact_type: None,
            config: layer.clone(),
            layers: vec![layer.clone()],
            subject: None,
        };
        let image = SourceImage {
            repository: self.repository.clone(),
            tags: Vec::new(),
            digest: layer.digest.clone(),
            manifest,
            claimed_name: None,
        };
        RegistryImage {
            registry: self.clone(),
            image,
        }
    }

    /// Names the repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Lists every tag of the repository.
    pub fn tags(&self) -> Result<Vec<Tag>, SourceError> {
        let listing = self.upstream.all_tags(self.repository.path());
        Ok(self.surroundings.runtime.block_on(listing)?)
    }

    /// Fetches the manifest of an image, for the wanted platform where there are several.
    pub fn image(&self, reference: &Reference) -> Result<RegistryImage, SourceError> {
        let place = self.repository.to_string();
        let mut wanted = reference.clone();
        for _ in 0..MAX_DEPTH {
            let (digest, parsed) = self.manifest(&wanted)?;
            match parsed {
                Manifest::Image(manifest) => {
                    let tags = match reference {
                        Reference::Tag(tag) => vec![tag.clone()],
                        Reference::Digest(_) => Vec::new(),
                    };
                    let image = SourceImage {
                        repository: self.repository.clone(),
                        tags,
                        digest,
                        manifest,
                        claimed_name: None,
                    };
                    let registry = self.clone();
                    return Ok(RegistryImage { registry, image });
                }
                Manifest::Index(index) => {
                    let platform = self.surroundings.platform.as_ref();
                    let chosen = platform::choose(&place, &index.manifests, platform)?;
                    wanted = Reference::Digest(chosen.digest.clone());
                }
            }
        }
        let reason = format!("its indexes are nested deeper than {MAX_DEPTH} levels");
        Err(SourceError::malformed(&place, reason))
    }

    fn manifest(&self, reference: &Reference) -> Result<(Digest, Manifest), SourceError> {
        let fetching = self.upstream.manifest(self.repository.path(), reference);
        let fetched = self.surroundings.runtime.block_on(fetching)?;
        let parsed = Manifest::parse(&fetched.bytes, &fetched.media_type);
        let parsed = parsed.map_err(|source| SourceError::Manifest {
            place: format!("{}: {reference}", self.repository),
            source,
        })?;
        Ok((fetched.digest, parsed))
    }
}

impl RegistryImage {
    /// Has the image judged under another name than the one it is fetched by.
    pub(super) fn judged_as(mut self, called: Called) -> Self {
        self.image.repository = called.repository;
        self.image.tags = called.tags;
        self
    }
}

impl Source for RegistryImage {
    fn image(&self) -> &SourceImage {
        &self.image
    }

    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>, SourceError> {
        Ok(Box::new(BlobReader {
            registry: self.registry.clone(),
            blob: blob.clone(),
            body: None,
            comes_from: 0,
            piece: Bytes::new(),
            at: 0,
            idle: 0,
        }))
    }

    fn is_remote(&self) -> bool {
        true
    }
}

/// A blob that is fetched as it is read; resumed by Range where it is cut.
struct BlobReader {
    registry: Registry,
    blob: Descriptor,
    body: Option<BlobBody>,
    /// Where in the blob the body's next bytes belong.
    comes_from: u64,
    piece: Bytes,
    at: u64,
    idle: u32,
}

impl BlobReader {
    /// Fetches bytes that have not been read yet; none at the blob's end.
    fn fetch(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        let runtime = self.registry.surroundings.runtime.clone();
        loop {
            match runtime.block_on(self.attempt()) {
                Ok(Some(fresh)) if fresh.is_empty() => {}
                Ok(fresh) => {
                    self.idle = 0;
                    return Ok(fresh);
                }
                Err(error) if error.is_retryable() && self.idle < MAX_IDLE_ATTEMPTS => {
                    self.body = None;
                    std::thread::sleep(FIRST_PAUSE * 2_u32.pow(self.idle.min(6)));
                    self.idle += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn attempt(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        let body = match &mut self.body {
            Some(body) => body,
            none => {
                let (path, digest) = (self.registry.repository.path(), &self.blob.digest);
                let opened = self.registry.upstream.blob(path, digest, self.at).await?;
                self.comes_from = opened.offset;
                none.insert(opened)
            }
        };
        let Some(mut piece) = body.chunk().await? else {
            return Ok(None);
        };
        let start = self.comes_from;
        self.comes_from += piece.len() as u64;
        // A registry that ignores Range sends what was read once more.
        let known = usize::try_from(self.at.saturating_sub(start)).unwrap_or(usize::MAX);
        Ok(Some(piece.split_off(known.min(piece.len()))))
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            match self.fetch().map_err(io::Error::other)? {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let taken = self.piece.split_to(buffer.len().min(self.piece.len()));
        if let Some(into) = buffer.get_mut(..taken.len()) {
            into.copy_from_slice(&taken);
        }
        self.at += taken.len() as u64;
        Ok(taken.len())
    }
}
