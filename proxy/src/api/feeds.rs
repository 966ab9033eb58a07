//! Which records of the feeds could not be read, each with its reason.

use std::sync::Arc;

use axum::extract::State;
use sluicegate_feeds::shown::{self, Unread};

use super::ApiState;
use super::answers::List;
use super::asked::{Nothing, Query};
use super::json::Json;

/// Lists the records that could not be read in full, 1,000 at most; `status` counts all of them.
pub async fn problems(State(state): State<Arc<ApiState>>, _: Query<Nothing>) -> Json<List<Unread>> {
    let current = state.feeds.current();
    Json(List {
        items: shown::problems(&current.index),
        next: None,
    })
}
