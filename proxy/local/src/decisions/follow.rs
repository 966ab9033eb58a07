//! Reads the log as it grows, for whoever is sent its lines: from where they stand, and no further than
//! what is on disk for good.

use std::fs::File;
use std::io::{self, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;

use super::forwards::{LogPiece, next_line, offset_of};
use super::line::{DecisionLine, Head};
use super::log::{LogEnd, LogError};
use super::open::FILE_NAME;

/// Most bytes of lines that are given at a time.
const MAX_BATCH_BYTES: u64 = 1024 * 1024;
/// Most lines.
const MAX_BATCH_LINES: usize = 500;

/// The last line that somebody has, by its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Its number; 0 before the first line.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
}

impl Position {
    /// Gives the one before the first line.
    pub fn before_the_first() -> Self {
        let Head { seq, hash } = Head::before_the_first();
        Self { seq, hash }
    }
}

/// A position with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Which line was the last.
    pub position: Position,
    offset: u64,
}

impl Cursor {
    /// Tells whether there is more.
    pub fn is_before(&self, end: LogEnd) -> bool {
        self.offset < end.bytes
    }
}

/// A line of the log.
#[derive(Clone, Debug)]
pub struct FollowedLine {
    /// As it stands there, without its newline.
    pub bytes: Vec<u8>,
    /// What it says.
    pub line: DecisionLine,
    /// Where whoever has it stands.
    pub cursor: Cursor,
}

/// Some lines, and where their reader stands behind them.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The lines, in order.
    pub lines: Vec<FollowedLine>,
    /// Where the next ones begin; behind the last of them, or behind what is no line.
    pub next: Cursor,
    /// Lines that are damaged: they are not given, and `verify` finds them.
    pub damaged: u64,
}

/// Follows the log in a directory.
#[derive(Clone, Debug)]
pub struct LogReader(PathBuf);

impl LogReader {
    /// Reads the log in this directory.
    pub fn of(directory: &Path) -> Self {
        Self(directory.join(FILE_NAME))
    }

    /// Finds a line in the log; none where it has another one, or none, in its place.
    ///
    /// *Errors*: the disk.
    pub async fn find(&self, position: Position) -> Result<Option<Cursor>, LogError> {
        self.read(move |file| find(file, position)).await
    }

    /// Gives where the log ends at this moment.
    ///
    /// *Errors*: the disk.
    pub async fn last(&self, end: LogEnd) -> Result<Cursor, LogError> {
        self.read(move |file| {
            let offset = offset_of(file, end.seq)?;
            let mut reader = BufReader::new(file);
            reader.seek(SeekFrom::Start(offset))?;
            let first = Cursor {
                position: Position::before_the_first(),
                offset: 0,
            };
            let LogPiece::Line(bytes) = next_line(&mut reader)? else {
                return Ok(first);
            };
            let head = DecisionLine::read(&bytes).and_then(|line| line.head());
            Ok(head.map_or(first, |Head { seq, hash }| Cursor {
                position: Position { seq, hash },
                offset: offset.saturating_add(bytes.len() as u64).saturating_add(1),
            }))
        })
        .await
    }

    /// Gives the lines behind a cursor, as many as are given at a time.
    ///
    /// *Errors*: the disk.
    pub async fn after(&self, cursor: Cursor, end: LogEnd) -> Result<Followed, LogError> {
        self.read(move |file| after(file, cursor, end)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&File) -> io::Result<T> + Send + 'static,
    ) -> Result<T, LogError> {
        let path = self.0.clone();
        let read = move || {
            let read = File::open(&path).and_then(|file| read(&file));
            read.map_err(|error| LogError::io("reading", &path, error))
        };
        let outcome = tokio::task::spawn_blocking(read).await;
        outcome.unwrap_or(Err(LogError::Closed))
    }
}

fn find(file: &File, position: Position) -> io::Result<Option<Cursor>> {
    if position.seq == 0 {
        return Ok(Some(Cursor {
            position,
            offset: 0,
        }));
    }
    let offset = offset_of(file, position.seq)?;
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(offset))?;
    let LogPiece::Line(bytes) = next_line(&mut reader)? else {
        return Ok(None);
    };
    let head = DecisionLine::read(&bytes).and_then(|line| line.head());
    let is_it = head.is_some_and(|it| (it.seq, &it.hash) == (position.seq, &position.hash));
    Ok(is_it.then(|| Cursor {
        position,
        offset: offset.saturating_add(bytes.len() as u64).saturating_add(1),
    }))
}

