//! A plugin of a registry: an artifact that is pinned by its digest, and signed by a key that is trusted.
//!
//! Sources: CNCF TAG Runtime, "Wasm OCI Artifact layout" (the types of layers); cosign's
//! `specs/SIGNATURE_SPEC.md` (the tag of signatures), and its bundles that refer to what they sign.

use std::collections::BTreeSet;

use sluicegate_model::manifest::{Descriptor, Manifest, ManifestError};
use sluicegate_model::signature::Signed;
use sluicegate_model::{Digest, DigestHasher, Reference, Repository};
use sluicegate_signatures::{
    BUNDLE_TYPES, MAX_DOCUMENT_BYTES, SIGNATURE_ANNOTATION, Subject, in_bundle, in_simple_signing,
};
use sluicegate_upstream::{Upstream, UpstreamError, UpstreamManifest};
use sluicegate_wasm::limits::MAX_MODULE_BYTES;

use crate::fed_origin::Origin;
use crate::fed_trust::{PluginTrust, names};

/// What layers are that hold a module.
const MODULES: [&str; 2] = [
    "application/wasm",
    "application/vnd.wasm.content.layer.v1+wasm",
];
/// Most signatures of one kind that are looked at.
const MAX_SIGNATURES: usize = 32;
/// How often a blob is asked for that breaks off.
const ATTEMPTS: usize = 3;

/// A plugin as it was fetched.
#[derive(Debug)]
pub struct FromRegistry {
    /// The module.
    pub module: Vec<u8>,
    /// Where it came from, and who signed it.
    pub origin: Origin,
}

/// Says why an artifact gives no plugin.
#[derive(Debug, thiserror::Error)]
pub enum FedRegistryError {
    /// The registry does not give it.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// Its manifest cannot be read.
    #[error("{place}: {source}")]
    Manifest {
        /// Which.
        place: String,
        /// What is wrong.
        source: ManifestError,
    },
    /// It holds something else.
    #[error("{place} is no plugin: {why}")]
    NoPlugin {
        /// Which.
        place: String,
        /// What it is instead.
        why: String,
    },
    /// Nobody who is believed has signed it.
    #[error(
        "{0} is signed by none of the keys of plugin_trust: its digest says what it is, and not who \
         vouches for it"
    )]
    Unsigned(String),
    /// What came is not what is listed.
    #[error("{digest} of {place}: {why}")]
    Blob {
        /// Which artifact.
        place: String,
        /// Which blob.
        digest: Digest,
        /// What is wrong.
        why: String,
    },
}

/// One artifact, and the registry that has it.
pub struct Artifact<'a> {
    upstream: &'a Upstream,
    repository: &'a Repository,
    digest: &'a Digest,
}

impl<'a> Artifact<'a> {
    /// Names an artifact; asks nothing.
    pub fn new(upstream: &'a Upstream, repository: &'a Repository, digest: &'a Digest) -> Self {
        Self {
            upstream,
            repository,
            digest,
        }
    }

    fn place(&self) -> String {
        format!("oci://{}@{}", self.repository, self.digest)
    }

    /// Fetches the plugin in it, where it is signed.
    pub async fn fetch(&self, trust: &PluginTrust) -> Result<FromRegistry, FedRegistryError> {
        let reference = Reference::Digest(self.digest.clone());
        let path = self.repository.path();
        let manifest = self.upstream.manifest(path, &reference).await?;
        let layer = self.module_of(&manifest)?;
        let signed = self.signed(&manifest, trust).await?;
        if signed.is_empty() {
            return Err(FedRegistryError::Unsigned(self.place()));
        }
        let module = self.blob(&layer, MAX_MODULE_BYTES).await?;
        Ok(FromRegistry {
            module,
            origin: Origin {
                source: self.place(),
                signed_by: names(&signed),
            },
        })
    }

    /// Finds the one layer that is a module.
    fn module_of(&self, manifest: &UpstreamManifest) -> Result<Descriptor, FedRegistryError> {
        let no_plugin = |why: &str| FedRegistryError::NoPlugin {
            place: self.place(),
            why: why.to_owned(),
        };
        let parsed = Manifest::parse(&manifest.bytes, &manifest.media_type);
        let parsed = parsed.map_err(|source| FedRegistryError::Manifest {
            place: self.place(),
            source,
        })?;
        let Manifest::Image(image) = parsed else {
            return Err(no_plugin("it is an index"));
        };
        let [layer] = image.layers.as_slice() else {
            return Err(no_plugin("it has not just one layer"));
        };
        if !MODULES.contains(&layer.media_type.as_str()) {
            return Err(no_plugin("its layer is not of type application/wasm"));
        }
        Ok(layer.clone())
    }

