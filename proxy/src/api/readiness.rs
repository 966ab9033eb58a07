//! Whether this instance can serve anything, and what it cannot.
//!
//! The proof writes to the disk, so that it is made once a second at most, whoever asks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::ApiState;
use super::json::Json;
use crate::verdicts::StoreError;

/// How long a proof counts.
const PROVEN_FOR: Duration = Duration::from_secs(1);

/// What the verdict store last proved, and when.
#[derive(Debug, Default)]
pub struct StoreProof(Mutex<Option<(Instant, Standing)>>);

/// How the verdict store stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Standing {
    /// It answers: what was judged can be served.
    is_open: bool,
    /// `ok`, or what it cannot do.
    words: String,
}

impl StoreProof {
    async fn standing(&self, prove: impl Future<Output = Result<(), StoreError>>) -> Standing {
        // Whoever comes while a proof is made waits for that one.
        let mut last = self.0.lock().await;
        if let Some((at, standing)) = &*last
            && at.elapsed() < PROVEN_FOR
        {
            return standing.clone();
        }
        let proven = prove.await;
        let standing = Standing {
            // A full disk keeps new images out, not those that are here.
            is_open: matches!(proven, Ok(()) | Err(StoreError::Full { .. })),
            words: proven.map_or_else(|error| error.to_string(), |()| "ok".to_owned()),
        };
        *last = Some((Instant::now(), standing.clone()));
        standing
    }
}

/// Says whether the store is open and the first load of every feed has ended.
pub async fn readyz(State(state): State<Arc<ApiState>>) -> (StatusCode, Json<Value>) {
    let store = state.store_proof.standing(state.records.health()).await;
    let loaded = state.feeds.is_loaded();
    let ready = store.is_open && loaded;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({
        "ready": ready,
        "store": store.words,
        "feeds_loaded": loaded,
        "feeds_problem": state.feeds.current().problem,
        "feeds_awaited": state.feeds.awaited(),
    });
    (status, Json(body))
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
        let full = || StoreError::Full { path: "/d".into() };
        let standing = StoreProof::default().standing(async { Err(full()) }).await;
        assert!(
            standing.is_open && standing.words.contains("full"),
            "{standing:?}"
        );
        let broken = StoreError::Open {
            path: "/d".into(),
            why: "gone".to_owned(),
        };
        let standing = StoreProof::default().standing(async { Err(broken) }).await;
        assert!(
            !standing.is_open && standing.words.contains("gone"),
            "{standing:?}"
        );
    }
}
