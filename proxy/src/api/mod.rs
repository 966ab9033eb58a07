//! The API for auditors and pipelines: views of what other parts own, and scans on demand.

mod asked;
mod authority;
mod body;
pub mod decisions;
pub mod events;
pub mod exceptions;
pub mod feeds;
pub mod guard;
mod json;
pub mod packages;
mod parameters;
pub mod problem;
pub mod readiness;
pub mod sbom;
pub mod scans;
pub mod status;
pub mod verdicts;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use crate::cache::ContentStore;
use crate::clock::Clock;
use crate::events::PullHistory;
use crate::feeds::Feeds;
use crate::http::name::Names;
use crate::metrics::Metrics;
use crate::policies::Policies;
use crate::pull::gate::Gate;
use crate::pull::scans::Scans;
use crate::rejudge::Rejudge;
use crate::verdicts::Records;
use crate::webhook::Webhook;
use asked::{Nothing, Query};
use guard::Guard;
use problem::Problem;
use readiness::StoreProof;

/// Everything the API shows.
pub struct ApiState {
    /// Verdicts and membership.
    pub records: Records,
    /// What the verdict store last proved.
    pub store_proof: StoreProof,
    /// Content, for indexes and sizes.
    pub content: ContentStore,
    /// Pulls under way.
    pub gate: Gate,
    /// What repositories are called.
    pub names: Names,
    /// Scans that are asked for here.
    pub scans: Scans,
    /// Feeds.
    pub feeds: Arc<Feeds>,
    /// Policies.
    pub policies: Arc<Policies>,
    /// Verdicts made anew in the background.
    pub rejudge: Rejudge,
    /// The delivery of events, where there is one.
    pub webhook: Option<Webhook>,
    /// Counters.
    pub metrics: Metrics,
    /// Where the decision log lies.
    pub decisions_dir: PathBuf,
    /// Who pulled, by that log.
    pub history: PullHistory,
    /// `hold` or `stream`.
    pub gate_mode: &'static str,
    /// Settings that lower security, in words.
    pub insecure: Vec<String>,
    /// The time of day.
    pub clock: Clock,
}

/// The description of every route, for programs.
const OPENAPI: &str = include_str!("openapi.json");

/// Builds the routes of the API listener, all of them behind its guard.
pub fn router(state: Arc<ApiState>, guard: Guard) -> Router {
    let routes = routes().into_iter();
    let router = routes.fold(Router::new(), |router, (path, handler)| {
        router.route(path, handler)
    });
    let router = router
        .fallback(nothing_there)
        .method_not_allowed_fallback(method_not_allowed);
    let guarded = middleware::from_fn_with_state(Arc::new(guard), admit);
    router.with_state(state).layer(guarded)
}

async fn admit(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.admit(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Lists every route; `openapi.json` describes the same ones.
fn routes() -> [(&'static str, MethodRouter<Arc<ApiState>>); 17] {
    [
        ("/healthz", get(status::healthz)),
        ("/readyz", get(readiness::readyz)),
        ("/metrics", get(status::metrics)),
        ("/api/v1/openapi.json", get(openapi)),
        ("/api/v1/status", get(status::status)),
        ("/api/v1/feeds/problems", get(feeds::problems)),
        ("/api/v1/verdicts", get(verdicts::list)),
        ("/api/v1/verdicts/{digest}", get(verdicts::show)),
        ("/api/v1/verdicts/{digest}/sbom", get(sbom::sbom)),
        ("/api/v1/decisions", get(decisions::list)),
        ("/api/v1/decisions/{seq}", get(decisions::show)),
        ("/api/v1/policies/{digest}", get(decisions::policies)),
        ("/api/v1/events", get(events::list)),
        ("/api/v1/exceptions", get(exceptions::list)),
        ("/api/v1/packages", get(packages::list)),
        ("/api/v1/scans", post(scans::start)),
        ("/api/v1/scans/{id}", get(scans::show)),
    ]
}

/// Says that a path leads nowhere.
async fn nothing_there(uri: Uri) -> Problem {
    Problem::not_found(format!(
        "nothing is at {:?}; /api/v1/openapi.json lists what there is",
        uri.path()
    ))
}

/// Says that a path leads somewhere, for other methods.
async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::bad_method(format!(
        "{method} is not answered at {:?}; the header Allow names what is",
        uri.path()
    ))
}

/// Gives the description of the API.
async fn openapi(_: Query<Nothing>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{OPENAPI, routes};

    #[test]
    fn the_description_has_every_route_and_no_other() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let mut described: Vec<&str> = document["paths"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut routed: Vec<&str> = routes().iter().map(|(path, _)| *path).collect();
        described.sort_unstable();
        routed.sort_unstable();
        assert_eq!(described, routed);
    }

    #[test]
    fn every_reference_of_the_description_leads_somewhere() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let mut references = OPENAPI.split("\"$ref\": \"#").skip(1).peekable();
        assert!(references.peek().is_some());
        for rest in references {
            let pointer = rest.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
