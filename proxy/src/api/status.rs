//! How the service stands: pulls under way, cache, feeds, policy, insecure settings.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::ApiState;
use super::json::Json;
use crate::feeds::shown::shown;
use crate::webhook::Webhook;

/// Shows everything an operator asks first.
pub async fn status(State(state): State<Arc<ApiState>>) -> Json<Value> {
    let pulls: Vec<Value> = state
        .gate
        .pulls
        .list()
        .iter()
        .map(|pull| {
            let (done, expected) = pull.progress.bytes();
            json!({
                "repository": pull.repository,
                "digest": pull.manifest.digest,
                "bytes_done": done,
                "bytes_expected": expected,
                "seconds": pull.started.elapsed().as_secs(),
            })
        })
        .collect();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "scanner": crate::pull::verdict::scanner_name(),
        "gate": state.gate_mode,
        "queue": pulls.len(),
        "pulls": pulls,
        "cache": {
            "bytes": state.content.used_bytes(),
            "capacity_bytes": state.content.capacity_bytes(),
        },
        "feeds": feeds(&state),
        "policy": policy(&state),
        "rejudge": state.rejudge.progress(),
        "webhook": state.webhook.as_ref().map(Webhook::view),
        "insecure": state.insecure,
    }))
}

/// Says that the process lives.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Writes the metrics, gauges brought up to date.
pub async fn metrics(State(state): State<Arc<ApiState>>) -> String {
    state.metrics.set_cache_bytes(state.content.used_bytes());
    state
        .metrics
        .set_pulls_running(state.gate.pulls.list().len());
    let now = state.clock.now();
    for ecosystem in state.feeds.current().index.ecosystems() {
        if let Some(newest) = ecosystem.newest_modified {
            let age = now.as_second().saturating_sub(newest.as_second());
            state.metrics.set_feed_age(&ecosystem.name, age);
        }
    }
    state.metrics.encode()
}

fn feeds(state: &ApiState) -> Value {
    shown(
        &state.feeds.current(),
        state.feeds.is_loaded(),
        state.clock.now(),
    )
}

fn policy(state: &ApiState) -> Value {
    let current = state.policies.current();
    json!({
        "names": current.policy_names(),
        "digest": current.digest(),
        "revision": state.policies.revision(),
        "error": state.policies.last_error(),
    })
}
