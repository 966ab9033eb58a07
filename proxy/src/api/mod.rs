//! The API for auditors and pipelines: views of what other parts own, and scans on demand.

mod admission;
mod allowed;
mod answers;
mod asked;
mod attestation;
mod authority;
mod body;
mod break_glass;
pub mod decisions;
mod describe;
mod drafts;
pub mod events;
pub mod exceptions;
pub mod feeds;
pub mod guard;
pub mod hooks;
mod inventories;
mod json;
pub mod keys;
pub mod measures;
pub mod packages;
mod parameters;
mod plugins;
pub mod problem;
pub mod readiness;
mod remedy;
pub mod reports;
mod route;
mod routes;
pub mod sbom;
mod scanner_work;
pub mod scanners;
pub mod scans;
pub mod status;
mod summary;
mod upload;
pub mod verdicts;
pub mod vulnerabilities;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use sluicegate_accounts::keys::Keys;
use sluicegate_config::Access;
use sluicegate_engine::attest::Attester;
use sluicegate_engine::audit::Audit;
use sluicegate_engine::break_glass::BreakGlass;
use sluicegate_engine::content::Content;
use sluicegate_engine::ledger::Ledger;
use sluicegate_feeds::Feeds;
use sluicegate_linked::linked::Linked;
use sluicegate_local::store::EngineKind;
use sluicegate_model::clock::Clock;
use sluicegate_model::names::Names;

use crate::fed_in_force::FedPlugins;
use crate::history::PullHistory;
use crate::hooks::Hooks;
use crate::http::callers::Callers;
use crate::http::tls::TlsReload;
use crate::metrics::Metrics;
use crate::origins::Upstreams;
use crate::policies::Policies;
use crate::replay::Replays;
use crate::sinks::Sinks;
use crate::webhook::Webhook;
use admission::{Door, let_in};
pub use allowed::Allowances;
use answers::OpenApi;
use asked::{Nothing, Query};
use describe::Description;
use guard::Guard;
use problem::Problem;
use readiness::StoreProof;
use routes::routes;
use sluicegate_engine::pull::judge::Judge;
use sluicegate_engine::pull::pulls::Pulls;
use sluicegate_engine::rejudge::Rejudge;
use sluicegate_engine::reports::Reports;
use sluicegate_engine::scans::Scans;

/// Everything the API shows.
pub struct ApiState {
    /// Verdicts and membership.
    pub ledger: Arc<dyn Ledger>,
    /// What the verdict store last proved.
    pub store_proof: StoreProof,
    /// Content, for indexes and sizes.
    pub content: Arc<dyn Content>,
    /// What a scan found, and memory to show it in.
    pub judge: Judge,
    /// Who signs verdicts.
    pub attester: Attester,
    /// Pulls under way.
    pub running: Pulls,
    /// The registries that are asked.
    pub upstreams: Arc<Upstreams>,
    /// What repositories are called.
    pub names: Names,
    /// Access keys; none where the service is stopped.
    pub keys: Option<Keys>,
    /// What others say images hold.
    pub reports: Reports,
    /// Scanners elsewhere; none where the service is stopped.
    pub linked: Option<Linked>,
    /// Scans that are asked for here.
    pub scans: Scans,
    /// Where lines of the log are written.
    pub audit: Arc<dyn Audit>,
    /// Who listens to registries; none where no secret is set.
    pub hooks: Option<Hooks>,
    /// Feeds.
    pub feeds: Arc<Feeds>,
    /// Plugins that were fed; none where the service is stopped.
    pub fed: Option<Arc<FedPlugins>>,
    /// Policies.
    pub policies: Arc<Policies>,
    /// Drafts of policies over the log; none where the service is stopped.
    pub replays: Option<Replays>,
    /// Images that are let through for a while.
    pub break_glass: BreakGlass,
    /// Verdicts made anew in the background.
    pub rejudge: Rejudge,
    /// The delivery of events to each receiver.
    pub webhooks: Vec<Webhook>,
    /// Where the decision log goes as well.
    pub sinks: Sinks,
    /// Counters.
    pub metrics: Metrics,
    /// The certificates of the listeners, each with its listener's name.
    pub certificates: Vec<(&'static str, TlsReload)>,
    /// The data directory.
    pub data: PathBuf,
    /// Where the decision log lies.
    pub decisions_dir: PathBuf,
    /// Who allowed what, by the policies that are kept beside it.
    pub allowances: Allowances,
    /// The engine that keeps the verdicts.
    pub store: EngineKind,
    /// Who pulled, by that log.
    pub history: PullHistory,
    /// Whether the registry answers those who are not known.
    pub registry_auth: Access,
    /// Whether the API does.
    pub api_auth: Access,
    /// `hold` or `stream`.
    pub gate_mode: &'static str,
    /// Settings that lower security, in words.
    pub insecure: Vec<String>,
    /// The time of day.
    pub clock: Clock,
}

/// Builds the routes of a listener of the API: all of them behind its guard, and each open to those
/// whom it is for.
pub fn router(state: Arc<ApiState>, guard: Guard, callers: Callers) -> Router {
    let routes = routes().into_iter();
    let router = routes.fold(Router::new(), |router, route| {
        let door = Arc::new(Door {
            needs: route.needs,
            callers: callers.clone(),
            linked: state.linked.clone(),
        });
        let admit = middleware::from_fn_with_state(door, let_in);
        router.route(route.path, route.answered.route_layer(admit))
    });
    let router = router
        .fallback(nothing_there)
        .method_not_allowed_fallback(method_not_allowed);
    let guarded = middleware::from_fn_with_state(Arc::new(guard), look_at);
    router.with_state(state).layer(guarded)
}

/// Answers requests that are looked at.
async fn look_at(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.admit(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
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
async fn openapi(_: Query<Nothing>) -> OpenApi {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    OpenApi(DOCUMENT.get_or_init(|| description().to_string()))
}

/// Describes every route, by the types that it takes and gives.
pub fn description() -> Value {
    let mut description = Description::new();
    for route in routes() {
        route.describe(&mut description);
    }
    description.document(json!({
        "title": "Sluicegate",
        "version": "1",
        "description": "Views of verdicts, pulls and the state of the service, and scans on \
                        demand. Errors are RFC 9457 problem details; lists are pages of items.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    }))
}

#[cfg(test)]
pub(crate) mod tests;
