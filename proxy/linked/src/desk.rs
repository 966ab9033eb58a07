//! Where work and scanners meet: pulls wait here for what scanners are given to do, scanners wait
//! here for work.
//!
//! Nothing is kept: who waits for work that is lost asks again, and what scanners found already they
//! say at once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use sluicegate_engine::memory::Memory;
use sluicegate_engine::plugins::ActivePlugins;
use sluicegate_engine::scan::ScannedLayer;
use sluicegate_model::clock::Clock;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Repository};
use tokio::sync::{Notify, Semaphore, SemaphorePermit, oneshot};

use crate::leases::{Given, Lease, Leases, TooMuch, WorkId};
use crate::results::{self, ResultError};
use crate::roll::Member;
use crate::task::{Assigned, Task};

/// How long a scanner may be silent before nobody waits for it any longer: two polls and what lies
/// between them. A service that has just started waits as long for its scanners to come back.
pub const AWAY: Duration = Duration::from_mins(1);
/// How often it is looked at whether there is hope, and which leases have run out.
pub const LOOK: Duration = Duration::from_secs(1);
/// Longest that one layer is waited for, whatever a scanner says: 64 GiB at 20 MB/s.
const LONGEST: Duration = Duration::from_hours(1);
/// Answers that arrive at a time: each may take as much memory as is sent at most.
const ARRIVING: usize = 4;
/// Longest text kept of what scanners say of themselves, in characters.
const MAX_TEXT_CHARS: usize = 200;

/// Work, and who is there for it.
#[derive(Clone, Debug)]
pub struct Desk(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Work has come, or the service stops.
    come: Notify,
    /// Places for answers that arrive.
    arriving: Semaphore,
    memory: Memory,
    clock: Clock,
}

#[derive(Debug)]
struct State {
    leases: Leases<Assigned>,
    waiting: HashMap<WorkId, oneshot::Sender<Outcome>>,
    seen: HashMap<String, Seen>,
    /// Those of whom it is known that they are away.
    away: HashSet<String>,
    opened: Instant,
    is_closed: bool,
}

/// When a scanner was there last, and what it said that it is.
#[derive(Clone, Debug)]
struct Seen {
    at: Instant,
    time: Timestamp,
    version: String,
    /// Why it is given no work, where it is not.
    problem: Option<&'static str>,
}

/// What became of work.
#[derive(Debug)]
pub enum Outcome {
    /// This was found.
    Found(Box<ScannedLayer>),
    /// An image was told of, and this was decided on it.
    Judged(Digest, Decision),
    /// Nothing can be found, for a reason in words.
    Failed(String),
}

/// How a scanner stands with its work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What it said last that it is.
    pub version: Option<String>,
    /// Why it is given no work, where it is not.
    pub problem: Option<&'static str>,
    /// When it was there last, since the service started.
    pub last_seen: Option<Timestamp>,
    /// Whether it has been silent for too long.
    pub is_away: bool,
    /// How long its oldest work has been there; none where there is none.
    pub lag: Option<Duration>,
    /// How many leases it holds.
    pub leases: usize,
}

/// Says why an answer is not taken.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// It is late, or repeated, or another's.
    #[error("the lease is not held: the answer is late or was given before")]
    NotHeld,
    /// It is about something else.
    #[error("the lease is for something else than this is about")]
    OtherKind,
    /// It is about another layer.
    #[error("the lease is for layer {wanted}, and this is about {got}")]
    OtherLayer {
        /// What was to be looked at.
        wanted: Digest,
        /// What was.
        got: Digest,
    },
    /// It makes no sense, and the work has failed by it.
    #[error(transparent)]
    Result(#[from] ResultError),
    /// The program stops.
    #[error("the service stops")]
    Stopping,
}

