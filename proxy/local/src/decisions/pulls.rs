//! What is recorded of requests: each is durable in the log, or counted there, before its answer.
//!
//! What counts as one pull is the business of `windows`. Whoever asks while a line is being written
//! waits for it too: no answer is ahead of its line.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use jiff::Timestamp;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Repository, Tag};
use tokio::sync::watch;

use super::entry::{Entry, LineKind};
use super::log::{DecisionLog, LogError};
use super::windows::{Asked, Because, PullMethod, Who, Windows, Written};

/// One manifest request that was decided.
#[derive(Clone, Debug)]
pub struct Pull {
    /// Who asked.
    pub who: Who,
    /// The canonical repository.
    pub repository: Repository,
    /// The tag asked for, where it was one.
    pub tag: Option<Tag>,
    /// The manifest.
    pub digest: Digest,
    /// The manifests that it lists, where it is an index.
    pub leads_to: Vec<Digest>,
    /// How it was asked for.
    pub method: PullMethod,
    /// The verdict that decided; none where the answer leaves before it.
    pub rests_on: Option<Arc<Verdict>>,
}

impl Pull {
    /// Gives what came out.
    pub fn decision(&self) -> Decision {
        let decided = self.rests_on.as_ref().map(|verdict| verdict.decision);
        decided.unwrap_or(Decision::Allow)
    }

    fn asked(self) -> Asked {
        let decision = self.decision();
        Asked {
            who: self.who,
            kind: LineKind::Pull,
            repository: self.repository.to_string(),
            tag: self.tag.map(|tag| tag.as_str().to_owned()),
            digest: Some(self.digest),
            leads_to: self.leads_to,
            method: self.method,
            decision,
            because: self.rests_on.map_or(Because::Pending, Because::Verdict),
        }
    }
}

/// A request for a registry that is not configured here.
#[derive(Clone, Debug)]
pub struct Denial {
    /// Who asked.
    pub who: Who,
    /// The registry, as asked for.
    pub registry: String,
    /// The path there.
    pub path: String,
    /// The tag asked for, where it was one.
    pub tag: Option<Tag>,
    /// The digest asked for, where it was one.
    pub digest: Option<Digest>,
}

impl Denial {
    fn asked(self) -> Asked {
        Asked {
            who: self.who,
            kind: LineKind::Denied,
            repository: format!("{}/{}", self.registry, self.path),
            tag: self.tag.map(|tag| tag.as_str().to_owned()),
            digest: self.digest,
            leads_to: Vec::new(),
            method: PullMethod::Get,
            decision: Decision::Refuse,
            because: Because::NotConfigured(self.registry),
        }
    }
}

/// Counts pulls and logs them.
#[derive(Clone, Debug)]
pub struct PullLog {
    log: DecisionLog,
    windows: Arc<Mutex<Windows>>,
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

    /// Records a request, HEAD or GET. Its line is durable when this returns.
    ///
    /// # Errors
    /// The line could not be written: the answer must not go out.
    pub async fn record(&self, pull: Pull, now: Timestamp) -> Result<(), LogError> {
        self.take(pull.asked(), now).await
    }

    /// Records a request for a registry that is not configured.
    ///
    /// # Errors
    /// The line could not be written.
    pub async fn record_denial(&self, denial: Denial, now: Timestamp) -> Result<(), LogError> {
        self.take(denial.asked(), now).await
    }

    /// Tells on what verdict a pull rests that was recorded without one.
    ///
    /// # Errors
    /// The line could not be written.
    pub async fn record_verdict(&self, pull: Pull, now: Timestamp) -> Result<(), LogError> {
        let start = |entry| self.start(entry);
        let written = self.windows().settle_pending(pull.asked(), now, &start);
        match written {
            Some(written) => wait_for(written).await,
            None => Ok(()),
        }
    }

    /// Makes sure, before something leaves that no line is written for, that lines can be.
    ///
    /// # Errors
    /// They can't: the answer must not go out.
    pub async fn prove(&self) -> Result<(), LogError> {
        self.log.prove().await
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

    async fn take(&self, asked: Asked, now: Timestamp) -> Result<(), LogError> {
        self.log.prove().await?;
        let start = |entry| self.start(entry);
        let written = self.windows().take(asked, now, &start);
        wait_for(written).await
    }

    /// Writes counts; those that the disk refuses are tried again with the next ones.
    async fn write(&self, counts: Vec<Entry>) -> Result<(), LogError> {
        let write = |count: Entry| async move {
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
    fn start(&self, entry: Entry) -> Written {
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

async fn wait_for(mut written: Written) -> Result<(), LogError> {
    let outcome = written.wait_for(Option::is_some).await;
    let outcome = outcome.map_err(|_| LogError::Closed)?;
    outcome.clone().unwrap_or(Err(LogError::Closed))
}
