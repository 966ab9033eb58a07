//! Whether this instance can serve anything, and what it cannot.
//!
//! The proof writes to the disk, so that it is made once a second at most, whoever asks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use sluicegate_engine::ledger::LedgerError;

use super::ApiState;
use super::asked::Query;
use super::json::Json;
use super::parameters::Switch;

/// How long a proof counts.
const PROVEN_FOR: Duration = Duration::from_secs(1);

/// What the verdict store last proved, and when.
#[derive(Debug, Default)]
pub struct StoreProof(Mutex<Option<(Instant, StoreStanding)>>);

/// How the verdict store stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoreStanding {
    /// It answers: what was judged can be served.
    pub(super) is_open: bool,
    /// It takes what is new.
    pub(super) writes: bool,
    /// `ok`, or what it cannot do.
    pub(super) words: String,
}

impl StoreProof {
    pub(super) async fn standing(
        &self,
        prove: impl Future<Output = Result<(), LedgerError>>,
    ) -> StoreStanding {
        // Whoever comes while a proof is made waits for that one.
        let mut last = self.0.lock().await;
        if let Some((at, standing)) = &*last
            && at.elapsed() < PROVEN_FOR
        {
            return standing.clone();
        }
        let proven = prove.await;
        let standing = StoreStanding {
            writes: proven.is_ok(),
            // A full disk keeps new images out, not those that are here.
            is_open: matches!(proven, Ok(()) | Err(LedgerError::Full(_))),
            words: proven.map_or_else(|error| error.to_string(), |()| "ok".to_owned()),
        };
        *last = Some((Instant::now(), standing.clone()));
        standing
    }
}

/// How much is asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadyQuery {
    /// Not ready unless nothing at all is wrong: `?strict`, or `?strict=true`.
    #[serde(default)]
    strict: Switch,
}

/// What can be served, and what not.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Readiness {
    /// Whether this instance can serve anything, or, asked strictly, everything.
    ready: bool,
    /// What it cannot do or does with less than it should have, a line each.
    cannot: Vec<String>,
    /// `ok`, or what the verdict store cannot do.
    store: String,
    /// Whether the first load of every feed has ended, well or badly.
    feeds_loaded: bool,
    /// What is wrong with the feeds.
    feeds_problem: Option<String>,
    /// Ecosystems that pulls wait for, or waited for in vain: they are being fetched.
    feeds_awaited: Vec<String>,
    /// Why the newest policy files are not in force, where they are not.
    policy_error: Option<String>,
}

/// Says whether this instance can serve anything, and what it cannot.
pub async fn readyz(
    State(state): State<Arc<ApiState>>,
    Query(query): Query<ReadyQuery>,
) -> Readiness {
    let store = state.store_proof.standing(state.ledger.health()).await;
    let loaded = state.feeds.is_loaded();
    let (problem, policy_error) = (
        state.feeds.current().problem.clone(),
        state.policies.last_error(),
    );
    let mut cannot = Vec::new();
    if !store.writes {
        let kept_out = if store.is_open {
            "new images"
        } else {
            "anything"
        };
        cannot.push(format!("serve {kept_out}: {}", store.words));
    }
    if !loaded {
        cannot.push("judge at once: the first load of the feeds has not ended".to_owned());
    } else if let Some(problem) = &problem {
        cannot.push(format!("judge by current feeds: {problem}"));
    }
    if let Some(error) = &policy_error {
        cannot.push(format!("judge by the newest policy: {error}"));
    }
    Readiness {
        ready: store.is_open && (cannot.is_empty() || !query.strict.0),
        cannot,
        store: store.words,
        feeds_loaded: loaded,
        feeds_problem: problem,
        feeds_awaited: state.feeds.awaited(),
        policy_error,
    }
}

impl IntoResponse for Readiness {
    fn into_response(self) -> Response {
        let status = if self.ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        (status, Json(self)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_who_ask_at_once_make_one_proof() {
        let (proof, proofs) = (StoreProof::default(), AtomicU32::new(0));
        let prove = || async {
            proofs.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(())
        };
        let asked = (0..100).map(|_| proof.standing(prove()));
        for standing in futures_util::future::join_all(asked).await {
            assert_eq!((standing.is_open, standing.words.as_str()), (true, "ok"));
        }
        assert_eq!(proofs.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_full_disk_still_serves_and_a_broken_store_does_not() {
        let full = || LedgerError::Full("the disk is full".into());
        let standing = StoreProof::default().standing(async { Err(full()) }).await;
        assert!(
            standing.is_open && !standing.writes && standing.words.contains("full"),
            "{standing:?}"
        );
        let broken = LedgerError::Failed("gone".into());
        let standing = StoreProof::default().standing(async { Err(broken) }).await;
        assert!(
            !standing.is_open && standing.words.contains("gone"),
            "{standing:?}"
        );
    }
}
