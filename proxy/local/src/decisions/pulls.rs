//! What is recorded of requests: each is durable in the log, or counted there, before its answer.
//!
//! What counts as one pull is the business of `windows`. Whoever asks while a line is being written
//! waits for it too: no answer is ahead of its line.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::future::join_all;
use jiff::Timestamp;
use sluicegate_engine::audit::{
    Audit, AuditError, Denial, GlassBroken, KeyLine, Pull, PullMethod, RefusedName,
};
use sluicegate_model::verdict::{Decision, RuleId};
use tokio::sync::watch;

use super::DecisionLog;
use super::entry::{Grounds, LineKind, LogEntry};
use super::line::Decisions;
use super::windows::{AskedPull, Because, WhenWritten, Windows};
use crate::chain::{Chain as _, LogError};

fn asked_to_pull(pull: Pull) -> AskedPull {
    let decision = pull.decision();
    AskedPull {
        who: pull.who,
        kind: LineKind::Pull,
        repository: pull.repository.to_string(),
        tag: pull.tag.map(|tag| tag.as_str().to_owned()),
        digest: Some(pull.digest),
        in_place_of: pull.in_place_of,
        leads_to: pull.leads_to,
        method: pull.method,
        decision,
        because: pull.rests_on.map_or(Because::Pending, Because::Verdict),
    }
}

fn asked_by_name(refused: RefusedName) -> AskedPull {
    AskedPull {
        who: refused.who,
        kind: LineKind::Pull,
        repository: refused.repository.to_string(),
        tag: refused.tag.map(|tag| tag.as_str().to_owned()),
        digest: refused.digest,
        in_place_of: None,
        leads_to: Vec::new(),
        method: if refused.is_head {
            PullMethod::Head
        } else {
            PullMethod::Get
        },
        decision: Decision::Refuse,
        because: Because::Name(refused.refusal),
    }
}

fn asked_elsewhere(denial: Denial) -> AskedPull {
    AskedPull {
        who: denial.who,
        kind: LineKind::Denied,
        repository: format!("{}/{}", denial.registry, denial.path),
        tag: denial.tag.map(|tag| tag.as_str().to_owned()),
        digest: denial.digest,
        in_place_of: None,
        leads_to: Vec::new(),
        method: PullMethod::Get,
        decision: Decision::Refuse,
        because: Because::NotConfigured(denial.registry),
    }
}

/// Gives the line about something that was done with keys or scanners. What is `served` by it is the
/// digest of all of them from now on.
fn about_keys(line: KeyLine, now: Timestamp) -> LogEntry {
    let rule = line.rule.to_owned().into();
    let kind = LineKind::about(line.about);
    LogEntry {
        client: Some(line.who.client.to_string()),
        user_agent: line.who.user_agent,
        principal: line.who.principal.map(|principal| principal.to_string()),
        served: line.book,
        basis: Grounds::of_rule(rule, Decision::Allow, line.words),
        count: 0,
        ..LogEntry::new(now, kind)
    }
}

/// Gives the line about an image that somebody lets through.
fn about_glass(broken: GlassBroken, now: Timestamp) -> LogEntry {
    let principal = broken.who.principal;
    LogEntry {
        client: Some(broken.who.client.to_string()),
        user_agent: broken.who.user_agent,
        principal: principal.map(|principal| principal.to_string()),
        repository: Some(broken.repository.to_string()),
        asked: Some(broken.digest),
        decision: Some(Decision::Allow),
        basis: Grounds::of_rule(RuleId::BREAK_GLASS, Decision::Allow, broken.words),
        count: 0,
        ..LogEntry::new(now, LineKind::BreakGlass)
    }
}

/// Counts pulls and logs them.
#[derive(Clone, Debug)]
pub struct PullLog {
    log: DecisionLog,
    windows: Arc<Mutex<Windows>>,
}

#[async_trait]
impl Audit for PullLog {
    async fn record(&self, pull: Pull, now: Timestamp) -> Result<(), AuditError> {
        Ok(self.take(asked_to_pull(pull), now).await?)
    }

    async fn record_verdict(&self, pull: Pull, now: Timestamp) -> Result<(), AuditError> {
        let start = |entry| self.start(entry);
        let written = self
            .windows()
            .settle_pending(asked_to_pull(pull), now, &start);
        Ok(wait_for(written).await?)
    }

    async fn record_name(&self, refused: RefusedName, now: Timestamp) -> Result<(), AuditError> {
        Ok(self.take(asked_by_name(refused), now).await?)
    }

    async fn record_denial(&self, denial: Denial, now: Timestamp) -> Result<(), AuditError> {
        Ok(self.take(asked_elsewhere(denial), now).await?)
    }

    async fn record_key(&self, line: KeyLine, now: Timestamp) -> Result<(), AuditError> {
        self.log.append(about_keys(line, now)).await?;
        Ok(())
    }

    async fn record_break_glass(
        &self,
        broken: GlassBroken,
        now: Timestamp,
    ) -> Result<(), AuditError> {
        self.log.append(about_glass(broken, now)).await?;
        Ok(())
    }

    async fn prove(&self) -> Result<(), AuditError> {
        Ok(self.log.prove().await?)
    }
}

impl PullLog {
    /// Starts with nothing remembered.
    pub fn new(log: DecisionLog) -> Self {
        Self {
            log,
            windows: Arc::default(),
        }
    }

    /// Gives the log beneath.
    pub fn log(&self) -> &DecisionLog {
        &self.log
    }

    /// Logs the counts of windows that have ended; called every few seconds.
    pub async fn settle(&self, now: Timestamp) -> Result<(), LogError> {
        let counts = self.windows().settle(now);
        self.write(counts).await
    }

    /// Logs what every window has counted; called when the program stops.
    pub async fn drain(&self, now: Timestamp) -> Result<(), LogError> {
        let counts = self.windows().drain(now);
        self.write(counts).await
    }

    async fn take(&self, asked: AskedPull, now: Timestamp) -> Result<(), LogError> {
        self.log.prove().await?;
        let start = |entry| self.start(entry);
        let written = self.windows().take(asked, now, &start);
        wait_for(written).await
    }

    /// Writes counts; those that the disk refuses are tried again with the next ones.
    async fn write(&self, counts: Vec<LogEntry>) -> Result<(), LogError> {
        let write = |count: LogEntry| async move {
            let written = self.log.append(count.clone()).await;
            written.map_err(|error| (count, error))
        };
        let mut outcome = Ok(());
        for written in join_all(counts.into_iter().map(write)).await {
            if let Err((count, error)) = written {
                self.windows().owe(count);
                outcome = outcome.and(Err(error));
            }
        }
        outcome
    }

    /// Starts writing a line; it goes on when nobody waits any more.
    fn start(&self, entry: LogEntry) -> WhenWritten {
        let (sender, written) = watch::channel(None);
        let log = self.log.clone();
        tokio::spawn(async move {
            let outcome = log.append(entry).await;
            sender.send_replace(Some(outcome.map(|_| ())));
        });
        written
    }

    fn windows(&self) -> MutexGuard<'_, Windows> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a line to be there, where it is not.
async fn wait_for(written: Option<WhenWritten>) -> Result<(), LogError> {
    let Some(mut written) = written else {
        return Ok(());
    };
    let outcome = written.wait_for(Option::is_some).await;
    let outcome = outcome.map_err(|_| LogError::Closed(Decisions::NAME))?;
    outcome
        .clone()
        .unwrap_or(Err(LogError::Closed(Decisions::NAME)))
}
