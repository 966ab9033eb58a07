//! Whose request goes next, and how many go at a time. Pure: time is an argument.
//!
//! Registries limit how much is asked of them at once, by address and by account, and say so only
//! when it is too late. So a few requests run at a time: more while nobody complains, half when
//! somebody does, and none for as long as the upstream asks. Those on whose behalf the fewest
//! requests run come first, so that an image of a hundred layers does not hold up one of two.
//! Called by `places`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sluicegate_model::Digest;

/// Requests at a time to begin with: what podman asks for, and what registries are built for.
const FIRST_LIMIT: usize = 6;
/// Clean answers after which one more request may run.
const CLEAN_FOR_ONE_MORE: u32 = 20;
/// The pause after the first complaint that names no time; doubled with each one that follows.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that is chosen here.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause that an upstream can ask for; who needs longer gives up instead.
pub(super) const MAX_ASKED: Duration = Duration::from_mins(1);
/// How long a small request waits for its turn: large ones may keep all places for minutes.
const SMALL_PATIENCE: Duration = Duration::from_secs(1);
/// How often a small request goes out of turn.
const OUT_OF_TURN_EVERY: Duration = Duration::from_millis(100);

/// Those on whose behalf something is asked for, by the digest of what they need it for. More may
/// join while it waits, so whoever asks is asked for them again each time.
#[derive(Clone)]
pub struct Askers(Arc<dyn Fn() -> Arc<[Digest]> + Send + Sync>);

impl Askers {
    /// Names one, who stays alone.
    pub fn of(asker: &Digest) -> Self {
        let askers: Arc<[Digest]> = Arc::new([asker.clone()]);
        Self::told_by(move || Arc::clone(&askers))
    }

    /// Takes those who are named each time.
    pub fn told_by(tell: impl Fn() -> Arc<[Digest]> + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Gives the fewest requests that run for any of them.
    fn fewest(&self, running: &HashMap<Digest, usize>) -> usize {
        let of = |asker: &Digest| running.get(asker).copied().unwrap_or_default();
        (self.0)().iter().map(of).min().unwrap_or_default()
    }
}

impl Default for Askers {
    /// Names nobody.
    fn default() -> Self {
        Self::told_by(Arc::default)
    }
}

/// How long a request keeps its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// Not long: a few KiB, a manifest.
    Small,
    /// As long as a blob takes.
    Large,
}

/// How a request ended, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnOutcome {
    /// With what was asked for.
    Clean,
    /// With the answer that it was too much; nothing is asked for so long.
    TooMuch(Duration),
    /// Otherwise.
    Neither,
}

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ticket(u64);

/// A request that runs.
#[derive(Debug)]
pub(super) struct Turn {
    askers: Arc<[Digest]>,
    /// How often the limit had been halved when it began.
    round: u64,
}

struct Waiter {
    ticket: Ticket,
    askers: Askers,
    size: Size,
    since: Instant,
}

/// The requests to one upstream that run and that wait.
pub(super) struct Turns {
    most: usize,
    limit: usize,
    /// Clean answers since the limit was changed.
    clean: u32,
    /// How often the limit was halved.
    round: u64,
    /// Complaints in a row.
    complaints: u32,
    opens_at: Option<Instant>,
    /// When a small request last went out of turn.
    out_of_turn: Option<Instant>,
    total: usize,
    running: HashMap<Digest, usize>,
    /// In the order in which they came.
    waiting: Vec<Waiter>,
    tickets: u64,
}

