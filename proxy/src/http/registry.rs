//! The registry endpoint: one request to its route to its answer.
//!
//! Each endpoint has its own file; this one owns what they share.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Method, Request, Response, StatusCode};
use sluicegate_accounts::registry::RegistryIdentity;
use sluicegate_engine::identity::{Unidentified, Who};
use sluicegate_engine::trace::Trace;
use sluicegate_model::Repository;
use sluicegate_model::access::Permission;
use sluicegate_model::names::Names;
use tokio::sync::watch;

use super::body::Body;
use super::callers::Callers;
use super::challenge::{Challenge, Front};
use super::denied;
use super::details::Details;
use super::own::Own;
use super::route::{self, Route, RouteError, Target};
use super::server::PeerInfo;
use super::{blob, errors, hold, lists, manifest, old_clients, respond, token};
use crate::metrics::Metrics;
use crate::origins::Upstreams;
use sluicegate_engine::gate::{Gate, Refusal};
use sluicegate_engine::pull::asked::Asked;
use sluicegate_engine::pull::patience::OutOfPatience;

/// Everything the endpoints of the registry use.
pub struct Registry {
    /// How repositories are named.
    pub names: Names,
    /// Who asks.
    pub callers: Callers,
    /// Who gives tokens; nobody where nobody is asked for anything.
    pub tokens: RegistryIdentity,
    /// Where clients say who they are.
    pub front: Front,
    /// The registries behind.
    pub upstreams: Arc<Upstreams>,
    /// What may leave.
    pub gate: Gate,
    /// Where the API is, as shown to clients.
    pub details: Details,
    /// Whether clients that hide the reason of a HEAD's 403 are shown a GET's instead.
    pub explain_to_old_clients: bool,
    /// The longest that response headers are withheld.
    pub hold: Duration,
    /// Counters.
    pub metrics: Metrics,
    /// Turns true when the program is to stop.
    pub draining: watch::Receiver<bool>,
}

/// What an endpoint needs of the request.
pub struct Call {
    /// The request's headers and URL.
    pub request: Request<()>,
    /// What is asked of the gate.
    pub asked: Asked,
    /// How often it was sent round before.
    pub hop: u8,
}

impl Call {
    /// Gives a header as text.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    /// Answers that there is no verdict yet.
    pub(super) fn not_yet(&self, ended: OutOfPatience) -> Response<Body> {
        match ended {
            OutOfPatience::ComesBack => hold::redirect(self),
            OutOfPatience::ForGood => errors::still_scanning(self.asked.head),
        }
    }

    /// Tells whether the client says that it has this content already.
    pub fn has(&self, digest: &str) -> bool {
        self.header(header::IF_NONE_MATCH).is_some_and(|tags| {
            tags.split(',')
                .any(|tag| tag.trim().trim_start_matches("W/").trim_matches('"') == digest)
        })
    }
}

