//! What runs beside the listeners, and the listeners themselves, for as long as the service does.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use sluicegate_engine::break_glass::BreakGlass;
use sluicegate_engine::lacks::lacks;
use sluicegate_engine::ledger::Ledger;
use sluicegate_feeds::Feeds;
use sluicegate_local::decisions::PullLog;
use sluicegate_model::clock::Clock;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_service::Service as _;

use crate::http::registry::Registry;
use crate::http::server::{self, PeerInfo, ServerLimits};
use crate::http::tls::TlsReload;
use crate::policies::Policies;
use crate::webhook::Webhook;

/// How often pulls that were only a HEAD are looked at.
const SETTLE: Duration = Duration::from_secs(5);
/// How often it is looked at whether policies have what they need.
const LOOK_AT_NEEDS: Duration = Duration::from_secs(5);
/// How often the verdict store proves that it still writes.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often it is taken in who pulled.
const READ_PULLS: Duration = Duration::from_secs(2);
/// How much nicer threads of the background are than the rest of the program, of at most 19.
const NICENESS: i32 = 5;
/// How often it is looked at whether the verdict store has outgrown its engine, and told.
const LOOK_AT_SIZE: Duration = Duration::from_hours(24);

/// Starts the delivery of events; a store that cannot write now is no reason not to serve.
pub(super) async fn begin_delivery(webhooks: &[Webhook]) {
    for webhook in webhooks {
        if let Err(error) = webhook.begin().await {
            tracing::error!(%error, "events not delivered; tried again later");
        }
        tokio::spawn(webhook.clone().run());
    }
}

/// Takes up what was let through before a restart. Until then it is refused, as policy says.
pub(super) async fn let_through_again(break_glass: BreakGlass) {
    if let Err(error) = break_glass.take_up().await {
        tracing::error!(%error, "what was let through before is refused again");
    }
}

/// Brings into memory what lists are answered from, and takes in what an earlier version stored.
pub(super) async fn prepare_lists(ledger: Arc<dyn Ledger>) {
    if let Err(error) = ledger.make_index_whole().await {
        tracing::error!(%error, "lists of verdicts not prepared; the first one that is asked for does it");
    }
}

/// Proves now and then that verdicts can still be written; a damaged store is opened anew by that.
pub(super) async fn prove_store(ledger: Arc<dyn Ledger>) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        if let Err(error) = ledger.health().await {
            tracing::error!(%error, "verdict store does not write");
        }
    }
}

/// Takes in now and then who pulled, so that whoever asks need not wait for many lines of the log.
pub(super) async fn read_pulls(ledger: Arc<dyn Ledger>) {
    loop {
        tokio::time::sleep(READ_PULLS).await;
        if let Err(error) = ledger.read_pulls().await {
            tracing::warn!(%error, "who pulled is not taken in; it is when it is asked for");
        }
    }
}

/// Says once a day that there are more verdicts than sled is for.
pub(super) async fn tell_outgrown(ledger: Arc<dyn Ledger>, most: u64) {
    loop {
        match ledger.count_verdicts().await {
            Ok(verdicts) if verdicts > most => tracing::warn!(
                verdicts,
                most,
                "more verdicts than sled is for: it takes ever more memory; `store: redb` does not"
            ),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "verdicts not counted"),
        }
        tokio::time::sleep(LOOK_AT_SIZE).await;
    }
}

/// Logs the pulls that were only a HEAD, once their time is over.
pub(super) async fn settle_pulls(log: Arc<PullLog>, clock: Clock) {
    loop {
        tokio::time::sleep(SETTLE).await;
        if let Err(error) = log.settle(clock.now()).await {
            tracing::error!(%error, "pulls not logged");
        }
    }
}

/// Logs what policies need and the loaded feeds do not have, whenever either has changed.
pub(super) async fn tell_unmet(policies: Arc<Policies>, feeds: Arc<Feeds>) {
    let (mut known, mut told) = (None, Vec::new());
    loop {
        let state = feeds.current();
        let revisions = (policies.revision(), state.revision);
        if feeds.is_loaded() && known != Some(revisions) {
            known = Some(revisions);
            let unmet = policies.current().unmet(None, &lacks(&state.index));
            for warning in unmet.iter().filter(|line| !told.contains(*line)) {
                tracing::warn!(%warning, "policy needs what the feeds do not have");
            }
            told = unmet;
        }
        tokio::time::sleep(LOOK_AT_NEEDS).await;
    }
}

pub(super) async fn serve_registry(
    listener: TcpListener,
    tls: Option<TlsReload>,
    limits: ServerLimits,
    registry: Arc<Registry>,
    draining: watch::Receiver<bool>,
) {
    let service = move |request: Request<Incoming>, peer: PeerInfo| {
        // Moved from place to place before it is done: what is large of it stays where it is.
        Box::pin(Arc::clone(&registry).answer(request, peer))
    };
    server::serve(listener, tls, limits, service, draining).await;
}

pub(super) async fn serve_api(
    listener: TcpListener,
    tls: Option<TlsReload>,
    router: Router,
    draining: watch::Receiver<bool>,
) {
    let service = move |mut request: Request<Incoming>, peer: PeerInfo| {
        request.extensions_mut().insert(peer);
        let mut router = router.clone();
        async move {
            match router.call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    };
    server::serve(listener, tls, ServerLimits::default(), service, draining).await;
}

/// Makes this thread of the background give way to all others; where that is not allowed it runs
/// like them.
///
/// On a busy machine a request's work gets three times as much of a core, and the pass still goes on.
pub(super) fn give_way() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "background thread runs at the usual priority");
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_engine::testkit::MemoryLedger;
    use sluicegate_engine::testkit::ledger_suite::{put, verdict};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::telemetry::tests::Kept;

    #[tokio::test(start_paused = true)]
    async fn a_store_that_has_outgrown_its_engine_is_told_of_once_a_day() {
        let kept = Kept::default();
        let writer = kept.clone();
        let layer = tracing_subscriber::fmt::layer().with_ansi(false);
        let layer = layer.with_writer(move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        let _told_here = tracing::subscriber::set_default(subscriber);
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
        let told = || kept.text().matches("`store: redb`").count();
        let three_looks = async || {
            let telling = tell_outgrown(Arc::clone(&ledger), 1);
            let time = LOOK_AT_SIZE * 2 + Duration::from_secs(1);
            assert!(tokio::time::timeout(time, telling).await.is_err());
        };
        put(&*ledger, &verdict("app", "one", 0, Vec::new())).await;
        three_looks().await;
        assert_eq!(told(), 0, "one verdict is not more than one");
        put(&*ledger, &verdict("app", "two", 0, Vec::new())).await;
        three_looks().await;
        assert_eq!(told(), 3);
        assert!(kept.text().contains("verdicts=2"), "{}", kept.text());
    }
}
