//! Requests for what an upstream gives to each client by its own credentials: asked of the upstream
//! before anything of it is served, however much of it is here.

use hyper::{Request, Response, StatusCode, header};
use sluicegate_accounts::own::OwnLogin;
use sluicegate_engine::identity::{Unidentified, Who};
use sluicegate_engine::origin::Failure;
use sluicegate_engine::pull::error::PullError;
use sluicegate_model::{Digest, Reference, Repository};
use sluicegate_upstream::UpstreamError;

use super::body::Body;
use super::errors::{self, Wanted};
use super::registry::Registry;
use super::respond::DOCKER_CONTENT_DIGEST;
use super::route::{Route, Target};
use super::server::PeerInfo;
use crate::origins::{OwnLogins, failed};

/// One request for something of such an upstream.
pub(super) struct Own<'a> {
    pub(super) registry: &'a Registry,
    pub(super) logins: &'a OwnLogins,
    pub(super) login: Option<OwnLogin>,
    pub(super) peer: &'a PeerInfo,
    pub(super) request: &'a Request<()>,
}

impl Own<'_> {
    /// Proves that the upstream gives whoever asks what they ask for; else what they are answered.
    pub(super) async fn prove(&self, target: &Target) -> Result<(), Box<Response<Body>>> {
        let login = self.login.as_ref();
        let (proven, wanted, repository) = match &target.route {
            Route::Ping => return Ok(()),
            Route::Manifest(repository, reference) => {
                let proven = self.logins.prove_manifest(login, repository, reference);
                (proven.await.map(drop), Wanted::Manifest, repository)
            }
            Route::Referrers(repository, digest) => {
                let reference = Reference::Digest(digest.clone());
                let proven = self.logins.prove_manifest(login, repository, &reference);
                (proven.await.map(drop), Wanted::Manifest, repository)
            }
            Route::Tags(repository) => {
                let proven = self.logins.prove_tags(login, repository).await;
                (proven, Wanted::Tags, repository)
            }
            Route::Blob(repository, digest) => {
                let proven = self.prove_blob(repository, digest, target.head).await?;
                (proven, Wanted::Blob, repository)
            }
        };
        proven.map_err(|error| Box::new(self.refused(error, wanted, repository, target.head)))
    }

    async fn prove_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        head: bool,
    ) -> Result<Result<(), UpstreamError>, Box<Response<Body>>> {
        let listing = self
            .registry
            .gate
            .manifests_listing(repository, digest)
            .await;
        let listing =
            listing.map_err(|error| Box::new(errors::pull_error(&error, Wanted::Blob, head)))?;
        let login = self.login.as_ref();
        Ok(self.logins.prove_blob(login, repository, &listing).await)
    }

    /// Proves the same of what a tag led to here, where that is another manifest than the upstream
    /// named a moment ago.
    pub(super) async fn prove_served(
        &self,
        target: &Target,
        response: Response<Body>,
    ) -> Response<Body> {
        let Route::Manifest(repository, Reference::Tag(_)) = &target.route else {
            return response;
        };
        let served = response.headers().get(DOCKER_CONTENT_DIGEST);
        let served = served.and_then(|digest| digest.to_str().ok()?.parse::<Digest>().ok());
        let Some(served) = served else {
            return response;
        };
        let listing = std::slice::from_ref(&served);
        let login = self.login.as_ref();
        match self.logins.prove_blob(login, repository, listing).await {
            Ok(()) => response,
            Err(error) => self.refused(error, Wanted::Manifest, repository, target.head),
        }
    }

    /// Answers somebody whom the upstream does not give it: asked to say who they are, where they
    /// have not.
    fn refused(
        &self,
        error: UpstreamError,
        wanted: Wanted,
        repository: &Repository,
        head: bool,
    ) -> Response<Body> {
        let error = failed(error);
        let is_no = matches!(error.failure, Failure::Unauthorized | Failure::Denied);
        if is_no && self.login.is_none() {
            let challenge = self.registry.challenge(self.peer, self.request);
            let challenge = challenge.on(Some(repository));
            return errors::unidentified(&Unidentified::Missing, &challenge, head);
        }
        let error = match error.failure {
            Failure::Absent => PullError::UnknownManifest,
            _ => PullError::Upstream(error),
        };
        let mut response = errors::pull_error(&error, wanted, head);
        if is_no {
            *response.status_mut() = StatusCode::FORBIDDEN;
            response.headers_mut().remove(header::WWW_AUTHENTICATE);
        }
        response
    }
}

impl Registry {
    /// Tells who asks for something of an upstream that lets each client in by its own credentials,
    /// and with which.
    pub(super) fn own_login(
        &self,
        peer: &PeerInfo,
        request: &Request<()>,
    ) -> Result<(Who, Option<OwnLogin>), Unidentified> {
        self.tokens
            .own(self.callers.presented(peer, request.headers()))
    }
}
