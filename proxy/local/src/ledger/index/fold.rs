//! Folds what was logged into the blocks, many verdicts at once, beside what pulls write.

use std::sync::Arc;

use crate::store::{Op, StoreError, VerdictStore};

use super::Index;
use super::block::Block;
use super::overlay::Overlay;
use crate::ledger::keys;

/// Changes from which they are folded: some hundred new images, about 4 MiB of memory.
const FOLD_AT: usize = 200_000;
/// Changes from which whoever makes more waits: bounds memory where the disk is slow.
const WAIT_AT: usize = 4 * FOLD_AT;
/// Blocks read and written together.
const BATCH: usize = 256;

impl Index {
    /// Folds in the background where much was logged; waits where far too much was.
    pub(in crate::ledger) async fn fold_where_due(&self, store: &Arc<dyn VerdictStore>) {
        let changes = self.read().overlay.changes();
        if changes >= WAIT_AT {
            self.fold_and_tell(store).await;
        } else if changes >= FOLD_AT && self.0.folding.try_lock().is_ok() {
            let (index, store) = (self.clone(), Arc::clone(store));
            tokio::spawn(async move { index.fold_and_tell(&store).await });
        }
    }

    async fn fold_and_tell(&self, store: &Arc<dyn VerdictStore>) {
        if let Err(error) = self.fold(store).await {
            tracing::error!(%error, "index of verdicts not folded; lists read its log meanwhile");
        }
    }

    /// Folds all that was logged so far.
    pub(in crate::ledger) async fn fold(
        &self,
        store: &Arc<dyn VerdictStore>,
    ) -> Result<(), StoreError> {
        let _alone = self.0.folding.lock().await;
        // What an attempt before could not write goes first.
        let left = self.read().folding.clone();
        if let Some(left) = left {
            write(store, &left).await?;
            self.write().folding = None;
        }
        let taken = {
            let mut state = self.write();
            let taken = Arc::new(std::mem::take(&mut state.overlay));
            state.folding = Some(Arc::clone(&taken));
            taken
        };
        write(store, &taken).await?;
        self.write().folding = None;
        Ok(())
    }
}

/// Writes the blocks first and removes the log last: what is written twice says the same.
async fn write(store: &Arc<dyn VerdictStore>, overlay: &Overlay) -> Result<(), StoreError> {
    for changed in overlay.by_block().chunks(BATCH) {
        let key = |((term, block), _): &((_, u32), _)| keys::block(*term, *block);
        let keys: Vec<_> = changed.iter().map(key).collect();
        let bodies = store.get_many(&keys).await?;
        if store.losses() > 0 {
            // A block that was damaged is written without the numbers that were in it.
            let key = keys::whole_lists();
            store.apply(vec![Op::Delete { key }]).await?;
        }
        let mut ops = Vec::with_capacity(keys.len());
        for ((key, body), (_, changes)) in keys.into_iter().zip(bodies).zip(changed) {
            let mut block = Block::read(body.as_deref());
            for (number, has) in changes {
                block.set(*number, *has);
            }
            ops.push(match block.to_bytes() {
                Some(body) => Op::Put {
                    key,
                    body: body.into(),
                },
                None => Op::Delete { key },
            });
        }
        store.apply(ops).await?;
    }
    for rows in overlay.rows().chunks(BATCH) {
        let gone = rows.iter().map(|row| Op::Delete {
            key: keys::logged(*row),
        });
        store.apply(gone.collect()).await?;
    }
    Ok(())
}
