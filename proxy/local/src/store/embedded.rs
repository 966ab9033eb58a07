//! An engine within the process, under the rules that make it durable and survivable.
//!
//! Only the writer thread writes: it gathers what waits and commits it as one batch, which is on
//! disk when the engine returns. Every value is sealed with its key.
//! A panic inside the engine costs the call, never the process; after one it is opened anew.
//! After a sync that failed it stays closed, also to readers, until its files were written anew.
//! Fit for what can be scanned again, and for nothing else.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::oneshot;

use sluicegate_engine::blocking;

use super::envelope::unseal;
use super::home::Home;
use super::opening::{Opened, Trouble, open};
use super::reserve;
use super::{Key, Op, StoreError, VerdictStore};
use crate::durable::Disk;

/// Most changes in one batch: 256 rows of 4 KiB are 1 MiB, 5 ms of writing.
const MAX_BATCH_OPS: usize = 256;
/// Most requests that wait for the writer before callers have to wait as well.
const MAX_WAITING: usize = 1024;
/// How often room for the next start is looked for while nothing is written.
const KEEP_ROOM_EVERY: Duration = Duration::from_secs(1);
/// Most free bytes below which nothing is written: engines do not survive a full disk well.
///
/// Less than the content store's headroom, so that verdicts are still written when blobs are not.
const MAX_HEADROOM_BYTES: u64 = 16 * 1024 * 1024;
/// Share of a small filesystem that is headroom.
const HEADROOM_SHARE: u64 = 40;
/// The key of the row that health probes write; no record's kind has this letter.
const HEARTBEAT_KEY: &[u8] = b"!heartbeat";

/// What an engine does of its own.
pub trait Engine: fmt::Debug + Send + Sync + Sized + 'static {
    /// What it says when it fails.
    type Error: fmt::Display;

    /// Opens or creates the database, and reads all of it, so that damage shows.
    fn open(home: &Arc<Home>) -> Result<Self, Trouble>;

    /// Moves away what the engine can rebuild; tells whether there was any.
    fn shed(_directory: &Path) -> io::Result<bool> {
        Ok(false)
    }

    /// Takes over what can be read of a damaged database in this directory; tells how many rows.
    fn rescue(&self, _home: &Arc<Home>, _damaged: &Path) -> Result<u64, Self::Error> {
        Ok(0)
    }

    /// Hands over what there is of some keys, in their order.
    fn get_many(&self, keys: &[Key], found: &mut Found) -> Result<(), Self::Error>;

    /// Offers rows to a page, in order from its start, until it takes no more.
    fn fill(&self, page: &mut Page) -> Result<(), Self::Error>;

    /// Makes all changes or none, in order; they are durable when it returns.
    fn commit(&self, ops: &[Op]) -> Result<(), Self::Error>;
}

/// Values of some keys, while they are read.
#[derive(Default)]
pub struct Found {
    bodies: Vec<Option<Bytes>>,
    damaged: u64,
}

impl Found {
    /// Takes what there is of the next key; a damaged value is none.
    pub(super) fn take(&mut self, key: &Key, sealed: Option<&[u8]>) {
        let body = sealed.and_then(|sealed| unseal(key.as_bytes(), sealed));
        self.damaged += u64::from(sealed.is_some() && body.is_none());
        self.bodies.push(body);
    }
}

/// Rows of one prefix, while they are read.
pub struct Page {
    prefix: Key,
    after: Option<Key>,
    limit: usize,
    rows: Vec<(Key, Bytes)>,
    damaged: u64,
}

impl Page {
    /// Gives the first key that may be on it.
    pub(super) fn start(&self) -> Vec<u8> {
        match &self.after {
            Some(after) if *after >= self.prefix => {
                // The smallest key that is larger.
                [after.as_bytes(), &[0]].concat()
            }
            _ => self.prefix.as_bytes().to_vec(),
        }
    }

    /// Takes a row unless it is damaged; tells whether another may follow.
    pub(super) fn take(&mut self, key: &[u8], sealed: &[u8]) -> bool {
        if self.rows.len() >= self.limit || !key.starts_with(self.prefix.as_bytes()) {
            return false;
        }
        match unseal(key, sealed) {
            Some(body) => self.rows.push((Key::from(key), body)),
            None => self.damaged += 1,
        }
        true
    }
}