impl Turns {
    /// Starts with nothing running; at most `most` requests ever run at a time.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            limit: FIRST_LIMIT.min(most).max(1),
            clean: 0,
            round: 0,
            complaints: 0,
            opens_at: None,
            out_of_turn: None,
            total: 0,
            running: HashMap::new(),
            waiting: Vec::new(),
            tickets: 0,
        }
    }

    /// Joins the queue.
    pub(super) fn enter(&mut self, askers: Askers, size: Size, now: Instant) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.waiting.push(Waiter {
            ticket,
            askers,
            size,
            since: now,
        });
        ticket
    }

    /// Leaves the queue, if it is still there.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.waiting.retain(|waiter| waiter.ticket != ticket);
    }

    /// Lets the next request run, if one may.
    pub(super) fn next(&mut self, now: Instant) -> Option<(Ticket, Turn)> {
        if self.is_closed(now) {
            return None;
        }
        let at = if self.total < self.limit {
            self.first()?
        } else {
            let at = self.impatient(now)?;
            self.out_of_turn = Some(now);
            at
        };
        let waiter = self.waiting.remove(at);
        let turn = Turn {
            askers: (waiter.askers.0)(),
            round: self.round,
        };
        self.total += 1;
        for asker in turn.askers.iter() {
            *self.running.entry(asker.clone()).or_default() += 1;
        }
        Some((waiter.ticket, turn))
    }

    /// Tells when a request may run though none ends before.
    pub(super) fn wakes_at(&self, now: Instant) -> Option<Instant> {
        if self.waiting.is_empty() {
            return None;
        }
        if self.is_closed(now) {
            return self.opens_at;
        }
        let small = self.waiting.iter().find(|it| it.size == Size::Small)?;
        let again = self.out_of_turn.map(|last| last + OUT_OF_TURN_EVERY);
        let patient = small.since + SMALL_PATIENCE;
        Some(again.map_or(patient, |again| again.max(patient)))
    }

    /// Takes note of how a request ended.
    pub(super) fn end(&mut self, turn: Turn, outcome: TurnOutcome, now: Instant) {
        self.total = self.total.saturating_sub(1);
        for asker in turn.askers.iter() {
            if let Some(count) = self.running.get_mut(asker) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.running.remove(asker);
                }
            }
        }
        match outcome {
            TurnOutcome::Neither => {}
            TurnOutcome::Clean => self.grow(),
            TurnOutcome::TooMuch(pause) => {
                // Those that ran together complain together: that is one complaint.
                if turn.round == self.round {
                    self.limit = (self.limit / 2).max(1);
                    self.round += 1;
                    self.clean = 0;
                    self.complaints = self.complaints.saturating_add(1);
                }
                let opens_at = now + pause;
                self.opens_at = Some(self.opens_at.map_or(opens_at, |at| at.max(opens_at)));
            }
        }
    }

    /// Gives how long nothing is asked after a complaint. `spread` lies between 0.5 and 1.5 and keeps
    /// several services from asking again all at once.
    pub(super) fn pause(&self, asked: Option<Duration>, spread: f64) -> Duration {
        if let Some(asked) = asked {
            return asked.min(MAX_ASKED) + FIRST_PAUSE.mul_f64(spread - 0.5);
        }
        let doubled = FIRST_PAUSE * 2_u32.pow(self.complaints.min(6));
        doubled.min(MAX_PAUSE).mul_f64(spread)
    }

    /// Gives how many requests run, how many may, and how many wait.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        (self.total, self.limit, self.waiting.len())
    }

    fn grow(&mut self) {
        self.complaints = 0;
        self.clean += 1;
        if self.clean >= CLEAN_FOR_ONE_MORE && self.limit < self.most {
            self.limit += 1;
            self.clean = 0;
        }
    }

    fn is_closed(&self, now: Instant) -> bool {
        self.opens_at.is_some_and(|opens_at| opens_at > now)
    }

    /// Finds whoever has the least running; of several the small ones, then who waits longest.
    fn first(&self) -> Option<usize> {
        let order = |(_, waiter): &(usize, &Waiter)| {
            let fewest = waiter.askers.fewest(&self.running);
            (fewest, waiter.size == Size::Large)
        };
        let waiting = self.waiting.iter().enumerate();
        waiting.min_by_key(order).map(|(at, _)| at)
    }

    /// Finds a small request whose patience is at its end.
    fn impatient(&self, now: Instant) -> Option<usize> {
        let lately = |last: Instant| now.duration_since(last) < OUT_OF_TURN_EVERY;
        if self.out_of_turn.is_some_and(lately) {
            return None;
        }
        let has_waited = |waiter: &Waiter| now.duration_since(waiter.since) >= SMALL_PATIENCE;
        self.waiting
            .iter()
            .position(|waiter| waiter.size == Size::Small && has_waited(waiter))
    }
}

#[cfg(test)]
mod tests;
