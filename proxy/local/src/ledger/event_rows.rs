//! Events, numbered without holes, the newest ones kept.
//!
//! Those about a verdict are written by `replace`, each in the batch of that verdict: either both are
//! there or neither is.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sluicegate_engine::events::{Event, Happening};
use sluicegate_engine::ledger::term::{self, Term};
use sluicegate_engine::ledger::{
    EventFilter, EventPage, Events, KEPT_EVENTS, LedgerError, Once, oldest_event, stored,
};
use sluicegate_model::{Digest, Repository};
use tokio::sync::{Mutex, MutexGuard};

use crate::store::{Key, Op, StoreError};

use super::index::{IndexEntry, in_both};
use super::keys;
use super::records::{PAGE_ROWS, Records};
use super::replace::Batch;
use super::rows;
use super::version;

/// How much later than its time an event may have been written, at most: the longest batch.
const MAX_LATE: SignedDuration = SignedDuration::from_hours(1);

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
        happened: Happening,
    ) -> Result<(), StoreError> {
        self.last = self.last.saturating_add(1);
        let event = Event::new(self.last, time, happened);
        let text = stored::event_text(&event).map_err(|error| StoreError::Engine {
            attempt: "encoding an event for",
            why: error.to_string(),
        })?;
        let body = [version::begin(), text].concat();
        batch.ops.push(Op::Put {
            key: keys::event(self.last),
            body: body.into(),
        });
        let terms = term::of_event(&event.happened);
        batch.log(
            &records.index,
            IndexEntry::between(number(self.last), &[], &terms),
        )?;
        if let Some(oldest) = self.last.checked_sub(KEPT_EVENTS) {
            if let Some(gone) = records.numbered_event(oldest).await? {
                let terms = term::of_event(&gone.happened);
                batch.log(
                    &records.index,
                    IndexEntry::between(number(oldest), &terms, &[]),
                )?;
            }
            batch.ops.push(Op::Delete {
                key: keys::event(oldest),
            });
        }
        Ok(())
    }

    /// Makes the change that keeps the number of the last of them.
    pub(super) fn head(&self) -> Result<Op, StoreError> {
        rows::put(keys::event_head(), &self.last)
    }

    /// Says that the events were written, and gives the number of the last. Without this it is looked
    /// up again.
    pub(super) fn written(mut self) -> u64 {
        *self.head.insert(self.last)
    }
}

