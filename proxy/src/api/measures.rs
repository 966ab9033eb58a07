//! The metrics: what was counted, and what is measured when somebody asks.
//!
//! Everything that an alert can be made of has a number here; `docs/operations.md` has the alerts.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use axum::extract::State;
use jiff::Timestamp;
use sluicegate_feeds::{FeedState, SourceState};
use sluicegate_model::package::family_of;
use sluicegate_scanner::feeds::EcosystemStatus;

use super::ApiState;
use super::answers::Exposition;
use super::asked::{Nothing, Query};
use crate::metrics::Measured;
use crate::webhook::{Webhook, WebhookView};

/// Bytes of a block in the count of blocks of a file, whatever the file system's are. Source: stat(2).
const STAT_BLOCK_BYTES: u64 = 512;

/// Writes the metrics.
pub async fn metrics(State(state): State<Arc<ApiState>>, _: Query<Nothing>) -> Exposition {
    let now = state.clock.now();
    let mut measured = vec![build_info(&state)];
    measured.extend(work(&state));
    measured.extend(storage(&state).await);
    measured.extend(policy(&state));
    measured.extend(feeds(&state, now));
    measured.extend(certificates(&state));
    let text = state.metrics.encode(measured);
    Exposition(text)
}

fn build_info(state: &ApiState) -> Measured {
    let labels = vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("scanner", state.judge.plugins().scanner().to_owned()),
    ];
    let help = "The program that runs; always 1";
    Measured::labelled("sluicegate_build_info", help, labels, 1.0)
}

fn work(state: &ApiState) -> Vec<Measured> {
    let pulls = state.running.list();
    let missing = pulls.iter().map(|pull| {
        let (done, expected) = pull.progress.bytes();
        expected.saturating_sub(done) as f64
    });
    let rejudge = state.rejudge.progress();
    let left = if rejudge.running {
        rejudge.total.saturating_sub(rejudge.done)
    } else {
        0
    };
    let mut measured = vec![
        Measured::one(
            "sluicegate_pulls_running",
            "Pulls being fetched and scanned",
            pulls.len() as f64,
        ),
        Measured::one(
            "sluicegate_pulls_missing_bytes",
            "Bytes that the pulls under way still wait for",
            missing.sum(),
        ),
        Measured::one(
            "sluicegate_scans_running",
            "Scans under way that were asked for ahead of a pull",
            state.scans.running() as f64,
        ),
        Measured::one(
            "sluicegate_rejudge_waiting",
            "Old verdicts that the background pass has still to look at",
            left as f64,
        ),
    ];
    if let Some(keys) = &state.keys {
        let help = "Access keys that are good";
        measured.push(Measured::one("sluicegate_keys", help, keys.active() as f64));
        let help = "Access keys or secrets that were not right, since the start";
        measured.push(Measured::one(
            "sluicegate_keys_refused",
            help,
            keys.refused() as f64,
        ));
    }
    measured.extend(webhooks(state));
    measured.extend(sinks(state));
    measured
}

fn webhooks(state: &ApiState) -> Vec<Measured> {
    let views: Vec<WebhookView> = state.webhooks.iter().map(Webhook::view).collect();
    if views.is_empty() {
        return Vec::new();
    }
    let each = |of: fn(&WebhookView) -> f64| views.iter().map(move |it| (it.name.clone(), of(it)));
    vec![
        Measured::each(
            "sluicegate_webhook_waiting_events",
            "Events that a webhook has not delivered yet",
            "webhook",
            each(|view| view.waiting as f64),
        ),
        Measured::each(
            "sluicegate_webhook_failing",
            "Whether the last attempt to deliver an event failed",
            "webhook",
            each(|view| flag(view.problem.is_some())),
        ),
    ]
}

fn sinks(state: &ApiState) -> Option<Measured> {
    let views = state.sinks.views();
    let behind = views.into_iter().map(|it| (it.name, it.behind as f64));
    let help = "Lines of the decision log that a place was not sent yet";
    let name = "sluicegate_decision_log_behind_lines";
    (behind.len() > 0).then(|| Measured::each(name, help, "sink", behind))
}

async fn storage(state: &ApiState) -> Vec<Measured> {
    let store = state.store_proof.standing(state.ledger.health()).await;
    let mut measured = vec![
        Measured::one(
            "sluicegate_cache_bytes",
            "Bytes of content kept",
            state.content.used_bytes() as f64,
        ),
        Measured::one(
            "sluicegate_cache_capacity_bytes",
            "Bytes of content that may be kept",
            state.content.capacity_bytes() as f64,
        ),
        Measured::one(
            "sluicegate_store_open",
            "Whether what was judged can be served",
            flag(store.is_open),
        ),
        Measured::one(
            "sluicegate_store_writes",
            "Whether new verdicts can be written",
            flag(store.writes),
        ),
    ];
    let (data, store) = (state.data.clone(), state.store.directory(&state.data));
    let on_disk = tokio::task::spawn_blocking(move || disk(&data, &store)).await;
    measured.extend(on_disk.unwrap_or_default());
    measured
}

