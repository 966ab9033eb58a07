//! When a mirror is synced: at the start, regularly, after failures, and when an image asks.
//!
//! One task a mirror, for as long as the service runs. It fetches nothing itself and builds no
//! index: it tells the loader that there is something new. Called by `Feeds`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::Rng as _;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::mirror::{Mirror, OnProgress, Scope, Synced, told};
use crate::clock::Clock;
use crate::upstream::jittered;

/// Between two syncs that went well. The public bucket is written to every few minutes; a question
/// without news costs one small answer an ecosystem, news cost a new index and new verdicts.
const SYNC_EVERY: Duration = Duration::from_mins(10);
/// How far syncs stray from the rhythm, as a share: many instances must not ask at once.
const SPREAD: std::ops::Range<f64> = 0.8..1.2;
/// Wait after the first failure; doubled with each further one up to [`SYNC_EVERY`].
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// How long names are gathered before they are fetched: one image can ask for several.
const GATHER: Duration = Duration::from_millis(200);
/// Between two fetches that images asked for. Images of strangers must not set the pace.
const ASKED_EVERY: Duration = Duration::from_secs(10);

/// How a mirror stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// When its advisories were last known to be the newest.
    pub(super) confirmed: Option<Timestamp>,
    /// What the newest sync could not do.
    pub(super) problem: Option<String>,
    /// Whether a first sync has ended, well or badly.
    pub(super) is_tried: bool,
}

/// Keeps a mirror current. Ends when nobody listens any more.
pub(super) async fn keep_synced(
    mirror: Arc<Mirror>,
    clock: Clock,
    mut wanted: watch::Receiver<BTreeSet<String>>,
    report: watch::Sender<Report>,
    news: Arc<Notify>,
) {
    let quiet: OnProgress = Arc::new(|_| {});
    let mut failures = 0;
    while !report.is_closed() {
        let names = wanted.borrow_and_update().clone();
        let outcome = mirror.sync(Scope::All, &names, clock.now(), &quiet).await;
        let outcome = outcome.map_err(|error| told(&error));
        let is_well = matches!(&outcome, Ok(synced) if synced.problems.is_empty());
        failures = if is_well { 0 } else { failures + 1 };
        report.send_modify(|report| note(report, outcome, Scope::All));
        news.notify_one();
        let next = Instant::now() + pause(failures);
        let asked = fetch_what_is_asked(&mirror, &clock, &mut wanted, &report, &news);
        let _time_is_up = tokio::time::timeout_at(next, asked).await;
    }
}

async fn fetch_what_is_asked(
    mirror: &Mirror,
    clock: &Clock,
    wanted: &mut watch::Receiver<BTreeSet<String>>,
    report: &watch::Sender<Report>,
    news: &Notify,
) {
    let quiet: OnProgress = Arc::new(|_| {});
    while wanted.changed().await.is_ok() {
        tokio::time::sleep(GATHER).await;
        let names = wanted.borrow_and_update().clone();
        if !mirror.lacks_any(&names) {
            continue;
        }
        let outcome = mirror
            .sync(Scope::Missing, &names, clock.now(), &quiet)
            .await;
        let outcome = outcome.map_err(|error| told(&error));
        report.send_modify(|report| note(report, outcome, Scope::Missing));
        news.notify_one();
        tokio::time::sleep(ASKED_EVERY).await;
    }
    // Nobody can ask any more: the service is ending.
    std::future::pending::<()>().await;
}

fn note(report: &mut Report, outcome: Result<Synced, String>, scope: Scope) {
    report.is_tried = true;
    match outcome {
        Ok(synced) => {
            tracing::info!(
                changed = synced.changed.len(),
                advisories = synced.advisories,
                unchanged = synced.unchanged,
                problems = synced.problems.len(),
                ?scope,
                "feed mirror synced"
            );
            report.confirmed = synced.confirmed;
            // Fetching what was missing says nothing about what was not.
            if scope == Scope::All || !synced.problems.is_empty() {
                report.problem = summary(&synced.problems);
            }
        }
        Err(problem) => report.problem = Some(problem),
    }
}

/// Gives the first problem and how many more there are.
fn summary(problems: &[String]) -> Option<String> {
    let first = problems.first()?;
    Some(match problems.len() {
        1 => first.clone(),
        many => format!("{first}; and {} more", many - 1),
    })
}

fn pause(failures: u32) -> Duration {
    if failures == 0 {
        return SYNC_EVERY.mul_f64(rand::rng().random_range(SPREAD));
    }
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    jittered(AFTER_FAILURE.saturating_mul(doubled).min(SYNC_EVERY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_retried_ever_more_slowly_and_never_in_step() {
        for (failures, seconds) in [(0, 480..=720), (1, 15..=45), (2, 30..=90), (40, 300..=900)] {
            let pauses: BTreeSet<Duration> = (0..20).map(|_| pause(failures)).collect();
            assert!(pauses.len() > 1, "jitter after {failures} failures");
            assert!(
                pauses
                    .iter()
                    .all(|pause| seconds.contains(&pause.as_secs()))
            );
        }
    }

    #[test]
    fn fetching_what_was_missing_does_not_hide_an_earlier_problem() {
        let mut report = Report::default();
        note(&mut report, Err("unreachable".to_owned()), Scope::All);
        note(&mut report, Ok(Synced::default()), Scope::Missing);
        assert_eq!(report.problem.as_deref(), Some("unreachable"));
        note(&mut report, Ok(Synced::default()), Scope::All);
        assert_eq!(report.problem, None);
    }
}