    /// Finds who has signed it: under the tag of signatures, and among what refers to it.
    async fn signed(
        &self,
        manifest: &UpstreamManifest,
        trust: &PluginTrust,
    ) -> Result<BTreeSet<Signed>, FedRegistryError> {
        let names = self.names();
        let subject = Subject {
            digest: self.digest,
            bytes: &manifest.bytes,
            names: &names,
        };
        let mut signed = BTreeSet::new();
        for layer in self.under_tag().await? {
            let Some(signature) = layer.annotations.get(SIGNATURE_ANNOTATION) else {
                continue;
            };
            let document = self.blob(&layer, MAX_DOCUMENT_BYTES).await?;
            let found = in_simple_signing(&document, signature, subject, trust.wanted());
            signed.extend(found);
        }
        if !signed.is_empty() {
            return Ok(signed);
        }
        for layer in self.referring().await? {
            let document = self.blob(&layer, MAX_DOCUMENT_BYTES).await?;
            signed.extend(in_bundle(&document, subject, trust.wanted()));
        }
        Ok(signed)
    }

    /// Lists what the repository is called, here and there.
    fn names(&self) -> Vec<Repository> {
        let there = self.upstream.place_of(self.repository.path());
        let there = there.and_then(|(host, path)| Repository::new(&host, &path).ok());
        [Some(self.repository.clone()), there]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Lists the layers of what cosign keeps signatures in.
    async fn under_tag(&self) -> Result<Vec<Descriptor>, FedRegistryError> {
        let (algorithm, hex) = (self.digest.algorithm().as_str(), self.digest.hex());
        // A tag holds 128 characters: where a digest is longer nothing is under it.
        let Ok(tag) = format!("{algorithm}-{hex}.sig").parse() else {
            return Ok(Vec::new());
        };
        self.layers(&Reference::Tag(tag)).await
    }

    /// Lists the bundles that refer to it.
    async fn referring(&self) -> Result<Vec<Descriptor>, FedRegistryError> {
        let path = self.repository.path();
        let listed = self.upstream.referrers(path, self.digest, None).await?;
        let mut bundles = Vec::new();
        for referrer in listed.found.into_iter().take(MAX_SIGNATURES) {
            let layers = self.layers(&Reference::Digest(referrer.digest)).await?;
            let is_bundle = |layer: &Descriptor| BUNDLE_TYPES.contains(&layer.media_type.as_str());
            bundles.extend(layers.into_iter().filter(is_bundle));
        }
        bundles.truncate(MAX_SIGNATURES);
        Ok(bundles)
    }

    /// Lists the layers of a manifest beside it; none where it is not there, or is something else.
    async fn layers(&self, reference: &Reference) -> Result<Vec<Descriptor>, FedRegistryError> {
        let path = self.repository.path();
        let fetched = match self.upstream.manifest_soon(path, reference).await {
            Ok(fetched) => fetched,
            Err(UpstreamError::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let parsed = Manifest::parse(&fetched.bytes, &fetched.media_type);
        Ok(match parsed {
            Ok(Manifest::Image(image)) => image.layers.into_iter().take(MAX_SIGNATURES).collect(),
            Ok(Manifest::Index(_)) | Err(_) => Vec::new(),
        })
    }

    /// Fetches a blob, proven, of at most so many bytes.
    async fn blob(&self, blob: &Descriptor, most: usize) -> Result<Vec<u8>, FedRegistryError> {
        let wrong = |why: String| FedRegistryError::Blob {
            place: self.place(),
            digest: blob.digest.clone(),
            why,
        };
        let size = usize::try_from(blob.size).unwrap_or(usize::MAX);
        if size > most {
            return Err(wrong(format!("{size} bytes, wanted at most {most}")));
        }
        let mut attempt = 1;
        let bytes = loop {
            match self.attempt(&blob.digest, size).await {
                Ok(bytes) => break bytes,
                Err(error) if attempt == ATTEMPTS || !error.is_retryable() => {
                    return Err(error.into());
                }
                Err(_) => attempt += 1,
            }
        };
        let mut hasher = DigestHasher::new(blob.digest.algorithm());
        hasher.update(&bytes);
        if hasher.finish() != blob.digest {
            return Err(wrong("the registry sends something else".to_owned()));
        }
        Ok(bytes)
    }

    /// Reads a blob as far as it may go: one byte more shows that it is another.
    async fn attempt(&self, digest: &Digest, size: usize) -> Result<Vec<u8>, UpstreamError> {
        let mut body = self
            .upstream
            .blob(self.repository.path(), digest, 0)
            .await?;
        let mut bytes = Vec::new();
        while let Some(piece) = body.chunk().await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > size {
                break;
            }
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
