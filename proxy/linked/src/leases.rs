//! Who has which work, and until when: queued, given out under a lease, given out again where the
//! lease is not renewed. Pure: the time is an argument, and what the work is does not matter.
//!
//! A lease is one giving of one piece of work. Each giving has a higher fence, so that of several
//! answers only the one of the last giving counts, once, and only before it ran out.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long a lease holds that is not renewed.
pub const LEASE: Duration = Duration::from_secs(30);
/// Most work of one scanner, waiting and given out.
pub const MOST_WORK: usize = 10_000;
/// How many times the same work is given out: what makes a scanner fall over makes the next one too.
pub const MOST_GIVEN: u32 = 5;
/// Most leases that a scanner has at a time.
pub const MOST_LEASES: usize = 64;

/// One piece of work. Nobody can guess it.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct WorkId(String);

impl WorkId {
    /// Makes one that there never was.
    pub fn random() -> Self {
        Self(hex::encode(rand::random::<[u8; 16]>()))
    }
}

impl fmt::Display for WorkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One giving of one piece of work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// The work.
    pub work: WorkId,
    /// Which giving of it: each one has a higher number than those before.
    pub fence: u64,
}

/// Work that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given<T> {
    /// The lease under which it was.
    pub lease: Lease,
    /// What is to be done.
    pub task: T,
}

/// There is more work already than anybody would wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{MOST_WORK} pieces of work wait for the scanner, as many as are kept")]
pub struct TooMuch;

/// All work there is.
#[derive(Debug)]
pub struct Leases<T> {
    works: HashMap<WorkId, Work<T>>,
    waiting: HashMap<String, VecDeque<WorkId>>,
    last_fence: u64,
}

#[derive(Debug)]
struct Work<T> {
    scanner: String,
    task: T,
    since: Instant,
    given: u32,
    held: Option<Held>,
}

/// Under which giving work is out, and until when.
#[derive(Clone, Copy, Debug)]
struct Held {
    fence: u64,
    until: Instant,
}

impl<T> Default for Leases<T> {
    fn default() -> Self {
        Self {
            works: HashMap::new(),
            waiting: HashMap::new(),
            last_fence: 0,
        }
    }
}

impl<T: Clone> Leases<T> {
    /// Adds work for a scanner, behind what waits already.
    pub fn queue(
        &mut self,
        id: WorkId,
        scanner: &str,
        task: T,
        now: Instant,
    ) -> Result<(), TooMuch> {
        if self.count(scanner) >= MOST_WORK {
            return Err(TooMuch);
        }
        let work = Work {
            scanner: scanner.to_owned(),
            task,
            since: now,
            given: 0,
            held: None,
        };
        self.works.insert(id.clone(), work);
        self.queue_of(scanner).push_back(id);
        Ok(())
    }

    /// Gives out what has waited longest, no more than `most` and than a scanner may have.
    pub fn take(&mut self, scanner: &str, most: usize, now: Instant) -> Vec<Given<T>> {
        let room = MOST_LEASES.saturating_sub(self.leased(scanner));
        let mut taken = Vec::new();
        while taken.len() < most.min(room)
            && let Some(id) = self.queue_of(scanner).pop_front()
        {
            let fence = self.last_fence + 1;
            let Some(work) = self.works.get_mut(&id) else {
                continue;
            };
            self.last_fence = fence;
            work.given += 1;
            work.held = Some(Held {
                fence,
                until: now + LEASE,
            });
            taken.push(Given {
                lease: Lease { work: id, fence },
                task: work.task.clone(),
            });
        }
        taken
    }

    /// Lets leases hold for as long again; gives those that still did.
    pub fn renew(&mut self, scanner: &str, leases: &[Lease], now: Instant) -> Vec<Lease> {
        let mut held = Vec::new();
        for lease in leases.iter().take(MOST_LEASES) {
            if self.has(scanner, lease, now)
                && let Some(work) = self.works.get_mut(&lease.work)
            {
                work.held = Some(Held {
                    fence: lease.fence,
                    until: now + LEASE,
                });
                held.push(lease.clone());
            }
        }
        held
    }

