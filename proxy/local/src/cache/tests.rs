//! Promises of the content store: proof before visibility, late joiners, eviction, damage.

mod durability;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use sluicegate_model::Digest;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::timeout;

use super::*;

const GENEROUS: u64 = 1 << 30;
/// Long enough that a body which has bytes to give would have given them.
const QUIET: Duration = Duration::from_millis(30);

fn store() -> (TempDir, ContentStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = ContentStore::open(directory.path(), GENEROUS).unwrap();
    (directory, store)
}

/// Bytes that no two offsets near each other share.
fn content(len: usize) -> Bytes {
    let word = |n: u32| n.wrapping_mul(2_654_435_761).to_le_bytes();
    (0..).flat_map(word).take(len).collect()
}

async fn put(store: &ContentStore, content: &Bytes) -> StoredBlob {
    let digest = Digest::of(content);
    store.put(&digest, content.clone()).await.unwrap()
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
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

fn whole(source: BlobSource) -> BlobBody {
    let len = source.total_len().unwrap();
    stream(source, 0..len, None).unwrap()
}

async fn collect(body: BlobBody) -> std::io::Result<Bytes> {
    Ok(body.collect().await?.to_bytes())
}

/// Reads until the body has nothing to give for a while.
async fn read_until_quiet(body: &mut BlobBody) -> Vec<u8> {
    let mut read = Vec::new();
    while let Ok(Some(frame)) = timeout(QUIET, body.frame()).await {
        read.extend_from_slice(&frame.unwrap().into_data().unwrap());
    }
    read
}

async fn error_of(body: &mut BlobBody) -> std::io::Error {
    timeout(Duration::from_secs(10), async {
        loop {
            if let Err(error) = body.frame().await.expect("the body ended as if whole") {
                return error;
            }
        }
    })
    .await
    .expect("the body was not cut")
}

fn growing(store: &ContentStore, content: &Bytes) -> BlobWriter {
    store
        .begin(&Digest::of(content), Some(content.len() as u64))
        .unwrap()
}

async fn append_all(writer: &mut BlobWriter, content: &Bytes) {
    for at in (0..content.len()).step_by(300_000) {
        let piece = content.slice(at..content.len().min(at + 300_000));
        writer.append(piece).await.unwrap();
    }
}

#[tokio::test]
async fn gives_back_what_was_stored_also_after_a_restart() {
    let (directory, store) = store();
    let content = content(700_001);
    let digest = Digest::of(&content);
    let mut writer = growing(&store, &content);
    append_all(&mut writer, &content).await;
    assert!(store.lookup(&digest).is_none(), "visible before its proof");
    writer.commit().await.unwrap();
    drop(store);

    let store = ContentStore::open(directory.path(), GENEROUS).unwrap();
    let stored = store.lookup(&digest).unwrap();
    assert_eq!(store.used_bytes(), 700_001);
    assert_eq!(
        collect(whole(BlobSource::Stored(stored))).await.unwrap(),
        content
    );
    assert_eq!(store.read(&digest, 1 << 20).await.unwrap(), Some(content));
    assert!(matches!(
        store.read(&digest, 1 << 10).await,
        Err(CacheError::TooLarge { len: 700_001, .. })
    ));
}

#[tokio::test]
async fn serves_exactly_the_range_asked_for() {
    let (_directory, store) = store();
    let content = content(1_000_000);
    let stored = put(&store, &content).await;
    for range in [
        0..0,
        0..1,
        999_999..1_000_000,
        262_143..786_433,
        0..1_000_000,
    ] {
        let body = stream(BlobSource::Stored(stored.clone()), range.clone(), None).unwrap();
        let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
        assert_eq!(
            http_body::Body::size_hint(&body).exact(),
            Some(range.end - range.start)
        );
        assert_eq!(collect(body).await.unwrap(), content.slice(start..end));
    }
    assert!(stream(BlobSource::Stored(stored), 0..1_000_001, None).is_err());
}

#[tokio::test]
async fn refuses_content_that_is_not_what_its_digest_says() {
    let (directory, store) = store();
    let digest = Digest::of(b"wanted");
    assert!(matches!(
        store.put(&digest, Bytes::from_static(b"other")).await,
        Err(CacheError::DigestMismatch { .. })
    ));
    assert!(store.lookup(&digest).is_none());
    assert!(files_below(directory.path()).is_empty());
}

#[tokio::test]
async fn late_joiner_gets_the_first_byte_at_once_and_the_last_only_after_proof() {
    let (_directory, store) = store();
    let content = content(1_000_000);
    let mut writer = growing(&store, &content);
    append_all(&mut writer, &content).await;
    writer.append(Bytes::new()).await.unwrap();
    let mut body = whole(BlobSource::Growing(writer.blob()));

    let mut read = read_until_quiet(&mut body).await;
    assert!(!read.is_empty(), "nothing came before the proof");
    assert!(
        read.len() <= 1_000_000 - 65_536,
        "{} bytes came early",
        read.len()
    );

    writer.commit().await.unwrap();
    read.extend_from_slice(&collect(body).await.unwrap());
    assert_eq!(read, content);
}

#[tokio::test]
async fn withholds_a_quarter_of_a_small_blob_and_a_byte_of_the_smallest() {
    for (len, most) in [(1, 0), (2, 1), (8, 6), (100, 75), (400_000, 334_464)] {
        let (_directory, store) = store();
        let content = content(len);
        let mut writer = growing(&store, &content);
        writer.append(content.clone()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(51)).await;
        writer.append(Bytes::new()).await.unwrap();
        let mut body = whole(BlobSource::Growing(writer.blob()));
        assert_eq!(read_until_quiet(&mut body).await.len(), most, "of {len}");
    }
}

#[tokio::test]
async fn serves_a_range_of_a_blob_that_is_still_arriving() {
    let (_directory, store) = store();
    let content = content(1_000_000);
    let mut writer = growing(&store, &content);
    let source = BlobSource::Growing(writer.blob());
    let early = stream(source.clone(), 100_000..500_000, None).unwrap();
    let tail = stream(source, 999_000..1_000_000, None).unwrap();
    let (early, tail) = (tokio::spawn(collect(early)), tokio::spawn(collect(tail)));
    append_all(&mut writer, &content).await;
    assert_eq!(
        early.await.unwrap().unwrap(),
        content.slice(100_000..500_000)
    );
    assert!(!tail.is_finished());
    writer.commit().await.unwrap();
    assert_eq!(tail.await.unwrap().unwrap(), content.slice(999_000..));
}

#[tokio::test]
async fn wrong_bytes_cut_every_body_and_leave_nothing_behind() {
    let (directory, store) = store();
    let content = content(400_000);
    let digest = Digest::of(b"something else");
    let mut writer = store.begin(&digest, Some(400_000)).unwrap();
    let blob = writer.blob();
    let mut body = whole(BlobSource::Growing(blob.clone()));
    writer.append(content).await.unwrap();
    assert!(matches!(
        writer.commit().await,
        Err(CacheError::DigestMismatch { .. })
    ));
    error_of(&mut body).await;
    let failure = blob.finished().await.unwrap_err();
    assert!(matches!(*failure, BlobFailure::DigestMismatch { .. }));
    assert!(store.lookup(&digest).is_none());
    assert!(files_below(directory.path()).is_empty());
}

#[tokio::test]
async fn short_and_long_content_fails() {
    let (directory, store) = store();
    let content = content(1000);
    let digest = Digest::of(&content);
    let mut short = store.begin(&digest, Some(1001)).unwrap();
    short.append(content.clone()).await.unwrap();
    assert!(matches!(
        short.commit().await,
        Err(CacheError::LengthMismatch {
            wanted: 1001,
            got: 1000,
            ..
        })
    ));
    let mut long = store.begin(&digest, Some(999)).unwrap();
    let blob = long.blob();
    assert!(matches!(
        long.append(content).await,
        Err(CacheError::LengthMismatch {
            wanted: 999,
            got: 1000,
            ..
        })
    ));
    assert!(matches!(blob.growth(), Growth::Failed(_)));
    assert!(long.commit().await.is_err());
    assert!(files_below(directory.path()).is_empty());
}

#[tokio::test]
async fn abandoned_download_fails_its_readers() {
    let (directory, store) = store();
    let content = content(300_000);
    let mut writer = growing(&store, &content);
    let blob = writer.blob();
    let mut body = whole(BlobSource::Growing(blob.clone()));
    writer.append(content.slice(..1000)).await.unwrap();
    drop(writer);
    error_of(&mut body).await;
    assert_eq!(*blob.finished().await.unwrap_err(), BlobFailure::Abandoned);
    assert!(files_below(directory.path()).is_empty());
}

#[tokio::test]
async fn scanner_reads_along_and_ends_only_after_proof() {
    let (_directory, store) = store();
    let content = content(900_000);
    let mut writer = growing(&store, &content);
    let mut reader = writer.blob().sync_reader().unwrap();
    let scanner = tokio::task::spawn_blocking(move || {
        let mut read = Vec::new();
        reader.read_to_end(&mut read).map(|_| read)
    });
    append_all(&mut writer, &content).await;
    assert!(!scanner.is_finished());
    writer.commit().await.unwrap();
    assert_eq!(scanner.await.unwrap().unwrap(), content);

    let mut writer = growing(&store, &content);
    let mut reader = writer.blob().sync_reader().unwrap();
    writer.append(content.slice(..10)).await.unwrap();
    writer.fail(BlobFailure::Upstream("connection reset".into()));
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("connection reset"));
}

