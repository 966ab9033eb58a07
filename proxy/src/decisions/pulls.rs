//! What counts as one pull, and when it is due in the log.
//!
//! A pull is the first manifest GET of a client, repository and digest, or its HEAD when no GET
//! follows. Repeats within ten minutes are counted, and the next line carries the count. Whoever
//! asks while the line is being written waits for it too: no answer is ahead of its line.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Repository, Tag};
use tokio::sync::watch;

use super::line::Entry;
use super::log::{DecisionLog, LogError};

/// Time after a HEAD in which its GET may follow.
const HEAD_WAITS: SignedDuration = SignedDuration::from_secs(60);
/// Time after a line in which pulls of the same are repeats.
const REPEATS_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// Most pulls remembered, about 500 bytes each; past it the oldest are forgotten, which costs a
/// line more and a count, never a pull.
const MAX_REMEMBERED: usize = 20_000;

/// How a manifest was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullMethod {
    /// With its bytes.
    Get,
    /// Without them; enough for a client that has them.
    Head,
}

/// One manifest request that was decided.
#[derive(Clone, Debug)]
pub struct Pull {
    /// The client's address.
    pub client: IpAddr,
    /// What the client says it is.
    pub user_agent: Option<String>,
    /// The access key or user, where there is one.
    pub principal: Option<String>,
    /// The canonical repository.
    pub repository: Repository,
    /// The tag asked for, where it was one.
    pub tag: Option<Tag>,
    /// The manifest.
    pub digest: Digest,
    /// How it was asked for.
    pub method: PullMethod,
    /// What comes out.
    pub decision: Decision,
    /// The policy that decided.
    pub policy: Option<String>,
    /// The rule that spoke first.
    pub rule: Option<String>,
    /// Which verdict the answer rests on.
    pub verdict: Option<String>,
}

impl Pull {
    /// Notes the verdict that the answer rests on.
    pub fn rest_on(&mut self, verdict: &Verdict) {
        self.decision = verdict.decision;
        self.policy = Some(verdict.policy.name.clone());
        self.rule = verdict.reasons.first().map(|reason| reason.rule.clone());
        self.verdict = Some(verdict.digest.to_string());
    }
}

/// Counts pulls and logs them.
#[derive(Clone, Debug)]
pub struct PullLog {
    log: DecisionLog,
    remembered: Arc<Mutex<Remembered>>,
}

type Key = (IpAddr, Repository, Digest);
/// None while the line is being written; then whether it is there.
type Written = watch::Receiver<Option<Result<(), LogError>>>;

#[derive(Debug, Default)]
struct Remembered {
    pulls: HashMap<Key, State>,
    /// Every key in the order in which it came, some of them gone by now.
    order: VecDeque<Key>,
    /// Every HEAD in the order in which it came, some of them answered by a GET.
    heads: VecDeque<(Timestamp, Key)>,
}

#[derive(Debug, Default)]
struct State {
    line: Option<Line>,
    /// Pulls since the line.
    repeats: u64,
    /// A HEAD whose GET may still follow.
    head: Option<(Timestamp, Pull)>,
}

#[derive(Debug)]
struct Line {
    at: Timestamp,
    decision: Decision,
    count: u64,
    written: Written,
}

impl PullLog {
    /// Starts with nothing remembered.
    pub fn new(log: DecisionLog) -> Self {
        Self {
            log,
            remembered: Arc::default(),
        }
    }

    /// Gives the log beneath.
    pub fn log(&self) -> &DecisionLog {
        &self.log
    }

