//! Every plugin in force, where it came from and what was seen of it.

use std::sync::Arc;

use axum::extract::State;

use super::ApiState;
use super::asked::{Nothing, Query};
use super::json::Json;
use crate::fed_shown::{PluginsShown, shown};

/// Lists every plugin, built in or fed.
pub(super) async fn list(
    State(state): State<Arc<ApiState>>,
    _: Query<Nothing>,
) -> Json<PluginsShown> {
    let active = state.judge.plugins();
    Json(shown(&active, state.fed.as_deref(), true))
}