fn after(file: &File, cursor: Cursor, end: LogEnd) -> io::Result<Followed> {
    let begun = cursor.offset;
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(begun))?;
    let mut followed = Followed {
        lines: Vec::new(),
        next: cursor,
        damaged: 0,
    };
    let is_enough = |it: &Followed| {
        let bytes = it.next.offset.saturating_sub(begun);
        it.lines.len() >= MAX_BATCH_LINES || bytes >= MAX_BATCH_BYTES
    };
    while followed.next.is_before(end) && !is_enough(&followed) {
        let piece = next_line(&mut reader)?;
        let offset = &mut followed.next.offset;
        match piece {
            LogPiece::Line(bytes) => {
                *offset = offset.saturating_add(bytes.len() as u64).saturating_add(1);
                let read = DecisionLine::read(&bytes);
                let head = read.as_ref().and_then(DecisionLine::head);
                let (Some(line), Some(Head { seq, hash })) = (read, head) else {
                    followed.damaged = followed.damaged.saturating_add(1);
                    continue;
                };
                followed.next.position = Position { seq, hash };
                let cursor = followed.next.clone();
                followed.lines.push(FollowedLine {
                    bytes,
                    line,
                    cursor,
                });
            }
            LogPiece::TooLong(bytes) => {
                *offset = offset.saturating_add(bytes);
                followed.damaged = followed.damaged.saturating_add(1);
            }
            // Nothing stands there, though it was durable: somebody has cut the file.
            LogPiece::Torn(_) | LogPiece::End => break,
        }
    }
    Ok(followed)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::entry::{LineKind, LogEntry};
    use super::super::log::DecisionLog;
    use super::*;

    fn entry(number: i64) -> LogEntry {
        let at = Timestamp::from_second(1_700_000_000 + number).unwrap();
        LogEntry::new(at, LineKind::Pull)
    }

    async fn log(lines: i64) -> (tempfile::TempDir, DecisionLog) {
        let home = tempfile::tempdir().unwrap();
        let (log, _) = DecisionLog::open(home.path()).unwrap();
        let mut appending = tokio::task::JoinSet::new();
        for number in 0..lines {
            let log = log.clone();
            appending.spawn(async move { log.append(entry(number)).await.unwrap() });
        }
        appending.join_all().await;
        (home, log)
    }

    #[tokio::test]
    async fn lines_are_given_in_order_from_any_position_and_none_twice() {
        let (home, log) = log(1_203).await;
        let reader = LogReader::of(home.path());
        let start = Position::before_the_first();
        let mut cursor = reader.find(start).await.unwrap().unwrap();
        let mut seqs = Vec::new();
        while cursor.is_before(log.end()) {
            // As after a start: from what is kept alone.
            let found = reader.find(cursor.position.clone()).await.unwrap();
            assert_eq!(found.as_ref(), Some(&cursor));
            let followed = reader.after(cursor, log.end()).await.unwrap();
            assert!(followed.lines.len() <= MAX_BATCH_LINES);
            seqs.extend(followed.lines.iter().map(|it| it.line.seq));
            cursor = followed.next;
        }
        assert_eq!(seqs, (1..=1_203).collect::<Vec<u64>>());
        assert_eq!(reader.last(log.end()).await.unwrap(), cursor);
        let again = reader.after(cursor, log.end()).await.unwrap();
        assert!(again.lines.is_empty());
    }

    #[tokio::test]
    async fn a_position_of_another_log_is_not_found() {
        let (home, _log) = log(3).await;
        let reader = LogReader::of(home.path());
        for seq in [2, 9] {
            let hash = Digest::of(b"another");
            let found = reader.find(Position { seq, hash }).await.unwrap();
            assert_eq!(found, None);
        }
    }

    #[tokio::test]
    async fn what_is_not_on_disk_for_good_is_not_given_and_what_is_damaged_is_counted() {
        let (home, log) = log(3).await;
        let reader = LogReader::of(home.path());
        let first = reader
            .find(Position::before_the_first())
            .await
            .unwrap()
            .unwrap();
        let of_one = reader.after(first.clone(), log.end()).await.unwrap().lines;
        let end = LogEnd {
            bytes: of_one[0].bytes.len() as u64 + 1,
            seq: 1,
        };
        assert_eq!(
            reader.after(first.clone(), end).await.unwrap().lines.len(),
            1
        );
        let path = home.path().join(FILE_NAME);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("\"seq\":2", "\"seq\":7", 1)).unwrap();
        let followed = reader.after(first, log.end()).await.unwrap();
        let seqs: Vec<u64> = followed.lines.iter().map(|it| it.line.seq).collect();
        assert_eq!((seqs, followed.damaged), (vec![1, 3], 1));
        assert!(followed.lines[0].line.time > Timestamp::UNIX_EPOCH);
    }
}