#[async_trait]
impl Events for Records {
    async fn list_events(
        &self,
        filter: &EventFilter,
        limit: usize,
        after: Option<u64>,
    ) -> Result<EventPage, LedgerError> {
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
                let Some(event) = read(&body) else {
                    continue;
                };
                if ends_before(filter, &event) {
                    return Ok(page);
                }
                if !accepts(filter, &event) {
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

    async fn tell(&self, time: Timestamp, happened: Happening) -> Result<u64, LedgerError> {
        self.index.load(&self.store).await?;
        Ok(self.tell_with(time, happened, Vec::new()).await?)
    }

    async fn tell_once(
        &self,
        time: Timestamp,
        happened: Happening,
        once: &Once,
    ) -> Result<Option<u64>, LedgerError> {
        self.index.load(&self.store).await?;
        let key = keys::told(&Digest::of(once.name.as_bytes()));
        let held = self.writing.lock(&[keys::all_told()]).await;
        let known: Option<Timestamp> = self.row(&key).await?;
        if known.is_some_and(|until| until > time) {
            return Ok(None);
        }
        let mut marks = self.over_by(time, &key).await?;
        marks.push(rows::put(key, &once.until)?);
        let seq = self.tell_with(time, happened, marks).await?;
        drop(held);
        Ok(Some(seq))
    }

    async fn last_event(&self) -> Result<u64, LedgerError> {
        Ok(self.newest_event().await?)
    }

    async fn event(&self, seq: u64) -> Result<Option<Event>, LedgerError> {
        Ok(self.numbered_event(seq).await?)
    }

    async fn delivered_event(&self, receiver: &str) -> Result<Option<u64>, LedgerError> {
        Ok(self.row(&keys::delivered_event(receiver)).await?)
    }

    async fn put_delivered_event(&self, receiver: &str, seq: u64) -> Result<(), LedgerError> {
        let op = rows::put(keys::delivered_event(receiver), &seq)?;
        Ok(self.store.apply(vec![op]).await?)
    }
}

impl Records {
    /// Writes an event with other changes: all of them or none.
    async fn tell_with(
        &self,
        time: Timestamp,
        happened: Happening,
        with: Vec<Op>,
    ) -> Result<u64, StoreError> {
        let mut batch = Batch::default();
        let mut events = self.number_events().await?;
        events.add(self, &mut batch, time, happened).await?;
        batch.ops.push(events.head()?);
        batch.ops.extend(with);
        self.write(batch).await?;
        let seq = events.written();
        self.index.fold_where_due(&self.store).await;
        Ok(seq)
    }

    /// Makes the changes that forget some marks which need not be remembered any more. Marks lie in the
    /// order of hashes, so that those behind one are any.
    async fn over_by(&self, now: Timestamp, behind: &Key) -> Result<Vec<Op>, StoreError> {
        let all = keys::all_told();
        let marks = self.store.page(&all, Some(behind), PAGE_ROWS).await?;
        let is_over = |row: &[u8]| rows::read(row).is_none_or(|until: Timestamp| until <= now);
        let over = marks.into_iter().filter(|(_, row)| is_over(row));
        Ok(over.map(|(key, _)| Op::Delete { key }).collect())
    }

    /// Numbers the events that have every name asked for, newest first, older than `after`.
    async fn chosen_events(
        &self,
        filter: &EventFilter,
        after: Option<u64>,
    ) -> Result<Vec<u64>, LedgerError> {
        self.whole_index().await?;
        let last = self.newest_event().await?;
        let oldest = oldest_event(last).max(1);
        let end = after.map_or(last.saturating_add(1), |after| {
            after.min(last.saturating_add(1))
        });
        let mut among: Option<Vec<u32>> = None;
        for term in terms(filter) {
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

    async fn newest_event(&self) -> Result<u64, StoreError> {
        Ok(self.row(&keys::event_head()).await?.unwrap_or_default())
    }

    async fn numbered_event(&self, seq: u64) -> Result<Option<Event>, StoreError> {
        let body = self.store.get(&keys::event(seq)).await?;
        Ok(body.and_then(|body| read(&body)))
    }

    /// Starts to write events.
    pub(super) async fn number_events(&self) -> Result<Numbering<'_>, StoreError> {
        let mut head = self.event_head.0.lock().await;
        let last = match head.take() {
            Some(last) => last,
            None => self.newest_event().await?,
        };
        Ok(Numbering { head, last })
    }
}

/// Lists the names that the wanted ones have.
fn terms(filter: &EventFilter) -> Vec<Term> {
    let repository = filter.repository.as_ref().map(ToString::to_string);
    let digest = filter.digest.as_ref().map(Digest::as_str);
    let terms = [
        repository.as_deref().map(Term::event_on),
        digest.map(Term::event_of),
        filter.direction.map(Term::event_towards),
        filter.cause.map(Term::event_by),
        filter.vulnerability.as_deref().map(Term::event_naming),
        filter.kind.and_then(Term::event_like),
    ];
    terms.into_iter().flatten().collect()
}

/// Tells whether an event that has every name asked for is wanted.
fn accepts(filter: &EventFilter, event: &Event) -> bool {
    let repository = event.happened.repository();
    let fits = |wanted: Option<&Repository>| wanted.is_none_or(|wanted| repository == Some(wanted));
    event.is_within(&filter.reach)
        && filter.kind.is_none_or(|kind| kind == event.kind())
        && fits(filter.repository.as_ref())
        && filter.since.is_none_or(|since| event.time >= since)
        && filter.until.is_none_or(|until| event.time < until)
}

/// Tells whether no event before this one can be wanted.
fn ends_before(filter: &EventFilter, event: &Event) -> bool {
    let latest = event.time.checked_add(MAX_LATE).unwrap_or(Timestamp::MAX);
    filter.since.is_some_and(|since| latest < since)
}

/// Reads an event; none where it is damaged or of a later version.
pub(super) fn read(row: &[u8]) -> Option<Event> {
    stored::read_event(version::content(row)?)
}

/// Gives an event's number in the index.
pub(super) fn number(seq: u64) -> u32 {
    u32::try_from(seq).unwrap_or(u32::MAX)
}
