//! Lists of verdicts, newest first or as they were first made: as summaries, or with all that was found.
//!
//! Which ones belong on a page is known before a row of any is read; only those are.

use std::collections::HashSet;
use std::sync::PoisonError;

use async_trait::async_trait;
use jiff::Timestamp;
use sluicegate_engine::ledger::term::Term;
use sluicegate_engine::ledger::{
    LedgerError, Lists, MAX_PAGE_BYTES, Order, Page, Summary, VerdictFilter, Verdicts as _,
};
use sluicegate_model::access::Reach;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Repository};

use crate::store::StoreError;

use super::head::{NameHash, SummaryRow};
use super::index::{ListPlace, WantedVerdicts, in_both};
use super::keys;
use super::records::{PAGE_ROWS, Records};
use super::rows;

#[async_trait]
impl Lists for Records {
    async fn list_summaries(
        &self,
        filter: &VerdictFilter,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Summary>, LedgerError> {
        let (places, next) = self.places(filter, limit, after).await?;
        let found = self.summarised(&places).await?;
        let mut page = Page {
            items: Vec::new(),
            behind: Vec::new(),
            next: next.map(|next| to_cursor(filter.order, next)),
        };
        for (place, summary) in places.into_iter().zip(found) {
            if let Some(summary) = summary.filter(|summary| is_of(filter, summary)) {
                page.items.push(summary);
                page.behind.push(to_cursor(filter.order, place));
            }
        }
        Ok(page)
    }

    async fn list_verdicts(
        &self,
        filter: &VerdictFilter,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Verdict>, LedgerError> {
        let (places, next) = self.places(filter, limit, after).await?;
        let found = self.summarised(&places).await?;
        let mut page = Page {
            items: Vec::new(),
            behind: Vec::new(),
            next: next.map(|next| to_cursor(filter.order, next)),
        };
        let (mut bytes, mut last) = (0_u64, None);
        for (place, summary) in places.into_iter().zip(found) {
            let Some(summary) = summary.filter(|summary| is_of(filter, summary)) else {
                continue;
            };
            let (scope, digest) = (&summary.scope(), &summary.digest);
            let text = self.verdict_bytes(scope, digest).await?;
            bytes = bytes.saturating_add(text.unwrap_or(0));
            if bytes > MAX_PAGE_BYTES && !page.items.is_empty() {
                page.next = last.map(|last| to_cursor(filter.order, last));
                return Ok(page);
            }
            // A damaged one counts as not judged; of one that was replaced the new one is shown.
            if let Some(verdict) = self.verdict(scope, digest).await? {
                page.items.push(verdict);
                page.behind.push(to_cursor(filter.order, place));
            }
            last = Some(place);
        }
        Ok(page)
    }

    async fn summaries_of(&self, digest: &Digest) -> Result<Vec<Summary>, LedgerError> {
        self.index.load(&self.store).await?;
        let numbers = self.numbers_of(digest).await?;
        let places: Vec<ListPlace> = numbers.into_iter().map(|n| (Timestamp::MIN, n)).collect();
        Ok(self
            .summarised(&places)
            .await?
            .into_iter()
            .flatten()
            .collect())
    }
}

impl Records {
    /// Chooses a page: its places, and the last of them where there are more.
    async fn places(
        &self,
        filter: &VerdictFilter,
        limit: usize,
        after: Option<&str>,
    ) -> Result<(Vec<ListPlace>, Option<ListPlace>), LedgerError> {
        let after = after.map(|text| from_cursor(filter.order, text));
        let after = after.transpose()?;
        self.whole_index().await?;
        let among = self.among(filter).await?;
        let wanted = WantedVerdicts {
            within: self.within(&filter.reach).await?,
            repository: filter.repository.as_ref().map(NameHash::of),
            decision: filter.decision,
            would_refuse: filter.would_refuse,
            since: filter.since,
            until: filter.until,
        };
        let limit = limit.max(1);
        let one_more = limit.saturating_add(1);
        let among = among.as_deref();
        let mut places = match filter.order {
            Order::Newest => self.index.newest(&wanted, among, one_more, after),
            Order::FirstJudged => {
                let from = after.map_or(0, |(_, number)| number.saturating_add(1));
                self.index.first_judged(&wanted, among, one_more, from)
            }
        };
        let has_more = places.len() > limit;
        places.truncate(limit);
        let next = places.last().copied().filter(|_| has_more);
        Ok((places, next))
    }

    /// Gives the repositories that somebody knows of, as memory knows them; none for all.
    pub(super) async fn within(
        &self,
        reach: &Reach,
    ) -> Result<Option<HashSet<NameHash>>, StoreError> {
        if reach.is_everything() {
            return Ok(None);
        }
        let numbered = self.index.repositories();
        let unnamed: Vec<(NameHash, u32)> = {
            let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            let is_unnamed = |(hash, _): &(NameHash, u32)| !names.contains_key(hash);
            numbered.into_iter().filter(is_unnamed).collect()
        };
        for unnamed in unnamed.chunks(PAGE_ROWS) {
            let places: Vec<ListPlace> =
                unnamed.iter().map(|(_, n)| (Timestamp::MIN, *n)).collect();
            let found = self.summarised(&places).await?;
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            for (summary, (hash, _)) in found.into_iter().zip(unnamed) {
                names.extend(summary.map(|summary| (*hash, summary.repository)));
            }
        }
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let known = names.iter().filter(|(_, name)| reach.has(name));
        Ok(Some(known.map(|(hash, _)| *hash).collect()))
    }

    /// Gives the numbers that have every name asked for; none where none is asked for.
    async fn among(&self, filter: &VerdictFilter) -> Result<Option<Vec<u32>>, StoreError> {
        let mut among: Option<Vec<u32>> = None;
        if let Some(digest) = &filter.digest {
            among = Some(self.numbers_of(digest).await?);
        }
        let vulnerability = filter.vulnerability.as_deref().map(Term::vulnerability);
        let package = filter.package.as_deref().map(Term::package_found);
        let reporter = filter.reported_by.as_deref().map(Term::reported_by);
        for term in vulnerability.into_iter().chain(package).chain(reporter) {
            if among.as_ref().is_some_and(Vec::is_empty) {
                break;
            }
            let numbers = self.index.numbers(&self.store, term).await?;
            among = Some(match among {
                Some(among) => in_both(&among, &numbers),
                None => numbers,
            });
        }
        Ok(among)
    }

    /// Gives the numbers of the verdicts on a manifest, in order.
    async fn numbers_of(&self, digest: &Digest) -> Result<Vec<u32>, StoreError> {
        let (prefix, mut after) = (keys::verdicts_of(digest), None);
        let mut numbers = Vec::new();
        loop {
            let page = self.store.page(&prefix, after.as_ref(), PAGE_ROWS).await?;
            let is_last = page.len() < PAGE_ROWS;
            for (key, body) in page {
                numbers.extend(rows::read_number(&body));
                after = Some(key);
            }
            if is_last {
                numbers.sort_unstable();
                return Ok(numbers);
            }
        }
    }

    async fn summarised(&self, places: &[ListPlace]) -> Result<Vec<Option<Summary>>, StoreError> {
        let keys: Vec<_> = places
            .iter()
            .map(|(_, number)| keys::summary(*number))
            .collect();
        let bodies = self.store.get_many(&keys).await?;
        let read = |body: Option<bytes::Bytes>| {
            let row: SummaryRow = rows::read(&body?)?;
            row.summary()
        };
        Ok(bodies.into_iter().map(read).collect())
    }
}

/// Tells whether what memory only knows by its hash is what was meant.
fn is_of(filter: &VerdictFilter, summary: &Summary) -> bool {
    let is_of = |wanted: &Repository| *wanted == summary.repository;
    filter.repository.as_ref().is_none_or(is_of) && filter.reach.has(&summary.repository)
}

/// Writes a place down: in the order of the first judgements the number alone says which it is, and
/// stays the same when the verdict is made anew.
fn to_cursor(order: Order, (decided_at, number): ListPlace) -> String {
    let mut bytes = match order {
        Order::Newest => decided_at.as_nanosecond().to_be_bytes().to_vec(),
        Order::FirstJudged => Vec::new(),
    };
    bytes.extend(number.to_be_bytes());
    hex::encode(bytes)
}

fn from_cursor(order: Order, cursor: &str) -> Result<ListPlace, LedgerError> {
    let read = || {
        let bytes = hex::decode(cursor).ok()?;
        let (time, number) = match order {
            Order::Newest => {
                let (time, number) = bytes.split_first_chunk::<16>()?;
                let time = Timestamp::from_nanosecond(i128::from_be_bytes(*time)).ok()?;
                (time, number)
            }
            Order::FirstJudged => (Timestamp::MIN, bytes.as_slice()),
        };
        Some((time, u32::from_be_bytes(number.try_into().ok()?)))
    };
    read().ok_or_else(|| LedgerError::cursor(cursor))
}
