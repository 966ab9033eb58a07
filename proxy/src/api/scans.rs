//! Scans ahead of the first pull, as pipelines and `warm` ask for them.

use std::sync::Arc;

use axum::Json as JsonBody;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::ApiState;
use super::json::Json;
use super::problem::Problem;
use crate::pull::scans::{ScanError, ScanReport};

/// What is to be scanned.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    image: String,
}

/// Starts a scan. Only a body that says that it is JSON is read, so that no web page can send one.
pub async fn start(
    State(state): State<Arc<ApiState>>,
    body: Result<JsonBody<Asked>, JsonRejection>,
) -> Result<Response, Problem> {
    let JsonBody(asked) = body.map_err(|error| Problem::bad_request(error.body_text()))?;
    let report = state
        .scans
        .start(&asked.image)
        .map_err(|error| match error {
            ScanError::Name(reason) => Problem::bad_request(reason),
            ScanError::Busy => Problem::too_many(error.to_string()),
        })?;
    let location = format!("/api/v1/scans/{}", report.id);
    let headers = [(header::LOCATION, location)];
    Ok((StatusCode::ACCEPTED, headers, Json(report)).into_response())
}

/// Shows how far a scan is.
pub async fn show(
    State(state): State<Arc<ApiState>>,
    Path(id): Path<String>,
) -> Result<Json<ScanReport>, Problem> {
    let report = state.scans.show(&id);
    report
        .map(Json)
        .ok_or_else(|| Problem::not_found("no scan of this id; a restart forgets them"))
}
