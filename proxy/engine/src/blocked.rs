//! Refused pulls, told as events: one a minute for each image and client, counted.
//!
//! Nothing is written while a client waits. However many clients ask for however many names, what is
//! held is bounded, and so is what is told in a day: past that they are one event together, so that
//! nobody pushes out of the ledger what else happened. The log of pulls has each of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::clock::Clock;
use sluicegate_model::verdict::{PolicyReference, Reason};
use sluicegate_model::{Digest, Repository, Tag};

use crate::events::{BlockedPulls, Happening, OTHERS};
use crate::identity::Who;
use crate::ledger::{Ledger, LedgerError};

/// For how long refusals of one image to one client are one event, from the first on.
const TOGETHER: SignedDuration = SignedDuration::from_mins(1);
/// The same of all that were too many to be told one by one.
const OTHERS_TOGETHER: SignedDuration = SignedDuration::from_mins(10);
/// Most images and clients that are held at a time, about a KiB each.
const MOST_HELD: usize = 1_000;
/// Most events that are told at once. With [`AGAIN_AFTER`] that is 2,084 in the first day, and 1,584 in
/// each other with those of the others: the ledger keeps 20,000.
const MOST_AT_ONCE: u32 = 500;
/// How long until one more may be told.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(1);
/// How often it is looked at which ones are due.
const LOOK: Duration = Duration::from_secs(5);
/// Longest text of a rule's message that is told, in characters.
const MAX_MESSAGE_CHARS: usize = 300;

/// What was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused<'a> {
    pub(crate) who: &'a Who,
    pub(crate) repository: &'a Repository,
    pub(crate) tag: Option<&'a Tag>,
    /// None where the name was refused before it was looked up.
    pub(crate) digest: Option<&'a Digest>,
    pub(crate) policy: &'a PolicyReference,
    pub(crate) reasons: &'a [Reason],
}

/// One image, asked for by one client.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    repository: Option<Repository>,
    /// By digest; by tag where the name was refused.
    image: String,
    client: String,
    principal: Option<String>,
}

/// Collects refusals and tells them.
#[derive(Clone)]
pub struct Blocked {
    held: Arc<Mutex<Held>>,
    ledger: Arc<dyn Ledger>,
    clock: Clock,
}

/// What is not told yet.
#[derive(Debug)]
struct Held {
    one_by_one: HashMap<Key, BlockedPulls>,
    others: Option<BlockedPulls>,
    /// How many more may be told.
    left: u32,
    /// Since when no more were allowed.
    counted_from: Option<Timestamp>,
}

impl Blocked {
    /// Joins the parts; [`Self::run`] starts it.
    pub(crate) fn new(ledger: Arc<dyn Ledger>, clock: Clock) -> Self {
        let held = Held {
            one_by_one: HashMap::new(),
            others: None,
            left: MOST_AT_ONCE,
            counted_from: None,
        };
        Self {
            held: Arc::new(Mutex::new(held)),
            ledger,
            clock,
        }
    }

    /// Counts a refusal.
    pub(crate) fn note(&self, refused: Refused<'_>) {
        let now = self.clock.now();
        self.lock().note(refused, now);
    }

