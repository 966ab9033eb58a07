//! The configured upstreams as the engine asks them, by the name that canonical repositories begin
//! with: its port over the client of a registry.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _};
use sluicegate_engine::origin::{
    Askers, BlobPart, Failure, Origin, OriginBlob, OriginError, OriginManifest, Origins,
};
use sluicegate_model::registry::{ManifestHead, Referrers, TagPage};
use sluicegate_model::{Digest, Reference, Repository, Tag};
use sluicegate_upstream::{
    Askers as ClientAskers, BlobBody, BlobPart as ClientPart, Upstream, UpstreamError,
    UpstreamManifest,
};

mod own_logins;

pub use own_logins::OwnLogins;

/// Every upstream of the configuration.
pub struct Upstreams(HashMap<String, Arc<AskedUpstream>>);

/// An upstream as an origin.
struct AskedUpstream(Whose);

/// Whose credentials an upstream is asked with.
pub enum Whose {
    /// Ours, or nobody's.
    Service(Arc<Upstream>),
    /// Those of each client.
    Clients(Box<OwnLogins>),
}

impl Whose {
    /// Gives what is told of the upstream in status.
    fn shown(&self) -> &Upstream {
        match self {
            Self::Service(upstream) => upstream,
            Self::Clients(own) => own.anonymous(),
        }
    }

    /// Gives a manifest that a client of it was given a moment ago.
    fn given(&self, repository: &Repository, reference: &Reference) -> Option<UpstreamManifest> {
        match self {
            Self::Service(_) => None,
            Self::Clients(own) => own.given(repository, reference),
        }
    }

    /// Gives the upstream as it is asked for a repository.
    fn of(&self, repository: &Repository) -> Arc<Upstream> {
        match self {
            Self::Service(upstream) => Arc::clone(upstream),
            Self::Clients(own) => own.newest(repository),
        }
    }
}

/// No upstream has the name that a repository begins with.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no upstream")]
struct Unknown(String);

impl Upstreams {
    /// Collects upstreams by their names.
    pub fn new(upstreams: impl IntoIterator<Item = Whose>) -> Self {
        let named = |whose: Whose| {
            (
                whose.shown().name().to_owned(),
                Arc::new(AskedUpstream(whose)),
            )
        };
        Self(upstreams.into_iter().map(named).collect())
    }

    /// Lists the upstreams by name.
    pub fn all(&self) -> Vec<&Upstream> {
        let mut all: Vec<_> = self.0.values().map(|asked| asked.0.shown()).collect();
        all.sort_by_key(|upstream| upstream.name());
        all
    }

    /// Finds the upstream of a repository.
    pub fn client(&self, repository: &Repository) -> Option<&Upstream> {
        let asked = self.0.get(repository.upstream());
        asked.map(|asked| asked.0.shown())
    }

    /// Finds who was let in at the upstream of a repository, where that lets each client in by its
    /// own credentials.
    pub fn own_logins(&self, repository: &Repository) -> Option<&OwnLogins> {
        match &self.0.get(repository.upstream())?.0 {
            Whose::Service(_) => None,
            Whose::Clients(own) => Some(own),
        }
    }

    /// Tells whether any upstream lets each client in by its own credentials.
    pub fn have_own_logins(&self) -> bool {
        self.0
            .values()
            .any(|asked| matches!(asked.0, Whose::Clients(_)))
    }
}

impl Origins for Upstreams {
    fn of(&self, repository: &Repository) -> Result<Arc<dyn Origin>, OriginError> {
        let name = repository.upstream();
        let asked = self.0.get(name).cloned();
        let asked = asked.map(|asked| asked as Arc<dyn Origin>);
        asked.ok_or_else(|| OriginError::new(Failure::Absent, None, Unknown(name.to_owned())))
    }
}

#[async_trait]
impl Origin for AskedUpstream {
    fn known_as(&self, repository: &Repository) -> Vec<Repository> {
        let shown = self.0.shown();
        let own = shown.place_of(repository.path());
        let own = own.and_then(|(host, path)| Repository::new(&host, &path).ok());
        own.into_iter().collect()
    }

