//! Lists, by looking at everything there is.

use std::cmp::Reverse;

use async_trait::async_trait;
use jiff::Timestamp;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Repository, Sighting};

use super::{MemoryLedger, Place, State, Stored};
use crate::events::{Event, Happening};
use crate::ledger::term::ANYBODY;
use crate::ledger::term::{self, Term};
use crate::ledger::{
    EventFilter, EventPage, Events, Holder, KEPT_EVENTS, LedgerError, Lists, MAX_PAGE_BYTES, Once,
    Order, Packages, Page, Summary, VerdictFilter, oldest_event,
};

impl State {
    /// Chooses a page, in the order that is asked for, and says where the next one begins.
    fn page(
        &self,
        filter: &VerdictFilter,
        limit: usize,
        after: Option<&str>,
    ) -> Result<(Vec<&Stored>, Option<String>), LedgerError> {
        let after = after.map(from_cursor).transpose()?;
        let is_next = |stored: &&Stored| {
            after.is_none_or(|after| match filter.order {
                Order::Newest => stored.place() < after,
                Order::FirstJudged => stored.number > after.1,
            })
        };
        let mut found: Vec<&Stored> = self.verdicts.values().filter(is_next).collect();
        found.retain(|stored| accepts(filter, stored));
        match filter.order {
            Order::Newest => found.sort_by_key(|stored| Reverse(stored.place())),
            Order::FirstJudged => found.sort_by_key(|stored| stored.number),
        }
        let limit = limit.max(1);
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| has_more);
        let next = next.map(|stored| to_cursor(stored.place()));
        Ok((found, next))
    }
}

/// Tells whether a verdict is wanted, by looking at all of it.
fn accepts(filter: &VerdictFilter, stored: &Stored) -> bool {
    let (summary, at) = (&stored.summary, stored.summary.provenance.decided_at);
    let wanted = |asked: Option<&String>, names: fn(&Verdict) -> Vec<String>| {
        asked.is_none_or(|asked| {
            let has = |verdict: Verdict| {
                let same = |name: &String| name.eq_ignore_ascii_case(asked);
                names(&verdict).iter().any(same)
            };
            stored.verdict().is_some_and(has)
        })
    };
    let repository = filter.repository.as_ref();
    filter.reach.has(&summary.repository)
        && repository.is_none_or(|it| *it == summary.repository)
        && filter
            .digest
            .as_ref()
            .is_none_or(|it| *it == summary.digest)
        && filter.decision.is_none_or(|it| it == summary.decision)
        && filter
            .would_refuse
            .is_none_or(|it| it == summary.would_refuse)
        && filter.since.is_none_or(|since| at >= since)
        && filter.until.is_none_or(|until| at < until)
        && wanted(filter.vulnerability.as_ref(), weaknesses)
        && wanted(filter.package.as_ref(), packages)
        && wanted(filter.reported_by.as_ref(), reporters)
}

fn reporters(verdict: &Verdict) -> Vec<String> {
    let who = verdict.domain.shown().into_iter();
    who.flat_map(|who| [who, ANYBODY.to_owned()]).collect()
}

fn weaknesses(verdict: &Verdict) -> Vec<String> {
    let ids = verdict.findings.iter().flat_map(|finding| {
        let more = finding.aliases.iter().chain(&finding.advisories);
        std::iter::once(&finding.id).chain(more)
    });
    ids.cloned().collect()
}

fn packages(verdict: &Verdict) -> Vec<String> {
    let mut names = Vec::new();
    for package in verdict.findings.iter().map(|finding| &finding.package) {
        names.push(package.name.clone());
        names.extend(package.source.clone());
        if package.purl.starts_with("pkg:maven/") {
            names.extend(package.name.rsplit(':').next().map(str::to_owned));
        }
    }
    names
}

fn to_cursor((at, number): Place) -> String {
    format!("{}-{number}", at.as_nanosecond())
}

fn from_cursor(text: &str) -> Result<Place, LedgerError> {
    let read = || {
        let (at, number) = text.rsplit_once('-')?;
        let at = Timestamp::from_nanosecond(at.parse().ok()?).ok()?;
        Some((at, number.parse().ok()?))
    };
    read().ok_or_else(|| LedgerError::cursor(text))
}

