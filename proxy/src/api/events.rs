//! Events, as people read them; programs that want each one are sent them by the webhook.

use std::sync::Arc;

use axum::extract::{Query, State};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::json::Json;
use super::problem::Problem;
use super::verdicts::parsed;
use super::{ApiState, page};
use crate::events::EventKind;
use crate::verdicts::EventFilter;

/// The filters of the list.
#[derive(Debug, Default, Deserialize)]
pub struct ListQuery {
    #[serde(rename = "type")]
    kind: Option<String>,
    repository: Option<String>,
    digest: Option<String>,
    since: Option<Timestamp>,
    limit: Option<usize>,
    after: Option<u64>,
}

/// Lists events, newest first.
pub async fn list(
    State(state): State<Arc<ApiState>>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let filter = EventFilter {
        kind: query.kind.as_deref().map(parse_kind).transpose()?,
        repository: parsed("repository", query.repository)?,
        digest: parsed("digest", query.digest)?,
        since: query.since,
    };
    let limit = page::limit(query.limit);
    let page = state
        .records
        .list_events(&filter, limit, query.after)
        .await
        .map_err(Problem::internal)?;
    let items = state.history.tell(page.items).await;
    Ok(Json(
        json!({"items": items, "next": page.next.map(|seq| seq.to_string())}),
    ))
}

fn parse_kind(name: &str) -> Result<EventKind, Problem> {
    EventKind::from_name(name)
        .ok_or_else(|| Problem::bad_request("type is none of verdict.changed"))
}