impl Registry {
    /// Answers a request. Never fails: every error has an answer.
    pub async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: PeerInfo,
    ) -> Response<Body> {
        // Read requests have no body that matters; it is dropped unread.
        let (parts, _body) = request.into_parts();
        let request = Request::from_parts(parts, ());
        if request.uri().path() == token::PATH {
            return Box::pin(token::answer(&self, &request, &peer)).await;
        }
        let head = *request.method() == Method::HEAD;
        let uri = request.uri();
        let target = route::parse(request.method(), uri.path(), uri.query(), &self.names);
        let repository = target.as_ref().ok().and_then(|it| it.route.repository());
        let logins = repository.and_then(|it| self.upstreams.own_logins(it));
        let known = match logins {
            Some(_) => self.own_login(&peer, &request),
            None => self
                .known(&peer, &request, &target)
                .await
                .map(|who| (who, None)),
        };
        let (who, login) = match known {
            Ok(known) => known,
            Err(error) => {
                let challenge = self.challenge(&peer, &request);
                return errors::unidentified(&error, &challenge.on(repository), head);
            }
        };
        let target = match target {
            Ok(target) => target,
            Err(error) => {
                denied::note(&self, &request, who, &error).await;
                return errors::route_error(&error, head);
            }
        };
        if let Some(repository) = target.route.repository()
            && let Err(refused) = self.check_rights(repository, &who, (&peer, &request))
        {
            return *refused;
        }
        let Some(logins) = logins else {
            return self.answer_known(target, request, who).await;
        };
        let own = Own {
            registry: &self,
            logins,
            login,
            peer: &peer,
            request: &request,
        };
        if let Err(refused) = Box::pin(own.prove(&target)).await {
            return *refused;
        }
        let answered = self.answer_known(target.clone(), request.clone(), who);
        let response = answered.await;
        Box::pin(own.prove_served(&target, response)).await
    }

    /// Tells who asks. Whoever asks whether this is a registry is asked back where some upstream wants
    /// clients' own credentials: some clients send those only where they were asked there.
    async fn known(
        &self,
        peer: &PeerInfo,
        request: &Request<()>,
        target: &Result<Target, RouteError>,
    ) -> Result<Who, Unidentified> {
        let is_ping = target.as_ref().is_ok_and(|it| it.route == Route::Ping);
        let has_nothing = !request.headers().contains_key(header::AUTHORIZATION);
        if is_ping && has_nothing && self.upstreams.have_own_logins() {
            return Err(Unidentified::Missing);
        }
        self.callers.who(peer, request.headers()).await
    }

    /// Answers somebody who may ask for this.
    async fn answer_known(&self, target: Target, request: Request<()>, who: Who) -> Response<Body> {
        let (uri, head) = (request.uri().clone(), target.head);
        let ns = target.ns.clone();
        let has_ns = ns.as_ref().is_some_and(|ns| !ns.is_empty());
        let path = uri.path().strip_prefix("/v2/").unwrap_or_default();
        let repository = target.route.repository().filter(|_| !has_ns).cloned();
        let meant = repository.and_then(|it| Some((self.names.may_mean(path, &it)?, it)));
        let asked = meant.is_some().then(|| (request.clone(), who.clone()));
        let trace = trace(request.headers());
        // Each request's future is moved some times before it runs: what is large of it stays in place.
        let dispatched = Box::pin(self.dispatch(target, request, who));
        let mut response = trace.follow(dispatched).await;
        if let (Some((meant, repository)), Some((asked, who))) = (meant, asked)
            && response.status() == StatusCode::NOT_FOUND
            && !self.gate.has_been_pulled(&repository).await
        {
            let error = RouteError::Name(meant);
            denied::note(self, &asked, who, &error).await;
            return errors::route_error(&error, head);
        }
        if let Some(ns) = ns
            && let Ok(value) = ns.parse()
        {
            response
                .headers_mut()
                .insert(HeaderName::from_static("oci-namespace"), value);
        }
        response
    }

    /// Tells whether somebody may ask for anything of a repository, before anything is looked up.
    fn check_rights(
        &self,
        repository: &Repository,
        who: &Who,
        (peer, request): (&PeerInfo, &Request<()>),
    ) -> Result<(), Box<Response<Body>>> {
        let (rights, head) = (&who.rights, *request.method() == Method::HEAD);
        if !rights.are_for(repository) {
            let challenge = self.challenge(peer, request).for_another(repository);
            return Err(Box::new(errors::token_for_another(&challenge, head)));
        }
        if !rights.allow(Permission::Pull) || !rights.reach().has(repository) {
            tracing::info!(client = %who.client, %repository, "refused: not of this key");
            return Err(Box::new(errors::foreign(who, repository, head)));
        }
        Ok(())
    }

    /// Gives what clients are told that have to say who they are.
    pub(super) fn challenge(&self, peer: &PeerInfo, request: &Request<()>) -> Challenge {
        let is_tls = self.front.is_tls || self.callers.speaks_tls(peer, request.headers());
        self.front.challenge(is_tls)
    }

    /// Refuses what was asked for.
    pub(super) fn refusal(&self, call: &Call, refusal: &Refusal) -> Response<Body> {
        errors::refusal(refusal, &self.details.base(call), call.asked.head)
    }

    async fn dispatch(&self, target: Target, request: Request<()>, who: Who) -> Response<Body> {
        let (head, hop) = (target.head, target.hop);
        let agent = who.user_agent.as_deref();
        let hides_reasons =
            self.explain_to_old_clients && agent.is_some_and(old_clients::hides_reasons);
        let call = |repository| Call {
            asked: Asked {
                repository,
                head,
                who,
                hides_reasons,
                patience: hold::patience(hop, self.hold, self.draining.clone()),
            },
            request,
            hop,
        };
        match target.route {
            Route::Ping => respond::ping(),
            Route::Manifest(repository, reference) => {
                manifest::answer(self, &call(repository), &reference).await
            }
            Route::Blob(repository, digest) => blob::answer(self, &call(repository), &digest).await,
            Route::Tags(repository) => Box::pin(lists::tags(self, &call(repository))).await,
            Route::Referrers(repository, digest) => {
                Box::pin(lists::referrers(self, &call(repository), &digest)).await
            }
        }
    }
}

/// Takes up what a request says that it is part of, where it says one thing.
fn trace(headers: &HeaderMap) -> Trace {
    let mut told = headers.get_all("traceparent").iter();
    let first = told.next().and_then(|value| value.to_str().ok());
    Trace::of(first.filter(|_| told.next().is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives how large what a function of three arguments gives is, in bytes.
    fn size<A, B, C, F>(_: fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_is_moved_of_each_request_is_small() {
        let bytes = size(Registry::answer);
        assert!(
            bytes <= 4 * 1024,
            "{bytes} bytes are moved for each request"
        );
    }

    #[test]
    fn a_request_that_is_part_of_two_things_is_part_of_neither() {
        let told = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let mut headers = HeaderMap::new();
        headers.append("traceparent", told.parse().unwrap());
        assert_eq!(trace(&headers), Trace::of(Some(told)));
        headers.append("traceparent", told.parse().unwrap());
        assert_ne!(trace(&headers), Trace::of(Some(told)));
    }
}
