//! Reads a chain as it grows, for whoever is sent its lines: from where they stand, and no further than
//! what is on disk for good.

use std::fs::File;
use std::io::{self, BufReader, Seek as _, SeekFrom};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;

use super::forwards::{LogPiece, next_line, offset_of};
use super::log::{LogEnd, LogError};
use super::open::head_of;
use super::{Chain, Head};

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

/// A line of a chain.
#[derive(Clone, Debug)]
pub struct FollowedLine<C: Chain> {
    /// As it stands there, without its newline.
    pub bytes: Vec<u8>,
    /// What it says.
    pub line: C::Line,
    /// Where whoever has it stands.
    pub cursor: Cursor,
}

/// Some lines, and where their reader stands behind them.
#[derive(Clone, Debug)]
pub struct Followed<C: Chain> {
    /// The lines, in order.
    pub lines: Vec<FollowedLine<C>>,
    /// Where the next ones begin; behind the last of them, or behind what is no line.
    pub next: Cursor,
    /// Lines that are damaged: they are not given, and `verify` finds them.
    pub damaged: u64,
}

/// Follows the chain in a directory.
#[derive(Clone, Debug)]
pub struct LogReader<C: Chain>(PathBuf, PhantomData<C>);

impl<C: Chain> LogReader<C> {
    /// Reads the chain in this directory.
    pub fn of(directory: &Path) -> Self {
        Self(directory.join(C::FILE), PhantomData)
    }

    /// Finds a line in the log; none where it has another one, or none, in its place.
    ///
    /// *Errors*: the disk.
    pub async fn find(&self, position: Position) -> Result<Option<Cursor>, LogError> {
        self.read(move |file| find::<C>(file, position)).await
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
            let head = head_of::<C>(&bytes);
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
    pub async fn after(&self, cursor: Cursor, end: LogEnd) -> Result<Followed<C>, LogError> {
        self.read(move |file| after(file, cursor, end)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&File) -> io::Result<T> + Send + 'static,
    ) -> Result<T, LogError> {
        let path = self.0.clone();
        let read = move || {
            let read = File::open(&path).and_then(|file| read(&file));
            read.map_err(|error| LogError::io::<C>("reading", &path, error))
        };
        let outcome = tokio::task::spawn_blocking(read).await;
        outcome.unwrap_or(Err(LogError::Closed(C::NAME)))
    }
}

fn find<C: Chain>(file: &File, position: Position) -> io::Result<Option<Cursor>> {
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
    let head = head_of::<C>(&bytes);
    let is_it = head.is_some_and(|it| (it.seq, &it.hash) == (position.seq, &position.hash));
    Ok(is_it.then(|| Cursor {
        position,
        offset: offset.saturating_add(bytes.len() as u64).saturating_add(1),
    }))
}

fn after<C: Chain>(file: &File, cursor: Cursor, end: LogEnd) -> io::Result<Followed<C>> {
    let begun = cursor.offset;
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(begun))?;
    let mut followed = Followed {
        lines: Vec::new(),
        next: cursor,
        damaged: 0,
    };
    let is_enough = |it: &Followed<C>| {
        let bytes = it.next.offset.saturating_sub(begun);
        it.lines.len() >= MAX_BATCH_LINES || bytes >= MAX_BATCH_BYTES
    };
    while followed.next.is_before(end) && !is_enough(&followed) {
        let piece = next_line(&mut reader)?;
        let offset = &mut followed.next.offset;
        match piece {
            LogPiece::Line(bytes) => {
                *offset = offset.saturating_add(bytes.len() as u64).saturating_add(1);
                let read = C::read(&bytes);
                let link = read.as_ref().and_then(C::link);
                let (Some(line), Some(link)) = (read, link) else {
                    followed.damaged = followed.damaged.saturating_add(1);
                    continue;
                };
                let Head { seq, hash } = link.head;
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
