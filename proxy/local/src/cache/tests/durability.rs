//! After a sync that failed nothing is kept, found or given out whole, and what comes next is
//! written anew.

use super::*;
use crate::durable::Disk;

fn store_on(disk: &Disk) -> (TempDir, ContentStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = ContentStore::open_on(directory.path(), GENEROUS, disk.clone()).unwrap();
    (directory, store)
}

#[tokio::test]
async fn a_blob_whose_sync_fails_reaches_nobody_whole_and_is_fetched_again() {
    let disk = Disk::default();
    let (directory, store) = store_on(&disk);
    let content = content(400_000);
    let digest = Digest::of(&content);
    let mut writer = growing(&store, &content);
    let blob = writer.blob();
    let mut body = whole(BlobSource::Growing(Arc::clone(&blob)));
    append_all(&mut writer, &content).await;
    let read = read_until_quiet(&mut body).await;
    assert!(read.len() < content.len());
    disk.let_fail(true);
    let failed = writer.commit().await;
    assert!(
        matches!(failed, Err(ContentError::NotDurable { .. })),
        "{failed:?}"
    );
    error_of(&mut body).await;
    assert!(blob.finished().await.is_err());
    assert!(matches!(blob.growth(), Growth::Failed(_)));
    assert!(store.lookup(&digest).is_none());
    assert!(files_below(directory.path()).is_empty());

    disk.let_fail(false);
    let mut again = growing(&store, &content);
    append_all(&mut again, &content).await;
    again.commit().await.unwrap();
    let stored = store.lookup(&digest).unwrap();
    assert_eq!(
        collect(whole(BlobSource::Stored(stored))).await.unwrap(),
        content
    );
}

#[tokio::test]
async fn a_sync_that_fails_while_more_arrives_fails_the_blob_though_the_last_one_succeeds() {
    let disk = Disk::default();
    let (directory, store) = store_on(&disk);
    let content = content(9 * 1024 * 1024);
    let mut writer = growing(&store, &content);
    disk.let_fail(true);
    append_all(&mut writer, &content).await;
    while !disk.has_failed() {
        tokio::task::yield_now().await;
    }
    disk.let_fail(false);
    let failed = writer.commit().await;
    assert!(
        matches!(failed, Err(ContentError::NotDurable { .. })),
        "{failed:?}"
    );
    assert!(store.lookup(&Digest::of(&content)).is_none());
    assert!(files_below(directory.path()).is_empty());
}

#[tokio::test]
async fn small_content_and_documents_whose_sync_fails_are_not_there() {
    let disk = Disk::default();
    let (directory, store) = store_on(&disk);
    let content = content(1_000);
    disk.let_fail(true);
    assert!(
        store
            .put(&Digest::of(&content), content.clone())
            .await
            .is_err()
    );
    let kind = DocumentKind::Verdict;
    assert!(
        store
            .put_document(kind, "one", content.to_vec())
            .await
            .is_err()
    );
    let packed = ["two", "three"].map(|key| PackedDocument::new(kind, key, &content).unwrap());
    assert!(store.put_documents(packed.to_vec()).await.is_err());
    assert!(store.lookup(&Digest::of(&content)).is_none());
    for key in ["one", "two", "three"] {
        assert_eq!(store.document(kind, key).await.unwrap(), None, "{key}");
    }
    assert!(files_below(directory.path()).is_empty());

    disk.let_fail(false);
    store.put_documents(packed.to_vec()).await.unwrap();
    assert!(store.document(kind, "two").await.unwrap().is_some());
    put(&store, &content).await;
}

#[tokio::test]
async fn what_can_be_derived_again_does_not_wait_for_the_disk() {
    let disk = Disk::default();
    let (_directory, store) = store_on(&disk);
    let kind = DocumentKind::Facts;
    // Their directory is made durably, once.
    store.put_document(kind, "one", vec![1]).await.unwrap();
    disk.let_fail(true);
    store.put_document(kind, "two", vec![2]).await.unwrap();
    assert!(!disk.has_failed());
    assert_eq!(store.document(kind, "two").await.unwrap(), Some(vec![2]));
}
