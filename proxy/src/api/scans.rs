//! Scans ahead of the first pull, as pipelines and `warm` ask for them.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ApiState;
use super::answers::Begun;
use super::asked::{Body, Nothing, Path, Query};
use super::json::Json;
use super::problem::Problem;
use sluicegate_engine::identity::Who;
use sluicegate_engine::scans::{ScanError, ScanReport};

/// What is to be scanned.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST; a tag with * or ? means all tags that match.
    image: String,
}

/// Starts a scan.
pub async fn start(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    _: Query<Nothing>,
    Body(asked): Body<Asked>,
) -> Result<Begun<ScanReport>, Problem> {
    let report = state
        .scans
        .start(&asked.image, who)
        .map_err(|error| match error {
            ScanError::Name(reason) => Problem::bad_request(reason),
            ScanError::Foreign(_) => Problem::not_found(error.to_string()),
            ScanError::Busy => Problem::too_many(error.to_string()),
        })?;
    Ok(Begun {
        shown_at: format!("/api/v1/scans/{}", report.id),
        what: report,
    })
}

/// Shows how far a scan is.
pub async fn show(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    _: Query<Nothing>,
) -> Result<Json<ScanReport>, Problem> {
    let report = state.scans.show(&id, who.rights.reach());
    report
        .map(Json)
        .ok_or_else(|| Problem::not_found("no scan of this id; a restart forgets them"))
}