    /// Tells what is due until the program ends.
    pub async fn run(self) {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(error) = self.tell_due().await {
                tracing::error!(%error, "refused pulls are no events yet; tried again later");
            }
        }
    }

    /// Tells what is due.
    ///
    /// *Errors*: the ledger cannot be written; what was not told is held on.
    pub async fn tell_due(&self) -> Result<(), LedgerError> {
        let now = self.clock.now();
        let due = self.lock().due(now);
        self.tell(due, now).await
    }

    /// Tells all that is held: the program ends.
    ///
    /// *Errors*: the ledger cannot be written.
    pub async fn tell_all(&self) -> Result<(), LedgerError> {
        let now = self.clock.now();
        let all = self.lock().all(now);
        self.tell(all, now).await
    }

    async fn tell(&self, due: Vec<BlockedPulls>, now: Timestamp) -> Result<(), LedgerError> {
        let mut due = due.into_iter();
        while let Some(blocked) = due.next() {
            let told = Happening::PullBlocked(blocked.clone());
            if let Err(error) = self.ledger.tell(now, told).await {
                let mut held = self.lock();
                std::iter::once(blocked)
                    .chain(due)
                    .for_each(|it| held.hold_on(it));
                return Err(error);
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn note(&mut self, refused: Refused<'_>, now: Timestamp) {
        self.hold(blocked(refused, now));
    }

    fn hold(&mut self, more: BlockedPulls) {
        let has_room = self.one_by_one.len() < MOST_HELD;
        match self.one_by_one.entry(key(&more)) {
            Entry::Occupied(mut known) => add(known.get_mut(), &more),
            Entry::Vacant(place) if has_room => {
                place.insert(more);
            }
            Entry::Vacant(_) => self.add_to_others(&more),
        }
    }

    /// Takes what is due. An instant that has not come yet was noted by a clock that stood wrong.
    fn due(&mut self, now: Timestamp) -> Vec<BlockedPulls> {
        let is_due = |it: &BlockedPulls, together| {
            let held = now.duration_since(it.first);
            held >= together || held < SignedDuration::ZERO
        };
        let one_by_one = self.one_by_one.extract_if(|_, it| is_due(it, TOGETHER));
        let one_by_one = one_by_one.map(|(_, it)| it).collect();
        let mut due = self.within_bounds(one_by_one, now);
        due.extend(self.others.take_if(|it| is_due(it, OTHERS_TOGETHER)));
        due
    }

    fn all(&mut self, now: Timestamp) -> Vec<BlockedPulls> {
        let one_by_one = self.one_by_one.drain().map(|(_, it)| it).collect();
        let mut all = self.within_bounds(one_by_one, now);
        all.extend(self.others.take());
        all
    }

    /// Leaves those that may be told one by one, the first to begin with.
    fn within_bounds(&mut self, mut due: Vec<BlockedPulls>, now: Timestamp) -> Vec<BlockedPulls> {
        self.allow_more(now);
        due.sort_by_key(|it| it.first);
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let too_many = due.split_off(due.len().min(most));
        let told = u32::try_from(due.len()).unwrap_or(u32::MAX);
        self.left = self.left.saturating_sub(told);
        for it in &too_many {
            self.add_to_others(it);
        }
        due
    }

    /// Allows one more for each [`AGAIN_AFTER`] that has passed.
    fn allow_more(&mut self, now: Timestamp) {
        let from = *self.counted_from.get_or_insert(now);
        let passed = now.duration_since(from).as_secs() / AGAIN_AFTER.as_secs();
        if passed != 0 {
            let more = u32::try_from(passed).unwrap_or(0);
            self.left = self.left.saturating_add(more).min(MOST_AT_ONCE);
            self.counted_from = Some(now);
        }
    }

    fn add_to_others(&mut self, more: &BlockedPulls) {
        match &mut self.others {
            Some(others) => add(others, more),
            None => self.others = Some(one_of_many(more)),
        }
    }

    /// Takes back what could not be told.
    fn hold_on(&mut self, untold: BlockedPulls) {
        if untold.repository.is_none() {
            return self.add_to_others(&untold);
        }
        self.left = self.left.saturating_add(1).min(MOST_AT_ONCE);
        self.hold(untold);
    }
}

/// Counts one refusal.
fn blocked(refused: Refused<'_>, now: Timestamp) -> BlockedPulls {
    let reason = refused.reasons.first();
    let message = reason.map(|it| it.message.chars().take(MAX_MESSAGE_CHARS).collect());
    BlockedPulls {
        repository: Some(refused.repository.clone()),
        tag: refused.tag.cloned(),
        digest: refused.digest.cloned(),
        policy: Some(refused.policy.name.clone()),
        rule: reason.map(|it| it.rule.clone()),
        message,
        client: refused.who.client.to_string(),
        principal: refused.who.principal.as_ref().map(ToString::to_string),
        count: 1,
        first: now,
        last: now,
    }
}

fn key(blocked: &BlockedPulls) -> Key {
    let digest = blocked.digest.as_ref().map(ToString::to_string);
    let tag = blocked.tag.as_ref().map(ToString::to_string);
    Key {
        repository: blocked.repository.clone(),
        image: digest.or(tag).unwrap_or_default(),
        client: blocked.client.clone(),
        principal: blocked.principal.clone(),
    }
}

fn add(known: &mut BlockedPulls, more: &BlockedPulls) {
    known.count = known.count.saturating_add(more.count);
    known.first = known.first.min(more.first);
    known.last = known.last.max(more.last);
    if known.repository.is_some() && known.tag.is_none() {
        known.tag.clone_from(&more.tag);
    }
}

/// Leaves of a refusal what is told of many.
fn one_of_many(blocked: &BlockedPulls) -> BlockedPulls {
    BlockedPulls {
        repository: None,
        tag: None,
        digest: None,
        policy: None,
        rule: None,
        message: None,
        client: OTHERS.to_owned(),
        principal: None,
        ..blocked.clone()
    }
}

#[cfg(test)]
mod tests;
