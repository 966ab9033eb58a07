//! Which requests are one pull: what was asked lately, by whom, and where that led.
//!
//! A window opens with a line and counts what follows of the same for ten minutes. A request by
//! digest belongs to the window of the tag that led there, directly or through an index: clients
//! ask for one image in several steps. Nothing here writes: lines go through what is handed in, and
//! counts wait until they are taken.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sluicegate_engine::audit::PullMethod;
use sluicegate_engine::identity::Who;
use sluicegate_model::Digest;
use sluicegate_model::verdict::{Decision, RuleId, Verdict};
use sluicegate_policy::NameRefusal;
use tokio::sync::watch;

use super::entry::{Grounds, LineKind, LogEntry};
use super::names::ClientNames;
use crate::chain::LogError;

/// Time after a line in which the same again is counted, and after a tag in which what it led to
/// belongs to it.
pub(super) const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// Most windows open at a time, about 1 KiB each; past it the oldest end early, which costs a line
/// more and never one.
const MAX_WINDOWS: usize = 20_000;
/// How many end early at a time.
const EARLY_ENDS: usize = MAX_WINDOWS / 10;
/// Most digests that are known to belong to tags, 50 bytes each; past it a request by digest is a
/// line of its own.
const MAX_LEADS: usize = 200_000;
/// Most counts that wait to be written; past it the disk has refused them for long.
const MAX_OWED: usize = 10_000;

/// None while the line is being written; then whether it is there.
pub(super) type WhenWritten = watch::Receiver<Option<Result<(), LogError>>>;

/// One request that was decided.
#[derive(Clone, Debug)]
pub(super) struct AskedPull {
    pub(super) who: Who,
    /// A pull, or what was denied.
    pub(super) kind: LineKind,
    pub(super) repository: String,
    pub(super) tag: Option<String>,
    pub(super) digest: Option<Digest>,
    /// What the tag names, where another is served for it.
    pub(super) in_place_of: Option<Digest>,
    /// The manifests that this one lists.
    pub(super) leads_to: Vec<Digest>,
    pub(super) method: PullMethod,
    pub(super) decision: Decision,
    pub(super) because: Because,
}

/// Why a request is answered as it is. What a line tells of it is made when there is a line: most
/// requests are only counted.
#[derive(Clone, Debug)]
pub(super) enum Because {
    /// This verdict decided.
    Verdict(Arc<Verdict>),
    /// The answer leaves before the verdict.
    Pending,
    /// The name alone is refused.
    Name(NameRefusal),
    /// This registry is not configured.
    NotConfigured(String),
}

/// Names a window, or a digest that somebody was led to: a hash under keys of this process, so that
/// nobody can choose two that meet.
type Id = u128;

#[derive(Debug, Default)]
pub(super) struct Windows {
    keys: [RandomState; 2],
    open: HashMap<Id, Window>,
    /// The windows of tags that led to a digest, the last one each.
    leads: HashMap<Id, Id>,
    names: ClientNames,
    /// Counts of windows that have ended.
    owed: Vec<LogEntry>,
}

#[derive(Debug)]
struct Window {
    /// What its line said, as far as counts repeat it.
    line: LogEntry,
    /// When the line was made.
    at: Timestamp,
    /// When the same was asked last.
    last: Timestamp,
    decision: Decision,
    is_pending: bool,
    /// The line while it is not known to be there.
    written: Option<WhenWritten>,
    repeats: u64,
    leads: Vec<Id>,
    /// What has been asked by digest since `last`: the steps of one pull.
    steps: Vec<(Id, PullMethod)>,
}

impl Windows {
    /// Takes a request in and gives the line that it has to wait for, made by `log` where it is new;
    /// none where that is there.
    pub(super) fn take(
        &mut self,
        mut asked: AskedPull,
        now: Timestamp,
        log: &dyn Fn(LogEntry) -> WhenWritten,
    ) -> Option<WhenWritten> {
        self.names.bound(&mut asked, now);
        if let Some((id, lead)) = self.led_to(&asked, now)
            && let Some(window) = self.open.get_mut(&id)
            && window.decision == asked.decision
        {
            window.step(lead, asked.method);
            let written = window.awaited();
            self.lead(id, &asked);
            return written;
        }
        let id = self.id_of(&asked);
        if let Some(window) = self.open.get_mut(&id)
            && window.is_current(asked.decision, now)
        {
            window.again(asked.method, now);
            let written = window.awaited();
            self.lead(id, &asked);
            return written;
        }
        self.end(id, now);
        self.make_room(now);
        let entry = asked.entry(now);
        let window = Window {
            line: entry.counting(),
            at: now,
            last: now,
            decision: asked.decision,
            is_pending: matches!(asked.because, Because::Pending),
            written: Some(log(entry)),
            repeats: 0,
            leads: Vec::new(),
            steps: Vec::new(),
        };
        let written = window.written.clone();
        self.open.insert(id, window);
        self.lead(id, &asked);
        written
    }

