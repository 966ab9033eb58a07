//! Which records of the feeds could not be read, each with its reason.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::ApiState;
use super::asked::{Nothing, Query};
use super::json::Json;
use crate::feeds::shown;

/// Lists the records that could not be read in full, 1,000 at most; `status` counts all of them.
pub async fn problems(State(state): State<Arc<ApiState>>, _: Query<Nothing>) -> Json<Value> {
    let current = state.feeds.current();
    Json(json!({"items": shown::problems(&current.index), "next": null}))
}
