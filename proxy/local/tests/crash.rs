//! What was acknowledged survives `kill -9`; what is damaged on disk never passes for a record.
//!
//! Its own `main`: it starts itself as the process that is killed, told by its first argument.
//! Every round uses a directory of its own history, so that later rounds open what earlier ones
//! left behind.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test without a harness is a test all the same"
)]

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use sluicegate_engine::content::Content as _;
use sluicegate_local::cache::ContentStore;
use sluicegate_local::decisions::{DecisionLog, LineKind, LogEntry, verify};
use sluicegate_local::store::{EngineKind, Key, Op, Opened, VerdictStore};
use sluicegate_model::Digest;
use sluicegate_model::verdict::Decision;

const KILLS: u64 = 10;
const FLIPS: u64 = 12;
const ROWS: u32 = 300;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    match words[..] {
        ["write-until-killed", engine, directory, round] => {
            write_until_killed(kind(engine), directory.as_ref(), round);
        }
        ["check-damaged", engine, directory] => check_damaged(kind(engine), directory.as_ref()),
        _ => {
            for kind in EngineKind::ALL {
                acknowledged_writes_survive_kill_9(kind);
                damaged_store_gives_right_rows_or_none(kind);
            }
        }
    }
}

fn kind(name: &str) -> EngineKind {
    name.parse().unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap()
}