#[async_trait]
impl Lists for MemoryLedger {
    async fn list_summaries(
        &self,
        filter: &VerdictFilter,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Summary>, LedgerError> {
        let state = self.state().await;
        let (found, next) = state.page(filter, limit, after)?;
        let behind = found.iter().map(|stored| to_cursor(stored.place()));
        Ok(Page {
            behind: behind.collect(),
            items: found.iter().map(|stored| stored.summary.clone()).collect(),
            next,
        })
    }

    async fn list_verdicts(
        &self,
        filter: &VerdictFilter,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Verdict>, LedgerError> {
        let state = self.state().await;
        let (found, mut next) = state.page(filter, limit, after)?;
        let (mut items, mut behind) = (Vec::new(), Vec::new());
        let (mut bytes, mut last) = (0, None);
        for stored in found {
            bytes += stored.text.text_bytes as u64;
            if bytes > MAX_PAGE_BYTES && !items.is_empty() {
                next = last.map(to_cursor);
                break;
            }
            if let Some(verdict) = stored.verdict() {
                items.push(verdict);
                behind.push(to_cursor(stored.place()));
            }
            last = Some(stored.place());
        }
        Ok(Page {
            items,
            behind,
            next,
        })
    }

    async fn summaries_of(&self, digest: &Digest) -> Result<Vec<Summary>, LedgerError> {
        let state = self.state().await;
        let of_it = state
            .verdicts
            .values()
            .filter(|stored| stored.summary.digest == *digest);
        let mut found: Vec<&Stored> = of_it.collect();
        found.sort_by_key(|stored| stored.number);
        Ok(found.into_iter().map(|it| it.summary.clone()).collect())
    }
}

#[async_trait]
impl Packages for MemoryLedger {
    async fn lists_packages(&self, image: &Sighting) -> Result<bool, LedgerError> {
        Ok(self.state().await.listed.contains_key(image))
    }

    async fn images_with(
        &self,
        name: &str,
        version: Option<&str>,
        from: u32,
        limit: usize,
    ) -> Result<Vec<Holder>, LedgerError> {
        let asked = match version {
            Some(version) => Term::installed_as(name, version),
            None => Term::installed(name),
        };
        let state = self.state().await;
        let mut found: Vec<Holder> = Vec::new();
        for (image, number) in &state.listed {
            let has = state
                .lists
                .get(*number)
                .is_some_and(|it| it.contains(&asked));
            let number = u32::try_from(*number).unwrap_or(u32::MAX);
            if has && number >= from {
                let image = image.clone();
                found.push(Holder { image, number });
            }
        }
        found.sort_by_key(|holder| holder.number);
        found.truncate(limit);
        Ok(found)
    }

    async fn unlisted(&self) -> Result<u64, LedgerError> {
        let state = self.state().await;
        let stored = state.verdicts.values();
        let image = |it: &Stored| it.summary.scope().sighting(&it.summary.digest);
        let unlisted = stored.filter(|it| !state.listed.contains_key(&image(it)));
        Ok(unlisted.count() as u64)
    }
}

#[async_trait]
impl Events for MemoryLedger {
    async fn list_events(
        &self,
        filter: &EventFilter,
        limit: usize,
        after: Option<u64>,
    ) -> Result<EventPage, LedgerError> {
        let state = self.state().await;
        let oldest = oldest_event(state.events.len() as u64);
        let is_next = |event: &&Event| after.is_none_or(|after| event.seq < after);
        let kept = state
            .events
            .iter()
            .rev()
            .filter(|event| event.seq >= oldest);
        let mut wanted = kept.filter(is_next).filter(|event| tells(filter, event));
        let items: Vec<Event> = wanted.by_ref().take(limit.max(1)).cloned().collect();
        let next = items.last().map(|last| last.seq);
        let next = next.filter(|_| wanted.next().is_some());
        Ok(EventPage { items, next })
    }

    async fn tell(&self, time: Timestamp, happened: Happening) -> Result<u64, LedgerError> {
        Ok(self.state().await.tell(time, happened))
    }

    async fn tell_once(
        &self,
        time: Timestamp,
        happened: Happening,
        once: &Once,
    ) -> Result<Option<u64>, LedgerError> {
        let mut state = self.state().await;
        state.told.retain(|_, until| *until > time);
        if state.told.contains_key(&once.name) {
            return Ok(None);
        }
        state.told.insert(once.name.clone(), once.until);
        Ok(Some(state.tell(time, happened)))
    }

    async fn last_event(&self) -> Result<u64, LedgerError> {
        Ok(self.state().await.events.len() as u64)
    }

    async fn event(&self, seq: u64) -> Result<Option<Event>, LedgerError> {
        let state = self.state().await;
        let is_kept = seq.saturating_add(KEPT_EVENTS) > state.events.len() as u64;
        let mut events = state.events.iter();
        Ok(events.find(|event| is_kept && event.seq == seq).cloned())
    }

    async fn delivered_event(&self, receiver: &str) -> Result<Option<u64>, LedgerError> {
        Ok(self.state().await.delivered.get(receiver).copied())
    }

    async fn put_delivered_event(&self, receiver: &str, seq: u64) -> Result<(), LedgerError> {
        let mut state = self.state().await;
        state.delivered.insert(receiver.to_owned(), seq);
        Ok(())
    }
}

/// Tells whether an event is wanted.
fn tells(filter: &EventFilter, event: &Event) -> bool {
    let change = event.change();
    let terms = term::of_event(&event.happened);
    let names = |id: &String| terms.contains(&Term::event_naming(id));
    let by = |cause| change.is_some_and(|it| it.cause.kinds().contains(&cause));
    let on = |wanted: &Repository| event.happened.repository() == Some(wanted);
    let of = |wanted: &Digest| event.happened.digest() == Some(wanted);
    let towards = |wanted| change.is_some_and(|it| it.direction == wanted);
    event.is_within(&filter.reach)
        && filter.kind.is_none_or(|kind| kind == event.kind())
        && filter.repository.as_ref().is_none_or(on)
        && filter.digest.as_ref().is_none_or(of)
        && filter.since.is_none_or(|since| event.time >= since)
        && filter.until.is_none_or(|until| event.time < until)
        && filter.direction.is_none_or(towards)
        && filter.cause.is_none_or(by)
        && filter.vulnerability.as_ref().is_none_or(names)
}
