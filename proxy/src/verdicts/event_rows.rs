//! Events, numbered without holes, the newest ones kept.
//!
//! They are written by `replace`, each in the batch of the verdict it speaks of: either both are
//! there or neither is.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sluicegate_local::store::{Op, StoreError};
use sluicegate_model::{Digest, Repository};
use tokio::sync::{Mutex, MutexGuard};

use super::index::{Entry, in_both};
use super::keys;
use super::records::{PAGE_ROWS, Records};
use super::replace::Batch;
use super::rows;
use super::term::{self, Term};
use sluicegate_engine::events::{CauseKind, Change, Direction, Event, EventKind};

/// Most events kept, about a KiB each.
const MAX_EVENTS: u64 = 20_000;
/// How much later than its time an event may have been written, at most: the longest batch.
const MAX_LATE: SignedDuration = SignedDuration::from_hours(1);

/// Which events are wanted; every field that is set must fit.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Those of this kind.
    pub kind: Option<EventKind>,
    /// Those of this repository.
    pub repository: Option<Repository>,
    /// Those of this manifest.
    pub digest: Option<Digest>,
    /// Those at this instant or later.
    pub since: Option<Timestamp>,
    /// Those before this instant.
    pub until: Option<Timestamp>,
    /// Those that went this way.
    pub direction: Option<Direction>,
    /// Those that this brought about.
    pub cause: Option<CauseKind>,
    /// Those that name this weakness among what came or went, upper or lower case.
    pub vulnerability: Option<String>,
}

/// One page of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// The events, newest first.
    pub items: Vec<Event>,
    /// What to give as `after` for the next page; none on the last one.
    pub next: Option<u64>,
}

/// The number of the newest event, for whoever writes the next; none until it was looked up.
#[derive(Clone, Debug, Default)]
pub(super) struct EventHead(Arc<Mutex<Option<u64>>>);

/// Events that are about to be written; nobody else writes any before this is dropped.
pub(super) struct Numbering<'a> {
    head: MutexGuard<'a, Option<u64>>,
    last: u64,
}

impl Numbering<'_> {
    /// Adds the changes that write an event, and that remove the one that is too old.
    pub(super) async fn add(
        &mut self,
        records: &Records,
        batch: &mut Batch,
        time: Timestamp,
        change: Change,
    ) -> Result<(), StoreError> {
        self.last = self.last.saturating_add(1);
        let event = Event::new(self.last, time, change);
        let body = serde_json::to_vec(&event).map_err(|error| StoreError::Engine {
            attempt: "encoding an event for",
            why: error.to_string(),
        })?;
        batch.ops.extend([
            Op::Put {
                key: keys::event(self.last),
                body: body.into(),
            },
            rows::put(keys::event_head(), &self.last)?,
        ]);
        let terms = term::of_event(&event.change);
        batch.log(
            &records.index,
            Entry::between(number(self.last), &[], &terms),
        )?;
        if let Some(oldest) = self.last.checked_sub(MAX_EVENTS) {
            if let Some(gone) = records.event(oldest).await? {
                let terms = term::of_event(&gone.change);
                batch.log(&records.index, Entry::between(number(oldest), &terms, &[]))?;
            }
            batch.ops.push(Op::Delete {
                key: keys::event(oldest),
            });
        }
        Ok(())
    }

    /// Says that the events were written. Without this the number is looked up again.
    pub(super) fn written(mut self) {
        *self.head = Some(self.last);
    }
}

impl Records {
    /// Lists events, newest first, at most `limit` that are older than the event `after`.
    pub async fn list_events(
        &self,
        filter: &EventFilter,
        limit: usize,
        after: Option<u64>,
    ) -> Result<EventPage, StoreError> {
        let limit = limit.max(1);
        let chosen = self.chosen_events(filter, after).await?;
        let mut page = EventPage {
            items: Vec::new(),
            next: None,
        };
        // One more than a page, so that it is known whether there is another.
        for numbers in chosen.chunks(limit.saturating_add(1).min(PAGE_ROWS)) {
            let keys: Vec<_> = numbers.iter().map(|seq| keys::event(*seq)).collect();
            for body in self.store.get_many(&keys).await?.into_iter().flatten() {
                let Ok(event) = serde_json::from_slice::<Event>(&body) else {
                    continue;
                };
                if filter.ends_before(&event) {
                    return Ok(page);
                }
                if !filter.accepts(&event) {
                    continue;
                }
                if page.items.len() >= limit {
                    page.next = page.items.last().map(|last| last.seq);
                    return Ok(page);
                }
                page.items.push(event);
            }
        }
        Ok(page)
    }

