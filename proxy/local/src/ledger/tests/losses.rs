//! What follows from rows that are lost: no image is taken for one that lacks a name.

use sluicegate_engine::ledger::Steps as _;
use sluicegate_engine::ledger::term::Term;
use sluicegate_engine::testkit::ledger_suite::packages::{holders, inventory, judge};
use sluicegate_model::Sighting;

use super::*;

/// A ledger with two images, and its store.
async fn ledger() -> (TempDir, Arc<MemoryStore>, Records) {
    let directory = tempfile::tempdir().unwrap();
    let content = Arc::new(ContentStore::open(directory.path(), 1 << 30).unwrap());
    let store = Arc::new(MemoryStore::new());
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
    store.set_losses(1);
    let parted = records.part_images(&asked).await.unwrap();
    assert_eq!(parted.with, [0, 1]);
    assert!(parted.without.iter().next().is_none());
}

#[tokio::test]
async fn after_a_loss_images_are_listed_anew_and_found_until_then() {
    let (_directory, store, records) = ledger().await;
    store.set_losses(1);
    records.part_images(&[]).await.unwrap();
    store.set_losses(0);
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
    store.set_losses(1);
    records.index.fold(&records.store).await.unwrap();
    store.set_losses(0);
    let records = Records::new(records.store, records.content);
    records.make_index_whole().await.unwrap();
    assert_eq!(listed(&records).await, 0);
}
