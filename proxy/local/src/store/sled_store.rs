//! The default engine: sled, under the rules that make it durable and survivable.
//!
//! Only the writer thread writes: it gathers what waits, applies it as one batch, flushes, and
//! fsyncs the database file, because sled's own flush does not. Every value is sealed with its key.
//! A panic inside sled costs the call, never the process; after one the database is opened anew.
//! After a sync that failed it stays closed, also to readers, until its files were written anew.
//! Fit for what can be scanned again, and for nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::envelope;
pub use super::sled_open::Opened;
use super::sled_open::{Database, open};
use super::sled_reserve as reserve;
use super::{Key, Op, StoreError, VerdictStore};
use crate::durable::Disk;

/// Most changes in one batch: 256 rows of 4 KiB are 1 MiB, 5 ms of writing.
const MAX_BATCH_OPS: usize = 256;
/// Most requests that wait for the writer before callers have to wait as well.
const MAX_WAITING: usize = 1024;
/// How often room for the next start is looked for while nothing is written.
const KEEP_ROOM_EVERY: Duration = Duration::from_secs(1);
/// Most free bytes below which nothing is written: sled does not survive a full disk well.
///
/// Less than the content store's headroom, so that verdicts are still written when blobs are not.
const MAX_HEADROOM_BYTES: u64 = 16 * 1024 * 1024;
/// Share of a small filesystem that is headroom.
const HEADROOM_SHARE: u64 = 40;
/// The key of the row that health probes write; no record's kind has this letter.
const HEARTBEAT_KEY: &[u8] = b"!heartbeat";

/// Keeps records in a sled database.
#[derive(Debug)]
pub struct SledStore {
    shared: Arc<Shared>,
    requests: Option<mpsc::SyncSender<Request>>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    cache_bytes: u64,
    /// None while it could not be opened anew.
    database: RwLock<Option<Database>>,
    /// Set when a read found damage: the next write, a health probe at the latest, opens it anew.
    is_suspect: AtomicBool,
    /// Set when a sync failed: nobody knows what is on disk, whatever can be read.
    in_doubt: AtomicBool,
    disk: Disk,
}

struct Request {
    ops: Vec<Op>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl SledStore {
    /// Opens the store in `directory`, with `cache_bytes` of sled's cache (it uses seven times that).
    ///
    /// Blocks on the disk. A damaged database is mended or set aside, which [`Opened`] tells.
    pub fn open(directory: &Path, cache_bytes: u64) -> Result<(Self, Opened), StoreError> {
        Self::open_on(directory, cache_bytes, Disk::default())
    }

    /// Does the same with this way of syncing.
    pub fn open_on(
        directory: &Path,
        cache_bytes: u64,
        disk: Disk,
    ) -> Result<(Self, Opened), StoreError> {
        let (database, opened) = open(directory, cache_bytes, &disk)?;
        let shared = Arc::new(Shared {
            directory: directory.to_owned(),
            cache_bytes,
            database: RwLock::new(Some(database)),
            is_suspect: AtomicBool::new(false),
            in_doubt: AtomicBool::new(false),
            disk,
        });
        let (requests, queue) = mpsc::sync_channel(MAX_WAITING);
        let of_writer = Arc::clone(&shared);
        let writer = std::thread::Builder::new()
            .name("verdict-writer".into())
            .spawn(move || write_until_closed(&of_writer, &queue))
            .map_err(|error| failed("starting the writer of", &error))?;
        let store = Self {
            shared,
            requests: Some(requests),
            writer: Some(writer),
        };
        Ok((store, opened))
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&sled::Db) -> sled::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        const ATTEMPT: &str = "reading";
        let shared = Arc::clone(&self.shared);
        let read = tokio::task::spawn_blocking(move || {
            let database = shared
                .database
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            let database = database.as_ref().ok_or_else(|| closed(ATTEMPT))?;
            work(database.sled()).map_err(|error| failed(ATTEMPT, &error))
        });
        // A panic in sled ends up in the outer error.
        let read = read
            .await
            .unwrap_or_else(|error| Err(failed(ATTEMPT, &error)));
        if read.is_err() {
            self.shared.is_suspect.store(true, Ordering::Release);
        }
        read
    }
}

#[async_trait]
impl VerdictStore for SledStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let key = key.clone();
        self.read(move |sled| {
            let sealed = sled.get(key.as_bytes())?;
            Ok(sealed.and_then(|sealed| unseal(key.as_bytes(), &sealed)))
        })
        .await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let keys = keys.to_vec();
        self.read(move |sled| {
            let get = |key: &Key| {
                let sealed = sled.get(key.as_bytes())?;
                Ok(sealed.and_then(|sealed| unseal(key.as_bytes(), &sealed)))
            };
            keys.iter().map(get).collect()
        })
        .await
    }

    async fn apply(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        if ops.is_empty() {
            return Ok(());
        }
        const ATTEMPT: &str = "writing";
        let (done, answer) = oneshot::channel();
        let requests = self.requests.clone().ok_or_else(|| closed(ATTEMPT))?;
        let request = Request { ops, done };
        match requests.try_send(request) {
            Ok(()) => {}
            Err(mpsc::TrySendError::Full(request)) => {
                tokio::task::spawn_blocking(move || requests.send(request))
                    .await
                    .map_err(|error| failed(ATTEMPT, &error))?
                    .map_err(|_| closed(ATTEMPT))?;
            }
            Err(mpsc::TrySendError::Disconnected(_)) => return Err(closed(ATTEMPT)),
        }
        answer.await.map_err(|_| closed(ATTEMPT))?
    }

    async fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Bytes)>, StoreError> {
        let (prefix, after) = (prefix.clone(), after.cloned());
        self.read(move |sled| {
            let mut page = Vec::new();
            for row in sled.range(range_start(&prefix, after)..) {
                let (key, sealed) = row?;
                if page.len() >= limit || !key.starts_with(prefix.as_bytes()) {
                    break;
                }
                if let Some(body) = unseal(&key, &sealed) {
                    page.push((Key::from(key.as_ref()), body));
                }
            }
            Ok(page)
        })
        .await
    }

    async fn health(&self) -> Result<(), StoreError> {
        let heartbeat = Op::Put {
            key: Key::from(HEARTBEAT_KEY),
            body: Bytes::new(),
        };
        self.apply(vec![heartbeat]).await
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(writer) = self.writer.take() {
            // The writer catches panics; there is nothing left to tell anybody.
            let _ = writer.join();
        }
    }
}

