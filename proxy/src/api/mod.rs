//! The API for auditors and pipelines: read-only views of what other parts own.

pub mod decisions;
pub mod problem;
pub mod status;
pub mod verdicts;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::cache::ContentStore;
use crate::clock::Clock;
use crate::feeds::Feeds;
use crate::metrics::Metrics;
use crate::policies::Policies;
use crate::pull::gate::Gate;
use crate::verdicts::Records;

/// Everything the API shows.
pub struct ApiState {
    /// Verdicts and membership.
    pub records: Records,
    /// Content, for indexes and sizes.
    pub content: ContentStore,
    /// Pulls under way.
    pub gate: Gate,
    /// Feeds.
    pub feeds: Arc<Feeds>,
    /// Policies.
    pub policies: Arc<Policies>,
    /// Counters.
    pub metrics: Metrics,
    /// Where the decision log lies.
    pub decisions_dir: PathBuf,
    /// `hold` or `stream`.
    pub gate_mode: &'static str,
    /// Settings that lower security, in words.
    pub insecure: Vec<String>,
    /// The time of day.
    pub clock: Clock,
}

/// Builds the routes of the API listener.
pub fn router(state: Arc<ApiState>) -> Router {
    Router::new()
        .route("/healthz", get(status::healthz))
        .route("/readyz", get(status::readyz))
        .route("/metrics", get(status::metrics))
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/verdicts", get(verdicts::list))
        .route("/api/v1/verdicts/{digest}", get(verdicts::show))
        .route("/api/v1/decisions", get(decisions::list))
        .with_state(state)
}
