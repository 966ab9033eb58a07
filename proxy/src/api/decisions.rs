//! The log of pulls, as auditors read it.

use std::sync::Arc;

use axum::extract::{Query, State};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::json::Json;
use super::problem::Problem;
use super::verdicts::{parse_decision, parsed};
use super::{ApiState, page};
use crate::decisions::{self, DecisionFilter};

/// The filters of the log.
#[derive(Debug, Default, Deserialize)]
pub struct ListQuery {
    repository: Option<String>,
    digest: Option<String>,
    decision: Option<String>,
    client: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    limit: Option<usize>,
    after: Option<u64>,
}

/// Lists lines of the decision log, newest first.
pub async fn list(
    State(state): State<Arc<ApiState>>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let filter = DecisionFilter {
        repository: parsed("repository", query.repository)?,
        digest: parsed("digest", query.digest)?,
        decision: query.decision.as_deref().map(parse_decision).transpose()?,
        client: query.client,
        since: query.since,
        until: query.until,
    };
    let limit = page::limit(query.limit);
    let (directory, after) = (state.decisions_dir.clone(), query.after);
    let read = move || decisions::read(&directory, &filter, after, limit);
    let page = tokio::task::spawn_blocking(read)
        .await
        .map_err(Problem::internal)?
        .map_err(Problem::internal)?;
    Ok(Json(
        json!({"items": page.items, "next": page.next.map(|seq| seq.to_string())}),
    ))
}