    /// Records a request. Where that makes a line due, it is durable when this returns.
    ///
    /// # Errors
    /// The line could not be written: the answer must not go out.
    pub async fn record(&self, pull: Pull, now: Timestamp) -> Result<(), LogError> {
        self.log.prove().await?;
        let written = self.remember(pull, now);
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

    /// Logs the HEADs whose GET did not follow in time; called every few seconds.
    pub async fn settle(&self, now: Timestamp) -> Result<(), LogError> {
        self.remembered().forget_ended(now);
        self.log_heads(now, |at| distance(now, at) >= HEAD_WAITS)
            .await
    }

    /// Logs every HEAD that still waits for its GET; called when the program stops.
    pub async fn drain(&self, now: Timestamp) -> Result<(), LogError> {
        self.log_heads(now, |_| true).await
    }

    async fn log_heads(
        &self,
        now: Timestamp,
        is_due: impl Fn(Timestamp) -> bool,
    ) -> Result<(), LogError> {
        let due = self.take_heads(now, is_due);
        let mut outcome = Ok(());
        for written in due {
            outcome = outcome.and(wait_for(written).await);
        }
        outcome
    }

    /// Takes a request in; gives what it has to wait for.
    fn remember(&self, pull: Pull, now: Timestamp) -> Option<Written> {
        let key = (pull.client, pull.repository.clone(), pull.digest.clone());
        let mut remembered = self.remembered();
        remembered.make_room(&key);
        let state = remembered.pulls.entry(key.clone()).or_default();
        state.count_a_late_head(now);
        let current = state.current_line(pull.decision, now);
        match (pull.method, current) {
            (PullMethod::Get, Some(written)) => {
                state.head = None;
                state.repeats = state.repeats.saturating_add(1);
                Some(written)
            }
            (PullMethod::Get, None) => {
                state.head = None;
                Some(self.log_now(state, pull, now))
            }
            (PullMethod::Head, current) => {
                if state.head.is_none() {
                    state.head = Some((now, pull));
                    remembered.heads.push_back((now, key));
                }
                current
            }
        }
    }

    fn take_heads(&self, now: Timestamp, is_due: impl Fn(Timestamp) -> bool) -> Vec<Written> {
        let mut due = Vec::new();
        let mut remembered = self.remembered();
        while let Some((at, key)) = remembered.heads.pop_front_if(|(at, _)| is_due(*at)) {
            let Some(state) = remembered.pulls.get_mut(&key) else {
                continue;
            };
            let Some((_, pull)) = state.head.take_if(|(since, _)| *since == at) else {
                continue;
            };
            if state.current_line(pull.decision, at).is_some() {
                state.repeats = state.repeats.saturating_add(1);
            } else {
                due.push(self.log_now(state, pull, now));
            }
        }
        due
    }

    /// Starts writing a line; it goes on when nobody waits any more.
    fn log_now(&self, state: &mut State, pull: Pull, now: Timestamp) -> Written {
        let decision = pull.decision;
        let count = state.take_repeats().saturating_add(1);
        let (sender, written) = watch::channel(None);
        let log = self.log.clone();
        tokio::spawn(async move {
            let outcome = log.append(entry(pull, now, count)).await;
            sender.send_replace(Some(outcome.map(|_| ())));
        });
        state.line = Some(Line {
            at: now,
            decision,
            count,
            written: written.clone(),
        });
        written
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remembered {
    /// Forgets the oldest as long as nothing depends on them.
    fn forget_ended(&mut self, now: Timestamp) {
        while let Some(key) = self.order.front() {
            if self
                .pulls
                .get(key)
                .is_some_and(|state| !state.has_ended(now))
            {
                return;
            }
            self.pulls.remove(key);
            self.order.pop_front();
        }
    }

    /// Forgets the oldest where a new key does not fit; one whose HEAD waits comes again.
    fn make_room(&mut self, key: &Key) {
        if self.pulls.contains_key(key) {
            return;
        }
        self.order.push_back(key.clone());
        let mut spared = 0;
        while self.pulls.len() >= MAX_REMEMBERED && spared < self.order.len() {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            let waits = |state: &State| state.head.is_some();
            if self.pulls.get(&oldest).is_some_and(waits) {
                self.order.push_back(oldest);
                spared = spared.saturating_add(1);
            } else {
                self.pulls.remove(&oldest);
            }
        }
    }
}

impl State {
    /// Gives the line that makes a pull at `now` a repeat: recent, not failed, same decision.
    fn current_line(&self, decision: Decision, now: Timestamp) -> Option<Written> {
        let line = self.line.as_ref()?;
        let is_recent = distance(now, line.at) < REPEATS_WITHIN;
        let counts = is_recent && !line.has_failed() && line.decision == decision;
        counts.then(|| line.written.clone())
    }

    /// Gives the repeats that the next line carries, those of a line that failed among them.
    fn take_repeats(&mut self) -> u64 {
        let failed = self.line.take_if(|line| line.has_failed());
        let owed = failed.map_or(0, |line| line.count.saturating_sub(1));
        std::mem::take(&mut self.repeats).saturating_add(owed)
    }

    /// Tells whether forgetting it changes no line to come.
    fn has_ended(&self, now: Timestamp) -> bool {
        let is_recent = |line: &Line| distance(now, line.at) < REPEATS_WITHIN;
        self.repeats == 0 && self.head.is_none() && !self.line.as_ref().is_some_and(is_recent)
    }

    /// Counts a HEAD that is now known to have been a pull of its own among the repeats.
    fn count_a_late_head(&mut self, now: Timestamp) {
        let is_late = |(at, _): &mut (Timestamp, Pull)| distance(now, *at) >= HEAD_WAITS;
        if self.head.take_if(is_late).is_some() {
            self.repeats = self.repeats.saturating_add(1);
        }
    }
}

impl Line {
    fn has_failed(&self) -> bool {
        matches!(*self.written.borrow(), Some(Err(_)))
    }
}

/// Gives the time between two instants; a clock that jumped back ends a window as one that went on.
fn distance(now: Timestamp, then: Timestamp) -> SignedDuration {
    now.duration_since(then).abs()
}

async fn wait_for(mut written: Written) -> Result<(), LogError> {
    let outcome = written.wait_for(Option::is_some).await;
    let outcome = outcome.map_err(|_| LogError::Closed)?;
    outcome.clone().unwrap_or(Err(LogError::Closed))
}

fn entry(pull: Pull, time: Timestamp, count: u64) -> Entry {
    Entry {
        time,
        client: pull.client.to_string(),
        user_agent: pull.user_agent,
        principal: pull.principal,
        repository: pull.repository,
        tag: pull.tag,
        digest: pull.digest,
        decision: pull.decision,
        policy: pull.policy,
        rule: pull.rule,
        verdict: pull.verdict,
        count,
    }
}