fn start(arguments: &[&str]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn acknowledged_writes_survive_kill_9(kind: EngineKind) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let mut acknowledged = Acknowledged::default();
    for round in 0..KILLS {
        let mut child = start(&[
            "write-until-killed",
            &kind.to_string(),
            path,
            &round.to_string(),
        ]);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // From right at the first answer to deep in the load.
        let life = Duration::from_millis(round * round * 2);
        let mut first = None;
        for line in lines.map_while(Result::ok) {
            acknowledged.take(&line);
            if first.get_or_insert_with(Instant::now).elapsed() >= life {
                // Killing it ends its output; what it had written to the pipe is still read.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        runtime().block_on(acknowledged.check(kind, directory.path()));
    }
    let Acknowledged { rows, blobs, seqs } = acknowledged;
    let counts = [rows.len(), blobs.len(), seqs.len()];
    assert!(
        counts.iter().all(|count| *count > 20),
        "{kind}: hardly a write: {counts:?}"
    );
}

#[derive(Default)]
struct Acknowledged {
    rows: HashSet<String>,
    blobs: HashSet<String>,
    seqs: HashSet<u64>,
}

impl Acknowledged {
    fn take(&mut self, line: &str) {
        match line.split_once(' ') {
            Some(("row", name)) => assert!(self.rows.insert(name.into())),
            Some(("blob", digest)) => assert!(self.blobs.insert(digest.into())),
            Some(("seq", seq)) => {
                let seq = seq.parse().unwrap();
                assert!(self.seqs.insert(seq), "the log gave the number {seq} twice");
            }
            // The line that the kill cut.
            _ => {}
        }
    }

    async fn check(&self, kind: EngineKind, directory: &Path) {
        let (store, opened) = kind.open(directory).unwrap();
        assert_eq!(opened, Opened::AsItWas);
        let first_halves = names(&*store, "first ").await;
        let lost: Vec<_> = self.rows.difference(&first_halves).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        assert_eq!(
            first_halves,
            names(&*store, "second ").await,
            "torn batches"
        );

        let (_log, report) = DecisionLog::open(&directory.join("log")).unwrap();
        let verified = verify(&directory.join("log")).unwrap();
        assert!(verified.is_sound(), "{:?}", verified.faults);
        assert!(self.seqs.iter().all(|seq| *seq <= report.last_seq));

        let content = ContentStore::open(&directory.join("cache"), u64::MAX).unwrap();
        for text in &self.blobs {
            let digest: Digest = text.parse().unwrap();
            let bytes = content.read(&digest, 1 << 20).await.unwrap();
            assert!(bytes.is_some(), "{digest} was acknowledged");
        }
    }
}

/// Gives the names of all rows of one half, each checked against its key.
async fn names(store: &dyn VerdictStore, half: &str) -> HashSet<String> {
    let prefix = Key::from(half.as_bytes());
    let page = store.page(&prefix, None, usize::MAX).await.unwrap();
    let name = |(key, body): (Key, Bytes)| {
        let name = String::from_utf8(body.to_vec()).unwrap();
        assert_eq!(key, Key::from(format!("{half}{name}").as_bytes()));
        name
    };
    page.into_iter().map(name).collect()
}

fn halves(name: &str) -> [Key; 2] {
    ["first", "second"].map(|half| Key::from(format!("{half} {name}").as_bytes()))
}

fn write_until_killed(kind: EngineKind, directory: &Path, round: &str) {
    let (store, _) = kind.open(directory).unwrap();
    let (log, _) = DecisionLog::open(&directory.join("log")).unwrap();
    let content = ContentStore::open(&directory.join("cache"), u64::MAX).unwrap();
    runtime().block_on(async {
        let mut writers = Vec::new();
        for writer in 0..3 {
            let name = format!("{round}-{writer}");
            writers.push(tokio::spawn(write_rows(Arc::clone(&store), name.clone())));
            writers.push(tokio::spawn(write_lines(log.clone())));
            writers.push(tokio::spawn(write_blobs(content.clone(), name)));
        }
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

fn acknowledge(kind: &str, what: &dyn std::fmt::Display) {
    // One write call a line, so that lines of several threads do not mix.
    let line = format!("{kind} {what}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

async fn write_rows(store: Arc<dyn VerdictStore>, writer: String) {
    for number in 0.. {
        let name = format!("{writer}-{number}");
        let body = Bytes::copy_from_slice(name.as_bytes());
        let put = |key| Op::Put {
            key,
            body: body.clone(),
        };
        store.apply(halves(&name).map(put).to_vec()).await.unwrap();
        acknowledge("row", &name);
    }
}

async fn write_lines(log: DecisionLog) {
    loop {
        let entry = LogEntry {
            client: Some("192.0.2.1".into()),
            user_agent: None,
            repository: Some("up.test/app".into()),
            asked: Some(Digest::of(b"image")),
            served: Some(Digest::of(b"image")),
            decision: Some(Decision::Allow),
            ..LogEntry::new(Timestamp::UNIX_EPOCH, LineKind::Pull)
        };
        acknowledge("seq", &log.append(entry).await.unwrap());
    }
}

async fn write_blobs(content: ContentStore, writer: String) {
    for number in 0.. {
        let bytes = Bytes::from(format!("{writer}-{number} ").repeat(20_000));
        let digest = Digest::of(&bytes);
        let mut blob = content.begin(&digest, Some(bytes.len() as u64)).unwrap();
        for at in (0..bytes.len()).step_by(16_384) {
            let end = bytes.len().min(at + 16_384);
            blob.append(bytes.slice(at..end)).await.unwrap();
        }
        blob.commit().await.unwrap();
        acknowledge("blob", &digest);
    }
}

/// Flips one bit or cuts the end of a store at rest, then reads it in a process of its own.
fn damaged_store_gives_right_rows_or_none(kind: EngineKind) {
    let original = tempfile::tempdir().unwrap();
    let whole = kind.directory(original.path());
    let (store, _) = kind.open(original.path()).unwrap();
    runtime().block_on(async {
        for number in 0..ROWS {
            let (key, body) = row(number);
            store.apply(vec![Op::Put { key, body }]).await.unwrap();
        }
    });
    drop(store);
    let mut outcomes = Vec::new();
    for round in 0..FLIPS {
        let directory = tempfile::tempdir().unwrap();
        let copy = kind.directory(directory.path());
        copy_directory(&whole, &copy);
        damage(&copy, round);
        // A second start must do: damage may cost one process, never two.
        let tries = (1..=2).find(|_| {
            let path = directory.path().to_str().unwrap();
            let child = start(&["check-damaged", &kind.to_string(), path]);
            let output = child.wait_with_output().unwrap();
            let told = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            assert!(!told.contains("wrong"), "{kind}, round {round}: {told}");
            outcomes.push(format!("{round}: {} {told}", output.status));
            output.status.success()
        });
        assert!(
            tries.is_some(),
            "{kind}, round {round} never started: {outcomes:#?}"
        );
    }
    let useful = outcomes.iter().filter(|told| !told.contains(" 0 right"));
    assert!(
        useful.count() > 5,
        "{kind}: hardly a row survived: {outcomes:#?}"
    );
}

fn row(number: u32) -> (Key, Bytes) {
    let key = Key::from(format!("row {number}").as_bytes());
    let noise =
        (0..number % 40 * 100).map(|at| at.wrapping_mul(number ^ 0x9e37_79b9).to_le_bytes()[2]);
    (key, noise.collect())
}

fn check_damaged(kind: EngineKind, directory: &Path) {
    let (store, opened) = kind.open(directory).unwrap();
    let (mut right, mut missing, mut failed) = (0, 0, 0);
    runtime().block_on(async {
        for number in 0..ROWS {
            let (key, body) = row(number);
            match store.get(&key).await {
                Ok(Some(got)) if got == body => right += 1,
                Ok(Some(_)) => acknowledge("wrong", &number),
                Ok(None) => missing += 1,
                Err(_) => failed += 1,
            }
        }
        // Whatever it was, one probe later the store takes and gives rows again.
        store.health().await.unwrap();
        let (key, body) = (Key::from(&b"new"[..]), Bytes::from_static(b"row"));
        let put = Op::Put {
            key: key.clone(),
            body: body.clone(),
        };
        store.apply(vec![put]).await.unwrap();
        assert_eq!(store.get(&key).await.unwrap(), Some(body));
    });
    acknowledge(
        "rows",
        &format!("{right} right, {missing} missing, {failed} failed, {opened:?}"),
    );
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target: PathBuf = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn damage(directory: &Path, round: u64) {
    let files = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.is_file()).collect();
    files.sort();
    // Mostly the rows' file, sometimes the others.
    let database = directory.join("db");
    let strange = round % 5 == 4;
    let number = usize::try_from(round / 5).unwrap();
    let file = if strange {
        &files[number % files.len()]
    } else {
        &database
    };
    let mut bytes = fs::read(file).unwrap();
    if bytes.is_empty() {
        return;
    }
    // A fixed sequence that looks like chance, so that a failure can be repeated.
    let chance = round
        .wrapping_mul(6_364_136_223_846_793_005)
        .rotate_left(17);
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
    let at = usize::try_from(chance % used as u64).unwrap();
    if round % 3 == 2 {
        bytes.truncate(at);
    } else {
        bytes[at] ^= 1 << (chance % 8);
    }
    fs::write(file, bytes).unwrap();
}
