//! Events, as people read them; programs that want each one are sent them by the webhook.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_engine::events::{CauseKind, Direction, EventKind};
use sluicegate_engine::identity::Who;
use sluicegate_engine::ledger::EventFilter;
use sluicegate_model::Digest;

use super::ApiState;
use super::answers::List;
use super::asked::Query;
use super::json::Json;
use super::parameters::{Limit, RepositoryName, Sequence, instant, repository};
use super::problem::Problem;
use super::verdicts::unlisted;
use crate::history::ToldEvent;
use crate::moment::Moment;

/// The filters of the list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// What kind of thing happened.
    #[serde(rename = "type")]
    kind: Option<EventKind>,
    /// Repository, as it is pulled or by its canonical name, such as docker.io/library/nginx.
    repository: Option<RepositoryName>,
    /// Manifest digest.
    digest: Option<Digest>,
    /// Which way the verdict went.
    direction: Option<Direction>,
    /// What brought it about; `time` where nothing but time has passed.
    cause: Option<CauseKind>,
    /// Id that the event names among findings that came or went, in any letter case.
    vulnerability: Option<String>,
    /// At this instant, on this day (UTC) or so long ago, or later.
    since: Option<Moment>,
    /// Before this instant, this day (UTC), or so long ago.
    until: Option<Moment>,
    /// Items of a page.
    #[serde(default)]
    limit: Limit,
    /// The cursor `next` of the page before.
    after: Option<Sequence>,
}

/// Lists events, newest first.
pub async fn list(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    Query(query): Query<ListQuery>,
) -> Result<Json<List<ToldEvent>>, Problem> {
    let filter = EventFilter {
        reach: who.rights.reach().clone(),
        kind: query.kind,
        repository: repository(query.repository.as_ref(), &state)?,
        digest: query.digest,
        direction: query.direction,
        cause: query.cause,
        vulnerability: query.vulnerability,
        since: instant(query.since, &state),
        until: instant(query.until, &state),
    };
    let mut page = state
        .ledger
        .list_events(&filter, query.limit.0, query.after.map(|after| after.0))
        .await
        .map_err(unlisted)?;
    page.items
        .iter_mut()
        .for_each(|event| event.cut(&filter.reach));
    let items = state.history.tell(page.items).await;
    let next = page.next.map(|seq| seq.to_string());
    Ok(Json(List { items, next }))
}