fn write_until_closed(shared: &Shared, queue: &mpsc::Receiver<Request>) {
    // Where it failed once, it would fail and be told every second.
    let mut may_keep_room = true;
    loop {
        let first = match queue.recv_timeout(KEEP_ROOM_EVERY) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => {
                may_keep_room = may_keep_room && reserve::keep(&shared.directory);
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut ops = Vec::new();
        let mut waiting = Vec::new();
        // What came while the batch before was being synced is the next batch: under load the disk
        // sets the pace, and a lone write never waits.
        for request in std::iter::once(first).chain(queue.try_iter()) {
            ops.extend(request.ops);
            waiting.push(request.done);
            if ops.len() >= MAX_BATCH_OPS {
                break;
            }
        }
        let written = shared.write(&ops);
        if let Err(error) = &written {
            tracing::error!(%error, "verdict store could not write");
        }
        for done in waiting {
            // A caller that has gone away does not want to know.
            let _ = done.send(written.as_ref().copied().map_err(told_again));
        }
    }
}

impl Shared {
    fn write(&self, ops: &[Op]) -> Result<(), StoreError> {
        self.check_room()?;
        if self.is_suspect.swap(false, Ordering::AcqRel) {
            self.close();
        }
        self.reopen_if_closed()?;
        let written = catch_unwind(AssertUnwindSafe(|| self.commit(ops)))
            .unwrap_or_else(|_| Err(failed("writing", &"the engine panicked")));
        if written.is_err() {
            // After an error sled's threads may have ended in silence: the next write starts with
            // a database opened anew. What was acknowledged is on disk.
            self.close();
            self.reopen_if_closed()?;
        } else {
            // It may have been given up at the start.
            reserve::keep(&self.directory);
        }
        written
    }

    fn commit(&self, ops: &[Op]) -> Result<(), StoreError> {
        const ATTEMPT: &str = "writing";
        let mut batch = sled::Batch::default();
        for op in ops {
            match op {
                Op::Put { key, body } => {
                    batch.insert(key.as_bytes(), envelope::seal(key.as_bytes(), body));
                }
                Op::Delete { key } => batch.remove(key.as_bytes()),
            }
        }
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().ok_or_else(|| closed(ATTEMPT))?;
        database
            .sled()
            .apply_batch(batch)
            .and_then(|()| database.sled().flush())
            .map_err(|error| failed(ATTEMPT, &error))?;
        database.sync(&self.disk).map_err(|error| {
            self.in_doubt.store(true, Ordering::Release);
            failed("syncing", &error)
        })
    }

    fn close(&self) {
        let mut database = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let broken = database.take();
        // Dropping flushes, which may panic again.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(broken)));
    }

    fn reopen_if_closed(&self) -> Result<(), StoreError> {
        let mut database = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if database.is_none() {
            if self.in_doubt.load(Ordering::Acquire) {
                let written = self.disk.write_anew(&self.directory);
                written
                    .map_err(|error| failed("writing anew, after a sync that failed,", &error))?;
                self.in_doubt.store(false, Ordering::Release);
            }
            let (anew, opened) = open(&self.directory, self.cache_bytes, &self.disk)?;
            tracing::warn!(%opened, "verdict store opened anew after an error");
            *database = Some(anew);
        }
        Ok(())
    }

    fn check_room(&self) -> Result<(), StoreError> {
        let disk = rustix::fs::statvfs(&self.directory)
            .map_err(|error| failed("asking the free space of", &error))?;
        let total = disk.f_blocks.saturating_mul(disk.f_frsize);
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < MAX_HEADROOM_BYTES.min(total / HEADROOM_SHARE) {
            return Err(StoreError::Full {
                path: self.directory.clone(),
            });
        }
        Ok(())
    }
}

fn range_start(prefix: &Key, after: Option<Key>) -> Vec<u8> {
    match after {
        Some(after) if after >= *prefix => {
            // The smallest key that is larger.
            let mut start = after.0.into_vec();
            start.push(0);
            start
        }
        _ => prefix.as_bytes().to_vec(),
    }
}

fn unseal(key: &[u8], sealed: &[u8]) -> Option<Bytes> {
    let body = envelope::unseal(key, sealed);
    if body.is_none() {
        tracing::error!("verdict store holds a damaged record; taken for missing");
    }
    body
}

fn failed(attempt: &'static str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Engine {
        attempt,
        why: error.to_string(),
    }
}

fn closed(attempt: &'static str) -> StoreError {
    failed(attempt, &"it is closed")
}

/// Repeats one batch's error to each of its callers.
fn told_again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full { path } => StoreError::Full { path: path.clone() },
        StoreError::Open { path, why } => StoreError::Open {
            path: path.clone(),
            why: why.clone(),
        },
        other => failed("writing", other),
    }
}
