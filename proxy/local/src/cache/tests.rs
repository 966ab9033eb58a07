//! Promises of the content store that are the disk's: nothing is left behind, restarts, damage.

mod durability;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sluicegate_engine::content::*;
use sluicegate_engine::testkit::content::*;
use sluicegate_model::Digest;
use tempfile::TempDir;

use super::ContentStore;

fn made(capacity_bytes: u64) -> (TempDir, Arc<dyn Content>) {
    let directory = tempfile::tempdir().unwrap();
    let store = ContentStore::open(directory.path(), capacity_bytes).unwrap();
    (directory, Arc::new(store))
}

sluicegate_engine::content_suite!(made);

fn store() -> (TempDir, ContentStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = ContentStore::open(directory.path(), GENEROUS).unwrap();
    (directory, store)
}

pub(crate) fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn gives_back_after_a_restart_what_was_stored() {
    let (directory, store) = store();
    let content = content(700_001);
    put(&store, &content).await;
    drop(store);
    let store = ContentStore::open(directory.path(), GENEROUS).unwrap();
    let digest = Digest::of(&content);
    let stored = store.lookup(&digest).unwrap();
    assert_eq!(store.used_bytes(), 171 * 4096);
    let body = whole(BlobSource::Stored(stored));
    assert_eq!(collect(body).await.unwrap(), content);
    assert_eq!(store.read(&digest, 1 << 20).await.unwrap(), Some(content));
}

#[tokio::test]
async fn what_is_not_kept_leaves_no_file_behind() {
    let (directory, store) = store();
    let [content, other] = [content(400_000), Bytes::from_static(b"other")];
    let wanted = Digest::of(b"wanted");
    assert!(store.put(&wanted, other).await.is_err());
    let mut wrong = store.begin(&wanted, Some(400_000)).unwrap();
    wrong.append(content.clone()).await.unwrap();
    assert!(wrong.commit().await.is_err());
    let mut short = store.begin(&Digest::of(&content), Some(400_001)).unwrap();
    short.append(content.clone()).await.unwrap();
    assert!(short.commit().await.is_err());
    let mut long = store.begin(&Digest::of(&content), Some(399_999)).unwrap();
    assert!(long.append(content.clone()).await.is_err());
    assert!(long.commit().await.is_err());
    let mut abandoned = growing(&store, &content);
    abandoned.append(content.clone()).await.unwrap();
    assert_eq!(files_below(directory.path()).len(), 1);
    drop(abandoned);
    let stored = put(&store, &content).await;
    assert_eq!(files_below(directory.path()).len(), 1);
    store.remove(stored.digest());
    assert!(files_below(directory.path()).is_empty());
}

#[tokio::test]
async fn what_is_evicted_leaves_no_file_behind() {
    let directory = tempfile::tempdir().unwrap();
    let store = ContentStore::open(directory.path(), 10_000).unwrap();
    // Each takes a block of 4 KiB, so that two fit.
    for len in 1001..1005 {
        put(&store, &content(len)).await;
    }
    assert_eq!(files_below(directory.path()).len(), 2);
}

#[tokio::test]
async fn sweeps_what_a_killed_process_left_half_written() {
    let (directory, store) = store();
    let content = content(1000);
    let writer = growing(&store, &content);
    // A killed process runs no destructor.
    std::mem::forget(writer);
    assert_eq!(files_below(directory.path()).len(), 1);
    let store = ContentStore::open(directory.path(), GENEROUS).unwrap();
    assert!(files_below(directory.path()).is_empty());
    assert_eq!(store.used_bytes(), 0);
}

#[tokio::test]
async fn content_damaged_on_disk_is_never_served_after_a_restart() {
    for damage in [flip_a_byte, cut_a_byte] {
        let (directory, store) = store();
        let [first, second] = [content(300_000), content(200_000)];
        for content in [&first, &second] {
            put(&store, content).await;
        }
        for file in files_below(directory.path()) {
            damage(&file);
        }
        let store = ContentStore::open(directory.path(), GENEROUS).unwrap();
        assert!(
            store
                .read(&Digest::of(&second), 1 << 20)
                .await
                .unwrap()
                .is_none()
        );
        let stored = store.lookup(&Digest::of(&first)).unwrap();
        let len = stored.len();
        if let Ok(mut body) = stream(BlobSource::Stored(stored), 0..len, None) {
            assert!(
                next(&mut body).await.unwrap().is_err(),
                "a damaged byte came"
            );
        }
        assert!(store.lookup(&Digest::of(&first)).is_none());
        assert!(files_below(directory.path()).is_empty());
    }
}

fn flip_a_byte(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn cut_a_byte(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes.pop();
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn documents_survive_a_restart_and_damage_makes_them_missing() {
    let (directory, store) = store();
    let body = b"{\"components\":[]}".repeat(1000);
    for kind in [DocumentKind::Inventory, DocumentKind::Verdict] {
        store.put_document(kind, "key", body.clone()).await.unwrap();
    }
    let store = ContentStore::open(directory.path(), GENEROUS).unwrap();
    let get = async |kind, key| store.document(kind, key).await.unwrap();
    assert_eq!(
        get(DocumentKind::Inventory, "key").await,
        Some(body.clone())
    );
    assert_eq!(get(DocumentKind::Inventory, "other").await, None);
    assert_eq!(get(DocumentKind::Report, "key").await, None);
    for file in files_below(directory.path()) {
        flip_a_byte(&file);
    }
    assert_eq!(get(DocumentKind::Inventory, "key").await, None);
    assert_eq!(get(DocumentKind::Verdict, "key").await, None);
    assert!(files_below(directory.path()).is_empty());
}

#[tokio::test]
async fn document_in_the_place_of_another_is_missing() {
    let (directory, store) = store();
    let kind = DocumentKind::Facts;
    store
        .put_document(kind, "a", b"of a".to_vec())
        .await
        .unwrap();
    let first = files_below(directory.path());
    store
        .put_document(kind, "b", b"of b".to_vec())
        .await
        .unwrap();
    let both = files_below(directory.path());
    let second = both.iter().find(|file| !first.contains(file)).unwrap();
    fs::copy(&first[0], second).unwrap();
    assert_eq!(store.document(kind, "b").await.unwrap(), None);
    assert_eq!(
        store.document(kind, "a").await.unwrap(),
        Some(b"of a".to_vec())
    );
}
