//! The one writer of a chain: gathers what waits, writes it at once, syncs, then answers.
//!
//! A line that was answered is on disk. A batch that could not be written is taken back whole, so
//! that a full disk leaves no half line and recovers by itself. After a sync that failed the log is
//! in doubt until one has succeeded on bytes that were written anew; meanwhile nothing leaves.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use sluicegate_engine::audit::AuditError;
use tokio::sync::oneshot;

use super::Chain;
use super::open::{OpenLog, OpenReport, open};
use crate::durable::{Disk, write_file_anew};

/// Most lines in one batch.
const MAX_BATCH_LINES: usize = 256;
/// Most entries that wait for the writer before callers have to wait as well.
const MAX_WAITING: usize = 1024;

/// Bytes at the end of the log that are written anew after a sync that failed: more than the
/// largest batch, and than the block that it shares with the lines before it.
const DOUBTFUL_BYTES: u64 = 4 * 1024 * 1024;

/// Says why a chain could not take or give lines.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogError {
    /// The disk has no room left.
    #[error("writing the {0} {1:?}: the disk is full")]
    Full(&'static str, PathBuf),
    /// Another process writes it.
    #[error("the {0} {1:?} is in use; a service runs here")]
    InUse(&'static str, PathBuf),
    /// Its end is no line, and too large to be what a crash leaves.
    #[error("the {0} {1:?} does not end in whole lines; set it aside and verify it")]
    Damaged(&'static str, PathBuf),
    /// The disk answered with an error.
    #[error("{attempt} the {name} {path:?} failed")]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// What the chain is called.
        name: &'static str,
        /// Its file.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: Arc<io::Error>,
    },
    /// The program is stopping.
    #[error("the {0} is closed")]
    Closed(&'static str),
}

impl LogError {
    pub(crate) fn io<C: Chain>(attempt: &'static str, path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full(C::NAME, path.into())
            }
            _ => Self::Io {
                attempt,
                name: C::NAME,
                path: path.into(),
                source: Arc::new(error),
            },
        }
    }
}

impl From<LogError> for AuditError {
    fn from(error: LogError) -> Self {
        Self(Box::new(error))
    }
}

/// A chain, open for writing.
#[derive(Clone, Debug)]
pub struct ChainLog<C: Chain> {
    writer: Arc<Writer<C>>,
}

#[derive(Debug)]
struct Writer<C: Chain> {
    directory: PathBuf,
    requests: Option<mpsc::SyncSender<Request<C>>>,
    thread: Option<JoinHandle<()>>,
    in_doubt: Arc<AtomicBool>,
    durable: Arc<Durable>,
}

/// How much of the log is on disk for good: what stands behind it may be taken back.
#[derive(Debug)]
struct Durable {
    bytes: AtomicU64,
    seq: AtomicU64,
}

/// Where the log ends, by what is on disk for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnd {
    /// Bytes of its file.
    pub bytes: u64,
    /// The number of the last line; 0 where there is none.
    pub seq: u64,
}

impl Durable {
    fn of(log: &OpenLog) -> Self {
        Self {
            bytes: AtomicU64::new(log.len),
            seq: AtomicU64::new(log.head.seq),
        }
    }

    fn set(&self, log: &OpenLog) {
        self.seq.store(log.head.seq, Ordering::Release);
        self.bytes.store(log.len, Ordering::Release);
    }
}

struct Request<C: Chain> {
    /// In order; none where only the log is to be proven.
    entries: Vec<C::Entry>,
    done: Done,
}

/// Who waits for a line.
enum Done {
    Task(oneshot::Sender<Result<u64, LogError>>),
    Thread(mpsc::SyncSender<Result<u64, LogError>>),
}

impl Done {
    fn tell(self, outcome: Result<u64, LogError>) {
        // A caller that has gone away does not want to know.
        match self {
            Self::Task(waits) => drop(waits.send(outcome)),
            Self::Thread(waits) => drop(waits.send(outcome)),
        }
    }
}

impl<C: Chain> ChainLog<C> {
    /// Opens or creates the log in `directory`; blocks on the disk.
    ///
    /// A torn last line is set aside beside the log, which the report tells.
    pub fn open(directory: &Path) -> Result<(Self, OpenReport), LogError> {
        Self::open_on(directory, &Disk::default())
    }

    /// Does the same with this way of syncing.
    pub fn open_on(directory: &Path, disk: &Disk) -> Result<(Self, OpenReport), LogError> {
        let (log, report) = open::<C>(directory, disk)?;
        let in_doubt = Arc::clone(&log.in_doubt);
        let durable = Arc::new(Durable::of(&log));
        let of_thread = Arc::clone(&durable);
        let (requests, queue) = mpsc::sync_channel(MAX_WAITING);
        let thread = std::thread::Builder::new()
            .name("chain-writer".into())
            .spawn(move || write_until_closed::<C>(log, &queue, &of_thread))
            .map_err(|error| LogError::io::<C>("starting the writer of", directory, error))?;
        let writer = Writer {
            directory: directory.to_owned(),
            requests: Some(requests),
            thread: Some(thread),
            in_doubt,
            durable,
        };
        let log = Self {
            writer: Arc::new(writer),
        };
        Ok((log, report))
    }

    /// Gives the directory that its file lies in.
    pub fn directory(&self) -> &Path {
        &self.writer.directory
    }

