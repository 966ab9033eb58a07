//! Requests for what an upstream gives to each client by its own credentials: asked of the upstream
//! before anything of it is served, however much of it is here.

use hyper::{Request, Response};
use sluicegate_accounts::own::OwnLogin;
use sluicegate_engine::identity::{Unidentified, Who};
use sluicegate_engine::origin::Failure;
use sluicegate_engine::pull::error::PullError;
use sluicegate_model::{Digest, Reference};
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
        let proven = self.given(&target.route).await;
        proven.map_err(|error| Box::new(self.refused(&error, target)))
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
        let (logins, login) = (self.logins, self.login.as_ref());
        match logins.prove_one_of(login, repository, &[served]).await {
            Ok(()) => response,
            Err(error) => self.refused(&told(error), target),
        }
    }

    async fn given(&self, route: &Route) -> Result<(), PullError> {
        let (logins, login) = (self.logins, self.login.as_ref());
        let proven = match route {
            Route::Ping => Ok(()),
            Route::Manifest(repository, reference) => {
                logins.prove_manifest(login, repository, reference).await
            }
            Route::Referrers(repository, digest) => {
                let reference = Reference::Digest(digest.clone());
                logins.prove_manifest(login, repository, &reference).await
            }
            Route::Tags(repository) => logins.prove_tags(login, repository).await,
            Route::Blob(repository, digest) => {
                let gate = &self.registry.gate;
                let listing = gate.manifests_listing(repository, digest).await?;
                logins.prove_one_of(login, repository, &listing).await
            }
        };
        proven.map_err(told)
    }

    /// Answers somebody whom the upstream does not give it: asked to say who they are, where they
    /// have not.
    fn refused(&self, error: &PullError, target: &Target) -> Response<Body> {
        let failure = match error {
            PullError::Upstream(error) => Some(error.failure),
            _ => None,
        };
        let is_no = matches!(failure, Some(Failure::Unauthorized | Failure::Denied));
        if is_no && self.login.is_none() {
            let challenge = self.registry.challenge(self.peer, self.request);
            let challenge = challenge.on(target.route.repository());
            return errors::unidentified(&Unidentified::Missing, &challenge, target.head);
        }
        errors::pull_error(error, Wanted::of(&target.route), target.head)
    }
}

/// Says what an upstream's error means to whoever pulls.
fn told(error: UpstreamError) -> PullError {
    let error = failed(error);
    match error.failure {
        Failure::Absent => PullError::UnknownManifest,
        _ => PullError::Upstream(error),
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