/// Keeps records in the database of an engine.
#[derive(Debug)]
pub struct EmbeddedStore<E: Engine> {
    shared: Arc<Shared<E>>,
    requests: Option<mpsc::SyncSender<Request>>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared<E> {
    home: Arc<Home>,
    /// None while it could not be opened anew.
    engine: RwLock<Option<E>>,
    /// Set when a read found damage: the next write, a health probe at the latest, opens it anew.
    is_suspect: AtomicBool,
    /// How often something was found to be lost.
    losses: AtomicU64,
}

struct Request {
    ops: Vec<Op>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl<E: Engine> EmbeddedStore<E> {
    /// Opens the store in `directory`, with `cache_bytes` of the engine's cache.
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
        let home = Arc::new(Home::new(directory, cache_bytes, disk));
        let (engine, opened) = open(&home)?;
        let shared = Arc::new(Shared {
            home,
            engine: RwLock::new(Some(engine)),
            is_suspect: AtomicBool::new(false),
            losses: AtomicU64::new(u64::from(opened.has_losses())),
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
        work: impl FnOnce(&E) -> Result<T, E::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        const ATTEMPT: &str = "reading";
        let shared = Arc::clone(&self.shared);
        let read = blocking::run(move || {
            let engine = shared.engine.read().unwrap_or_else(PoisonError::into_inner);
            let engine = engine.as_ref().ok_or_else(|| closed(ATTEMPT))?;
            work(engine).map_err(|error| failed(ATTEMPT, &error))
        });
        // A panic in the engine ends up in the outer error.
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
impl<E: Engine> VerdictStore for EmbeddedStore<E> {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let found = self.get_many(std::slice::from_ref(key)).await?;
        Ok(found.into_iter().next().flatten())
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let keys = keys.to_vec();
        let read = self.read(move |engine| {
            let mut found = Found::default();
            engine.get_many(&keys, &mut found).map(|()| found)
        });
        let found = read.await?;
        self.shared.note(found.damaged);
        Ok(found.bodies)
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
        let mut page = Page {
            prefix: prefix.clone(),
            after: after.cloned(),
            limit,
            rows: Vec::new(),
            damaged: 0,
        };
        let read = self.read(move |engine| engine.fill(&mut page).map(|()| page));
        let page = read.await?;
        self.shared.note(page.damaged);
        Ok(page.rows)
    }

    fn losses(&self) -> u64 {
        self.shared.losses.load(Ordering::Acquire)
    }

    async fn health(&self) -> Result<(), StoreError> {
        let heartbeat = Op::Put {
            key: Key::from(HEARTBEAT_KEY),
            body: Bytes::new(),
        };
        self.apply(vec![heartbeat]).await
    }
}

impl<E: Engine> Drop for EmbeddedStore<E> {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(writer) = self.writer.take() {
            // The writer catches panics; there is nothing left to tell anybody.
            let _ = writer.join();
        }
    }
}

fn write_until_closed<E: Engine>(shared: &Shared<E>, queue: &mpsc::Receiver<Request>) {
    blocking::let_this_thread_wait();
    // Where it failed once, it would fail and be told every second.
    let mut may_keep_room = true;
    loop {
        let first = match queue.recv_timeout(KEEP_ROOM_EVERY) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => {
                may_keep_room = may_keep_room && reserve::keep(&shared.home.directory);
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

impl<E: Engine> Shared<E> {
    /// Notes rows that were found to be lost.
    fn note(&self, lost: u64) {
        self.losses.fetch_add(lost, Ordering::AcqRel);
    }

    fn write(&self, ops: &[Op]) -> Result<(), StoreError> {
        self.check_room()?;
        if self.is_suspect.swap(false, Ordering::AcqRel) {
            self.close();
        }
        self.reopen_if_closed()?;
        let written = catch_unwind(AssertUnwindSafe(|| self.commit(ops)))
            .unwrap_or_else(|_| Err(failed("writing", &"the engine panicked")));
        if written.is_err() {
            // After an error an engine may be of no use, and sled's threads ended in silence: the
            // next write starts with a database opened anew. What was acknowledged is on disk.
            self.close();
            self.reopen_if_closed()?;
            self.check_room()?;
        } else {
            // It may have been given up at the start.
            reserve::keep(&self.home.directory);
        }
        written
    }

    fn commit(&self, ops: &[Op]) -> Result<(), StoreError> {
        const ATTEMPT: &str = "writing";
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        let engine = engine.as_ref().ok_or_else(|| closed(ATTEMPT))?;
        engine.commit(ops).map_err(|error| failed(ATTEMPT, &error))
    }

    fn close(&self) {
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        let broken = engine.take();
        // Dropping flushes, which may panic again.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(broken)));
    }

    fn reopen_if_closed(&self) -> Result<(), StoreError> {
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        if engine.is_none() {
            self.home
                .settle()
                .map_err(|error| failed("writing anew, after a sync that failed,", &error))?;
            let (anew, opened) = open(&self.home)?;
            tracing::warn!(%opened, "verdict store opened anew after an error");
            self.note(u64::from(opened.has_losses()));
            *engine = Some(anew);
        }
        Ok(())
    }

    fn check_room(&self) -> Result<(), StoreError> {
        let disk = rustix::fs::statvfs(&self.home.directory)
            .map_err(|error| failed("asking the free space of", &error))?;
        let total = disk.f_blocks.saturating_mul(disk.f_frsize);
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < MAX_HEADROOM_BYTES.min(total / HEADROOM_SHARE) {
            return Err(StoreError::Full {
                path: self.home.directory.clone(),
            });
        }
        Ok(())
    }
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
