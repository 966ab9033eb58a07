//! What follows from rows that are lost: no image is taken for one that lacks a name.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use sluicegate_engine::ledger::Steps as _;
use sluicegate_engine::ledger::term::Term;
use sluicegate_engine::testkit::ledger_suite::packages::{holders, inventory, judge};
use sluicegate_model::Sighting;

use super::*;

/// A store of which parts are lost when a test says so.
#[derive(Debug, Default)]
struct Losing {
    store: MemoryStore,
    lost: AtomicU64,
}

#[async_trait]
impl VerdictStore for Losing {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.store.get(key).await
    }

    async fn apply(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        self.store.apply(ops).await
    }

    async fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Bytes)>, StoreError> {
        self.store.page(prefix, after, limit).await
    }

    fn losses(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    async fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A ledger with two images, and its store.
async fn ledger() -> (TempDir, Arc<Losing>, Records) {
    let directory = tempfile::tempdir().unwrap();
    let content = Arc::new(ContentStore::open(directory.path(), 1 << 30).unwrap());
    let store = Arc::new(Losing::default());
    let records = Records::new(Arc::clone(&store) as _, content);
    for image in ["one", "two"] {
        judge(&records, image, Some(&inventory([image.to_owned()]))).await;
    }
    (directory, store, records)
}

fn images() -> [Sighting; 2] {
    ["one", "two"].map(|image| Sighting::here(Digest::of(image.as_bytes())))
}

async fn listed(records: &Records) -> usize {
    let numbers = records.listed_as(&images()).await.unwrap();
    numbers.into_iter().flatten().count()
}

#[tokio::test]
async fn where_anything_is_lost_every_image_may_have_every_name() {
    let (_directory, store, records) = ledger().await;
    let asked = [Term::installed("one")];
    assert_eq!(records.part_images(&asked).await.unwrap().with, [0]);
    store.lost.store(1, Ordering::Relaxed);
    let parted = records.part_images(&asked).await.unwrap();
    assert_eq!(parted.with, [0, 1]);
    assert!(parted.without.iter().next().is_none());
}

#[tokio::test]
async fn after_a_loss_images_are_listed_anew_and_found_until_then() {
    let (_directory, store, records) = ledger().await;
    store.lost.store(1, Ordering::Relaxed);
    records.part_images(&[]).await.unwrap();
    store.lost.store(0, Ordering::Relaxed);
    let records = Records::new(records.store, records.content);
    assert_eq!(holders(&records, "one", None).await.len(), 1);
    assert_eq!(listed(&records).await, 0);
    judge(&records, "one", Some(&inventory(["one".to_owned()]))).await;
    assert_eq!(listed(&records).await, 1);
    let records = Records::new(records.store, records.content);
    assert_eq!(holders(&records, "two", None).await.len(), 1);
    assert_eq!(listed(&records).await, 1, "once is enough");
}

#[tokio::test]
async fn a_loss_that_is_written_over_is_not_forgotten() {
    let (_directory, store, records) = ledger().await;
    assert_eq!(listed(&records).await, 2);
    store.lost.store(1, Ordering::Relaxed);
    records.index.fold(&records.store).await.unwrap();
    store.lost.store(0, Ordering::Relaxed);
    let records = Records::new(records.store, records.content);
    records.make_index_whole().await.unwrap();
    assert_eq!(listed(&records).await, 0);
}