    /// Numbers the events that have every name asked for, newest first, older than `after`.
    async fn chosen_events(
        &self,
        filter: &EventFilter,
        after: Option<u64>,
    ) -> Result<Vec<u64>, StoreError> {
        self.whole_index().await?;
        let last = self.last_event().await?;
        let oldest = Self::oldest_event(last).max(1);
        let end = after.map_or(last.saturating_add(1), |after| {
            after.min(last.saturating_add(1))
        });
        let mut among: Option<Vec<u32>> = None;
        for term in filter.terms() {
            let numbers = self.index.numbers(&self.store, term).await?;
            among = Some(match among {
                Some(among) => in_both(&among, &numbers),
                None => numbers,
            });
        }
        let kept = oldest..end;
        Ok(match among {
            Some(among) => {
                let numbers = among.into_iter().rev().map(u64::from);
                numbers.filter(|seq| kept.contains(seq)).collect()
            }
            None => kept.rev().collect(),
        })
    }

    /// Gives the number of the newest event; 0 where there has been none.
    pub async fn last_event(&self) -> Result<u64, StoreError> {
        Ok(self.row(&keys::event_head()).await?.unwrap_or_default())
    }

    /// Gives the number of the oldest event that is kept where `last` is the newest.
    pub fn oldest_event(last: u64) -> u64 {
        last.saturating_sub(MAX_EVENTS).saturating_add(1)
    }

    /// Gives an event by its number; none where it is damaged, too old, or not there yet.
    pub async fn event(&self, seq: u64) -> Result<Option<Event>, StoreError> {
        let body = self.store.get(&keys::event(seq)).await?;
        Ok(body.and_then(|body| serde_json::from_slice(&body).ok()))
    }

    /// Gives the number of the last event that needs no delivery any more; none where nothing was
    /// ever delivered.
    pub async fn delivered_event(&self) -> Result<Option<u64>, StoreError> {
        self.row(&keys::delivered_event()).await
    }

    /// Records that an event, and all before it, needs no delivery any more.
    pub async fn put_delivered_event(&self, seq: u64) -> Result<(), StoreError> {
        let op = rows::put(keys::delivered_event(), &seq)?;
        self.store.apply(vec![op]).await
    }

    /// Starts to write events.
    pub(super) async fn number_events(&self) -> Result<Numbering<'_>, StoreError> {
        let mut head = self.event_head.0.lock().await;
        let last = match head.take() {
            Some(last) => last,
            None => self.last_event().await?,
        };
        Ok(Numbering { head, last })
    }
}

impl EventFilter {
    /// Lists the names that the wanted ones have.
    fn terms(&self) -> Vec<Term> {
        let repository = self.repository.as_ref().map(ToString::to_string);
        let digest = self.digest.as_ref().map(Digest::as_str);
        let terms = [
            repository.as_deref().map(Term::event_on),
            digest.map(Term::event_of),
            self.direction.map(Term::event_towards),
            self.cause.map(Term::event_by),
            self.vulnerability.as_deref().map(Term::event_naming),
        ];
        terms.into_iter().flatten().collect()
    }

    /// Tells whether an event that has every name asked for is wanted.
    fn accepts(&self, event: &Event) -> bool {
        let fits = |wanted: Option<&Repository>| {
            wanted.is_none_or(|wanted| *wanted == event.change.repository)
        };
        self.kind.is_none_or(|kind| kind == event.kind)
            && fits(self.repository.as_ref())
            && self.since.is_none_or(|since| event.time >= since)
            && self.until.is_none_or(|until| event.time < until)
    }

    /// Tells whether no event before this one can be wanted.
    fn ends_before(&self, event: &Event) -> bool {
        let latest = event.time.checked_add(MAX_LATE).unwrap_or(Timestamp::MAX);
        self.since.is_some_and(|since| latest < since)
    }
}

/// Gives an event's number in the index.
pub(super) fn number(seq: u64) -> u32 {
    u32::try_from(seq).unwrap_or(u32::MAX)
}
