//! What ends by itself, told as events before it does: exceptions and graces; and advisories once they
//! are too old. Each is told once, also over restarts.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::clock::Clock;
use sluicegate_policy::{Ages, ListedException, RunningGrace, TooOld};

use crate::events::{ExceptionEnding, GraceEnding, Happening, StaleFeed};
use crate::ledger::{Ledger, LedgerError, Once, Summary, VerdictFilter};
use crate::snapshots::Snapshots;

/// How often it is looked at what ends.
const LOOK: Duration = Duration::from_mins(5);
/// How long after the start that is done first: policies and feeds are loaded by then.
const FIRST: Duration = Duration::from_secs(5);
/// How many days before its end an exception is told of, the last time first.
const DAYS_BEFORE: [u32; 2] = [1, 7];
/// How long before its end a grace is told of; a shorter one at once.
const GRACE_BEFORE: SignedDuration = SignedDuration::from_hours(24);
/// How long it is remembered that advisories were told to be too old: those that stay so are told of
/// again.
const STALE_REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 365);
/// Verdicts that are looked at together.
const PAGE: usize = 256;

/// Tells of what ends.
#[derive(Clone)]
pub struct Ahead {
    ledger: Arc<dyn Ledger>,
    snapshots: Arc<dyn Snapshots>,
    clock: Clock,
}

impl Ahead {
    /// Joins the parts; [`Self::run`] starts it.
    pub(crate) fn new(
        ledger: Arc<dyn Ledger>,
        snapshots: Arc<dyn Snapshots>,
        clock: Clock,
    ) -> Self {
        Self {
            ledger,
            snapshots,
            clock,
        }
    }

    /// Looks at what ends until the program does.
    pub async fn run(self) {
        tokio::time::sleep(FIRST).await;
        loop {
            if let Err(error) = self.look().await {
                tracing::error!(%error, "it is not told what ends soon; tried again later");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Tells what is to be told at this moment.
    ///
    /// *Errors*: the ledger cannot be read or written.
    pub async fn look(&self) -> Result<(), LedgerError> {
        let now = self.clock.now();
        self.look_at_exceptions(now).await?;
        self.look_at_feeds(now).await?;
        self.look_at_graces(now).await
    }

    async fn look_at_exceptions(&self, now: Timestamp) -> Result<(), LedgerError> {
        for exception in self.snapshots.exceptions() {
            let Some((ends, days)) = due(&exception, now) else {
                continue;
            };
            let (name, id) = (&exception.name, &exception.id);
            let once = Once {
                name: format!("exception.ending {days} {ends} {id} {name}"),
                until: ends,
            };
            let told = Happening::ExceptionEnding(ending(exception, ends, days));
            self.ledger.tell_once(now, told, &once).await?;
        }
        Ok(())
    }

    async fn look_at_feeds(&self, now: Timestamp) -> Result<(), LedgerError> {
        if !self.snapshots.is_loaded() {
            return Ok(());
        }
        let in_force = self.snapshots.in_force();
        let ages = Ages {
            known: &in_force.advisories.index.all_knowledge(now),
            standing: &in_force.advisories.standing,
        };
        for old in in_force.policies.too_old(ages, now) {
            let TooOld {
                family,
                newest,
                expired,
                ..
            } = &old;
            let once = Once {
                // What was too old, and was not in between, is told of again.
                name: format!("feed.stale {family:?} {newest:?} {expired:?}"),
                until: now.checked_add(STALE_REMEMBERED).unwrap_or(Timestamp::MAX),
            };
            let told = Happening::FeedStale(stale(old));
            self.ledger.tell_once(now, told, &once).await?;
        }
        Ok(())
    }

    /// Looks at the verdicts that a rule would refuse, where any rule gives images a time.
    async fn look_at_graces(&self, now: Timestamp) -> Result<(), LedgerError> {
        if !self.snapshots.policies().gives_graces() {
            return Ok(());
        }
        let filter = VerdictFilter {
            would_refuse: Some(true),
            ..VerdictFilter::default()
        };
        let mut after: Option<String> = None;
        loop {
            let page = self
                .ledger
                .list_summaries(&filter, PAGE, after.as_deref())
                .await?;
            let graced = page.items.iter();
            for summary in graced.filter(|it| sluicegate_policy::rests_on_grace(&it.allowed_by)) {
                self.look_at_graces_of(summary, now).await?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn look_at_graces_of(
        &self,
        summary: &Summary,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let scope = summary.scope();
        let Some(verdict) = self.ledger.verdict(&scope, &summary.digest).await? else {
            return Ok(());
        };
        let policies = self.snapshots.policies();
        let given = (&verdict.graces[..], &verdict.allowed_by[..]);
        for grace in policies.running_graces(&scope, &verdict.digest, given, now) {
            let RunningGrace {
                policy,
                rule,
                since,
                ends,
            } = grace;
            if ends.duration_since(now) > GRACE_BEFORE {
                continue;
            }
            let (repository, digest) = (&verdict.repository, &verdict.digest);
            let once = Once {
                name: format!("grace.ending {repository} {digest} {since} {ends} {policy} {rule}"),
                until: ends,
            };
            let told = Happening::GraceEnding(GraceEnding {
                digest: digest.clone(),
                repository: repository.clone(),
                policy,
                rule,
                since,
                ends,
            });
            self.ledger.tell_once(now, told, &once).await?;
        }
        Ok(())
    }
}

/// Tells whether it is to be told that an exception ends, and by which of the days before; one that is
/// over is not.
fn due(exception: &ListedException, now: Timestamp) -> Option<(Timestamp, u32)> {
    let ends = exception.expires_at.filter(|ends| *ends > now)?;
    let left = ends.duration_since(now);
    let mut days = DAYS_BEFORE.into_iter();
    let days = days.find(|days| left <= SignedDuration::from_hours(24 * i64::from(*days)))?;
    Some((ends, days))
}

fn ending(exception: ListedException, ends: Timestamp, days_before: u32) -> ExceptionEnding {
    ExceptionEnding {
        owner: exception.about("owner").map(ToOwned::to_owned),
        exception: exception.name,
        vulnerability: exception.id,
        images: exception.images,
        file: exception.file,
        ends,
        days_before,
    }
}

fn stale(old: TooOld) -> StaleFeed {
    StaleFeed {
        family: old.family,
        newest: old.newest,
        at_most_seconds: old.at_most.map(|most| most.as_secs()),
        expired: old.expired,
    }
}

#[cfg(test)]
mod tests;