/// Work that somebody waits for; withdrawn when nobody does any longer.
struct Ticket<'a> {
    desk: &'a Desk,
    id: WorkId,
    answer: oneshot::Receiver<Outcome>,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut state = self.desk.state();
        state.leases.withdraw(&self.id);
        state.waiting.remove(&self.id);
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Desk {
    /// Opens with no work.
    pub fn new(memory: Memory, clock: Clock) -> Self {
        let state = State {
            leases: Leases::default(),
            waiting: HashMap::new(),
            seen: HashMap::new(),
            away: HashSet::new(),
            opened: now(),
            is_closed: false,
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            come: Notify::new(),
            arriving: Semaphore::new(ARRIVING),
            memory,
            clock,
        }))
    }

    /// Has a scanner do something, and waits for as long as there is hope; none where there is none.
    pub async fn have_done(
        &self,
        scanner: &Member,
        work: Assigned,
    ) -> Result<Option<Outcome>, TooMuch> {
        let mut ticket = self.queue(scanner, work)?;
        let until = tokio::time::Instant::now() + LONGEST;
        loop {
            tokio::select! {
                // Whoever answers no longer has let it go: the scanner has ended.
                outcome = &mut ticket.answer => return Ok(outcome.ok()),
                () = tokio::time::sleep(LOOK) => {}
            }
            let is_late = tokio::time::Instant::now() >= until;
            if is_late || !self.has_hope(scanner, &ticket.id) {
                return Ok(None);
            }
        }
    }

    fn queue(&self, scanner: &Member, work: Assigned) -> Result<Ticket<'_>, TooMuch> {
        let (id, (answering, answer)) = (WorkId::random(), oneshot::channel());
        let mut state = self.state();
        let queue = &mut state.leases;
        queue.queue(id.clone(), &scanner.enrolment, work, now())?;
        state.waiting.insert(id.clone(), answering);
        drop(state);
        self.0.come.notify_waiters();
        Ok(Ticket {
            desk: self,
            id,
            answer,
        })
    }

    fn has_hope(&self, scanner: &Member, id: &WorkId) -> bool {
        let (state, now) = (self.state(), now());
        let seen = state.seen.get(&scanner.enrolment);
        let last = seen.map_or(state.opened, |seen| seen.at);
        state.leases.is_leased(id, now) || now.saturating_duration_since(last) < AWAY
    }

    /// Gives a scanner work, or waits for some to come; nothing once the patience is over.
    pub async fn work(
        &self,
        scanner: &Member,
        version: &str,
        most: usize,
        patience: Duration,
    ) -> Vec<Given<Assigned>> {
        self.see(scanner, Some(version));
        let until = tokio::time::Instant::now() + patience;
        loop {
            // Asked before it is looked, so that nothing comes between.
            let mut come = std::pin::pin!(self.0.come.notified());
            come.as_mut().enable();
            let given = self.take(scanner, most);
            if given.as_ref().is_none_or(|given| !given.is_empty()) {
                return given.unwrap_or_default();
            }
            if tokio::time::timeout_at(until, come).await.is_err() {
                // It was there all along.
                self.see(scanner, None);
                return Vec::new();
            }
        }
    }

    /// Gives out what there is; none where the service stops.
    fn take(&self, scanner: &Member, most: usize) -> Option<Vec<Given<Assigned>>> {
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        Some(state.leases.take(&scanner.enrolment, most, now()))
    }

    /// Lets leases hold for as long again; gives those that still did.
    pub fn renew(&self, scanner: &Member, leases: &[Lease]) -> Vec<Lease> {
        self.see(scanner, None);
        let mut state = self.state();
        state.leases.renew(&scanner.enrolment, leases, now())
    }

    /// Tells whether facts of a layer would be taken now, and who is to have made them.
    pub fn expects(
        &self,
        scanner: &Member,
        lease: &Lease,
        layer: &Digest,
    ) -> Result<Arc<ActivePlugins>, TakeError> {
        let state = self.state();
        let work = state.leases.task(&scanner.enrolment, lease, now());
        let Assigned { task, plugins } = work.ok_or(TakeError::NotHeld)?;
        match task {
            Task::Layer(wanted) if wanted.digest == *layer => Ok(Arc::clone(plugins)),
            Task::Layer(wanted) => Err(TakeError::OtherLayer {
                wanted: wanted.digest.clone(),
                got: layer.clone(),
            }),
            Task::Image(_) => Err(TakeError::OtherKind),
        }
    }

    /// Tells whether what an image of a repository holds would be taken now.
    pub fn expects_image(
        &self,
        scanner: &Member,
        lease: &Lease,
        repository: &Repository,
    ) -> Result<(), TakeError> {
        let state = self.state();
        let work = state.leases.task(&scanner.enrolment, lease, now());
        match &work.ok_or(TakeError::NotHeld)?.task {
            Task::Image(wanted) if wanted.repository == *repository => Ok(()),
            Task::Image(_) | Task::Layer(_) => Err(TakeError::OtherKind),
        }
    }

    /// Takes note that an image was told of and judged.
    pub fn take_judged(
        &self,
        scanner: &Member,
        lease: &Lease,
        judged: (Digest, Decision),
    ) -> Result<(), TakeError> {
        self.settle(scanner, lease, Outcome::Judged(judged.0, judged.1))
    }

    /// Waits for a place in which an answer may arrive.
    pub async fn place(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.0.arriving.acquire().await.ok()
    }

    /// Takes the facts of a layer, once, where they are those that were asked for.
    pub async fn take_facts(
        &self,
        scanner: &Member,
        lease: &Lease,
        layer: &Digest,
        sent: Bytes,
    ) -> Result<(), TakeError> {
        let plugins = self.expects(scanner, lease, layer)?;
        let read = self.read(layer, plugins, sent).await;
        let outcome = match &read {
            Err(TakeError::Result(error)) => Some(Outcome::Failed(error.to_string())),
            Err(_) | Ok(_) => None,
        };
        match (outcome, read) {
            (Some(failed), Err(error)) => {
                self.settle(scanner, lease, failed)?;
                Err(error)
            }
            (_, Ok(scanned)) => self.settle(scanner, lease, Outcome::Found(Box::new(scanned))),
            (None, Err(error)) => Err(error),
        }
    }

    async fn read(
        &self,
        layer: &Digest,
        plugins: Arc<ActivePlugins>,
        sent: Bytes,
    ) -> Result<ScannedLayer, TakeError> {
        let share = self.0.memory.share(results::reading_bytes(&sent)?).await;
        let layer = layer.clone();
        let read =
            tokio::task::spawn_blocking(move || results::read(&layer, &plugins, &sent, share));
        let read = read.await.map_err(|_| TakeError::Stopping)?;
        Ok(read?)
    }

    /// Takes the word of a scanner that it cannot do what it was given.
    pub fn take_failure(
        &self,
        scanner: &Member,
        lease: &Lease,
        why: &str,
    ) -> Result<(), TakeError> {
        self.settle(scanner, lease, Outcome::Failed(shown(why)))
    }

    fn settle(&self, scanner: &Member, lease: &Lease, outcome: Outcome) -> Result<(), TakeError> {
        self.see(scanner, None);
        let mut state = self.state();
        if !state.leases.finish(&scanner.enrolment, lease, now()) {
            return Err(TakeError::NotHeld);
        }
        if let Some(answer) = state.waiting.remove(&lease.work) {
            // Whoever waited may have gone this moment; what was found is not kept then.
            let _nobody_waits = answer.send(outcome);
        }
        Ok(())
    }

    /// Ends all work of a scanner: who waits for it is told that nobody comes.
    pub fn end(&self, enrolment: &str) {
        let mut state = self.state();
        for work in state.leases.end(enrolment) {
            state.waiting.remove(&work);
        }
        state.seen.remove(enrolment);
        state.away.remove(enrolment);
    }

    /// Takes note that a scanner is there and why it is given no work; of none where it is.
    pub fn see_unfit(&self, scanner: &Member, version: &str, problem: Option<&'static str>) {
        self.see(scanner, Some(version));
        let mut state = self.state();
        if let Some(seen) = state.seen.get_mut(&scanner.enrolment) {
            seen.problem = problem;
        }
    }

    /// Gives out nothing more: the service stops, and nobody is to wait for it.
    pub fn close(&self) {
        self.state().is_closed = true;
        self.0.come.notify_waiters();
    }

    /// Tells how a scanner stands with its work.
    pub fn standing(&self, enrolment: &str) -> Standing {
        let (state, now) = (self.state(), now());
        let seen = state.seen.get(enrolment);
        let last = seen.map_or(state.opened, |seen| seen.at);
        Standing {
            version: seen.map(|seen| seen.version.clone()),
            problem: seen.and_then(|seen| seen.problem),
            last_seen: seen.map(|seen| seen.time),
            is_away: now.saturating_duration_since(last) >= AWAY,
            lag: state.leases.lag(enrolment, now),
            leases: state.leases.leased(enrolment),
        }
    }

    /// Gives out anew what was not renewed. To be called each [`LOOK`].
    pub fn look(&self) {
        let (mut state, now) = (self.state(), now());
        for lost in state.leases.run_out(now) {
            if let Some(answer) = state.waiting.remove(&lost) {
                let why = "it was given out too often, and no answer came".to_owned();
                let _nobody_waits = answer.send(Outcome::Failed(why));
            }
        }
        drop(state);
        // What waits again is there to be taken.
        self.0.come.notify_waiters();
    }

    /// Takes note of those that have been silent for too long; tells of each once, until it is back,
    /// with when it was there last.
    pub fn missed<'a>(&self, scanners: &'a [Arc<Member>]) -> Vec<(&'a Member, Option<Timestamp>)> {
        let (mut state, now) = (self.state(), now());
        let mut missed = Vec::new();
        for scanner in scanners {
            let seen = state.seen.get(&scanner.enrolment);
            let (at, time) = seen.map_or((state.opened, None), |it| (it.at, Some(it.time)));
            let is_silent = now.saturating_duration_since(at) >= AWAY;
            if is_silent && state.away.insert(scanner.enrolment.clone()) {
                missed.push((&**scanner, time));
            }
        }
        missed
    }

    /// Takes note that a scanner is there.
    pub fn see(&self, scanner: &Member, version: Option<&str>) {
        let mut state = self.state();
        let seen = state.seen.entry(scanner.enrolment.clone());
        let seen = seen.or_insert_with(|| Seen {
            at: now(),
            time: self.0.clock.now(),
            version: String::new(),
            problem: None,
        });
        (seen.at, seen.time) = (now(), self.0.clock.now());
        if let Some(version) = version {
            seen.version = shown(version);
        }
        if state.away.remove(&scanner.enrolment) {
            let name = &scanner.name;
            tracing::info!(scanner = %name, enrolment = %scanner.enrolment, "a linked scanner is back");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves of a foreign text what is shown of it.
fn shown(text: &str) -> String {
    let text = text.chars().filter(|c| !c.is_control());
    text.take(MAX_TEXT_CHARS).collect()
}
