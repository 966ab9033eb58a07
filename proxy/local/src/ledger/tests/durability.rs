//! After a sync that failed the store says nothing until everything in it was written anew.

use sluicegate_engine::ledger::{Bases as _, BasisNumber, Release};
use sluicegate_engine::testkit::ledger_suite::bases::{basis, put_on};

use crate::durable::Disk;

use super::*;

fn batch(name: &str) -> Vec<Op> {
    vec![Op::Put {
        key: Key::from(name.as_bytes()),
        body: Bytes::from(name.to_owned()),
    }]
}

#[tokio::test]
async fn a_failed_sync_acknowledges_nothing_and_shows_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let home = directory.path().join("verdicts");
    let (store, _) = SledStore::open_on(&home, 1 << 20, disk.clone()).unwrap();
    store.apply(batch("before")).await.unwrap();
    disk.let_fail(true);
    for _ in 0..2 {
        assert!(store.apply(batch("unsynced")).await.is_err());
        // The engine has it in memory by now, and nobody knows whether the disk will.
        for name in ["unsynced", "before"] {
            assert!(
                store.get(&Key::from(name.as_bytes())).await.is_err(),
                "{name}"
            );
        }
        assert!(store.page(&Key::from(&b"b"[..]), None, 9).await.is_err());
    }
    assert!(store.health().await.is_err());

    disk.let_fail(false);
    store.apply(batch("after")).await.unwrap();
    for name in ["before", "after"] {
        let found = store.get(&Key::from(name.as_bytes())).await.unwrap();
        assert_eq!(found, Some(Bytes::from(name)));
    }
    drop(store);
    let (store, opened) = SledStore::open(&home, 1 << 20).unwrap();
    assert_eq!(opened, Opened::AsItWas);
    assert!(
        store
            .get(&Key::from(&b"after"[..]))
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn records_and_verdicts_whose_sync_fails_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let content = Arc::new(ContentStore::open(&directory.path().join("content"), 1 << 30).unwrap());
    let home = directory.path().join("verdicts");
    let (store, _) = SledStore::open_on(&home, 1 << 20, disk.clone()).unwrap();
    let records = Records::new(Arc::new(store), content);
    let (app, image) = (repository("app"), Digest::of(b"image"));
    let scope = Scope::for_all(app.clone());
    disk.let_fail(true);
    assert!(
        records
            .mark_released(&app, &image, Release::Given)
            .await
            .is_err()
    );
    assert!(records.mark_blob_present(&app, &image).await.is_err());
    assert!(records.known_verdict(&scope, &image).await.is_err());
    assert!(records.verdict(&scope, &image).await.is_err());
    disk.let_fail(false);
    records.health().await.unwrap();
    let known = records.known_verdict(&scope, &image).await.unwrap();
    let new = Replacement::new(&mut verdict("app", "image", 1, vec![]), &known).unwrap();
    disk.let_fail(true);
    assert!(records.replace_verdicts(vec![new]).await.is_err());
    disk.let_fail(false);
    records.health().await.unwrap();
    // Whether that one is there nobody knew; whoever writes the next looks again.
    put(&records, &verdict("app", "image", 2, vec![])).await;
    assert!(records.verdict(&scope, &image).await.unwrap().is_some());
}

#[tokio::test]
async fn a_lost_order_of_bases_makes_no_verdict_the_newest_for_ever() {
    let (_directory, records) = records();
    let old = verdict("app", "image", 1, vec![]);
    for policies in ["one", "two", "three"] {
        let number = records
            .number_basis(&basis(policies), second(0))
            .await
            .unwrap();
        assert!(put_on(&records, &old, number).await);
    }
    let gone = vec![Op::Delete { key: keys::basis() }];
    records.store.apply(gone).await.unwrap();
    let records = Records::new(records.store, records.content);
    let known = records.known_verdict(&old.scope(), &old.digest).await;
    assert_eq!(known.unwrap().basis, BasisNumber::default());
    let first = records
        .number_basis(&basis("four"), second(0))
        .await
        .unwrap();
    let new = verdict("app", "image", 2, vec![finding("CVE-1", "zlib")]);
    assert!(put_on(&records, &new, first).await);
}
