//! Walks over every verdict, image by image, for what has to look at all of them.

use sluicegate_local::store::{Key, StoreError};
use sluicegate_model::{Digest, Repository};

use super::keys;
use super::records::{PAGE_ROWS, Records};

/// A verdict's place in the walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The manifest.
    pub digest: Digest,
    /// The repository in which it was judged.
    pub repository: Repository,
    /// What to give as `after` to go on behind it.
    pub key: Key,
}

/// A part of the walk.
#[derive(Clone, Debug)]
pub struct JudgedPage {
    /// The verdicts, by digest and then repository.
    pub items: Vec<Judged>,
    /// What to give as `after` for the next part; none on the last one.
    pub next: Option<Key>,
}

impl Records {
    /// Names judged images, at most `limit` verdicts, after the part before's `next`.
    pub async fn judged(
        &self,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<JudgedPage, StoreError> {
        let prefix = keys::all_by_digest();
        let rows = self.store.page(&prefix, after, limit).await?;
        let is_last = rows.len() < limit;
        let last = rows.last().map(|(key, _)| key.clone());
        let named = |(key, _)| {
            let (digest, repository) = keys::named_by_digest(&key)?;
            Some(Judged {
                digest,
                repository,
                key,
            })
        };
        Ok(JudgedPage {
            items: rows.into_iter().filter_map(named).collect(),
            next: if is_last { None } else { last },
        })
    }

    /// Counts the verdicts.
    pub async fn count_verdicts(&self) -> Result<u64, StoreError> {
        let mut count = 0_u64;
        let mut after = None;
        loop {
            let page = self.judged(after.as_ref(), PAGE_ROWS).await?;
            count = count.saturating_add(page.items.len() as u64);
            after = page.next;
            if after.is_none() {
                return Ok(count);
            }
        }
    }
}