    /// Tells how a pull ended whose manifest left before its verdict: a line that stands for no
    /// pull more, where there is none yet.
    pub(super) fn settle_pending(
        &mut self,
        mut asked: AskedPull,
        now: Timestamp,
        log: &dyn Fn(LogEntry) -> WhenWritten,
    ) -> Option<WhenWritten> {
        self.names.bound(&mut asked, now);
        let led = self.led_to(&asked, now).map(|(id, _)| id);
        let id = led.unwrap_or_else(|| self.id_of(&asked));
        let window = self.open.get_mut(&id).filter(|window| window.is_pending)?;
        window.is_pending = false;
        window.decision = asked.decision;
        let mut entry = asked.entry(now);
        entry.tag.clone_from(&window.line.tag);
        entry.count = 0;
        window.line = entry.counting();
        Some(log(entry))
    }

    /// Gives the counts of windows that have ended, and forgets those that nothing can follow.
    pub(super) fn settle(&mut self, now: Timestamp) -> Vec<LogEntry> {
        self.names.forget_ended(now);
        let ids: Vec<Id> = self.open.keys().copied().collect();
        for id in ids {
            let Some(window) = self.open.get_mut(&id) else {
                continue;
            };
            if !is_within(now, window.last) && !is_within(now, window.at) {
                self.end(id, now);
            } else if !is_within(now, window.at) {
                self.owed.extend(window.count(now));
            }
        }
        std::mem::take(&mut self.owed)
    }

    /// Ends every window and gives what they have counted.
    pub(super) fn drain(&mut self, now: Timestamp) -> Vec<LogEntry> {
        let counts = self
            .open
            .values_mut()
            .filter_map(|window| window.count(now));
        self.owed.extend(counts);
        self.open.clear();
        self.leads.clear();
        std::mem::take(&mut self.owed)
    }

    /// Takes back a count that could not be written.
    pub(super) fn owe(&mut self, count: LogEntry) {
        if self.owed.len() < MAX_OWED {
            self.owed.push(count);
        }
    }

    fn id_of(&self, asked: &AskedPull) -> Id {
        let what = (
            &asked.repository,
            &asked.tag,
            &asked.digest,
            &asked.in_place_of,
        );
        match asked.kind {
            LineKind::Denied => self.hash(&("denied", asked.asker(), &asked.repository)),
            _ => self.hash(&("asked", asked.asker(), what)),
        }
    }

    /// Finds the window of the tag that led to what is asked by digest, and the name of that step.
    fn led_to(&self, asked: &AskedPull, now: Timestamp) -> Option<(Id, Id)> {
        let digest = asked.digest.as_ref().filter(|_| asked.tag.is_none())?;
        let lead = self.lead_id(asked, digest);
        let id = *self.leads.get(&lead)?;
        let window = self.open.get(&id)?;
        (is_within(now, window.last) && !window.has_failed()).then_some((id, lead))
    }

    /// Notes where a window leads: to its own digest where a tag was asked for, and to what the
    /// manifest lists.
    fn lead(&mut self, id: Id, asked: &AskedPull) {
        let of_tag = self.open.get(&id).is_some_and(|w| w.line.tag.is_some());
        if !of_tag {
            return;
        }
        for digest in asked.digest.iter().chain(&asked.leads_to) {
            let lead = self.lead_id(asked, digest);
            if self.leads.len() >= MAX_LEADS && !self.leads.contains_key(&lead) {
                return;
            }
            if self.leads.insert(lead, id) != Some(id)
                && let Some(window) = self.open.get_mut(&id)
            {
                window.leads.push(lead);
            }
        }
    }

    fn lead_id(&self, asked: &AskedPull, digest: &Digest) -> Id {
        self.hash(&("led", asked.asker(), &asked.repository, digest))
    }

    fn hash(&self, of: &impl Hash) -> Id {
        let [one, other] = &self.keys;
        (u128::from(one.hash_one(of)) << 64) | u128::from(other.hash_one(of))
    }

