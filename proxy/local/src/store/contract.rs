//! What every engine promises, run against each of them.

use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::durable::Disk;

fn engines() -> Vec<(Arc<dyn VerdictStore>, Option<TempDir>)> {
    let memory: Arc<dyn VerdictStore> = Arc::new(MemoryStore::new());
    let mut engines = vec![(memory, None)];
    for kind in EngineKind::ALL {
        let data = tempfile::tempdir().unwrap();
        assert!(!kind.is_in(data.path()));
        let (store, opened) = kind.open(data.path()).unwrap();
        assert_eq!(opened, Opened::AsItWas);
        assert!(kind.is_in(data.path()));
        engines.push((store, Some(data)));
    }
    engines
}

fn key(text: &str) -> Key {
    Key::from(text.as_bytes())
}

fn put(name: &str, body: &str) -> Op {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let key = key(name);
    Op::Put { key, body }
}

async fn get(store: &Arc<dyn VerdictStore>, name: &str) -> Option<Bytes> {
    store.get(&key(name)).await.unwrap()
}

async fn page(
    store: &Arc<dyn VerdictStore>,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Vec<String> {
    let after = after.map(key);
    let page = store.page(&key(prefix), after.as_ref(), limit).await;
    let name = |(key, _): (Key, Bytes)| String::from_utf8(key.as_bytes().to_vec()).unwrap();
    page.unwrap().into_iter().map(name).collect()
}

#[tokio::test]
async fn gives_what_was_put_last_and_nothing_that_was_not() {
    for (store, _directory) in engines() {
        assert_eq!(get(&store, "a").await, None);
        store
            .apply(vec![put("a", "1"), put("b", "")])
            .await
            .unwrap();
        store.apply(vec![put("a", "2")]).await.unwrap();
        assert_eq!(get(&store, "a").await, Some(Bytes::from("2")));
        assert_eq!(get(&store, "b").await, Some(Bytes::new()));
        let gone = Op::Delete { key: key("a") };
        store.apply(vec![gone.clone(), gone]).await.unwrap();
        assert_eq!(get(&store, "a").await, None);
    }
}

#[tokio::test]
async fn later_changes_of_one_batch_win() {
    for (store, _directory) in engines() {
        let delete = Op::Delete { key: key("a") };
        let ops = vec![put("a", "1"), delete.clone(), put("a", "2"), put("b", "1")];
        store.apply(ops).await.unwrap();
        store
            .apply(vec![put("b", "3"), Op::Delete { key: key("b") }])
            .await
            .unwrap();
        assert_eq!(get(&store, "a").await, Some(Bytes::from("2")));
        assert_eq!(get(&store, "b").await, None);
        store.apply(Vec::new()).await.unwrap();
    }
}

#[tokio::test]
async fn pages_in_order_within_a_prefix() {
    for (store, _directory) in engines() {
        let names = ["b/3", "a/1", "b/1", "c", "b/10", "b"];
        let ops = names.map(|name| put(name, name)).to_vec();
        store.apply(ops).await.unwrap();
        assert_eq!(page(&store, "b/", None, 9).await, ["b/1", "b/10", "b/3"]);
        assert_eq!(page(&store, "b/", None, 2).await, ["b/1", "b/10"]);
        assert_eq!(page(&store, "b/", Some("b/1"), 9).await, ["b/10", "b/3"]);
        assert_eq!(page(&store, "b/", Some("b/2"), 9).await, ["b/3"]);
        assert_eq!(page(&store, "b/", Some("a"), 1).await, ["b/1"]);
        assert!(page(&store, "b/", Some("b/3"), 9).await.is_empty());
        assert!(page(&store, "d", None, 9).await.is_empty());
    }
}

#[tokio::test]
async fn concurrent_writers_all_get_their_answer() {
    for (store, _directory) in engines() {
        let writers = (0..64).map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let name = format!("key-{number}");
                store.apply(vec![put(&name, &name)]).await.unwrap();
                assert_eq!(get(&store, &name).await, Some(Bytes::from(name)));
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        assert_eq!(page(&store, "key-", None, 100).await.len(), 64);
        store.health().await.unwrap();
    }
}

#[tokio::test]
async fn keeps_values_that_compress_and_values_that_do_not() {
    for (store, _directory) in engines() {
        for len in [0, 1, 511, 512, 8192, 200_000] {
            let noise = (0..len).map(|n: usize| n.wrapping_mul(n ^ 0x5bd1).to_le_bytes()[1]);
            for body in [Bytes::from(vec![7; len]), noise.collect()] {
                let ops = vec![Op::Put {
                    key: key("k"),
                    body: body.clone(),
                }];
                store.apply(ops).await.unwrap();
                assert_eq!(get(&store, "k").await, Some(body));
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_somebody_has_open_is_in_use_and_stays_whole() {
    for kind in EngineKind::ALL {
        let data = tempfile::tempdir().unwrap();
        let (first, _) = kind.open(data.path()).unwrap();
        first.apply(vec![put("a", "1")]).await.unwrap();
        let second = kind.open(data.path()).map(drop);
        let home = kind.directory(data.path());
        assert!(matches!(second, Err(StoreError::InUse { path }) if path == home));
        drop(first);
        let (again, opened) = kind.open(data.path()).unwrap();
        assert_eq!(opened, Opened::AsItWas);
        assert_eq!(get(&again, "a").await, Some(Bytes::from("1")));
    }
}

#[tokio::test]
async fn engines_in_one_directory_leave_each_other_alone() {
    let data = tempfile::tempdir().unwrap();
    let [(first, _), (second, _)] = EngineKind::ALL.map(|kind| kind.open(data.path()).unwrap());
    first.apply(vec![put("a", "1")]).await.unwrap();
    second.apply(vec![put("a", "2")]).await.unwrap();
    drop((first, second));
    for (kind, body) in EngineKind::ALL.into_iter().zip(["1", "2"]) {
        let (store, opened) = kind.open(data.path()).unwrap();
        assert_eq!(opened, Opened::AsItWas);
        assert_eq!(get(&store, "a").await, Some(Bytes::from(body)), "{kind}");
    }
}

#[tokio::test]
async fn after_a_sync_that_failed_nothing_is_acknowledged_or_shown_until_all_is_written_anew() {
    for kind in EngineKind::ALL {
        let data = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        let (store, _) = kind.open_on(data.path(), disk.clone()).unwrap();
        store.apply(vec![put("a", "1")]).await.unwrap();
        disk.let_fail(true);
        for _ in 0..2 {
            assert!(store.apply(vec![put("b", "1")]).await.is_err(), "{kind}");
            assert!(store.get(&key("a")).await.is_err(), "{kind}");
            assert!(store.page(&key("a"), None, 9).await.is_err(), "{kind}");
        }
        disk.let_fail(false);
        store.apply(vec![put("c", "1")]).await.unwrap();
        drop(store);
        let (store, opened) = kind.open(data.path()).unwrap();
        assert_eq!(opened, Opened::AsItWas);
        for name in ["a", "c"] {
            assert_eq!(get(&store, name).await, Some(Bytes::from("1")), "{kind}");
        }
    }
}

#[tokio::test]
async fn a_value_that_is_not_sealed_for_its_key_is_none() {
    let data = tempfile::tempdir().unwrap();
    let directory = EngineKind::Redb.directory(data.path());
    std::fs::create_dir(&directory).unwrap();
    let foreign = redb::Database::create(directory.join("db")).unwrap();
    let transaction = foreign.begin_write().unwrap();
    let table = redb::TableDefinition::<&[u8], &[u8]>::new("rows");
    let sealed = envelope::seal(b"a", b"1");
    let mut rows = transaction.open_table(table).unwrap();
    for name in ["a", "b"] {
        rows.insert(name.as_bytes(), sealed.as_slice()).unwrap();
    }
    drop(rows);
    transaction.commit().unwrap();
    drop(foreign);
    let (store, opened) = EngineKind::Redb.open(data.path()).unwrap();
    assert_eq!(opened, Opened::AsItWas);
    assert_eq!(get(&store, "a").await, Some(Bytes::from("1")));
    assert_eq!(store.losses(), 0);
    assert_eq!(get(&store, "b").await, None);
    assert_eq!(store.losses(), 1);
    assert_eq!(page(&store, "", None, 9).await, ["a"]);
    assert_eq!(store.losses(), 2);
}

#[tokio::test]
async fn a_damaged_database_is_not_whole_any_more_and_never_says_so() {
    let data = tempfile::tempdir().unwrap();
    let (store, _) = EngineKind::Redb.open(data.path()).unwrap();
    let whole = Op::Put {
        key: Key::from(WHOLE_KEY),
        body: Bytes::new(),
    };
    let mut ops = vec![whole];
    ops.extend((0..2_000).map(|number| put(&format!("row-{number}"), &"x".repeat(100))));
    store.apply(ops).await.unwrap();
    assert!(store.get(&Key::from(WHOLE_KEY)).await.unwrap().is_some());
    drop(store);
    let file = EngineKind::Redb.directory(data.path()).join("db");
    let mut bytes = std::fs::read(&file).unwrap();
    let name = b"row-1000";
    let rows: Vec<usize> = (0..bytes.len() - name.len())
        .filter(|at| bytes[*at..].starts_with(name))
        .collect();
    for at in rows {
        bytes[at + 1] ^= 1;
    }
    std::fs::write(&file, bytes).unwrap();
    let (store, opened) = EngineKind::Redb.open(data.path()).unwrap();
    assert_ne!(opened, Opened::AsItWas);
    assert_eq!(store.losses(), 1);
    assert_eq!(store.get(&Key::from(WHOLE_KEY)).await.unwrap(), None);
}
