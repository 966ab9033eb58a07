//! Who is let in to which route, and what the route is told of them.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Extensions;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sluicegate_engine::identity::{Credentials, Presented, Unidentified};
use sluicegate_linked::linked::Linked;
use sluicegate_model::access::Rights;
use sluicegate_model::secret::Secret;

use super::problem::Problem;
use super::route::Needs;
use crate::http::callers::Callers;
use crate::http::server::PeerInfo;

/// What decides who is let in to a route.
pub(super) struct Door {
    /// What they have to be.
    pub(super) needs: Needs,
    /// Who tells that of those with access keys, and without.
    pub(super) callers: Callers,
    /// Who tells that of scanners elsewhere; none where the service is stopped.
    pub(super) linked: Option<Linked>,
}

/// Where a request comes from whose route asks by itself who sent it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientAddress(pub(super) IpAddr);

/// A linking key that somebody presents; nothing is proven by it yet.
#[derive(Clone)]
pub(super) struct Presentation(pub(super) Secret);

/// Answers requests of those whom a route is for.
pub(super) async fn let_in(
    State(door): State<Arc<Door>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    match door.admit(&mut parts).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    }
}

impl Door {
    /// Tells the route who sent a request, where that may be answered.
    async fn admit(&self, request: &mut Parts) -> Result<(), Problem> {
        match self.needs {
            Needs::Nothing => Ok(()),
            Needs::OwnProof => {
                let presented = self.callers.presented(peer(request)?, &request.headers);
                let from = ClientAddress(presented.address);
                tell(&mut request.extensions, from);
                Ok(())
            }
            Needs::LinkingKey => self.admit_newcomer(request),
            Needs::Scanner => self.admit_scanner(request).await,
            needs => {
                let who = self.callers.who(peer(request)?, &request.headers).await;
                let who = who.map_err(|error| match error {
                    Unidentified::Missing | Unidentified::Wrong => {
                        Problem::unauthorized(error.to_string())
                    }
                    Unidentified::Unknown(_) => Problem::unavailable(error.to_string()),
                })?;
                needs.met_by(&who)?;
                tell(&mut request.extensions, who);
                Ok(())
            }
        }
    }

    fn admit_newcomer(&self, request: &mut Parts) -> Result<(), Problem> {
        let (presented, secret) = self.bearer(request)?;
        let nobody_yet = Rights::everywhere(&[]);
        tell(&mut request.extensions, presented.by(None, nobody_yet));
        tell(&mut request.extensions, Presentation(secret));
        Ok(())
    }

    async fn admit_scanner(&self, request: &mut Parts) -> Result<(), Problem> {
        let (presented, secret) = self.bearer(request)?;
        let linked = linked(self.linked.as_ref())?;
        let member = linked.roll().prove(presented.address, &secret).await;
        let why = "no scanner that works has this credential: it was never enrolled here, is \
                   suspended or was revoked";
        let member = member.ok_or_else(|| Problem::unauthorized(why))?;
        tell(&mut request.extensions, member);
        Ok(())
    }

    /// Reads the one text that a scanner presents.
    fn bearer(&self, request: &Parts) -> Result<(Presented, Secret), Problem> {
        let mut presented = self.callers.presented(peer(request)?, &request.headers);
        match presented.credentials.take() {
            Some(Credentials::Bearer(secret)) => Ok((presented, secret)),
            Some(Credentials::Basic { .. }) | None => Err(Problem::unauthorized(
                "this is for linked scanners: Authorization: Bearer and what proves one",
            )),
        }
    }
}

/// Gives the linked scanners of a service that runs.
pub(super) fn linked(linked: Option<&Linked>) -> Result<&Linked, Problem> {
    let stopped = || Problem::unavailable("linked scanners are asked of a service that runs");
    linked.ok_or_else(stopped)
}

fn peer(request: &Parts) -> Result<&PeerInfo, Problem> {
    let peer = request.extensions.get::<PeerInfo>();
    peer.ok_or_else(|| Problem::internal("a request came from nowhere"))
}

fn tell<T: Clone + Send + Sync + 'static>(extensions: &mut Extensions, what: T) {
    extensions.insert(what);
}