    /// Tells how far the log is on disk for good.
    pub fn end(&self) -> LogEnd {
        let durable = &self.writer.durable;
        // The bytes first: a number that is too high only counts lines that are about to be there.
        let bytes = durable.bytes.load(Ordering::Acquire);
        let seq = durable.seq.load(Ordering::Acquire);
        LogEnd { bytes, seq }
    }

    /// Appends a line and gives its number; the line is durable when this returns.
    pub async fn append(&self, entry: C::Entry) -> Result<u64, LogError> {
        self.ask(vec![entry]).await
    }

    /// Appends lines, all or none, and gives the number of the last; durable when this returns.
    pub async fn append_all(&self, entries: Vec<C::Entry>) -> Result<u64, LogError> {
        self.ask(entries).await
    }

    /// Does the same for a thread, which it blocks until then.
    pub fn append_blocking(&self, entry: C::Entry) -> Result<u64, LogError> {
        let (done, answer) = mpsc::sync_channel(1);
        let requests = self
            .writer
            .requests
            .as_ref()
            .ok_or(LogError::Closed(C::NAME))?;
        let request = Request {
            entries: vec![entry],
            done: Done::Thread(done),
        };
        requests
            .send(request)
            .map_err(|_| LogError::Closed(C::NAME))?;
        answer.recv().map_err(|_| LogError::Closed(C::NAME))?
    }

    /// Makes sure that lines can be made durable, where the last try failed: costs nothing else.
    ///
    /// # Errors
    /// They still can't: nothing may leave.
    pub async fn prove(&self) -> Result<(), LogError> {
        if self.writer.in_doubt.load(Ordering::Acquire) {
            self.ask(Vec::new()).await?;
        }
        Ok(())
    }

    async fn ask(&self, entries: Vec<C::Entry>) -> Result<u64, LogError> {
        let (done, answer) = oneshot::channel();
        let requests = self
            .writer
            .requests
            .clone()
            .ok_or(LogError::Closed(C::NAME))?;
        let done = Done::Task(done);
        match requests.try_send(Request { entries, done }) {
            Ok(()) => {}
            Err(mpsc::TrySendError::Full(request)) => {
                let send = move || {
                    requests
                        .send(request)
                        .map_err(|_| LogError::Closed(C::NAME))
                };
                tokio::task::spawn_blocking(send)
                    .await
                    .map_err(|_| LogError::Closed(C::NAME))??;
            }
            Err(mpsc::TrySendError::Disconnected(_)) => return Err(LogError::Closed(C::NAME)),
        }
        answer.await.map_err(|_| LogError::Closed(C::NAME))?
    }
}

impl<C: Chain> Drop for Writer<C> {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // The thread answers every error to its caller; none is left here.
            let _ = thread.join();
        }
    }
}

fn write_until_closed<C: Chain>(
    mut log: OpenLog,
    queue: &mpsc::Receiver<Request<C>>,
    durable: &Durable,
) {
    while let Ok(first) = queue.recv() {
        // What came while the batch before was being synced is the next batch.
        let batch: Vec<Request<C>> = std::iter::once(first)
            .chain(queue.try_iter())
            .take(MAX_BATCH_LINES)
            .collect();
        let mut seq = log.head.seq;
        let mut entries = Vec::new();
        let mut waiting = Vec::new();
        for request in batch {
            seq = seq.saturating_add(request.entries.len() as u64);
            entries.extend(request.entries);
            waiting.push((seq, request.done));
        }
        let written = log.write::<C>(entries);
        durable.set(&log);
        if let Err(error) = &written {
            tracing::error!(%error, "{} could not be written", C::NAME);
        }
        for (seq, done) in waiting {
            done.tell(written.clone().map(|()| seq));
        }
    }
}

impl OpenLog {
    /// Writes a batch whole and syncs it, or leaves the log as it was.
    fn write<C: Chain>(&mut self, entries: Vec<C::Entry>) -> Result<(), LogError> {
        let mut head = self.head.clone();
        let mut bytes = Vec::new();
        for entry in entries {
            let (line, next) = C::chain(entry, &head).map_err(|error| {
                LogError::io::<C>("encoding a line for", &self.path, error.into())
            })?;
            bytes.extend_from_slice(&line);
            head = next;
        }
        let written = self.take_back().and_then(|()| {
            self.is_dirty = true;
            self.file.write_all_at(&bytes, self.len)?;
            self.sync()
        });
        if let Err(error) = written {
            // The write's error is what matters; the next batch tries again before it writes.
            let _ = self.take_back();
            return Err(LogError::io::<C>("writing", &self.path, error));
        }
        self.in_doubt.store(false, Ordering::Release);
        self.is_dirty = false;
        self.len = self.len.saturating_add(bytes.len() as u64);
        self.head = head;
        self.reserve();
        Ok(())
    }

    /// Removes what is left of a batch that failed: nothing of it was answered.
    fn take_back(&mut self) -> io::Result<()> {
        if self.is_dirty {
            self.file.set_len(self.len)?;
            self.reserved = self.len;
            self.sync()?;
            self.is_dirty = false;
        }
        Ok(())
    }

    /// Makes what was written durable. After a sync that failed, the end of the log is written anew
    /// first: a sync of bytes that the kernel takes for written would prove nothing.
    fn sync(&self) -> io::Result<()> {
        if self.in_doubt.load(Ordering::Acquire) {
            let end = self.file.metadata()?.len();
            write_file_anew(&self.file, end.saturating_sub(DOUBTFUL_BYTES), end)?;
        }
        let synced = self.disk.sync_data(&self.file);
        if synced.is_err() {
            self.in_doubt.store(true, Ordering::Release);
        }
        synced
    }
}
