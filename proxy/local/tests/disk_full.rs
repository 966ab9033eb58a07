//! A full disk: nothing short is kept, what is there is still read, and room is enough to recover.
//!
//! Its own `main`: it starts itself in a mount namespace of its own, where it may mount a small
//! filesystem that is gone with the process, whoever runs the test.

#![expect(
    clippy::unwrap_used,
    reason = "a test without a harness is a test all the same"
)]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use jiff::Timestamp;
use sluicegate_engine::content::{BlobFailure, BlobWriter, Content as _, ContentError};
use sluicegate_local::cache::ContentStore;
use sluicegate_local::decisions::{DecisionLog, LineKind, LogEntry, LogError, verify};
use sluicegate_local::store::{EngineKind, Key, Op, StoreError, VerdictStore};
use sluicegate_model::Digest;
use sluicegate_model::verdict::Decision;

const DISK: &str = "size=16m";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    if let ["on-a-small-disk", directory] = words[..] {
        run("mount", &["-t", "tmpfs", "-o", DISK, "tmpfs", directory]);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(full_disk_keeps_no_short_blob_and_recovers(
            directory.as_ref(),
        ));
        for kind in EngineKind::ALL {
            runtime.block_on(full_disk_takes_no_record_and_recovers(
                kind,
                directory.as_ref(),
            ));
        }
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let own_name = std::env::current_exe().unwrap();
    let (own_name, path) = (own_name.to_str().unwrap(), directory.path());
    let namespaces = ["--user", "--map-root-user", "--mount"];
    let words = [own_name, "on-a-small-disk", path.to_str().unwrap()];
    run("unshare", &[&namespaces[..], &words[..]].concat());
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

async fn full_disk_keeps_no_short_blob_and_recovers(disk: &Path) {
    let root = disk.join("cache");
    let store = ContentStore::open(&root, u64::MAX).unwrap();
    let mut stored = Vec::new();
    let failure = loop {
        let bytes = Bytes::from(format!("{} ", stored.len()).repeat(400_000));
        match pull(&store, &bytes).await {
            Ok(()) => stored.push(bytes),
            Err(error) => break error,
        }
    };
    assert!(failure.is_full(), "{failure}");
    assert!(stored.len() > 5, "only {} blobs fitted", stored.len());
    assert_eq!(files_below(&root.join("incoming")), Vec::<PathBuf>::new());
    let small = Bytes::from_static(b"small");
    store.put(&Digest::of(&small), small).await.unwrap();

    let mut held = begin_unannounced(&store, b"grows into the wall");
    let blob = held.blob();
    let failure = loop {
        if let Err(error) = held.append(Bytes::from(vec![7; 100_000])).await {
            break error;
        }
    };
    assert!(failure.is_full(), "{failure}");
    assert_eq!(*blob.finished().await.unwrap_err(), BlobFailure::DiskFull);
    assert_eq!(files_below(&root.join("incoming")), Vec::<PathBuf>::new());

    for bytes in &stored {
        let read = store.read(&Digest::of(bytes), 1 << 24).await.unwrap();
        assert_eq!(read.as_ref(), Some(bytes));
    }
    let gone = stored.pop().unwrap();
    store.remove(&Digest::of(&gone));
    pull(&store, &gone).await.unwrap();

    drop(store);
    let store = ContentStore::open(&root, u64::MAX).unwrap();
    for bytes in &stored {
        assert!(store.lookup(&Digest::of(bytes)).is_some());
    }
    fs::remove_dir_all(root).unwrap();
}

async fn pull(store: &ContentStore, bytes: &Bytes) -> Result<(), ContentError> {
    let mut writer = store.begin(&Digest::of(bytes), Some(bytes.len() as u64))?;
    for at in (0..bytes.len()).step_by(65_536) {
        let end = bytes.len().min(at + 65_536);
        writer.append(bytes.slice(at..end)).await?;
    }
    writer.commit().await.map(|_| ())
}

fn begin_unannounced(store: &ContentStore, name: &[u8]) -> BlobWriter {
    store.begin(&Digest::of(name), None).unwrap()
}

async fn full_disk_takes_no_record_and_recovers(kind: EngineKind, disk: &Path) {
    let (store, _) = kind.open(disk).unwrap();
    let (log, _) = DecisionLog::open(&disk.join("log")).unwrap();
    let junk = disk.join("junk");
    for round in 0..3 {
        let [before, during, after] =
            ["before", "during", "after"].map(|when| format!("{when} {round}"));
        put(&*store, &before).await.unwrap();
        let last = log.append(entry()).await.unwrap();

        fill(&junk);
        assert!(matches!(
            put(&*store, &during).await,
            Err(StoreError::Full { .. })
        ));
        assert!(store.health().await.is_err());
        while log.append(entry()).await.is_ok() {}
        assert!(matches!(log.append(entry()).await, Err(LogError::Full(..))));
        assert!(store.get(&key(&before)).await.unwrap().is_some());
        assert!(store.get(&key(&during)).await.unwrap().is_none());

        fs::remove_file(&junk).unwrap();
        put(&*store, &after).await.unwrap();
        assert!(log.append(entry()).await.unwrap() > last);
        let verified = verify(log.directory()).unwrap();
        assert!(
            verified.is_sound() && verified.torn_bytes == 0,
            "{verified:?}"
        );
    }
}

async fn put(store: &dyn VerdictStore, name: &str) -> Result<(), StoreError> {
    let (key, body) = (key(name), Bytes::from_static(b"row"));
    store.apply(vec![Op::Put { key, body }]).await
}

fn key(name: &str) -> Key {
    Key::from(name.as_bytes())
}

fn entry() -> LogEntry {
    LogEntry {
        client: Some("192.0.2.1".into()),
        user_agent: Some("a".repeat(500)),
        repository: Some("up.test/app".into()),
        asked: Some(Digest::of(b"image")),
        served: Some(Digest::of(b"image")),
        decision: Some(Decision::Allow),
        ..LogEntry::new(Timestamp::UNIX_EPOCH, LineKind::Pull)
    }
}

fn fill(path: &Path) {
    let mut junk = File::create(path).unwrap();
    let block = [0; 4096];
    while junk.write_all(&block).is_ok() {}
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}
