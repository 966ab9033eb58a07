//! Places for requests to one upstream: waited for in turn, given back with what came of it.
//!
//! The rules are `turns`; here are the clock, the lock and those who wait. Called by the client for
//! each request of a blob, a part of one or a manifest.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rand::Rng as _;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::error::UpstreamError;
use super::turns::{Askers, MAX_ASKED, Size, Ticket, Turn, TurnOutcome, Turns};

/// What follows from an upstream's word that it was too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pausing {
    /// Nothing goes out for as long as it asks.
    All,
    /// Whoever was told waits; the others may have something else to give meanwhile.
    Each,
}

/// The places of one upstream.
#[derive(Clone)]
pub(super) struct Places(Arc<Shared>);

/// How much is asked of an upstream now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Requests that run.
    pub running: usize,
    /// How many may run at a time.
    pub limit: usize,
    /// Requests that wait for their turn.
    pub waiting: usize,
    /// For how much longer the upstream is left alone, and its words.
    pub paused: Option<(Duration, String)>,
}

struct Shared {
    pausing: Pausing,
    state: Mutex<State>,
}

struct State {
    turns: Turns,
    told: HashMap<Ticket, oneshot::Sender<Place>>,
    /// When somebody looks next whether a request may go.
    looks_at: Option<Instant>,
    /// The complaint that counts longest.
    complaint: Option<Complaint>,
}

struct Complaint {
    at: Instant,
    until: Instant,
    error: UpstreamError,
}

impl Complaint {
    /// Gives what is told of it to whoever asks for something else; none where they may wait.
    fn refusal(&self, what: &str, now: Instant) -> Option<UpstreamError> {
        let left = self.error.retry_after()?.checked_sub(now - self.at)?;
        let is_too_long = now < self.until && left > MAX_ASKED;
        is_too_long.then(|| self.error.of_another(what, left))
    }
}

/// A place; given back when it is dropped.
pub(super) struct Place {
    shared: Arc<Shared>,
    turn: Option<Turn>,
    outcome: TurnOutcome,
}

impl Places {
    /// Starts with all places free.
    pub(super) fn new(most: usize, pausing: Pausing) -> Self {
        Self(Arc::new(Shared {
            pausing,
            state: Mutex::new(State {
                turns: Turns::new(most),
                told: HashMap::new(),
                looks_at: None,
                complaint: None,
            }),
        }))
    }

    /// Waits for a place to ask for something. Whoever drops this leaves the queue.
    ///
    /// *Errors*: the upstream's own word, where it wants to be left alone for longer than anybody
    /// waits: at once, and to all who wait when it says so.
    pub(super) async fn enter(
        &self,
        what: &str,
        askers: &Askers,
        size: Size,
    ) -> Result<Place, UpstreamError> {
        let (tell, told) = oneshot::channel();
        let ticket = {
            let mut state = self.0.lock();
            let now = Instant::now();
            self.0.check(&state, what, now)?;
            let ticket = state.turns.enter(askers.clone(), size, now);
            state.told.insert(ticket, tell);
            ticket
        };
        let _leaves = Leaves {
            shared: &self.0,
            ticket,
        };
        Shared::let_go(&self.0);
        if let Ok(place) = told.await {
            return Ok(place);
        }
        self.0.check(&self.0.lock(), what, Instant::now())?;
        // Without a place a request is only less polite.
        Ok(Place {
            shared: Arc::clone(&self.0),
            turn: None,
            outcome: TurnOutcome::Neither,
        })
    }

    /// Tells how it stands.
    pub(super) fn load(&self) -> Load {
        let state = self.0.lock();
        let (running, limit, waiting) = state.turns.counts();
        let now = Instant::now();
        let complaint = state.complaint.as_ref();
        let paused = complaint.filter(|it| it.until > now);
        Load {
            running,
            limit,
            waiting,
            paused: paused.map(|it| (it.until.duration_since(now), it.error.to_string())),
        }
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Places({:?})", self.load())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses what would have to wait for too long, where all wait.
    fn check(&self, state: &State, what: &str, now: Instant) -> Result<(), UpstreamError> {
        let complaint = state.complaint.as_ref();
        let complaint = complaint.filter(|_| self.pausing == Pausing::All);
        let refusal = complaint.and_then(|it| it.refusal(what, now));
        refusal.map_or(Ok(()), Err)
    }

    /// Lets every request go that may, and sees to it that the others are looked at in time.
    fn let_go(shared: &Arc<Self>) {
        let mut gone = Vec::new();
        let mut looks_at = None;
        {
            let mut state = shared.lock();
            let now = Instant::now();
            while let Some((ticket, turn)) = state.turns.next(now) {
                let place = Place {
                    shared: Arc::clone(shared),
                    turn: Some(turn),
                    outcome: TurnOutcome::Neither,
                };
                gone.push((state.told.remove(&ticket), place));
            }
            if let Some(at) = state.turns.wakes_at(now)
                && state.looks_at.is_none_or(|known| at < known)
            {
                state.looks_at = Some(at);
                looks_at = Some(at);
            }
        }
        // Outside the lock: a place that nobody takes is given back at once.
        for (tell, place) in gone {
            if let Some(tell) = tell {
                let _left = tell.send(place);
            }
        }
        // Where the runtime has ended, so have those who wait.
        if let (Some(at), Ok(runtime)) = (looks_at, Handle::try_current()) {
            runtime.spawn(look_again(Arc::downgrade(shared), at));
        }
    }
}

async fn look_again(shared: Weak<Shared>, at: Instant) {
    tokio::time::sleep_until(at.into()).await;
    let Some(shared) = shared.upgrade() else {
        return;
    };
    {
        let mut state = shared.lock();
        if state.looks_at == Some(at) {
            state.looks_at = None;
        }
    }
    Shared::let_go(&shared);
}

impl Place {
    /// Takes note that what was asked for has come.
    pub(super) fn succeed(&mut self) {
        self.outcome = TurnOutcome::Clean;
    }

    /// Takes note of what came instead.
    pub(super) fn fail(&mut self, error: &UpstreamError) {
        if !error.is_too_much() {
            return;
        }
        let mut state = self.shared.lock();
        let spread = rand::rng().random_range(0.5..1.5);
        let pause = state.turns.pause(error.retry_after(), spread);
        let at = Instant::now();
        let complaint = Complaint {
            at,
            until: at + pause,
            error: error.clone(),
        };
        let known = state.complaint.as_ref();
        if known.is_none_or(|known| known.until <= complaint.until) {
            state.complaint = Some(complaint);
        }
        if self.shared.check(&state, "", at).is_err() {
            // Whoever waits looks again, and is told the same.
            state.told.clear();
        }
        drop(state);
        self.outcome = TurnOutcome::TooMuch(match self.shared.pausing {
            Pausing::All => pause,
            Pausing::Each => Duration::ZERO,
        });
    }

    /// Leaves the place to others before the request has ended.
    pub(super) fn give_back(&mut self) {
        let Some(turn) = self.turn.take() else {
            return;
        };
        self.shared
            .lock()
            .turns
            .end(turn, self.outcome, Instant::now());
        Shared::let_go(&self.shared);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({:?})", self.outcome)
    }
}

/// Takes a ticket out of the queue, whether its holder got a place or left.
struct Leaves<'a> {
    shared: &'a Arc<Shared>,
    ticket: Ticket,
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.turns.leave(self.ticket);
        state.told.remove(&self.ticket);
    }
}