    /// Gives what a scanner was to do, where it holds the lease.
    pub fn task(&self, scanner: &str, lease: &Lease, now: Instant) -> Option<&T> {
        let work = self.works.get(&lease.work)?;
        self.has(scanner, lease, now).then_some(&work.task)
    }

    /// Ends work whose answer has come; false where the lease is not held, and then nothing changes.
    pub fn finish(&mut self, scanner: &str, lease: &Lease, now: Instant) -> bool {
        self.has(scanner, lease, now) && self.works.remove(&lease.work).is_some()
    }

    /// Forgets work that nobody waits for any longer.
    pub fn withdraw(&mut self, id: &WorkId) {
        if let Some(work) = self.works.remove(id) {
            self.queue_of(&work.scanner).retain(|waiting| waiting != id);
        }
    }

    /// Has work wait again whose lease ran out, ahead of the rest. Gives what ran out too often, and
    /// forgets it.
    pub fn run_out(&mut self, now: Instant) -> Vec<WorkId> {
        let has_run_out = |work: &Work<T>| work.held.is_some_and(|held| held.until <= now);
        let over = self.works.iter().filter(|(_, work)| has_run_out(work));
        let mut over: Vec<_> = over.map(|(id, work)| (work.since, id.clone())).collect();
        // The oldest comes to stand first.
        over.sort_by(|one, other| other.cmp(one));
        let mut lost = Vec::new();
        for (_, id) in over {
            let Some(work) = self.works.get_mut(&id) else {
                continue;
            };
            work.held = None;
            if work.given >= MOST_GIVEN {
                self.works.remove(&id);
                lost.push(id);
                continue;
            }
            let scanner = work.scanner.clone();
            self.queue_of(&scanner).push_front(id);
        }
        lost
    }

    /// Forgets all work of a scanner that is no longer asked, and gives it.
    pub fn end(&mut self, scanner: &str) -> Vec<WorkId> {
        self.waiting.remove(scanner);
        let own = self.works.iter();
        let own = own.filter(|(_, work)| work.scanner == scanner);
        let own: Vec<WorkId> = own.map(|(id, _)| id.clone()).collect();
        for id in &own {
            self.works.remove(id);
        }
        own
    }

    /// Tells whether work is out under a lease that holds.
    pub fn is_leased(&self, id: &WorkId, now: Instant) -> bool {
        let held = self.works.get(id).and_then(|work| work.held);
        held.is_some_and(|held| held.until > now)
    }

    /// Tells how many pieces of work a scanner holds leases of.
    pub fn leased(&self, scanner: &str) -> usize {
        let own = self.works.values();
        let own = own.filter(|work| work.scanner == scanner && work.held.is_some());
        own.count()
    }

    /// Tells how long the oldest work of a scanner has been there; none where there is none.
    pub fn lag(&self, scanner: &str, now: Instant) -> Option<Duration> {
        let own = self.works.values().filter(|work| work.scanner == scanner);
        let oldest = own.map(|work| work.since).min()?;
        Some(now.saturating_duration_since(oldest))
    }

    fn has(&self, scanner: &str, lease: &Lease, now: Instant) -> bool {
        self.works.get(&lease.work).is_some_and(|work| {
            let is_its = work.scanner == scanner;
            let held = work.held.filter(|held| held.until > now);
            is_its && held.is_some_and(|held| held.fence == lease.fence)
        })
    }

    fn count(&self, scanner: &str) -> usize {
        let own = self.works.values();
        own.filter(|work| work.scanner == scanner).count()
    }

    fn queue_of(&mut self, scanner: &str) -> &mut VecDeque<WorkId> {
        self.waiting.entry(scanner.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests;
