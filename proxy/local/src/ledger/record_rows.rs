//! What is recorded, as it is asked for: which images have or had a weakness.

use async_trait::async_trait;
use sluicegate_engine::ledger::term::Term;
use sluicegate_engine::ledger::{LedgerError, Record, RecordFilter, RecordPage, Recorded};

use crate::store::{Key, StoreError};

use super::head::NameHash;
use super::keys;
use super::record_follow::lost;
use super::record_row::RecordRow;
use super::records::Records;
use super::rows;

#[async_trait]
impl Record for Records {
    async fn recorded(
        &self,
        filter: &RecordFilter,
        limit: usize,
        after: Option<u32>,
    ) -> Result<RecordPage, LedgerError> {
        self.whole_index().await?;
        self.whole_record().await?;
        self.follow_record().await?;
        let term = Term::recorded(&filter.weakness);
        let have = self.recorded_with(term, filter).await?;
        let had = self.recorded_with(term.recorded_before(), filter).await?;
        let mut page = RecordPage {
            have: have.len() as u64,
            had: had.len() as u64,
            ..RecordPage::default()
        };
        let (have, had) = match filter.is_there {
            Some(true) => (have, Vec::new()),
            Some(false) => (Vec::new(), had),
            None => (have, had),
        };
        let mut numbers = [have, had].concat();
        numbers.retain(|number| after.is_none_or(|after| *number < after));
        numbers.sort_unstable_by(|one, other| other.cmp(one));
        let limit = limit.max(1);
        if numbers.len() > limit {
            numbers.truncate(limit);
            page.next = numbers.last().copied();
        }
        for (number, row) in numbers.iter().zip(self.record_rows(&numbers).await?) {
            let item = recorded(*number, &row, term);
            // What memory only knows by its hash may be another repository.
            let is_asked = |it: &Recorded| {
                let repository = &it.image.repository;
                let wanted = filter.repository.as_ref();
                filter.reach.has(repository) && wanted.is_none_or(|it| it == repository)
            };
            page.items.extend(item.filter(is_asked));
        }
        Ok(page)
    }
}

impl Records {
    /// Reads the rows of some images; where one is lost, all are made anew first.
    async fn record_rows(&self, numbers: &[u32]) -> Result<Vec<RecordRow>, StoreError> {
        let keys: Vec<Key> = numbers.iter().map(|it| keys::record_row(*it)).collect();
        let read = async || -> Result<Option<Vec<RecordRow>>, StoreError> {
            let bodies = self.store.get_many(&keys).await?;
            let rows = bodies.iter().map(|body| rows::read(body.as_deref()?));
            Ok(rows.collect())
        };
        if let Some(rows) = read().await? {
            return Ok(rows);
        }
        self.make_record_rows_anew().await?;
        read().await?.ok_or_else(lost)
    }

    /// Numbers the images in some repositories that are recorded with a name.
    async fn recorded_with(
        &self,
        term: Term,
        filter: &RecordFilter,
    ) -> Result<Vec<u32>, LedgerError> {
        let mut numbers = self.index.numbers(&self.store, term).await?;
        let within = self.within(&filter.reach).await?;
        let repository = filter.repository.as_ref().map(NameHash::of);
        self.index.recorded_within(&mut numbers, |hash| {
            within.as_ref().is_none_or(|within| within.contains(&hash))
                && repository.is_none_or(|wanted| wanted == hash)
        });
        Ok(numbers)
    }
}

fn recorded(number: u32, row: &RecordRow, term: Term) -> Option<Recorded> {
    let told = row.told(term)?;
    Some(Recorded {
        number,
        image: row.image()?,
        packages: told.packages,
        first_seen: told.first_seen,
        withdrawn: told.withdrawn,
    })
}
