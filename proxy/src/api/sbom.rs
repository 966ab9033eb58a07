//! The bill of materials of a judged image, in the field's own formats.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::problem::Problem;
use super::verdicts::newest;
use super::{ApiState, body};
use crate::formats::{self, Format};

/// How much more memory than the verdict itself a document about it takes, text included.
const DOCUMENT_ROOM: u64 = 2;

/// Which image, and how to write it.
#[derive(Debug, Default, Deserialize)]
pub struct SbomQuery {
    repository: Option<String>,
    format: Option<String>,
}

/// Writes what an image holds, from the inventory that its verdict was made from.
pub async fn sbom(
    State(state): State<Arc<ApiState>>,
    Path(digest): Path<String>,
    Query(query): Query<SbomQuery>,
) -> Result<Response, Problem> {
    let (format, media_type) = match query.format.as_deref() {
        None | Some("cyclonedx") => (
            Format::Cyclonedx,
            "application/vnd.cyclonedx+json; version=1.6",
        ),
        Some("spdx") => (Format::Spdx, "application/spdx+json"),
        Some(_) => {
            return Err(Problem::bad_request("format is none of cyclonedx, spdx"));
        }
    };
    let viewed = newest(&state, &digest, query.repository, DOCUMENT_ROOM).await?;
    let (verdict, share) = (viewed.verdict, viewed.share);
    let Some(scanned) = state.gate.judge.scanned(&verdict.digest).await else {
        return Err(Problem::not_found(
            "the inventory of this image is no longer kept; its next pull makes it again",
        ));
    };
    let write = move || {
        let mut body = Vec::new();
        formats::write(format, &verdict, &scanned.inventory, &mut body).map(|()| body)
    };
    let text = tokio::task::spawn_blocking(write)
        .await
        .map_err(Problem::internal)?
        .map_err(Problem::internal)?;
    Ok(body::sent(text, media_type, share))
}