#[tokio::test]
async fn held_tail_goes_only_when_released() {
    let (_directory, store) = store();
    let content = content(100_000);
    let stored = put(&store, &content).await;
    let (gate, state) = watch::channel(Tail::Held);
    let hold = TailHold {
        from: 75_000,
        state,
    };
    let mut body = stream(BlobSource::Stored(stored), 0..100_000, Some(hold)).unwrap();
    let mut read = read_until_quiet(&mut body).await;
    assert_eq!(read.len(), 75_000);
    gate.send_replace(Tail::Released);
    read.extend_from_slice(&collect(body).await.unwrap());
    assert_eq!(read, content);
}

/// The verdict may be there, and the pull over, before the disk has the last bytes.
#[tokio::test]
async fn released_tail_outlives_its_gate_until_the_disk_has_it() {
    let (_directory, store) = store();
    let content = content(100_000);
    let mut writer = growing(&store, &content);
    let (gate, state) = watch::channel(Tail::Held);
    let hold = TailHold {
        from: 75_000,
        state,
    };
    let source = BlobSource::Growing(writer.blob());
    let mut body = stream(source, 0..100_000, Some(hold)).unwrap();
    append_all(&mut writer, &content).await;
    let mut read = read_until_quiet(&mut body).await;
    gate.send_replace(Tail::Released);
    drop(gate);
    read.extend_from_slice(&read_until_quiet(&mut body).await);
    assert!(read.len() < content.len(), "nobody vouches for the digest");
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    writer.commit().await.unwrap();
    read.extend_from_slice(&collect(body).await.unwrap());
    assert_eq!(read, content);
}