/// Measures the disk that the data directory is on, and what the verdict store takes of it.
fn disk(data: &Path, store: &Path) -> Vec<Measured> {
    let bytes = bytes_under(store);
    let mut measured = vec![Measured::one(
        "sluicegate_store_bytes",
        "Bytes of the verdict store on disk",
        bytes as f64,
    )];
    if let Ok(disk) = rustix::fs::statvfs(data) {
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize) as f64;
        let help = "Bytes free on the disk of the data directory";
        measured.push(Measured::one(
            "sluicegate_disk_free_bytes",
            help,
            bytes(disk.f_bavail),
        ));
        let help = "Bytes of the disk of the data directory";
        measured.push(Measured::one(
            "sluicegate_disk_size_bytes",
            help,
            bytes(disk.f_blocks),
        ));
    }
    measured
}

/// Counts what the files below a directory take of the disk, in bytes.
fn bytes_under(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let sizes = entries.filter_map(Result::ok).map(|entry| {
        let metadata = entry.metadata();
        match metadata {
            Ok(metadata) if metadata.is_dir() => bytes_under(&entry.path()),
            Ok(metadata) => metadata.blocks().saturating_mul(STAT_BLOCK_BYTES),
            Err(_gone) => 0,
        }
    });
    sizes.sum()
}

fn policy(state: &ApiState) -> Vec<Measured> {
    vec![
        Measured::one(
            "sluicegate_policy_error",
            "Whether the newest policy files have a mistake, so that older ones are in force",
            flag(state.policies.last_error().is_some()),
        ),
        Measured::one(
            "sluicegate_policy_revision",
            "How many sets of policies have been in force since the start",
            state.policies.revision() as f64,
        ),
    ]
}

fn feeds(state: &ApiState, now: Timestamp) -> Vec<Measured> {
    let current = state.feeds.current();
    let started = state.metrics.started();
    let sources = || current.sources.iter();
    let confirmed = |source: &SourceState| {
        // What was never confirmed is as old as the program, so that an alert on it comes.
        let at = source.confirmed.unwrap_or(started);
        (source.source.clone(), seconds(at, now))
    };
    let usual = current.index.all_knowledge(now).into_iter();
    vec![
        Measured::each(
            "sluicegate_feed_age_seconds",
            "How old the newest record of an ecosystem's family is: the age that policies judge by",
            "ecosystem",
            ages(&current, now),
        ),
        Measured::each(
            "sluicegate_feed_usual_age_seconds",
            "How old a family's newest record may be by its own rhythm: what maxAge: auto means",
            "family",
            usual.map(|known| {
                let usual = known.usual_silence().as_secs() as f64;
                (known.family, usual)
            }),
        ),
        Measured::each(
            "sluicegate_feed_confirmed_age_seconds",
            "Time since a feed was last read from its source or found unchanged there",
            "source",
            sources().map(confirmed),
        ),
        Measured::each(
            "sluicegate_feed_source_problem",
            "Whether the last sync of a feed failed",
            "source",
            sources().map(|source| (source.source.clone(), flag(source.problem.is_some()))),
        ),
        Measured::one(
            "sluicegate_feed_problem",
            "Whether anything is wrong with the feeds; the status says what",
            flag(current.problem.is_some()),
        ),
        Measured::one(
            "sluicegate_feeds_loaded",
            "Whether the first load of every feed has ended",
            flag(state.feeds.is_loaded()),
        ),
        Measured::one(
            "sluicegate_feed_awaited_ecosystems",
            "Ecosystems that pulls wait for or waited for in vain",
            state.feeds.awaited().len() as f64,
        ),
    ]
}

/// Gives how old what is known of each ecosystem is, in seconds, which is the age of its family.
fn ages(current: &FeedState, now: Timestamp) -> Vec<(String, f64)> {
    let known = current.index.all_knowledge(now);
    let age = |ecosystem: &EcosystemStatus| {
        let family = family_of(&ecosystem.name);
        let newest = known.iter().find(|it| it.family == family)?.newest?;
        Some((ecosystem.name.clone(), seconds(newest, now)))
    };
    current.index.ecosystems().iter().filter_map(age).collect()
}

fn certificates(state: &ApiState) -> Vec<Measured> {
    let ends = state.certificates.iter().filter_map(|(listener, tls)| {
        let end = tls.ends()?.as_second() as f64;
        Some(((*listener).to_owned(), end))
    });
    vec![Measured::each(
        "sluicegate_certificate_expiry_timestamp_seconds",
        "When a listener's certificate ends, in seconds since 1970",
        "listener",
        ends,
    )]
}

fn seconds(since: Timestamp, now: Timestamp) -> f64 {
    now.as_second().saturating_sub(since.as_second()) as f64
}

fn flag(is_set: bool) -> f64 {
    f64::from(u8::from(is_set))
}
