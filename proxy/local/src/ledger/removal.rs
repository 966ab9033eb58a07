//! Forgets verdicts: for askers whom no policy tells from others any more.

use jiff::Timestamp;
use sluicegate_engine::ledger::{Earlier, Judged, Turn, term};

use crate::store::{Key, Op, StoreError};

use super::index::IndexEntry;
use super::keys;
use super::record_earlier::image_of;
use super::records::Records;
use super::replace::Batch;
use super::rows;

impl Records {
    /// Removes verdicts with all that is kept of each, in one batch; durable on return.
    pub(super) async fn forget(
        &self,
        gone: &[Judged],
        withdrawn: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.index.load(&self.store).await?;
        let key = |it: &Judged| keys::verdict(&it.scope, &it.digest);
        let locked: Vec<Key> = gone.iter().map(key).collect();
        let held = self.writing.lock(&locked).await;
        let (mut batch, mut unused) = (Batch::default(), Vec::new());
        for judged in gone {
            unused.extend(self.forget_one(judged, &mut batch).await?);
        }
        if let Some(time) = withdrawn {
            let turns = gone.iter().map(|it| Turn::away(image_of(it), time));
            self.record(turns.collect()).await?;
        }
        self.write(batch).await?;
        self.remove_documents(unused).await?;
        drop(held);
        self.follow_where_due();
        self.index.fold_where_due(&self.store).await;
        Ok(())
    }

    /// Adds the removal of one; gives the document of its text, where there is one.
    async fn forget_one(
        &self,
        Judged { digest, scope }: &Judged,
        batch: &mut Batch,
    ) -> Result<Option<String>, StoreError> {
        let row = self.verdict_row(scope, digest).await?;
        let document = row
            .as_ref()
            .and_then(|row| row.body.document(&scope.repository));
        let by_digest = keys::verdict_by_digest(digest, scope);
        let numbered = self.store.get(&by_digest).await?;
        if let Some(number) = numbered.as_deref().and_then(rows::read_number) {
            // The number may be another verdict's one day, which its names must not be.
            let verdict = match row {
                Some(row) => self.load(scope, digest, row).await?,
                None => None,
            };
            let verdict = verdict.and_then(Earlier::whole);
            let terms = verdict.as_ref().map(term::of_verdict);
            let entry = IndexEntry::between(number, &terms.unwrap_or_default(), &[]);
            batch.log(&self.index, entry)?;
            batch.give_up(number);
        }
        let rows = [keys::verdict(scope, digest), keys::text(scope, digest)];
        let rows = rows.into_iter().chain([by_digest]);
        batch.ops.extend(rows.map(|key| Op::Delete { key }));
        Ok(document)
    }
}