    fn end(&mut self, id: Id, now: Timestamp) {
        let Some(mut window) = self.open.remove(&id) else {
            return;
        };
        for lead in &window.leads {
            if self.leads.get(lead) == Some(&id) {
                self.leads.remove(lead);
            }
        }
        self.owed.extend(window.count(now));
    }

    fn make_room(&mut self, now: Timestamp) {
        if self.open.len() < MAX_WINDOWS {
            return;
        }
        let by_age = self.open.iter().map(|(id, window)| (window.at, *id));
        let mut by_age: Vec<(Timestamp, Id)> = by_age.collect();
        by_age.sort_unstable();
        for (_, id) in by_age.into_iter().take(EARLY_ENDS) {
            self.end(id, now);
        }
    }
}

impl Window {
    /// Tells whether a request at `now` is the same again: recent, written, same decision.
    fn is_current(&self, decision: Decision, now: Timestamp) -> bool {
        is_within(now, self.at) && self.decision == decision && !self.has_failed()
    }

    /// Gives the line where it has to be waited for.
    fn awaited(&mut self) -> Option<WhenWritten> {
        let is_there = |written: &WhenWritten| matches!(*written.borrow(), Some(Ok(())));
        if self.written.as_ref().is_some_and(is_there) {
            self.written = None;
        }
        self.written.clone()
    }

    /// Counts the same again.
    fn again(&mut self, method: PullMethod, now: Timestamp) {
        if method != PullMethod::Blob {
            self.repeats = self.repeats.saturating_add(1);
            self.last = now;
            self.steps.clear();
        }
    }

    /// Notes a request by digest. The first of each is a step of the pull; a second one is another.
    fn step(&mut self, lead: Id, method: PullMethod) {
        if method == PullMethod::Blob {
            return;
        }
        if self.steps.contains(&(lead, method)) {
            self.repeats = self.repeats.saturating_add(1);
            self.steps.clear();
        }
        self.steps.push((lead, method));
    }

    /// Takes what it has counted. What a line that failed would have stood for was not answered.
    fn count(&mut self, now: Timestamp) -> Option<LogEntry> {
        let count = std::mem::take(&mut self.repeats);
        (count > 0 && !self.has_failed()).then(|| LogEntry {
            time: now,
            count,
            ..self.line.clone()
        })
    }

    fn has_failed(&self) -> bool {
        let has_failed = |written: &WhenWritten| matches!(*written.borrow(), Some(Err(_)));
        self.written.as_ref().is_some_and(has_failed)
    }
}

impl AskedPull {
    /// What lines tell of whoever asks.
    fn asker(&self) -> impl Hash {
        let who = &self.who;
        (who.client, &who.principal, &who.user_agent)
    }

    fn entry(&self, now: Timestamp) -> LogEntry {
        let is_served = self.decision != Decision::Refuse;
        LogEntry {
            client: Some(self.who.client.to_string()),
            user_agent: self.who.user_agent.clone(),
            principal: self.who.principal.as_ref().map(ToString::to_string),
            repository: Some(self.repository.clone()),
            tag: self.tag.clone(),
            asked: self.in_place_of.clone().or_else(|| self.digest.clone()),
            served: self.digest.clone().filter(|_| is_served),
            decision: Some(self.decision),
            basis: self.because.basis(),
            ..LogEntry::new(now, self.kind)
        }
    }
}

impl Because {
    fn basis(&self) -> Grounds {
        match self {
            Self::Verdict(verdict) => Grounds::of(verdict),
            Self::Pending => {
                let message = "the manifest left before the verdict; its layers wait for it";
                Grounds::of_rule(RuleId::VERDICT_PENDING, Decision::Allow, message.to_owned())
            }
            Self::Name(refusal) => Grounds::of_name(refusal),
            Self::NotConfigured(registry) => {
                let message = format!("registry {registry:?} is not configured here");
                Grounds::of_rule(RuleId::NOT_CONFIGURED, Decision::Refuse, message)
            }
        }
    }
}

impl LogEntry {
    /// Gives what counts repeat of a line.
    fn counting(&self) -> Self {
        Self {
            kind: LineKind::Count,
            basis: self.basis.brief(),
            ..self.clone()
        }
    }
}

/// Tells whether two instants are within one window; a clock that jumped back ends it as one that
/// went on.
pub(super) fn is_within(now: Timestamp, then: Timestamp) -> bool {
    now.duration_since(then).abs() < WINDOW
}