    async fn manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<OriginManifest, OriginError> {
        if let Some(given) = self.0.given(repository, reference) {
            return Ok(manifest(given));
        }
        let found = self
            .0
            .of(repository)
            .manifest(repository.path(), reference)
            .await;
        found.map(manifest).map_err(failed)
    }

    async fn manifest_soon(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<OriginManifest, OriginError> {
        if let Some(given) = self.0.given(repository, reference) {
            return Ok(manifest(given));
        }
        let found = self
            .0
            .of(repository)
            .manifest_soon(repository.path(), reference)
            .await;
        found.map(manifest).map_err(failed)
    }

    async fn head(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<Option<ManifestHead>, OriginError> {
        let told = self
            .0
            .of(repository)
            .head_manifest(repository.path(), reference)
            .await;
        told.map_err(failed)
    }

    async fn blob(
        &self,
        askers: &Askers,
        repository: &Repository,
        digest: &Digest,
        offset: u64,
    ) -> Result<OriginBlob, OriginError> {
        let askers = askers.clone();
        let askers = ClientAskers::told_by(move || askers.all());
        let path = repository.path();
        let body = self
            .0
            .of(repository)
            .blob_for(&askers, path, digest, offset)
            .await;
        body.map(blob).map_err(failed)
    }

    async fn blob_part(
        &self,
        repository: &Repository,
        digest: &Digest,
        part: Range<u64>,
    ) -> Result<BlobPart, OriginError> {
        let asked = self
            .0
            .of(repository)
            .blob_part(repository.path(), digest, part)
            .await;
        Ok(match asked.map_err(failed)? {
            ClientPart::Part(bytes) => BlobPart::Part(bytes),
            ClientPart::Whole(body) => BlobPart::Whole(blob(body)),
            ClientPart::Neither => BlobPart::Neither,
        })
    }

    async fn tags(&self, repository: &Repository, query: &str) -> Result<TagPage, OriginError> {
        let page = self.0.of(repository).tags(repository.path(), query).await;
        page.map_err(failed)
    }

    async fn all_tags(&self, repository: &Repository) -> Result<Vec<Tag>, OriginError> {
        self.0
            .of(repository)
            .all_tags(repository.path())
            .await
            .map_err(failed)
    }

    async fn referrers(
        &self,
        repository: &Repository,
        manifest: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Referrers, OriginError> {
        let path = repository.path();
        let found = self
            .0
            .of(repository)
            .referrers(path, manifest, artifact_type)
            .await;
        found.map_err(failed)
    }
}

fn manifest(found: UpstreamManifest) -> OriginManifest {
    OriginManifest {
        bytes: found.bytes,
        media_type: found.media_type,
        digest: found.digest,
    }
}

fn blob(body: BlobBody) -> OriginBlob {
    OriginBlob {
        total_len: body.total_len,
        offset: body.offset,
        pieces: stream::try_unfold(body, |mut body| async move {
            let piece = body.chunk().await.map_err(failed)?;
            Ok(piece.map(|piece| (piece, body)))
        })
        .boxed(),
    }
}

/// Says what an error of the client means to the engine.
pub(crate) fn failed(error: UpstreamError) -> OriginError {
    let failure = match &error {
        UpstreamError::NotFound { .. } => Failure::Absent,
        UpstreamError::Unauthorized { .. } => Failure::Unauthorized,
        UpstreamError::Denied { .. } => Failure::Denied,
        UpstreamError::RateLimited { .. } => Failure::Limited,
        UpstreamError::Timeout { .. } => Failure::Silent,
        error if error.is_too_much() => Failure::Overloaded,
        error => match (error.is_retryable(), error.is_an_answer()) {
            (true, true) => Failure::Fleeting,
            (true, false) => Failure::Unreachable,
            (false, true) => Failure::Broken,
            (false, false) => Failure::Unusable,
        },
    };
    OriginError::new(failure, error.retry_after(), error)
}

#[cfg(test)]
mod tests;
