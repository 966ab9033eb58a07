//! The registry endpoint: one request to its route to its answer.
//!
//! Each endpoint has its own file; this one owns what they share.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{self, HeaderName};
use hyper::{Method, Request, Response, StatusCode};
use sluicegate_local::decisions::{Pull, PullLog, PullMethod};
use sluicegate_machine::clock::Clock;
use sluicegate_model::names::Names;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Repository, Tag};
use sluicegate_upstream::trace::Trace;
use tokio::sync::watch;

use super::denied;
use super::details::Details;
use super::forwarded::TrustedProxies;
use super::hold::Hold;
use super::respond::{self, Body};
use super::route::{self, Route, RouteError, Target};
use super::{blob, errors, lists, manifest};
use crate::metrics::Metrics;
use crate::pull::gate::Gate;
use crate::pull::releases::Releases;
use crate::pull::resolve::Resolver;

/// Everything the endpoints of the registry use.
pub struct Registry {
    /// How repositories are named.
    pub names: Names,
    /// Who is believed on who a client is.
    pub trusted_proxies: TrustedProxies,
    /// Tags to digests.
    pub resolver: Resolver,
    /// What may leave.
    pub gate: Gate,
    /// What has left.
    pub releases: Releases,
    /// The log of pulls.
    pub pulls: Arc<PullLog>,
    /// Where the API is, as shown to clients.
    pub details: Details,
    /// Whether clients that hide the reason of a HEAD's 403 are shown a GET's instead.
    pub explain_to_old_clients: bool,
    /// The longest that response headers are withheld.
    pub hold: Duration,
    /// Counters.
    pub metrics: Metrics,
    /// The time of day.
    pub clock: Clock,
    /// Turns true when the program is to stop.
    pub draining: watch::Receiver<bool>,
}

/// What an endpoint needs of the request.
pub struct Asked {
    /// The request's headers and URL.
    pub request: Request<()>,
    /// The repository.
    pub repository: Repository,
    /// Whether no body is wanted.
    pub head: bool,
    /// The client's address.
    pub client: IpAddr,
    /// How long it may be held.
    pub hold: Hold,
}

impl Asked {
    /// Gives a header as text.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    /// Describes the request for the log of pulls. Without a verdict the manifest leaves before
    /// it: the layers are what is gated.
    pub fn pull(&self, digest: &Digest, tag: Option<&Tag>, verdict: Option<&Arc<Verdict>>) -> Pull {
        Pull {
            client: self.client,
            user_agent: self.header(header::USER_AGENT).map(ToOwned::to_owned),
            principal: None,
            repository: self.repository.clone(),
            tag: tag.cloned(),
            digest: digest.clone(),
            leads_to: Vec::new(),
            method: if self.head {
                PullMethod::Head
            } else {
                PullMethod::Get
            },
            rests_on: verdict.cloned(),
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
        client: SocketAddr,
    ) -> Response<Body> {
        // Read requests have no body that matters; it is dropped unread.
        let (parts, _body) = request.into_parts();
        let request = Request::from_parts(parts, ());
        let head = *request.method() == Method::HEAD;
        let client = self.trusted_proxies.client(client.ip(), request.headers());
        let uri = request.uri();
        let target = match route::parse(request.method(), uri.path(), uri.query(), &self.names) {
            Ok(target) => target,
            Err(error) => {
                denied::note(&self, &request, client, &error).await;
                return errors::route_error(&error, head);
            }
        };
        let ns = target.ns.clone();
        let has_ns = ns.as_ref().is_some_and(|ns| !ns.is_empty());
        let path = uri.path().strip_prefix("/v2/").unwrap_or_default();
        let repository = target.route.repository().filter(|_| !has_ns).cloned();
        let meant = repository.and_then(|it| Some((self.names.may_mean(path, &it)?, it)));
        let asked = meant.is_some().then(|| request.clone());
        let trace = Trace::of(request.headers());
        let mut response = trace.follow(self.dispatch(target, request, client)).await;
        if let (Some((meant, repository)), Some(asked)) = (meant, asked)
            && response.status() == StatusCode::NOT_FOUND
            && !self.has_been_pulled(&repository).await
        {
            let error = RouteError::Name(meant);
            denied::note(&self, &asked, client, &error).await;
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

    /// Tells whether an image of the repository has been pulled here.
    async fn has_been_pulled(&self, repository: &Repository) -> bool {
        let platforms = self.gate.records.platforms(repository).await;
        platforms.is_ok_and(|platforms| !platforms.is_empty())
    }

    /// Refuses what was asked for, for this verdict.
    pub fn refusal(&self, asked: &Asked, verdict: &Verdict) -> Response<Body> {
        let platform = self.gate.platform_led_to(&asked.repository, verdict);
        errors::refusal(verdict, platform, &self.details.base(asked), asked.head)
    }

    async fn dispatch(
        &self,
        target: Target,
        request: Request<()>,
        client: IpAddr,
    ) -> Response<Body> {
        let hold = Hold::start(target.hop, self.hold, self.draining.clone());
        let head = target.head;
        let asked = |repository| Asked {
            request,
            repository,
            head,
            client,
            hold,
        };
        match target.route {
            Route::Ping => respond::ping(),
            Route::Manifest(repository, reference) => {
                manifest::answer(self, &asked(repository), &reference).await
            }
            Route::Blob(repository, digest) => {
                blob::answer(self, &asked(repository), &digest).await
            }
            Route::Tags(repository) => Box::pin(lists::tags(self, &asked(repository))).await,
            Route::Referrers(repository, digest) => {
                Box::pin(lists::referrers(self, &asked(repository), &digest)).await
            }
        }
    }
}
