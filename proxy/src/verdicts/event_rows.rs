//! Events, numbered without holes, the newest ones kept.
//!
//! They are written by `replace`, each in the batch of the verdict it speaks of: either both are
//! there or neither is.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::{Digest, Repository};
use tokio::sync::{Mutex, MutexGuard};

use super::keys;
use super::records::{PAGE_ROWS, Records};
use super::rows;
use super::store::{Op, StoreError};
use crate::events::{Change, Event, EventKind};

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
    /// Makes the changes that write an event, and that remove the one that is too old.
    pub(super) fn ops(&mut self, time: Timestamp, change: Change) -> Result<Vec<Op>, StoreError> {
        self.last = self.last.saturating_add(1);
        let event = Event::new(self.last, time, change);
        let body = serde_json::to_vec(&event).map_err(|error| StoreError::Engine {
            attempt: "encoding an event for",
            why: error.to_string(),
        })?;
        let mut ops = vec![
            Op::Put {
                key: keys::event(self.last),
                body: body.into(),
            },
            rows::put(keys::event_head(), &self.last)?,
        ];
        if let Some(oldest) = self.last.checked_sub(MAX_EVENTS) {
            ops.push(Op::Delete {
                key: keys::event(oldest),
            });
        }
        Ok(ops)
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
        let prefix = keys::all_events();
        let mut at = after.map(keys::event);
        let mut page = EventPage {
            items: Vec::new(),
            next: None,
        };
        loop {
            let rows = self.store.page(&prefix, at.as_ref(), PAGE_ROWS).await?;
            let is_last = rows.len() < PAGE_ROWS;
            for (key, body) in rows {
                at = Some(key);
                let Ok(event) = serde_json::from_slice::<Event>(&body) else {
                    continue;
                };
                if filter.ends_before(&event) {
                    return Ok(page);
                }
                if !filter.accepts(&event) {
                    continue;
                }
                if page.items.len() >= limit.max(1) {
                    page.next = page.items.last().map(|last| last.seq);
                    return Ok(page);
                }
                page.items.push(event);
            }
            if is_last {
                return Ok(page);
            }
        }
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
    fn accepts(&self, event: &Event) -> bool {
        self.kind.is_none_or(|kind| kind == event.kind)
            && fits(self.repository.as_ref(), &event.change.repository)
            && fits(self.digest.as_ref(), &event.change.digest)
            && self.since.is_none_or(|since| event.time >= since)
    }

    /// Tells whether no event before this one can be wanted.
    fn ends_before(&self, event: &Event) -> bool {
        let latest = event.time.checked_add(MAX_LATE).unwrap_or(Timestamp::MAX);
        self.since.is_some_and(|since| latest < since)
    }
}

fn fits<T: PartialEq>(wanted: Option<&T>, got: &T) -> bool {
    wanted.is_none_or(|wanted| wanted == got)
}
