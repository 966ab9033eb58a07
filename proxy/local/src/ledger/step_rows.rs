//! Steps between bases, as rows, and images told apart by names in the index.

use std::collections::BTreeSet;

use async_trait::async_trait;
use sluicegate_engine::ledger::term::Term;
use sluicegate_engine::ledger::{ImageNumbers, LedgerError, Parted, Step, Steps};
use sluicegate_model::Sighting;

use crate::store::{Key, Op};

use super::keys;
use super::package_rows::analyzers;
use super::records::{PAGE_ROWS, Records};
use super::rows::{self, ImageRow};

#[async_trait]
impl Steps for Records {
    async fn steps(&self) -> Result<Vec<Step>, LedgerError> {
        let rows = self.store.page(&keys::all_steps(), None, PAGE_ROWS).await?;
        Ok(rows.iter().filter_map(|(_, row)| rows::read(row)).collect())
    }

    async fn keep_steps(&self, steps: &[Step]) -> Result<(), LedgerError> {
        let kept = self.store.page(&keys::all_steps(), None, PAGE_ROWS).await?;
        let beyond = kept.into_iter().skip(steps.len());
        let mut ops: Vec<Op> = beyond.map(|(key, _)| Op::Delete { key }).collect();
        for (number, step) in steps.iter().take(PAGE_ROWS).enumerate() {
            ops.push(rows::put(keys::step(number), step)?);
        }
        Ok(self.store.apply(ops).await?)
    }

    async fn part_images(&self, terms: &[Term]) -> Result<Parted, LedgerError> {
        self.whole_index().await?;
        // First: what is listed by now is found by its names below.
        let mut parted = Parted {
            with: Vec::new(),
            without: self.index.all_images(),
        };
        let mut with = BTreeSet::new();
        for term in terms {
            with.extend(self.index.numbers(&self.store, *term).await?);
        }
        if self.store.losses() > 0 {
            // What is lost may have named any of them.
            let key = keys::whole_lists();
            self.store.apply(vec![Op::Delete { key }]).await?;
            return Ok(Parted {
                with: parted.without.iter().collect(),
                without: ImageNumbers::default(),
            });
        }
        for number in self.index.listed(with.into_iter().collect()) {
            parted.without.remove(number);
            parted.with.push(number);
        }
        Ok(parted)
    }

    async fn listed_as(&self, images: &[Sighting]) -> Result<Vec<Option<u32>>, LedgerError> {
        let keys: Vec<Key> = images.iter().map(keys::image).collect();
        let found = self.store.get_many(&keys).await?;
        let now = analyzers(self.plugins.now().fingerprint());
        let number = |row: Option<bytes::Bytes>| {
            let row: ImageRow = rows::read(&row?)?;
            (row.analyzers == now).then_some(row.number)
        };
        Ok(found.into_iter().map(number).collect())
    }

    async fn images_listed(&self, numbers: &[u32]) -> Result<Vec<Option<Sighting>>, LedgerError> {
        let keys: Vec<Key> = numbers
            .iter()
            .map(|number| keys::numbered_image(*number))
            .collect();
        let found = self.store.get_many(&keys).await?;
        let image = |row: Option<bytes::Bytes>| rows::read_image(&row?);
        Ok(found.into_iter().map(image).collect())
    }
}
