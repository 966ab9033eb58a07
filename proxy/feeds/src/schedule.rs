//! When a mirror is synced: at the start, regularly, after failures, and when an image asks.
//!
//! Two tasks a mirror, for as long as the service runs: advisories, and behind them severities. It fetches nothing itself and builds no
//! index: it tells the loader that there is something new. Called by `Feeds`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::Rng as _;
use sluicegate_model::clock::Clock;
use sluicegate_upstream::jittered;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::bundle::Imported;
use super::fetch::FetchError;
use super::mirror::{Mirror, OnProgress, Scope, Synced, told};
use super::{AFTER_FAILURE, POLL};

/// Between two syncs that went well. The public bucket is written to every few minutes; a question
/// without news costs one small answer an ecosystem, news cost a new index and new verdicts.
const SYNC_EVERY: Duration = Duration::from_mins(10);
/// How far syncs stray from the rhythm, as a share: many instances must not ask at once.
const SPREAD: std::ops::Range<f64> = 0.8..1.2;
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
    /// What the newest sync of severities could not do.
    pub(super) severities_problem: Option<String>,
    /// Whether a first sync has ended, well or badly.
    pub(super) is_tried: bool,
    /// The ecosystems that images asked for and that were looked after since, well or badly.
    pub(super) answered: BTreeSet<String>,
}

impl Report {
    /// Gives everything that could not be done.
    pub(super) fn problems(&self) -> Option<String> {
        let all = self.problem.iter().chain(&self.severities_problem);
        let all: Vec<&str> = all.map(String::as_str).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// The syncs of one mirror.
#[derive(Clone)]
pub(super) struct Syncs {
    pub(super) mirror: Arc<Mirror>,
    /// What is used instead of the mirror, which is then not asked at all.
    pub(super) unless: Option<Imported>,
    pub(super) clock: Clock,
    pub(super) report: Arc<watch::Sender<Report>>,
    pub(super) news: Arc<Notify>,
}

/// Keeps a mirror current. Ends when nobody listens any more.
pub(super) async fn keep_synced(syncs: Syncs, mut wanted: watch::Receiver<BTreeSet<String>>) {
    let mut failures = 0;
    while !syncs.report.is_closed() {
        if syncs.is_replaced() {
            tokio::time::sleep(POLL).await;
            continue;
        }
        let names = wanted.borrow_and_update().clone();
        let is_well = syncs.sync(Scope::All, &names).await;
        failures = if is_well { 0 } else { failures + 1 };
        let next = Instant::now() + pause(failures);
        let asked = syncs.fetch_what_is_asked(&mut wanted);
        let _time_is_up = tokio::time::timeout_at(next, asked).await;
    }
}

/// Keeps a mirror's severities current, which no advisory waits for. Ends when nobody listens any
/// more.
pub(super) async fn keep_severities(syncs: Syncs) {
    let mut report = syncs.report.subscribe();
    // The advisories come first: they need the line more.
    if report.wait_for(|report| report.is_tried).await.is_err() {
        return;
    }
    drop(report);
    let mut failures = 0;
    while !syncs.report.is_closed() {
        if syncs.is_replaced() {
            tokio::time::sleep(POLL).await;
            continue;
        }
        let is_well = syncs.sync_severities().await;
        failures = if is_well { 0 } else { failures + 1 };
        tokio::time::sleep(pause(failures)).await;
    }
}

impl Syncs {
    /// Brings severities up to date once; tells whether all went well.
    async fn sync_severities(&self) -> bool {
        let quiet: OnProgress = Arc::new(|_| {});
        let outcome = self.mirror.sync_severities(self.clock.now(), &quiet).await;
        let (changed, problem) = match outcome {
            Ok(synced) => (synced.changed.len(), summary(&synced.problems)),
            Err(error) => (0, Some(told(&error))),
        };
        let problems = problem.as_deref().unwrap_or_default();
        tracing::info!(changed, problems, "severities of a feed mirror synced");
        let is_well = problem.is_none();
        let is_news = self.report.send_if_modified(|report| {
            let is_new = report.severities_problem != problem;
            report.severities_problem = problem;
            is_new
        });
        if is_news || changed > 0 {
            self.news.notify_one();
        }
        is_well
    }

    /// Tells whether an imported snapshot is used instead. One that is damaged counts too: somebody
    /// chose it, and it is a problem until it is repaired.
    fn is_replaced(&self) -> bool {
        let imported = self.unless.as_ref().map(Imported::current);
        imported.is_some_and(|current| !matches!(current, Ok(None)))
    }

    /// Syncs once; tells whether all went well.
    async fn sync(&self, scope: Scope, names: &BTreeSet<String>) -> bool {
        let quiet: OnProgress = Arc::new(|_| {});
        let now = self.clock.now();
        let outcome = self.mirror.sync(scope, names, now, &quiet).await;
        let is_well = matches!(&outcome, Ok(synced) if synced.problems.is_empty());
        self.report.send_modify(|report| {
            note(report, outcome, scope);
            report.answered.clone_from(names);
        });
        self.news.notify_one();
        is_well
    }

    async fn fetch_what_is_asked(&self, wanted: &mut watch::Receiver<BTreeSet<String>>) {
        while wanted.changed().await.is_ok() {
            tokio::time::sleep(GATHER).await;
            let names = wanted.borrow_and_update().clone();
            if self.is_replaced() || !self.mirror.lacks_any(&names) {
                // Whoever waits for what the mirror does not list waits in vain.
                self.report.send_modify(|report| report.answered = names);
                self.news.notify_one();
                continue;
            }
            self.sync(Scope::Missing, &names).await;
            tokio::time::sleep(ASKED_EVERY).await;
        }
        // Nobody can ask any more: the service is ending.
        std::future::pending::<()>().await;
    }
}

fn note(report: &mut Report, outcome: Result<Synced, FetchError>, scope: Scope) {
    report.is_tried = true;
    match outcome {
        Ok(synced) => {
            tracing::info!(
                changed = synced.changed.len(),
                advisories = synced.advisories,
                unchanged = synced.unchanged,
                problems = synced.problems.len(),
                all = scope == Scope::All,
                "feed mirror synced"
            );
            report.confirmed = synced.confirmed;
            // Fetching what was missing says nothing about what was not.
            if scope == Scope::All || !synced.problems.is_empty() {
                report.problem = summary(&synced.problems);
            }
        }
        Err(error) => report.problem = Some(told(&error)),
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
    use crate::broken::Broken;

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
        let (what, why) = ("list".to_owned(), Broken::NoRecord);
        note(
            &mut report,
            Err(FetchError::NotWhole { what, why }),
            Scope::All,
        );
        note(&mut report, Ok(Synced::default()), Scope::Missing);
        assert_eq!(report.problem.as_deref(), Some("list: it names no record"));
        note(&mut report, Ok(Synced::default()), Scope::All);
        assert_eq!(report.problem, None);
    }
}