#[tokio::test]
async fn refused_tail_is_cut_two_seconds_later_also_when_the_gate_is_gone() {
    let (_directory, store) = store();
    let content = content(100_000);
    let stored = put(&store, &content).await;
    for refuse in [true, false] {
        let (gate, state) = watch::channel(Tail::Held);
        let hold = TailHold { from: 0, state };
        let source = BlobSource::Stored(stored.clone());
        let mut body = stream(source, 50_000..100_000, Some(hold)).unwrap();
        if refuse {
            gate.send_replace(Tail::Refused);
        } else {
            drop(gate);
        }
        let before = tokio::time::Instant::now();
        assert!(body.frame().await.unwrap().is_err(), "a held byte came");
        assert!(before.elapsed() >= Duration::from_secs(2));
        assert!(body.frame().await.is_none());
    }
}

#[tokio::test]
async fn evicts_the_least_recently_used_but_never_what_is_pinned() {
    let directory = tempfile::tempdir().unwrap();
    let store = ContentStore::open(directory.path(), 2500).unwrap();
    let [a, b, c, d] = [1, 2, 3, 4].map(|seed: usize| content(1000 + seed));
    let pin = store.pin(&Digest::of(&a));
    for content in [&a, &b, &c] {
        put(&store, content).await;
    }
    let present = |content: &Bytes| store.lookup(&Digest::of(content)).is_some();
    assert!(present(&a) && !present(&b) && present(&c));
    drop(pin);
    assert!(present(&c));
    put(&store, &d).await;
    assert!(!present(&a) && present(&c) && present(&d));
    assert_eq!(files_below(directory.path()).len(), 2);
    assert_eq!(store.used_bytes(), 2007);
}

#[tokio::test]
async fn reader_outlives_eviction() {
    let (_directory, store) = store();
    let content = content(2_000_000);
    let stored = put(&store, &content).await;
    let body = whole(BlobSource::Stored(stored.clone()));
    store.remove(stored.digest());
    assert_eq!(collect(body).await.unwrap(), content);
    let gone = stream(BlobSource::Stored(stored), 0..1, None).unwrap_err();
    assert_eq!(gone.kind(), std::io::ErrorKind::NotFound);
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
            assert!(body.frame().await.unwrap().is_err(), "a damaged byte came");
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
