//! How the service stands: pulls under way, cache, feeds, policy, insecure settings.

use std::sync::Arc;

use axum::extract::State;
use jiff::Timestamp;
use serde_json::{Value, json};
use sluicegate_scanner::feeds::EcosystemStatus;

use super::ApiState;
use super::asked::{Nothing, Query};
use super::json::Json;
use crate::feeds::lacks;
use crate::feeds::shown::shown;
use crate::upstream::Upstream;
use crate::webhook::Webhook;

/// Most warnings about policies that are shown.
const MAX_WARNINGS: usize = 100;

/// Shows everything an operator asks first.
pub async fn status(State(state): State<Arc<ApiState>>, _: Query<Nothing>) -> Json<Value> {
    let pulls: Vec<Value> = state
        .gate
        .pulls
        .list()
        .iter()
        .map(|pull| {
            let (done, expected) = pull.progress.bytes();
            let upstream = state.gate.upstreams.of(&pull.repository).ok();
            json!({
                "repository": pull.repository,
                "digest": pull.manifest.digest,
                "bytes_done": done,
                "bytes_expected": expected,
                "seconds": pull.started.elapsed().as_secs(),
                "waits_for": upstream.and_then(|upstream| waits_for(upstream)),
            })
        })
        .collect();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "scanner": crate::pull::verdict::scanner_name(),
        "gate": state.gate_mode,
        "queue": pulls.len(),
        "pulls": pulls,
        "upstreams": upstreams(&state),
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

/// Shows what is asked of each upstream that is asked for anything now.
fn upstreams(state: &ApiState) -> Vec<Value> {
    let all = state.gate.upstreams.all().into_iter();
    all.filter_map(|upstream| {
        let [blobs, manifests] = upstream.load();
        let waits_for = waits_for(upstream);
        let running = blobs.running + manifests.running;
        let waiting = blobs.waiting + manifests.waiting;
        (running + waiting > 0 || waits_for.is_some()).then(|| {
            json!({
                "name": upstream.name(),
                "running": running,
                "waiting": waiting,
                "limit": blobs.limit,
                "waits_for": waits_for,
            })
        })
    })
    .collect()
}

/// Says what an upstream that is left alone for a while has said, and for how long that is.
fn waits_for(upstream: &Upstream) -> Option<String> {
    let paused = upstream.load().into_iter().filter_map(|load| load.paused);
    let (left, words) = paused.max_by_key(|(left, _)| *left)?;
    let seconds = left.as_millis().div_ceil(1_000);
    Some(format!("{words}; asked again in {seconds} s"))
}

/// Says that the process lives.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Writes the metrics, gauges brought up to date.
pub async fn metrics(State(state): State<Arc<ApiState>>, _: Query<Nothing>) -> String {
    state.metrics.set_cache_bytes(state.content.used_bytes());
    state
        .metrics
        .set_pulls_running(state.gate.pulls.list().len());
    let now = state.clock.now();
    state.metrics.set_feed_ages(feed_ages(&state, now));
    state.metrics.encode()
}

/// Gives how old what is known of each ecosystem is, in seconds: what policies judge by, which is
/// the age of its family.
fn feed_ages(state: &ApiState, now: Timestamp) -> Vec<(String, i64)> {
    let index = &state.feeds.current().index;
    let known = index.all_knowledge(now);
    let age = |ecosystem: &EcosystemStatus| {
        let family = ecosystem.name.split(':').next()?;
        let newest = known.iter().find(|it| it.family == family)?.newest?;
        let age = now.as_second().saturating_sub(newest.as_second());
        Some((ecosystem.name.clone(), age))
    };
    index.ecosystems().iter().filter_map(age).collect()
}

fn feeds(state: &ApiState) -> Value {
    let mut feeds = shown(
        &state.feeds.current(),
        state.feeds.is_loaded(),
        state.clock.now(),
    );
    if let Some(feeds) = feeds.as_object_mut() {
        feeds.insert("awaited".to_owned(), json!(state.feeds.awaited()));
    }
    feeds
}

fn policy(state: &ApiState) -> Value {
    let current = state.policies.current();
    let mut warnings = state.policies.unread();
    warnings.extend(current.lint(state.clock.now()));
    warnings.extend(current.unmet(None, &lacks(&state.feeds.current().index)));
    warnings.truncate(MAX_WARNINGS);
    json!({
        "names": current.policy_names(),
        "digest": current.digest(),
        "revision": state.policies.revision(),
        "error": state.policies.last_error(),
        "warnings": warnings,
    })
}
